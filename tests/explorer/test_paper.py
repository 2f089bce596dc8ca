"""Figures for a paper: as wide as a column, with the baseline in them, their captions and their numbers."""

import re

import numpy as np
import pandas as pd
import pytest

from core.errors import IsobarError
from core.runs import list_runs
from explorer.charts import paper
from explorer.charts.style import class_colours
from explorer.panels import data
from explorer.panels import paper as panel
from tests.explorer.synthetic import NASTY, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder, regularizer="none", minutes_ago=9, score=0.5)
    write_run(folder)
    return next(run for run in list_runs(folder) if run.spec["regularizers"])


def drawn(run, what, width=84.0):
    baseline = data.baseline_of(run)
    sides = {"before": data.before(run), "after": data.after(run), "baseline": data.after(baseline)}
    return panel.drawing(what, run, sides, baseline, width), sides


@pytest.mark.slow
@pytest.mark.parametrize("what", ["barcodes", "cloud", "spectrum"])
@pytest.mark.parametrize("width", paper.WIDTHS.values())
def test_a_figure_is_as_wide_as_the_column_on_both_papers(run, what, width):
    chart = drawn(run, what, width)[0].chart()
    size = re.search(rb"MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", paper.pdf(chart, width))
    assert float(size[1]) == pytest.approx(width / 25.4 * 72, abs=0.01)
    assert f'width="{width:g}mm"' in paper.svg(chart, width)
    _, (natural, _) = paper._drawn(chart)
    assert float(natural) == pytest.approx(width / 25.4 * 72, rel=0.04)  # so that letters are 7 points, or nearly


@pytest.mark.parametrize("what", ["barcodes", "cloud", "spectrum"])
def test_the_numbers_and_the_caption_hold_all_three_sides(run, what):
    found, sides = drawn(run, what)
    assert list(dict.fromkeys(found.frame["side"])) == ["before", "after", "baseline"]
    assert "MCC: after 0.620, baseline 0.500." in found.caption
    assert "seed 0; 80 texts. After: fine-tuned with persistent entropy: features" in found.caption
    svg = paper.svg(found.chart(), 84.0)
    for side in sides:
        assert f">{side}</text>" in svg


def test_the_numbers_are_those_of_the_spaces(run):
    found, sides = drawn(run, "barcodes")
    for side, snapshot in sides.items():
        for shape in snapshot.classes:
            rows = found.frame[(found.frame["side"] == side) & (found.frame["class"] == shape.name)]
            assert rows["length"].to_numpy() == pytest.approx(shape.lengths, abs=1e-5)
            assert (rows["kind"] == "feature").sum() == shape.kept
            assert rows["threshold"].unique() == pytest.approx(shape.threshold)
    found, _ = drawn(run, "cloud")
    for _, rows in found.frame.groupby("side"):
        assert np.square(rows[["x", "y"]].to_numpy()).sum(1).mean() <= 1 + 1e-3


@pytest.mark.slow
def test_of_very_many_points_no_more_is_drawn_than_can_be_told_apart_and_the_numbers_are_all(tmp_path):
    write_run(tmp_path, names=("a", "b"), per_class=3_000, width=4, snapshots=2)
    run = list_runs(tmp_path)[0]
    sides = {"before": data.before(run), "after": data.after(run)}
    for what, rows in (("barcodes", 2 * 2 * 2_999), ("cloud", 2 * 6_000)):
        found = panel.drawing(what, run, sides, None, 84.0)
        assert len(found.frame) == rows
        assert len(paper.svg(found.chart(), 84.0)) < 1_000_000
        assert ("2,000 of 6,000 points, drawn at random." in found.caption) == (what == "cloud")


def test_bars_that_are_drawn_as_one_cover_what_they_covered(run):
    lengths = np.sort(np.random.default_rng(0).exponential(size=5_000))[::-1]
    kinds = np.where(np.arange(5_000) < 7, "feature", "noise")
    frame = pd.concat(
        [
            pd.DataFrame({"side": side, "class": "a", "rank": np.arange(1, m + 1), "length": lengths[:m], "kind": kinds[:m]})
            for side, m in (("before", 5_000), ("after", 20))
        ],
        ignore_index=True,
    )  # fmt: skip
    drawn = paper._told_apart(frame, 72 / 5_000**0.5)
    after = drawn[drawn["side"] == "after"]
    assert len(after) == 20  # each is thick enough to be seen
    before = drawn[drawn["side"] == "before"]
    assert len(before) <= 72 / 0.1 + 1
    assert before["top"].tolist() == [0, *before["rank"].tolist()[:-1]]
    assert before["rank"].iloc[-1] == 5_000
    assert before["length"].to_numpy() == pytest.approx(lengths[before["top"]])
    assert before.loc[before["kind"] == "feature", "rank"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    thick = 72 / 5_000**0.5 * np.diff(np.sqrt([0, *before["rank"]]))
    assert all(thick[(before["rank"] - before["top"]).to_numpy() > 1] < 0.2)


def test_without_a_baseline_there_are_two_sides_and_without_a_snapshot_a_sentence(run):
    _, sides = drawn(run, "cloud")
    alone = panel.drawing("barcodes", run, {"before": sides["before"]}, None, 84.0)
    assert set(alone.frame["side"]) == {"before"}
    assert "After" not in alone.caption
    assert paper.pdf(alone.chart(), 84.0).startswith(b"%PDF")
    with pytest.raises(IsobarError, match="no snapshot"):
        panel.drawing("cloud", run, {}, None, 84.0)


@pytest.mark.slow
def test_names_of_any_kind_are_files_and_figures(tmp_path):
    write_run(tmp_path, names=NASTY[:2] if len(NASTY) > 1 else ("<b>", "&"), model="org/a model:x")
    run = list_runs(tmp_path)[0]
    name = panel.file_name(run, "barcodes")
    assert re.fullmatch(r"[\w-]+", name)
    sides = {"before": data.before(run), "after": data.after(run)}
    for what in ("barcodes", "cloud", "spectrum"):
        assert "<svg" in paper.svg(panel.drawing(what, run, sides, None, 84.0).chart(), 84.0)


def test_many_classes_are_cut_to_what_a_page_holds_and_that_is_said(tmp_path):
    write_run(tmp_path, names=tuple(f"kind {i}" for i in range(9)), per_class=5)
    run = list_runs(tmp_path)[0]
    found = panel.drawing("barcodes", run, {"after": data.after(run)}, None, 84.0)
    assert found.frame["class"].nunique() == 6
    assert "The first 6 of 9 classes." in found.caption


def test_the_view_offers_what_it_shows(run, open_page):
    app = open_page("run", run.path.parent, run=run.name, view="Figure", figure="spectrum", width="two columns, 174 mm")
    assert not app.exception
    assert "Share of the squared length" in app.code[-1].value
    labels = [button.label for button in app.get("download_button")]
    assert {"PDF", "SVG", "Numbers, CSV", "Caption"} <= set(labels)


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "letters"), [(6, 12), (10, 20), (50, 3), (50, 20), (3, 60)])
def test_letters_keep_their_size_whatever_classes_are_called_and_each_has_a_look_of_its_own(classes, letters):
    names = {k: f"{k:02} wide names, MW"[:letters].ljust(letters, "m") for k in range(classes)}
    places = np.random.default_rng(0).normal(size=(3, classes, 2))
    frame = pd.DataFrame(
        [
            {"side": side, "class": name, "x": x, "y": y}
            for side, of in zip(paper.SIDES, places)
            for name, (x, y) in zip(names.values(), of)
        ]
    )
    for width in paper.WIDTHS.values():
        chart = paper.paper_cloud(frame, colours=class_colours(names), width=width)
        _, (natural, _) = paper._drawn(chart)
        assert float(natural) == pytest.approx(width / 25.4 * 72, rel=0.04)
    encoding = chart.to_dict()["spec"]["encoding"]
    looks = set(zip(encoding["color"]["scale"]["range"], encoding["shape"]["scale"]["range"]))
    assert len(looks) == classes
    assert not {"stroke", "arrow"} & {shape for _, shape in looks}  # which have no inside to fill


def test_a_long_name_stays_beside_its_own_row():
    rows = [
        {"side": "before", "class": name, "rank": 1, "length": 1.0, "kind": "feature", "threshold": 1.0}
        for name in ("unacceptable sentence of English", "acceptable")
    ]
    spec = paper.paper_barcodes(pd.DataFrame(rows), width=84).to_dict()
    assert spec["facet"]["row"]["header"]["labelLimit"] <= spec["spec"]["height"]


def test_pale_is_the_colour_on_white():
    assert paper._pale("#000000") == "#9E9E9E"
