import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd
import pytest

from core.geometry import ClassShape, shape_by_class
from explorer.charts import style
from explorer.charts.barcode import barcode, bars
from explorer.charts.cloud import ERROR, NONE, RIGHT, cloud, cloud_points, in_brush, stars, tree_edges
from explorer.charts.cosines import cosine_histogram, cosines
from explorer.charts.history import history
from explorer.charts.layers import depths, layer_profile
from explorer.charts.linked import SELECTION, barcode_and_tree, edges, longest_entropies, selections
from explorer.charts.plane import common_plane
from explorer.charts.spectrum import cumulative, dumbbells, shares, spectrum
from explorer.charts.timeline import BAR, MOMENT, film_bars, film_measures, film_points, timeline

LIGHT, DARK = style.LIGHT.background, style.DARK.background


@pytest.fixture
def shape() -> ClassShape:
    random = np.random.default_rng(0)
    return shape_by_class(random.normal(size=(30, 8)), np.zeros(30, int), names=["only"])[0]


def values_of(spec: dict) -> list[dict]:
    return [row for rows in spec["datasets"].values() for row in rows]


def encodings(spec: dict) -> list[dict]:
    layers = spec.get("layer", [spec])
    return [layer["encoding"] for layer in layers]


def test_a_barcode_has_every_bar_longest_first_and_says_which_are_features(shape):
    frame = bars(shape, pd.Series([f"text {i}" for i in range(30)]))
    assert list(frame["rank"]) == list(range(1, 30))
    assert frame["length"].is_monotonic_decreasing
    assert (frame["kind"] == "feature").sum() == shape.kept
    assert frame.loc[0, "joins"] == f"text {shape.edges[0, 0]}"
    assert frame.loc[0, "with"] == f"text {shape.edges[0, 1]}"


def test_a_barcode_draws_its_bars_and_one_dashed_threshold(shape):
    chart = barcode(bars(shape), title="After", longest=9.0, most=40, threshold=shape.threshold, description="said")
    spec = chart.to_dict()
    assert spec["description"] == "said"
    assert spec["title"]["text"] == "After"
    first, second = spec["layer"]
    assert first["encoding"]["x"]["scale"]["domain"] == [0, 9.0]
    assert first["encoding"]["y"]["scale"]["domain"] == [40, 0]
    assert first["encoding"]["opacity"]["scale"]["range"] == [1.0, style.NOISE_OPACITY]
    assert second["mark"]["type"] == "rule"
    assert second["mark"]["strokeDash"] == list(style.DASH)
    assert {"threshold": shape.threshold} in values_of(spec)
    assert len(values_of(spec)) == 29 + 1


def test_a_barcode_without_a_feature_has_no_threshold(shape):
    chart = barcode(bars(shape), title="After", longest=9.0, most=40, threshold=float("nan"))
    assert len(chart.to_dict()["layer"]) == 1


def test_texts_that_the_edges_do_not_fit_are_left_out(shape):
    assert "joins" not in bars(shape, pd.Series(["only one"]))
    assert "joins" not in bars(shape, None)


def test_long_texts_are_cut_to_a_line(shape):
    frame = bars(shape, pd.Series(["a\nb " * 5000] * 30))
    assert frame["joins"].str.len().max() <= 90
    assert not frame["joins"].str.contains("\n").any()


def test_shares_are_shares():
    frame = shares({"before": np.array([2.0, 1.0, 1.0]), "after": np.array([3.0, 0.0, 0.0])})
    before = frame[frame["side"] == "before"]
    assert before["share"].tolist() == pytest.approx([4 / 6, 1 / 6, 1 / 6])
    assert before["cumulative"].iloc[-1] == pytest.approx(1)
    assert frame[frame["side"] == "after"]["cumulative"].tolist() == [1, 1, 1]


def test_a_space_without_any_spread_makes_no_numbers_out_of_nothing():
    assert shares({"after": np.zeros(3)})["share"].tolist() == [0, 0, 0]
    assert shares({}).empty


@pytest.mark.parametrize("draw", [spectrum, cumulative])
def test_spectra_show_before_grey_and_after_green_and_a_dotted_reference(draw):
    frame = shares({"before": np.array([2.0, 1.0]), "after": np.array([3.0, 1.0])})
    spec = draw(frame, dimensions=2, description="said").to_dict()
    lines, reference = spec["layer"]
    assert lines["encoding"]["color"]["scale"] == {
        "domain": ["before", "after"],
        "range": [style.BEFORE, style.SPACE],
    }
    assert reference["mark"]["strokeDash"] == list(style.DOTS)
    assert spec["description"] == "said"


def test_dumbbells_are_hollow_before_and_filled_after():
    frame = pd.DataFrame({"name": ["a"], "before": [0.2], "after": [0.4]})
    spec = dumbbells(frame, value="share", title="t", colours={"a": "#000"}, order=["a"]).to_dict()
    marks = [layer["mark"] for layer in spec["layer"]]
    assert [mark.get("filled") for mark in marks] == [None, False, True]
    assert encodings(spec)[1]["x"]["field"] == "before"
    assert encodings(spec)[2]["x"]["field"] == "after"


def test_a_history_keeps_its_axis_while_it_grows():
    frame = pd.DataFrame({"step": [5], "series": ["task loss"], "value": [0.7]})
    options = {"title": "Loss", "value": "nats", "colours": {"task loss": "#000"}, "total_steps": 60}
    for rows in (frame, frame.iloc[:0]):
        spec = history(rows, **options).to_dict()
        assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 60]
        assert spec["height"] == style.SMALL


@pytest.mark.parametrize("steps", [800, 804, 815])
def test_a_number_at_the_end_of_an_axis_stands_before_it(steps):
    """Centered under its tick, half of it was outside of the picture: of 800, at 804 steps, a page showed 80."""
    frame = pd.DataFrame({"step": [0, 100], "series": "task loss", "value": [0.7, 0.6]})
    spec = history(frame, title="t", value="v", colours={"task loss": "#000"}, total_steps=steps).to_dict()
    assert re.findall(r'<text text-anchor="(\w+)"[^>]*>[48]00<', style.vector(spec)) == ["middle", "end"]


@pytest.mark.parametrize("series", [2, 10, 50])
def test_however_many_classes_there_are_a_history_has_room(series):
    names = [f"c{k}" for k in range(series)]
    frame = pd.DataFrame({"step": [1, 2] * series, "series": np.repeat(names, 2), "value": 0.5})
    spec = history(frame, title="t", value="v", colours=dict.fromkeys(names, "#000")).to_dict()
    said = spec["layer"][0]["encoding"]["color"]["legend"]
    drawn = style.vector(spec)
    height = max(float(h) for h in re.findall(r'class="background"[^>]*d="M[\d.]+,[\d.]+h[\d.]+v([\d.]+)', drawn))
    assert height >= 150, height
    assert said["symbolLimit"] == 8


@pytest.mark.filterwarnings("ignore:Automatically deduplicated")
def test_a_tooltip_names_an_image_and_does_not_fetch_it(shape):
    points = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "image": ["one/0.png", "one/1.png"]})
    frame = edges(shape, np.random.default_rng(1).normal(size=(30, 2)))
    one = barcode_and_tree(
        frame, points, title="After", features=3, longest=9.0, most=29, extent=3.0, kind="image"
    ).to_dict()
    x, no = np.zeros((2, 2)), np.full(2, -1)
    of_cloud = cloud_points({"after": (x, no)}, np.zeros(2, int), {0: "a"}, ["one/0.png", "one/1.png"], "image")
    other = cloud(of_cloud, tree_edges({}), colours={"a": "#000"}, extent=1.0, kind="image").to_dict()
    film = film_points([x, x], ["a", "a"], ["one/0.png", "one/1.png"], "image")
    third = timeline(
        film, film_bars([x, x], [[], []], 9), film_measures([0, 1], [{}, {}], {}), steps=[0, 1], at=0, colours={"a": "#000"},
        extent=1.0, longest=1.0, kind="image",
    ).to_dict()  # fmt: skip
    for spec in (one, other, third):
        said = json.dumps(spec)
        assert '"field": "image"' in said
        assert '"field": "image", "title": "file"' in said.replace(', "type": "nominal"', "")


def test_a_measure_above_one_is_drawn_inside_of_its_panel():
    x = np.zeros((2, 2))
    measures = film_measures([0, 1], [{"loss": 2.4}, {"loss": 1.7}], {"loss": "Loss"})
    spec = timeline(
        film_points([x, x], ["a", "a"]), film_bars([x, x], [[], []], 9), measures, steps=[0, 1], at=0, colours={"a": "#000"},
        extent=1.0, longest=1.0,
    ).to_dict()  # fmt: skip
    assert spec["vconcat"][1]["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0.0, 2.4]


def test_the_entropy_of_the_kept_bars_is_that_of_the_class(shape):
    entropies = longest_entropies(shape.lengths)
    assert entropies[0] == 0
    assert entropies[shape.kept - 1] == pytest.approx(shape.entropy)
    assert entropies[-1] == pytest.approx(shape.entropy_all)
    assert longest_entropies(np.array([1.0, 1.0, 0.0])).tolist() == pytest.approx([0, np.log(2), np.log(2)])
    assert longest_entropies(np.zeros(2)).tolist() == [0, 0]


@pytest.mark.filterwarnings("ignore:Automatically deduplicated")
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_space_of_any_unit_is_drawn_as_finely(scale):
    x = np.random.default_rng(3).normal(size=(30, 2))
    (small,) = shape_by_class(x * scale, np.zeros(30, int), names=("a",))
    lengths = small.lengths
    kept = edges(small, x * scale)
    assert kept["length"].to_numpy() == pytest.approx(lengths, rel=1e-4)
    assert kept[["x", "y"]].to_numpy() == pytest.approx((x * scale)[small.edges[:, 0]], abs=1e-4 * scale)
    chart = barcode(bars(small), title="t", longest=9.0 * scale, most=29, threshold=small.threshold).to_dict()
    rows = next(rows for rows in chart["datasets"].values() if "rank" in rows[0])
    assert [row["length"] for row in rows] == pytest.approx(lengths, rel=1e-4)
    no = np.full(30, -1)
    points = cloud_points({"before": (x * scale, no), "after": (x * scale, no)}, np.zeros(30, int), {0: "a"})
    assert points[["after_x", "after_y"]].to_numpy() == pytest.approx(x * scale, abs=1e-4 * scale)
    extent = 1.1 * float(np.abs(x * scale).max())
    right = {"px": [3.3 * extent, 1.1 * extent], "py": [-extent, extent]}  # all of the side on the right
    assert in_brush(points, right, extent).all()
    film = film_bars([x * scale], [[small]], 30)
    assert [of[0] for of in film["length"]] == pytest.approx(lengths, abs=1e-3 * scale)


@pytest.mark.filterwarnings("ignore:Automatically deduplicated")
def test_a_bar_and_its_edge_share_one_selection(shape):
    points = np.random.default_rng(1).normal(size=(30, 2))
    chart = barcode_and_tree(
        edges(shape, points),
        pd.DataFrame(points, columns=["x", "y"]),
        title="After",
        features=shape.kept,
        longest=9.0,
        most=29,
        extent=3.0,
    )
    spec = chart.to_dict()
    params = {param["name"]: param for param in spec["params"]}
    assert len(params[SELECTION]["views"]) >= 2
    assert params[SELECTION]["select"]["fields"] == ["rank"]
    assert params["features"]["value"] == shape.kept
    assert params["features"]["bind"]["max"] == 29
    for name, values in (("lengths", shape.lengths), ("entropies", longest_entropies(shape.lengths))):
        listed = re.fullmatch(r"split\('(.*)', ','\)", params[name]["expr"])[1].split(",")
        assert [float(value) for value in listed] == pytest.approx(values, abs=1.1e-5)
    row = edges(shape, points).iloc[0]
    assert (row["x"], row["y"]) == pytest.approx(tuple(points[shape.edges[0, 0]]), abs=1e-3)
    assert (row["x2"], row["y2"]) == pytest.approx(tuple(points[shape.edges[0, 1]]), abs=1e-3)


def test_a_common_plane_keeps_distances_along_its_axes_and_does_not_flip():
    random = np.random.default_rng(0)
    flat = random.normal(size=(40, 2)) @ random.normal(size=(2, 10))
    one, two, none = common_plane([flat, 3 * flat + 7, None])
    assert none is None
    assert two == pytest.approx(3 * one)
    assert np.linalg.norm(one, axis=1) == pytest.approx(np.linalg.norm(flat - flat.mean(0), axis=1))
    assert common_plane([flat])[0] == pytest.approx(common_plane([flat.copy()])[0])


@pytest.mark.parametrize("clouds", [[None, None], [np.zeros((1, 5))], [np.zeros((4, 5))], [np.ones((3, 1))]])
def test_a_plane_of_next_to_nothing(clouds):
    for rows, drawn in zip(clouds, common_plane(clouds), strict=True):
        assert drawn is None if rows is None or len(rows) < 2 else drawn.shape == (len(rows), 2)


@pytest.mark.parametrize("background", [LIGHT, DARK])
@pytest.mark.parametrize(
    "colour", [*style.CLASS_COLOURS, style.SPACE, style.BEFORE, style.THRESHOLD, style.WRONG, style.CHOSEN]
)
def test_marks_stand_out_from_both_backgrounds(colour, background):
    assert contrast(colour, background) >= 3


def test_classes_never_run_out_of_colours():
    assert style.class_colour(len(style.CLASS_COLOURS)) == style.class_colour(0)
    assert len(style.class_colours({i: str(i) for i in range(20)})) == 20


def test_every_axis_of_every_chart_has_a_title(shape):
    frame = shares({"before": np.array([2.0, 1.0])})
    charts: list[alt.LayerChart] = [
        barcode(bars(shape), title="Before", longest=1.0, most=1, threshold=None),
        spectrum(frame, dimensions=2),
        cumulative(frame, dimensions=2),
        history(pd.DataFrame(), title="Loss", value="nats", colours={"a": "#000"}),
    ]
    for chart in charts:
        encoding = encodings(chart.to_dict())[0]
        assert encoding["x"]["title"]
        assert encoding["y"]["title"]


@pytest.mark.slow
def test_a_chart_is_saved_as_the_rows_it_draws_and_as_svg(shape):
    frame = bars(shape)
    spec = barcode(frame, title="After <b>", longest=9.0, most=29, threshold=shape.threshold).to_dict()
    (rows,) = style.tables(spec)
    assert pd.DataFrame(rows)["length"].tolist() == pytest.approx(frame["length"].tolist(), abs=1e-5)
    before = json.dumps(spec)
    drawn = ElementTree.fromstring(style.vector(spec, style.DARK))
    assert drawn.tag.endswith("svg")
    assert any(text == "After <b>" for text in drawn.itertext())
    assert style.DARK.background in ElementTree.tostring(drawn).decode()
    assert json.dumps(spec) == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Automatically deduplicated")
def test_a_chart_of_two_tables_is_saved_as_both(shape):
    points = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 2)), columns=["x", "y"])
    options = {"title": "After", "features": 3, "longest": 9.0, "most": 29, "extent": 3.0}
    spec = barcode_and_tree(edges(shape, points.to_numpy()), points, **options).to_dict()
    assert [len(rows) for rows in style.tables(spec)] == [29, 30]
    assert "3 features, threshold" in style.vector(spec)


def test_charts_outside_of_the_app_wear_the_theme_of_the_app():
    file = Path(__file__).resolve().parents[2] / "explorer" / "streamlit.toml"
    themes = tomllib.loads(file.read_text(encoding="utf-8"))["theme"]
    for theme, asked in ((style.LIGHT, themes["light"]), (style.DARK, themes["dark"])):
        assert (theme.background, theme.panel, theme.text, theme.line, theme.accent) == tuple(
            asked[f"{name}Color"] for name in ("background", "secondaryBackground", "text", "border", "primary")
        )


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_cosines_have_a_row_a_bin_and_side():
    frame = cosines({"before": np.full(4, 0.25), "after": np.array([0.0, 0.0, 0.5, 0.5])})
    assert len(frame) == 8
    assert frame[frame["side"] == "after"]["share"].tolist() == [0, 0, 0.5, 0.5]
    assert frame["low"].iloc[0] == -1
    assert frame["high"].iloc[3] == 1
    assert cosines({}).empty


def test_a_cosine_histogram_draws_the_sides_in_their_colours_and_the_reference_dotted():
    frame = cosines({"before": np.full(4, 0.25), "after": np.full(4, 0.25)})
    spec = cosine_histogram(frame, reference=cosines({"isotropic": np.full(4, 0.25)}), description="said").to_dict()
    area, line, dotted = spec["layer"]
    assert area["encoding"]["color"]["scale"] == {"domain": ["before", "after"], "range": [style.BEFORE, style.SPACE]}
    assert area["encoding"]["y"]["stack"] is None
    assert line["encoding"]["x"]["scale"]["domain"] == [-1, 1]
    assert dotted["mark"]["strokeDash"] == list(style.DOTS)
    assert spec["description"] == "said"
    alone = cosine_histogram(frame[frame["side"] == "after"]).to_dict()
    assert len(alone["layer"]) == 2
    assert alone["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["after"]
    assert alone["layer"][0]["encoding"]["color"]["legend"] is None
    assert cosine_histogram(frame.iloc[:0]).to_dict()["layer"]


def test_depths_leave_out_what_was_not_measured():
    layers = [{"isoscore": 0.5}, {"isoscore": float("nan")}, {}, {"isoscore": 0.25}]
    frame = depths({"after": layers}, "isoscore")
    assert frame["layer"].tolist() == [0, 3]
    assert frame["value"].tolist() == [0.5, 0.25]
    assert depths({}, "isoscore").empty


def test_a_layer_profile_has_a_line_a_side_a_dotted_reference_and_marks_the_chosen_layer():
    frame = depths({"before": [{"m": 0.1}, {"m": 0.2}], "after": [{"m": 0.3}, {"m": 0.4}]}, "m")
    spec = layer_profile(frame, title="M", value="share", reference=0.01, chosen=1, domain=(0, 1)).to_dict()
    line, points, rule = spec["layer"]
    assert line["encoding"]["color"]["scale"]["range"] == [style.BEFORE, style.SPACE]
    assert line["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert points["encoding"]["size"]["condition"][0]["test"] == "datum.layer == 1"
    assert rule["mark"]["strokeDash"] == list(style.DOTS)
    assert len(layer_profile(frame, title="M", value="share", reference=float("nan")).to_dict()["layer"]) == 2
    assert layer_profile(frame.iloc[:0], title="M", value="share").to_dict()["layer"]


def shapes_of(random, count, frames):
    """`frames` clouds of the same `count` points of two classes, with their barcodes."""
    labels = np.arange(count) % 2
    clouds = [random.normal(size=(count, 6)) * (t + 1) for t in range(frames)]
    return labels, clouds, [shape_by_class(rows, labels, names=["odd", "even"]) for rows in clouds]


def a_cloud(**options):
    labels, clouds, shapes = shapes_of(np.random.default_rng(0), 20, 2)
    sides = {"before": clouds[0][:, :2], "after": clouds[1][:, :2]}
    predictions = {"before": np.full(20, -1), "after": labels.copy()}
    predictions["after"][0] = 1 - labels[0]
    frame = cloud_points({s: (sides[s], predictions[s]) for s in sides}, labels, {0: "odd", 1: "even"}, ["t"] * 20)
    edges = tree_edges({s: (sides[s], shape) for s, shape in zip(sides, shapes, strict=True)})
    colours = {"odd": style.class_colour(0), "even": style.class_colour(1)}
    return frame, edges, cloud(frame, edges, colours=colours, extent=10.0, **options).to_dict()


@pytest.mark.slow
def test_the_cloud_shows_both_sides_on_the_same_axes_hollow_before_and_filled_after():
    frame, edges, spec = a_cloud(description="said")
    points = [layer for layer in spec["layer"] if layer["mark"]["type"] == "point"]
    assert [layer["mark"]["filled"] for layer in points] == [False, True]
    (scale,) = {str(layer["encoding"]["x"]["scale"]) for layer in points}
    assert "[-10.0, 32.0]" in scale
    assert points[0]["encoding"]["y"]["scale"]["domain"] == [-10.0, 10.0]
    assert len(edges) == 2 * 18
    params = {param["name"]: param.get("value") for param in spec["params"]}
    assert (params["colour"], params["tree"]) == ("class", False)
    assert frame.loc[0, "after_prediction"] != frame.loc[0, "class"]
    assert set(frame["before_prediction"]) == {NONE}
    assert spec["description"] == "said"


@pytest.mark.slow
def test_neighbours_are_marked_and_the_points_stay_where_they_are():
    random = np.random.default_rng(0)
    clouds = {side: random.normal(size=(6, 2)) for side in ("before", "after")}
    none = np.zeros(6, int)
    frame = cloud_points({side: (xy, none) for side, xy in clouds.items()}, none, {0: "only"}, None)
    marks = stars({side: (xy, 3, np.array([1, 2])) for side, xy in clouds.items()})
    edges = tree_edges({side: (xy, []) for side, xy in clouds.items()})
    spec = cloud(frame, edges, colours={"only": "#000000"}, extent=3.0, marks=marks).to_dict()
    along = [(layer["encoding"]["x"]["field"], layer["encoding"]["y"]["field"]) for layer in spec["layer"]]
    here, there = ("px", "py"), ("px2", "py2")
    # Trees, lines to the neighbours, points, then on each side rings about the neighbours and one about the point; titles.
    assert along == [here] * 6 + [there, here] * 2 + [here]


def test_a_copy_of_a_part_of_a_chart_is_its_own():
    x = alt.X("a:Q", axis=alt.Axis(grid=False))
    other = x.copy()
    other["shorthand"] = "b:Q"
    assert [part.to_dict({"data": pd.DataFrame()})["field"] for part in (x, other)] == ["a", "b"]
    assert x.title("named")["title"] == "named"
    assert "named" not in str(x)


def test_a_class_that_is_called_as_a_word_of_the_interface_has_a_colour_of_its_own():
    names = {0: "right", 1: "wrong", 2: "no prediction"}
    labels = np.arange(9) % 3
    frame = cloud_points({"before": (np.random.default_rng(0).random((9, 2)), np.full(9, -1))}, labels, names)
    edges = tree_edges({"before": (np.zeros((9, 2)), [])})
    spec = cloud(frame, edges, colours=style.class_colours(names), extent=1.0).to_dict()
    scale = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "point")["encoding"]["color"]["scale"]
    assert len(set(scale["domain"])) == len(scale["domain"]) == 6
    found = dict(zip(scale["domain"], scale["range"], strict=True))
    assert {name: found[name] for name in names.values()} == style.class_colours(names)
    assert not {RIGHT, ERROR, NONE} & set(names.values())
    assert [word.strip("\u2060") for word in (RIGHT, ERROR, NONE)] == list(names.values())


@pytest.mark.slow
def test_a_link_may_say_what_colour_means():
    params = {param["name"]: param.get("value") for param in a_cloud(colouring="error", tree=True)[2]["params"]}
    assert (params["colour"], params["tree"]) == ("error", True)
    params = {param["name"]: param.get("value") for param in a_cloud(colouring="nonsense")[2]["params"]}
    assert params["colour"] == "class"


def test_a_brush_finds_points_on_the_side_that_it_covers():
    frame = a_cloud()[0]
    x, y = frame.loc[3, ["after_x", "after_y"]]
    found = in_brush(frame, {"px": [22 + x + 0.01, 22 + x - 0.01], "py": [y - 0.01, y + 0.01]}, extent=10.0)
    assert found[found].index.tolist() == [3]
    assert in_brush(frame, {"px": [-10, 32], "py": [-10, 10]}, extent=10.0).all()
    assert not in_brush(frame, {"px": [9.9, 10], "py": [9.9, 10]}, extent=10.0).any()


def a_film(frames=5, most=50, at=2):
    labels, clouds, shapes = shapes_of(np.random.default_rng(0), 20, frames)
    places = [rows[:, :2] for rows in clouds]
    points = film_points(places, ["odd" if k == 0 else "even" for k in labels], ["text"] * 20)
    bars = film_bars(places, shapes, most)
    steps = [10 * t for t in range(frames)]
    measures = film_measures(
        steps, [{"isoscore": 0.1 * t, "gone": None} for t in range(frames)], {"isoscore": "IsoScore", "gone": "?"}
    )
    return places, shapes, points, bars, measures, steps


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Automatically deduplicated")
def test_a_film_holds_every_frame_of_every_point_and_bar():
    places, shapes, points, bars, measures, steps = a_film()
    assert [points.loc[7, "x"][t] for t in range(5)] == pytest.approx([p[7, 0] for p in places], abs=0.01)
    second = bars[(bars["class"] == "even") & (bars["rank"] == 2)].iloc[0]
    for t in range(5):
        shape = shapes[t][1]
        assert second["length"][t] == pytest.approx(shape.lengths[1], abs=0.01)
        assert [second["i"][t], second["j"][t]] == shape.edges[1].tolist()
        assert bool(second["feature"][t]) == shape.features[1]
        assert second["x2"][t] == pytest.approx(places[t][shape.edges[1, 1], 0], abs=0.01)
    assert measures["measure"].unique().tolist() == ["IsoScore"]
    assert measures["value"].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    chart = timeline(
        points, bars, measures, steps=steps, at=2, colours={"odd": "#000", "even": "#111"}, extent=20.0, longest=9.0
    )
    spec = chart.to_dict()
    params = {param["name"]: param for param in spec["params"]}
    assert (params["at"]["value"], params["at"]["bind"]["max"]) == (2, 4)
    assert params[BAR]["select"]["fields"] == ["class", "rank", "row", "other"]
    # Layers over one another share their clicks: bars and edges both set the one selection, and a step's dots another.
    assert len(params[BAR]["views"]) == len(params[MOMENT]["views"]) == 1
    assert params[BAR]["views"] != params[MOMENT]["views"]
    assert {len(str(row["x"]).split()) for row in values_of(spec) if "x" in row} == {5}


def test_a_film_draws_a_score_where_it_was_evaluated_and_says_when():
    steps = [0, 10, 20, 30, 40, 50, 60]
    found = film_measures(
        steps,
        [{"isoscore": 0.5}] * 7,
        {"mcc": "MCC", "isoscore": "IsoScore"},
        evaluated={"mcc": {0: 0.1, 35: 0.4, 60: 0.6}},
    )
    score = found[found["measure"] == "MCC"]
    drawn = score[score["step"] == score["measured"]]
    assert drawn[["frame", "step", "value"]].to_numpy().tolist() == [[0, 0, 0.1], [-1, 35, 0.4], [6, 60, 0.6]]
    said = score[score["frame"] >= 0]
    assert said["measured"].tolist() == [0, 0, 0, 0, 35, 35, 60]
    assert said["value"].tolist() == [0.1, 0.1, 0.1, 0.1, 0.4, 0.4, 0.6]
    assert (found[found["measure"] == "IsoScore"]["frame"] == range(7)).all()


@pytest.mark.slow
def test_a_film_of_few_bars_and_of_next_to_nothing():
    assert a_film(most=4)[3].groupby("class").size().tolist() == [4, 4]
    nothing = film_bars([np.zeros((1, 2))], [[]], 5)
    assert nothing.empty
    chart = timeline(
        film_points([np.zeros((1, 2))] * 2, ["a"]), nothing, film_measures([], [], {}), steps=[0, 1], at=0,
        colours={"a": "#000"}, extent=1.0, longest=1.0,
    )  # fmt: skip
    assert chart.to_dict()["vconcat"]


def test_what_each_selection_gives_is_said(shape):
    said = selections(shape.lengths, shape.kept)
    assert f"features {shape.kept}: {shape.entropy:.3f} nats" in said
    assert f"all 29: {shape.entropy_all:.3f} nats" in said
    assert selections(np.zeros(3), 0) == "longest 3: 0.000 nats"


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "series"), [(3_000, 2), (1_000, 20), (200, 348)])
def test_a_long_history_is_thinned_to_what_can_be_seen_and_no_peak_is_lost(steps, series):
    from explorer.charts.history import history, thinned

    rng = np.random.default_rng(0)
    names = [f"class {k}" for k in range(series)]
    frame = pd.DataFrame(
        {
            "step": np.tile(np.arange(steps), series),
            "series": np.repeat(names, steps),
            "value": rng.normal(size=steps * series),
        }
    )
    frame.loc[steps // 3, "value"], frame.loc[steps // 2, "value"] = 99.0, np.nan
    seen = thinned(frame)
    assert len(seen) <= 4_500
    for name in names[:3]:
        whole, part = frame[frame["series"] == name], seen[seen["series"] == name]
        assert part["step"].iloc[[0, -1]].tolist() == [0, steps - 1]
        assert part["step"].is_monotonic_increasing
        assert part["value"].agg(["min", "max"]).tolist() == whole["value"].agg(["min", "max"]).tolist()
    chart = history(frame, title="t", value="v", colours=dict.fromkeys(names, "#111111"))
    chart.to_dict()
    pd.testing.assert_frame_equal(thinned(frame.head(100)), frame.head(100))


def test_of_very_many_directions_those_that_can_be_told_apart_are_drawn():
    values = np.linspace(9, 1, 9_000)
    frame = shares({"before": values, "after": values})
    one = frame[frame["side"] == "after"]
    assert len(one) < 700
    assert list(one["direction"].head(50)) == list(range(1, 51))
    assert one["direction"].iloc[-1] == 9_000
    assert one["cumulative"].iloc[-1] == 1.0
    whole = np.cumsum(values**2) / np.sum(values**2)
    np.testing.assert_allclose(one["cumulative"], whole[one["direction"] - 1], atol=1e-6)


def test_no_chart_fails_for_its_number_of_rows():
    rows = pd.DataFrame({"x": range(6_000)})
    assert len(next(iter(alt.Chart(rows).mark_point().to_dict()["datasets"].values()))) == 6_000
