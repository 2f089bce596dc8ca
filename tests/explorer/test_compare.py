"""The page Compare without a browser."""

import json
import re

import pandas as pd
import pytest

from core.runs import list_runs
from core.studies.compare import compare
from explorer.charts import style
from explorer.charts.tradeoff import differences, group_colours, tradeoff
from explorer.panels import comparison
from tests.explorer.conftest import called
from tests.explorer.synthetic import write_run
from tests.explorer.test_pages import all_text, charts


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three seeds of a regularizer, and of its baseline; a failed run; and a run of another task."""
    folder = tmp_path_factory.mktemp("seeds")
    small = {"per_class": 12, "width": 8}
    for seed in range(3):
        write_run(folder, minutes_ago=60 - seed, regularizer="none", seed=seed, collapse=0.9, score=0.5, **small)
        write_run(folder, minutes_ago=40 - seed, seed=seed, collapse=0.4, score=0.6 + 0.01 * seed, **small)
    write_run(folder, minutes_ago=90, state="failed", done=20, seed=9, **small)
    write_run(folder, minutes_ago=95, task="paraphrase", **small)
    return folder


def named(folder, **fields) -> list[str]:
    return [r.name for r in list_runs(folder) if all(r.spec.get(k) == v for k, v in fields.items())]


def specs(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in charts(app)]


@pytest.mark.slow
def test_the_newest_task_s_runs_are_compared_over_seeds_and_put_into_the_address(seeds, open_page):
    app = open_page("compare", seeds)
    assert not app.exception
    picked = app.query_params["runs"].split(",")
    assert len(picked) == 6
    (verdict,) = [g.verdict for g in compare([seeds / name for name in picked]).groups if g.differences]
    assert verdict.startswith("Over 3 seeds, anisotropy within classes changed by")
    said = all_text(app).replace("\\", "").replace("\u2060", "")
    assert f"**features**: {verdict}" in said
    assert [spec["title"]["text"][:18] for spec in specs(app)[:3]] == [
        "grammar · minilm: ", "Anisotropy within ", "MCC",
    ]  # fmt: skip
    assert len(charts(app)) == 5  # and two barcodes


@pytest.mark.slow
def test_a_link_opens_the_same_comparison(seeds, open_page):
    asked = [*named(seeds, task="grammar", seed=1), *named(seeds, seed=0, regularizers={})]
    app = open_page("compare", seeds, runs=",".join(asked), about="uncentered")
    assert app.query_params["runs"] == ",".join(asked)
    assert "One seed" in all_text(app)
    assert specs(app)[1]["title"]["text"] == "Anisotropy 1"


@pytest.mark.slow
def test_what_can_not_be_compared_is_named_with_its_reason(seeds, open_page):
    (failed,) = named(seeds, seed=9)
    asked = [*named(seeds, task="grammar", seed=1), failed, "gone", "../../etc"]
    app = open_page("compare", seeds, runs=",".join(asked))
    assert not app.exception
    assert "There is no run" in app.warning[0].value
    assert len(app.warning) == 2
    assert "is left out, since it is failed" in all_text(app)
    assert app.query_params["runs"] == ",".join(asked)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pick", "said"),
    [
        ([{"seed": 9}], "There is no finished run to compare"),
        ([{"task": "paraphrase"}, {"regularizers": {}}], "different tasks"),
    ],
)
def test_runs_with_nothing_in_common_are_a_sentence(seeds, open_page, pick, said):
    asked = [name for fields in pick for name in named(seeds, **fields)]
    app = open_page("compare", seeds, runs=",".join(asked))
    assert not app.exception
    assert said in app.info[0].value


@pytest.mark.slow
def test_data_of_the_same_last_name_are_compared_each_for_itself_and_told_apart(open_page, tmp_path):
    runs = [
        write_run(tmp_path, task=task, regularizer=method, per_class=12, width=8, minutes_ago=minutes).name
        for minutes, (task, method) in enumerate(
            (task, method) for task in ("one/texts.csv", "two/texts.csv") for method in ("none", "koleo")
        )
    ]
    app = open_page("compare", tmp_path, runs=",".join(runs))
    assert not app.exception
    titles = [spec["title"]["text"] for spec in specs(app) if "title" in spec and "joins" in spec["title"]["text"]]
    assert [title.partition(" ·")[0] for title in titles] == ["one/texts.csv", "two/texts.csv"]
    assert "one/texts" in all_text(app).replace("\\", "")
    assert set(open_page("compare", tmp_path).query_params["runs"].split(",")) == set(runs[:2])


@pytest.mark.slow
def test_barcodes_of_two_are_of_classes_of_one_name_each_in_a_space_of_its_own_width(open_page, tmp_path):
    left = write_run(tmp_path, per_class=12, width=8, names=("unacceptable", "same")).name
    right = write_run(
        tmp_path, per_class=14, width=9, names=("same", "different"), minutes_ago=1, task="paraphrase"
    ).name
    app = open_page("compare", tmp_path, runs=f"{left},{right}", **{"class": "same"})
    assert not app.exception
    assert not app.error
    two = specs(app)[-2:]
    assert ["Barcode of the class same" in spec["description"] for spec in two] == [True, True]
    assert [re.search(r"\d+ bars", spec["description"])[0] for spec in two] == ["11 bars", "13 bars"]
    app = open_page("compare", tmp_path, runs=f"{left},{right}", **{"class": "different"})
    assert "no barcode of this class" in all_text(app)


@pytest.mark.slow
def test_a_side_that_was_chosen_stays_though_it_is_the_default(seeds, open_page):
    app = open_page("compare", seeds)
    left = called(app.selectbox, "left")
    first = left.value
    names = app.query_params["runs"].split(",")
    left.select(next(name for name in names if name != first)).run()
    called(app.selectbox, "left").select(first).run()
    assert app.query_params["left"] in (first, [first])


def test_nothing_picked_says_what_to_pick(seeds, open_page):
    app = open_page("compare", seeds, runs="")
    assert not app.exception
    assert "Pick runs in the table" in app.info[0].value


@pytest.mark.slow
def test_without_runs_of_one_s_own_the_samples_are_compared(open_page, tmp_path):
    app = open_page("compare", tmp_path / "none")
    assert not app.exception
    assert app.query_params["runs"] == "sample,sample-baseline"
    assert "One seed" in all_text(app)


@pytest.mark.slow
def test_the_filter_keeps_what_is_picked(seeds, open_page):
    app = open_page("compare", seeds)
    before = app.query_params["runs"]
    app.text_input(key="compare-filter").set_value("paraphrase").run()
    assert not app.exception
    assert app.query_params["runs"] == before


def test_the_weight_is_a_number_until_a_run_has_several(tmp_path):
    """A column of numbers is sorted as numbers, one of text as text."""
    small = {"per_class": 12, "width": 8}
    write_run(tmp_path, minutes_ago=4, regularizer="none", **small)
    write_run(tmp_path, minutes_ago=3, regularizer="persistent-entropy(weight=10)", **small)
    weights = comparison.table(list_runs(tmp_path))["weight"]
    assert weights.dtype == float
    assert weights.tolist() == pytest.approx([10, float("nan")], nan_ok=True)
    write_run(tmp_path, minutes_ago=2, regularizer="persistent-entropy(weight=0.3) + koleo(weight=0.1)", **small)
    of_parts = "persistent-entropy(weight=1, cohesion=-0.05) + repulsion(weight=2)"
    write_run(tmp_path, minutes_ago=1, regularizer=of_parts, **small)
    table = comparison.table(list_runs(tmp_path))
    assert [None if pd.isna(weight) else weight for weight in table["weight"]] == [
        "1 (cohesion -0.05) + 2", "0.3 + 0.1", "10", None,
    ]  # fmt: skip
    assert table["regularizer"][1] == "features + KoLeo"  # in this order


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["spec.yaml", "report.json", "snapshots", "status.json"])
def test_a_run_cut_short_does_not_take_the_page_with_it(one_run, open_page, tmp_path, broken):
    path = one_run(per_class=12, width=8)
    one_run(per_class=12, width=8, regularizer="none", minutes_ago=5)
    for file in [p for p in path.rglob("*") if broken in str(p.relative_to(path)) and p.is_file()]:
        file.write_bytes(file.read_bytes()[:50])
    app = open_page("compare", tmp_path, runs=",".join(r.name for r in list_runs(tmp_path)))
    assert not app.exception
    assert not [e for e in app.error if "can't be shown" in e.value]


@pytest.mark.slow
def test_names_are_shown_as_text(one_run, open_page, tmp_path):
    one_run(per_class=12, width=8, task="<b>t**ask", model="org/<i>'m\\odel", names=("<img src=x>", "**x**"))
    one_run(per_class=12, width=8, task="<b>t**ask", model="org/<i>'m\\odel", regularizer="none", minutes_ago=5)
    app = open_page("compare", tmp_path)
    assert not app.exception
    assert "<b>" not in all_text(app)


POINTS = pd.DataFrame(
    {"group": ["baseline", "features"], "seed": [0, 0], "run": ["a", "b"], "x": [0.9, 0.5], "y": [0.6, 0.7]}
)
MEANS = pd.DataFrame(
    {
        "group": ["baseline", "features"], "seeds": [2, 2], "x": [0.9, 0.5], "y": [0.6, 0.7],
        "low_x": [0.8, 0.4], "high_x": [1.0, 0.6], "low_y": [0.5, 0.6], "high_y": [0.7, 0.8],
    }
)  # fmt: skip


@pytest.mark.slow
def test_a_run_is_joined_to_the_baseline_of_its_seed():
    pairs = pd.DataFrame([{"group": "features", "seed": 0, "x": 0.5, "y": 0.7, "x2": 0.9, "y2": 0.6}])
    spec = tradeoff(POINTS, pairs, MEANS, x="anisotropy", y="MCC", title="t", description="said").to_dict()
    joined, hollow, filled, *_ = spec["layer"]
    assert joined["mark"]["type"] == "rule"
    assert [joined["encoding"][c]["field"] for c in ("x", "y", "x2", "y2")] == ["x", "y", "x2", "y2"]
    assert hollow["mark"]["filled"] is False
    assert filled["mark"]["filled"] is True
    assert spec["description"] == "said"
    assert "baseline" in style.vector(spec)


@pytest.mark.slow
def test_differences_stand_over_a_dotted_zero():
    seeds = pd.DataFrame({"group": ["features"], "seed": [0], "difference": [-0.4]})
    means = pd.DataFrame({"group": ["features"], "difference": [-0.4], "low": [None], "high": [None]})
    spec = differences(seeds, means, value="difference", title="t", colours={"features": style.SPACE}).to_dict()
    assert spec["layer"][0]["mark"]["strokeDash"] == list(style.DOTS)
    assert "features" in style.vector(spec)


def test_baselines_are_grey_and_groups_never_run_out_of_colours():
    colours = group_colours(["baseline", "baseline, 2", *(f"g{i}" for i in range(9))])
    assert colours["baseline"] == colours["baseline, 2"] == style.BEFORE
    assert len(set(list(colours.values())[2:7])) == 5
    assert style.BEFORE not in list(colours.values())[2:]
