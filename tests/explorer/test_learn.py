import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.topology import feature_mask, minimum_spanning_tree
from core.topology.examples import EXAMPLES, example_cloud
from explorer.charts import style
from explorer.charts.descent import Descent, descent
from explorer.charts.filtration import frame_of, growing, slider_scale
from explorer.charts.rule import rule as walked
from explorer.panels import acting, lesson, points, rule
from explorer.panels.growing import shown
from explorer.panels.words import length
from tests.explorer.conftest import called
from tests.explorer.test_charts import contrast
from tests.explorer.test_pages import all_text, charts

GOLDEN = Path(__file__).parents[1] / "golden" / "clouds.npz"

pytestmark = pytest.mark.filterwarnings("ignore:Automatically deduplicated")


def params(spec: dict) -> dict:
    return {param["name"]: param for param in spec["params"]}


def numbers(expression: str) -> list[float]:
    return [float(value) for value in expression.split("'")[1].split(",")]


def table(spec: dict, column: str) -> pd.DataFrame:
    (rows,) = (rows for rows in spec["datasets"].values() if rows and column in rows[0])
    return pd.DataFrame(rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_counter_says_how_many_components_and_loops_there_are_at_every_position(name):
    found = shown(example_cloud(name, 30, 0.1, 1))
    spec = growing(found).to_dict()
    slider = params(spec)["e"]
    grid = np.arange(0, slider["bind"]["max"] + slider["bind"]["step"] / 2, slider["bind"]["step"])
    components, loops = (numbers(params(spec)[key]["expr"]) for key in ("components", "loops"))
    assert len(components) == len(loops) == len(grid)
    for k in range(0, len(grid), 7):
        here = (found.points["begin"] <= grid[k]) & (grid[k] < found.points["end"])
        named = found.points.loc[here, "component"]
        assert here.sum() == 30
        assert components[k] == named[named >= 0].nunique() + (named < 0).sum()
        assert loops[k] == ((found.loops["birth"] <= grid[k]) & (grid[k] < found.loops["death"])).sum()
    assert components[0] == 30
    assert (components[-1], loops[-1]) == (1, 0)


@pytest.mark.slow
def test_every_near_pair_is_drawn_once_and_appears_when_its_discs_touch():
    cloud = example_cloud("ring", 20, 0.1)
    found = shown(cloud)
    spec = growing(found).to_dict()
    slider = params(spec)["e"]["bind"]
    rows = pd.DataFrame(spec["datasets"][spec["hconcat"][0]["layer"][2]["data"]["name"]])
    ends = [
        (row.step, np.array([float(v) if v else np.nan for v in f"{row.xs}".split(",")]))
        for row in rows.itertuples(index=False)
    ]
    drawn = sum(np.isfinite(xs).sum() // 2 for _, xs in ends)
    apart = np.linalg.norm(cloud[:, None] - cloud, axis=-1)[np.triu_indices(20, 1)]
    assert drawn == (apart <= slider["max"]).sum() - 19
    assert len(found.pairs) == drawn
    appears = np.sort(np.concatenate([[step * slider["step"]] * (np.isfinite(xs).sum() // 2) for step, xs in ends]))
    late = appears - np.sort(found.pairs["length"])
    assert (late >= -1e-9).all()
    assert (late < slider["step"] + 1e-9).all()


@pytest.mark.slow
def test_the_bar_that_never_ends_is_drawn_and_belongs_to_no_number():
    found = shown(example_cloud("ring", 20, 0.1))
    spec = growing(found).to_dict()
    _, barcodes, diagram = spec["hconcat"]
    bars = barcodes["vconcat"][0]
    assert bars["title"]["text"] == "Bars: 19, and one that never ends"
    assert "never ends →" in str(bars["layer"])
    assert "never ends" in str(diagram["layer"][-2:] + list(spec["datasets"].values()))
    assert len(found.bars) == 19
    assert found.entropy <= math.log(19)


@pytest.mark.slow
def test_the_diagram_has_a_point_for_each_bar_and_loop_and_the_diagonal():
    found = shown(example_cloud("ring", 20, 0.1))
    spec = growing(found).to_dict()
    layers = spec["hconcat"][2]["layer"]
    domains = {
        str(layer["encoding"][axis].get("scale")) for layer in layers for axis in "xy" if axis in layer["encoding"]
    }
    assert len(domains - {"None"}) == 1  # of one scale, so that corner to corner is the diagonal
    diagonal = layers[0]["encoding"]
    assert (diagonal["x"], diagonal["y2"], diagonal["x2"]) == ({"value": 0}, {"value": 0}, diagonal["y"])
    (both,) = (layer for layer in layers if layer["mark"].get("cursor") == "pointer")
    rows = pd.DataFrame(spec["datasets"][both["data"]["name"]])
    assert sorted(rows.loc[rows["loop"].isna(), "death"]) == sorted(found.bars["length"])
    assert rows.loc[rows["loop"].isna(), "birth"].eq(0).all()
    loops = rows.loc[rows["loop"].notna(), ["birth", "death"]]
    assert loops.to_numpy().tolist() == found.loops[["birth", "death"]].to_numpy().tolist()
    assert (loops["death"] > loops["birth"]).all()


def test_triangles_are_there_from_their_longest_side_on():
    found = shown(example_cloud("ring", 20, 0.1))
    corners = found.triangles[["x", "y", "x2", "y2", "x3", "y3"]].to_numpy().reshape(-1, 3, 2)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1)
    assert len(corners) > 18
    assert sides.max(axis=1) == pytest.approx(found.triangles["scale"], abs=1e-4)
    loop = found.loops.iloc[0]
    middle = (found.triangles["scale"] < loop["death"] - 1e-6).to_numpy()

    def around(corners):  # which of them hold the middle of the ring
        at = np.roll(corners, -1, axis=1) - corners
        return (at[..., 0] * -corners[..., 1] - at[..., 1] * -corners[..., 0] > 0).all(axis=1)

    assert not around(corners[middle]).any()
    assert around(corners).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cloud", "says"),
    [
        ({"cloud": "Five clusters", "noise": "0.05"}, "bars. The shortest of them,"),
        ({"cloud": "Ring", "n": "30", "noise": "0.01", "seed": "1"}, "5 bars. The shortest of them,"),
        ({"cloud": "Ring", "n": "4"}, "fewer than four bars"),
        ({"cloud": "Ring", "n": "12", "noise": "0"}, "equally long"),
    ],
)
def test_how_the_threshold_is_found_is_told_on_the_bars_that_are_shown(open_page, tmp_path, cloud, says):
    app = open_page("learn", tmp_path, rule="1", **cloud)
    assert not app.exception
    assert says in all_text(app)
    name, n, noise, seed = (
        cloud.get(key, default) for key, default in (("cloud", ""), ("n", 40), ("noise", 0.1), ("seed", 0))
    )
    found = shown(example_cloud(name.lower(), int(n), float(noise), int(seed)))
    if "shortest of them" in says:
        features = (found.bars["kind"] == "feature").sum()
        assert f"{features} bars. The shortest of them, {length(found.threshold)}, is the **threshold**" in all_text(
            app
        )
        assert len(charts(app)) == 2
        assert "Where each walk stops: walk 1 at step" in charts(app)[1].proto.spec
        assert app.dataframe[0].value["i"].tolist() == list(range(1, features))
    else:
        assert len(charts(app)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_step_of_the_rule_is_in_its_chart(name):
    lengths = shown(example_cloud(name, 40, 0.1)).bars["length"].to_numpy()
    steps = rule.steps_of(lengths)
    spec = walked(steps).to_dict()
    assert len(pd.DataFrame(next(rows for rows in spec["datasets"].values() if "ratio" in rows[0]))) == len(steps)
    assert steps.groupby("walk")["stop"].sum().eq(1).all()
    last = steps[steps["walk"] == steps["walk"].max()]
    assert last["bar"].min() == lengths[feature_mask(lengths)].min()
    assert f"**Walk {steps['walk'].max()}**" in "".join(rule.told(lengths))


def test_titles_of_the_lesson_do_not_answer_its_questions():
    for step in lesson.STEPS.values():
        emphasized = re.findall(r"\*\*(.+?)\*\*", step.answer)
        words = set(re.findall(r"[a-z]{5,}", step.title.lower()))
        answers = set(re.findall(r"[a-z]{5,}", " ".join(emphasized[:1]).lower()))
        asked = set(re.findall(r"[a-z]{5,}", step.question.lower()))
        assert not (words & answers) - asked, step.title


@pytest.mark.slow
def test_less_than_all_is_not_called_all():
    found = shown(example_cloud("ring", 30, 0.01, 1))
    almost = growing(dataclasses.replace(found, entropy=math.log(29) * 0.997)).to_dict()
    assert " ".join(almost["hconcat"][1]["vconcat"][2]["title"]["text"]).endswith(
        "3.357 of at most ln 29 = 3.367 nats (99.7%)"
    )


@pytest.mark.slow
def test_discs_are_drawn_to_scale():
    found = shown(example_cloud("two clusters", 30))
    spec = growing(found).to_dict()
    cloud = spec["hconcat"][0]
    assert cloud["width"] == cloud["height"]
    discs = cloud["layer"][0]
    spans = [np.ptp(discs["encoding"][axis]["scale"]["domain"]) for axis in "xy"]
    assert spans[0] == pytest.approx(spans[1])
    unit = float(discs["mark"]["size"]["expr"].split("*")[1].split(",")[0])
    assert unit == pytest.approx(cloud["width"] / spans[0], rel=1e-5)  # Vega's circle of size s is sqrt(s) wide


@pytest.mark.slow
def test_a_bar_and_its_edge_share_a_selection_that_a_list_reaches_too():
    found = shown(example_cloud("ring", 12, 0.0))
    spec = growing(found, description="said").to_dict()
    assert spec["description"] == "said"
    for name, count in (("bar", 11), ("loop", 1)):
        param = params(spec)[name]
        assert param["select"]["fields"] == [name]
        assert param["bind"]["options"] == [None, *range(1, count + 1)]
    assert found.ends["when"].tolist() == ["begins", "ends"]
    ends = found.ends[["x", "y", "x2", "y2"]].to_numpy()
    lengths = np.hypot(ends[:, 0] - ends[:, 2], ends[:, 1] - ends[:, 3])
    assert lengths == pytest.approx(found.loops.loc[0, ["birth", "death"]].to_numpy(float), abs=1e-4)
    bars = {name: found.bars[name].to_numpy() for name in ("x", "y", "x2", "y2", "length")}
    assert np.hypot(bars["x"] - bars["x2"], bars["y"] - bars["y2"]) == pytest.approx(bars["length"], abs=1e-4)


@pytest.mark.slow
def test_entropy_of_equal_bars_fills_the_gauge():
    equal, unequal = (shown(points.from_address(text)) for text in (lesson.EQUAL, lesson.UNEQUAL))
    assert equal.bars["length"].tolist() == [1, 1, 1, 1]
    assert unequal.bars["length"].tolist() == pytest.approx([3.7, 0.1, 0.1, 0.1])
    assert equal.entropy == pytest.approx(np.log(4))
    assert unequal.entropy == pytest.approx(0.349, abs=5e-4)
    said = growing(equal).to_dict()["hconcat"][1]["vconcat"][2]["title"]["text"]
    assert " ".join(said) == "Entropy of all bars: 1.386 of at most ln 4 = 1.386 nats (100%)"


@pytest.mark.slow
@pytest.mark.parametrize(
    "cloud", [np.zeros((3, 2)), np.ones((5, 2)) * 7, 1e-7 * np.eye(3)[:, :2], 1e9 * np.eye(3)[:, :2]]
)
def test_clouds_of_no_or_any_size_are_drawn(cloud):
    found = shown(cloud)
    spec = growing(found).to_dict()
    slider = params(spec)["e"]["bind"]
    assert 0 < slider["step"] < slider["max"]
    assert np.isfinite(list(frame_of(cloud)[0])).all()
    assert params(spec)["e"]["value"] <= slider["max"]


@pytest.mark.parametrize("longest", [0.0, 1e-9, 0.37, 1.0, 4.2, 1e8])
def test_a_slider_goes_a_little_beyond_the_longest_bar_in_round_steps(longest):
    end, step = slider_scale(longest)
    assert end >= longest
    assert 100 <= end / step <= 410
    assert f"{step:.10e}"[0] in "125"


@pytest.mark.slow
@pytest.mark.parametrize("choice", acting.CHOICES)
def test_the_regularizer_acts_for_sixty_steps(choice):
    cloud = example_cloud("two clusters", 12, 0.2)
    done = acting.acted(cloud, choice)
    assert done.path.shape == (61, 12, 2)
    spec = descent(done, description="said").to_dict()
    assert params(spec)["step"]["bind"]["max"] == 60
    shares = done.entropy.pivot(index="step", columns="series", values="share")
    if not acting.cohesion(cloud, choice):
        series = "all bars" if choice == "all bars" else "features"
        assert shares[series].iloc[-1] > shares[series].iloc[0]
    assert shares.to_numpy().max() <= 1
    row = done.bars.iloc[0]
    assert len(row["lengths"].split(",")) == 61
    last = {name: float(row[name].split(",")[-1]) for name in ("lengths", "xs", "ys", "xs2", "ys2")}
    assert np.hypot(last["xs"] - last["xs2"], last["ys"] - last["ys2"]) == pytest.approx(last["lengths"], abs=1e-4)


CLOUDS = {name: example_cloud(name, 40, 0.1) for name in EXAMPLES}


def noise(done: Descent, step: int) -> float:
    """The mean length, at a step, of the bars that are noise at the start."""
    lengths = np.array([[float(value) for value in row.split(",")] for row in done.bars["lengths"]])
    return lengths[done.kept[0] :, step].mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOUDS)
def test_cohesion_pulls_noise_together_and_the_published_term_pushes_it_apart(name):
    choices = ("features only", "noise pulled together", "published term")
    plain, pulled, pushed = (acting.acted(CLOUDS[name], choice) for choice in choices)
    start = noise(plain, 0)
    assert noise(plain, -1) == pytest.approx(start, rel=0.05)
    assert noise(pulled, -1) < 0.85 * start
    assert noise(pushed, -1) > 1.3 * start


@pytest.mark.slow
def test_cohesion_is_as_strong_as_on_embeddings_whatever_the_unit():
    cloud = CLOUDS["two clusters"]
    case = np.load(GOLDEN)["minilm_cls_cola_label1/points"]
    for half in (case[::2], case[1::2]):
        lengths, _ = minimum_spanning_tree(half)
        assert lengths[~feature_mask(lengths)].mean() == pytest.approx(acting.EMBEDDED, rel=0.1)
    for choice, published in (("published term", -0.05), ("noise pulled together", 0.05)):
        assert acting.CHOICES[choice]["cohesion"] == published
        here = acting.cohesion(cloud, choice)
        lengths, _ = minimum_spanning_tree(cloud)
        assert here * lengths[~feature_mask(lengths)].mean() == pytest.approx(published * acting.EMBEDDED)
        assert acting.cohesion(1000 * cloud, choice) == pytest.approx(here / 1000)
        small, large = (acting.acted(scale * cloud, choice).path for scale in (1, 1000))
        assert large / 1000 == pytest.approx(small, abs=1e-4)
    assert acting.cohesion(cloud, "all bars") == acting.cohesion(np.zeros((5, 2)), "published term") == 0
    assert acting.cohesion(np.eye(3)[:, :2], "published term") == 0  # two bars, no noise


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("Features only", "noise bars are left to themselves"),
        ("All bars", "every bar counts"),
        ("Noise pulled together", "noise bars get *shorter*. Its effect depends on the unit: +3.60 here acts as +0.05"),
        (
            "Published term",
            "get *longer*, points are pushed apart. Its effect depends on the unit: −3.60 here acts as −0.05",
        ),
    ],
)
def test_the_page_says_what_acts_and_how_strongly(open_page, tmp_path, choice, says):
    app = open_page("learn", tmp_path, act="1", **{"raise": choice})
    assert not app.exception
    assert says in all_text(app)
    assert len(charts(app)) == 2


@pytest.mark.slow
def test_a_cloud_without_noise_bars_says_so(open_page, tmp_path):
    app = open_page("learn", tmp_path, cloud="Ring", n="4", noise="0", **{"raise": "Published term"})
    assert "no noise bars for cohesion to act on" in all_text(app)


@pytest.mark.parametrize("background", ["#FFFFFF", "#12161D"])
@pytest.mark.parametrize("colour", [style.CHOSEN, style.CUT])
def test_what_is_marked_stands_out_from_both_backgrounds(colour, background):
    assert contrast(colour, background) >= 3


@pytest.mark.slow
def test_the_page_shows_a_cloud_and_its_barcode(open_page, tmp_path):
    app = open_page("learn", tmp_path)
    assert not app.exception
    assert len(charts(app)) == 1
    assert app.button(key="act-button").label == "Let the regularizer act"


@pytest.mark.slow
def test_the_address_says_which_cloud_is_shown(open_page, tmp_path):
    app = open_page("learn", tmp_path, cloud="Ring", n="12", noise="0.2", seed="7", table="true")
    assert (app.selectbox(key="cloud").value, app.slider(key="n").value) == ("ring", 12)
    assert (app.slider(key="noise").value, app.number_input(key="seed").value) == (0.2, 7)
    assert len(app.dataframe[0].value) == 11
    app.slider(key="n").set_value(9).run()
    assert len(app.dataframe[0].value) == 8


@pytest.mark.slow
def test_an_address_of_nonsense_shows_the_default(open_page, tmp_path):
    query = {"cloud": "nonsense", "n": "9999", "noise": "x", "seed": "-1", "lesson": "17", "raise": "?", "table": "<b>"}
    app = open_page("learn", tmp_path, **query)
    assert not app.exception
    assert (app.selectbox(key="cloud").value, app.slider(key="n").value) == ("two clusters", 40)
    assert len(charts(app)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", lesson.STEPS)
def test_each_step_sets_the_page_up_asks_and_answers_on_demand(open_page, tmp_path, name):
    app = open_page("learn", tmp_path, lesson=name)
    assert not app.exception
    step = lesson.STEPS[name]
    assert step.question in all_text(app)
    assert not app.success
    assert len(charts(app)) == 1 + step.acts
    for key, value in step.setting.items():
        assert called([*app.selectbox, *app.slider, *app.number_input], key).value == value
    app.toggle(key="answer").set_value(True).run()
    assert app.success[0].value == step.answer
    app.button(key="following").click().run()
    assert not app.exception
    assert app.query_params["lesson"] == str(int(name) % 5 + 1)
    assert not app.success


def test_the_answers_are_true_of_the_clouds_they_speak_of():
    clouds = {
        name: shown(
            points.from_address(step.own)
            if step.own
            else example_cloud(*(step.setting[k] for k in ("cloud", "n", "noise", "seed")))
        )
        for name, step in lesson.STEPS.items()
    }
    assert len(clouds["1"].bars) == 4
    lengths = clouds["2"].bars["length"]
    assert lengths[0] > 5 * lengths[1]
    even = shown(example_cloud(*(lesson.EVEN[k] for k in ("cloud", "n", "noise", "seed")))).bars
    assert (even["kind"] == "feature").sum() == 5
    assert even["length"].min() > 0.65 * even["length"].max()
    edge = clouds["2"].bars.iloc[0]
    assert edge["x"] * edge["x2"] < 0
    loop = clouds["3"].loops.iloc[0]
    assert loop["death"] == pytest.approx(3**0.5, abs=0.1)
    assert loop["birth"] < 0.6
    cone = lesson.STEPS["5"].setting
    done = acting.acted(example_cloud(*(cone[k] for k in ("cloud", "n", "noise", "seed"))), "all bars")
    first, last = (np.array([float(row.split(",")[k]) for row in done.bars["lengths"]]) for k in (0, -1))
    assert first.max() / first.min() > 5
    assert last.max() / last.min() < 1.5
    narrow = [np.divide(*np.linalg.svd(cloud, compute_uv=False)[::-1]) for cloud in (done.path[0], done.path[-1])]
    assert narrow[1] == pytest.approx(narrow[0], rel=0.2)


def boards(app) -> list:
    return [one for one in app.get("bidi_component") if "makeBoard" in one.proto.js_content]


@pytest.mark.slow
def test_there_is_a_board_where_points_are_drawn_or_none_is_there_yet(open_page, tmp_path):
    assert not boards(open_page("learn", tmp_path))
    for query in ({"cloud": "Ring", "draw": "1"}, {"cloud": "Your points"}):
        app = open_page("learn", tmp_path, **query)
        assert not app.exception
        assert len(boards(app)) == 1
    app = open_page("learn", tmp_path, cloud="Your points", own=lesson.EQUAL, draw="1")
    assert len(boards(app)) == len(charts(app)) == 1
    assert not app.file_uploader


@pytest.mark.slow
def test_before_a_room_the_lesson_stands_alone_in_larger_type(open_page, tmp_path):
    app = open_page("learn", tmp_path, lesson="1", projector="1")
    assert not app.exception
    assert "A lesson before a room" in all_text(app)
    spec = json.loads(charts(app)[0].proto.spec)
    plain = json.loads(charts(open_page("learn", tmp_path, lesson="1"))[0].proto.spec)
    assert spec["hconcat"][0]["title"]["fontSize"] == 1.25 * plain["hconcat"][0]["title"]["fontSize"]
    app.button(key="following").click().run()
    assert app.query_params["projector"] == "1"
    assert app.query_params["lesson"] == "2"


@pytest.mark.slow
def test_what_is_enlarged_for_a_room_are_type_strokes_and_marks_alone():
    spec = growing(shown(example_cloud("ring", 20, 0.1))).to_dict()
    large = style.projected(spec)
    assert large["datasets"] == spec["datasets"]
    assert large["params"] == spec["params"]
    layers, before = (chart["hconcat"][0]["layer"] for chart in (large, spec))
    assert layers[5]["mark"]["size"] == 1.7 * before[5]["mark"]["size"]
    assert layers[3]["encoding"]["size"]["value"] == pytest.approx(1.7 * 2.4)
    assert layers[3]["encoding"]["size"]["condition"][0]["value"] == 8.5
    assert layers[3]["encoding"]["opacity"] == before[3]["encoding"]["opacity"]
    assert layers[0]["mark"]["size"] == before[0]["mark"]["size"]  # a disc stays as large as the scale says
    assert [one["encoding"]["x"] for one in layers[:4]] == [one["encoding"]["x"] for one in before[:4]]


@pytest.mark.slow
def test_the_lesson_is_offered_as_a_file(open_page, tmp_path):
    app = open_page("learn", tmp_path)
    assert [link.proto.label for link in app.get("link_button")] == ["The lesson as one file"]


@pytest.mark.slow
def test_the_lesson_on_entropy_shows_either_cloud(open_page, tmp_path):
    app = open_page("learn", tmp_path, lesson="4")
    app.button(key="points-0.1, 0.1, 0.1, 3.7").click().run()
    assert app.query_params["own"] == lesson.UNEQUAL
    assert not app.exception
    assert len(charts(app)) == 1


@pytest.mark.slow
def test_the_lesson_on_features_shows_groups_and_an_even_ring(open_page, tmp_path):
    app = open_page("learn", tmp_path, lesson="2", table="true", answer="true")
    for words, setting, features in (("an even ring", lesson.EVEN, 5), ("two groups", lesson.GROUPS, 2)):
        app.button(key=f"points-{words}").click().run()
        assert not app.exception
        held = {key: called([*app.selectbox, *app.slider, *app.number_input], key).value for key in setting}
        assert held == setting
        assert (app.dataframe[0].value["kind"] == "feature").sum() == features
    assert "the rule keeps five bars: of 32 points nearly always, of 64 to 1,000 always" in app.success[0].value


@pytest.mark.slow
def test_points_of_a_file_are_drawn_and_kept_in_the_address(open_page, tmp_path):
    app = open_page("learn", tmp_path, cloud="Your points")
    assert len(charts(app)) == 0
    text = "label,a,b,c\n" + "\n".join(f"p{k},{k},{k * k},{-k}" for k in range(6))
    app.file_uploader(key="file").set_value(("points.csv", text.encode(), "text/csv")).run()
    assert not app.exception
    assert app.selectbox(key="x").options == ["a", "b", "c"]
    assert len(charts(app)) == 1
    app.selectbox(key="y").set_value("c").run()
    own = app.query_params["own"]
    assert points.from_address(own).tolist() == [[k, -k] for k in range(6)]
    again = open_page("learn", tmp_path, cloud="Your points", own=own)
    assert len(charts(again)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "UTF"),
        (b"a,b\n<b>x</b>,[y](z)\n", "needs two columns of numbers"),
        (b"a,b\n1,2\n3,4\n", "There are 2 points"),
    ],
)
def test_a_bad_file_is_a_sentence_and_no_chart(open_page, tmp_path, content, said):
    app = open_page("learn", tmp_path, cloud="Your points")
    app.file_uploader(key="file").set_value(("points.csv", content, "text/csv")).run()
    assert not app.exception
    assert said in app.error[0].value.replace("\\", "")
    assert len(charts(app)) == 0


def test_points_in_the_address_that_can_not_be_read_are_a_sentence(open_page, tmp_path):
    app = open_page("learn", tmp_path, cloud="Your points", own="<script>")
    assert not app.exception
    assert "address can't be read" in app.error[0].value.replace("\\", "")


@pytest.mark.slow
def test_the_regularizer_acts_when_asked_and_an_address_keeps_what_it_did(open_page, tmp_path):
    app = open_page("learn", tmp_path, cloud="Ring", n="10")
    app.button(key="act-button").click().run()
    assert not app.exception
    assert len(charts(app)) == 2
    assert app.query_params["act"] == "1"
    again = open_page("learn", tmp_path, cloud="Ring", n="10", act="1", **{"raise": "Features only"})
    assert len(charts(again)) == 2
    assert again.segmented_control(key="raise").value == "features only"
    next(button for button in again.button if button.label == "Put the points back").click().run()
    assert len(charts(again)) == 1


@pytest.mark.slow
def test_the_largest_cloud_sends_less_than_three_megabytes():
    cloud = example_cloud("ring", points.MOST, 0.1)
    sizes = [
        len(json.dumps(chart.to_dict())) for chart in (growing(shown(cloud)), descent(acting.acted(cloud, "all bars")))
    ]
    assert sum(sizes) < 3_000_000, sizes


@pytest.mark.slow
def test_learning_loads_no_torch_before_the_regularizer_acts(tmp_path):
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from tests.explorer.conftest import MAIN\n"
        "app = AppTest.from_file(str(MAIN), default_timeout=60)\n"
        "app.query_params['page'] = 'learn'\n"
        "assert not app.run().exception\n"
        "print([m for m in ('torch', 'transformers', 'datasets', 'sklearn') if m in sys.modules])\n"
    )
    environment = {**os.environ, "ISOBAR_RUNS": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert said.stdout.strip().splitlines()[-1:] == ["[]"], said.stderr[-2000:]
