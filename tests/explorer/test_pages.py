import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml

from core.geometry import anisotropy, anisotropy_within
from core.runs import list_runs, load_run
from explorer.panels import data
from tests.explorer.conftest import MAIN, called
from tests.explorer.synthetic import NASTY, write_run


def all_text(app) -> str:
    kinds = (
        app.markdown,
        app.caption,
        app.error,
        app.warning,
        app.info,
        app.success,
        app.subheader,
        app.text,
        app.html,
    )
    return "\n".join(str(element.value if hasattr(element, "value") else element) for kind in kinds for element in kind)


def charts(app) -> list:
    return list(app.get("vega_lite_chart"))


def name_of(folder, state, regularizer=None):
    """The newest run in this state, of this regularizer alone if one is named; "none" is a baseline."""
    for run in list_runs(folder):
        if run.state == state and regularizer in (None, "+".join(run.spec.get("regularizers", ())) or "none"):
            return run.name
    raise AssertionError(state)


def test_a_finished_run_shows_cards_and_a_barcode_before_and_after_of_each_class(gallery, open_page):
    app = open_page("run", gallery, run=name_of(gallery, "finished", regularizer="persistent-entropy"))
    assert not app.exception
    assert [m.label for m in app.metric] == ["MCC", "Anisotropy within classes", "Effective rank"]
    assert app.metric[0].value == "0.620"
    assert "before 0.020 · baseline 0.620" in all_text(app)
    assert len(charts(app)) == 4
    assert "acceptable" in all_text(app)


@pytest.mark.slow
def test_the_baseline_of_the_same_seed_stands_beside_it(gallery, open_page):
    app = open_page("run", gallery, run=name_of(gallery, "finished", regularizer="persistent-entropy"))
    assert "baseline 0.620" in all_text(app)
    app = open_page("run", gallery, run=name_of(gallery, "finished", regularizer="none"))
    assert "baseline 0" not in all_text(app)


@pytest.mark.slow
def test_a_link_may_name_a_class_and_a_view(gallery, open_page):
    name = name_of(gallery, "finished", regularizer="persistent-entropy")
    app = open_page("run", gallery, run=name, **{"class": "acceptable"})
    assert len(charts(app)) == 2
    assert len(charts(open_page("run", gallery, run=name, view="Anisotropy"))) == 4
    assert len(charts(open_page("run", gallery, run=name, view="Cloud", axes="1 and 3"))) == 1
    assert len(charts(open_page("run", gallery, run=name, view="Timeline", step="29"))) == 1
    assert len(charts(open_page("run", gallery, run=name, view="Training"))) == 6
    assert len(charts(open_page("run", gallery, run=name, view="nonsense", **{"class": "nobody"}))) == 4


def _drawn(app) -> dict[str, dict]:
    """The charts of the view "Anisotropy" by their titles."""
    specs = [json.loads(chart.proto.spec) for chart in charts(app)]
    return {spec["title"]["text"]: spec for spec in specs}


@pytest.mark.slow
@pytest.mark.parametrize("about", [None, "within classes", "centered", "uncentered"])
def test_anisotropy_is_shown_about_what_the_address_says_each_class_s_mean_at_first(gallery, open_page, about):
    name = name_of(gallery, "finished", regularizer="persistent-entropy")
    app = open_page("run", gallery, run=name, view="Anisotropy", **({"about": about} if about else {}))
    assert not app.exception
    after = load_run(gallery / name).after
    measured = {
        "centered": anisotropy(after.embeddings, center=True),
        "uncentered": anisotropy(after.embeddings),
    }.get(about, anisotropy_within(after.embeddings, after.labels))
    found = _drawn(app)
    assert f"after {measured:.3f}" in found["Share of each direction"]["description"]
    by_class = found["All texts and each class: before hollow, after filled"]["description"]
    assert re.search(rf"all texts: [\d.]+ before, {measured:.3f} after", by_class)
    own = after.embeddings[after.labels == 1]
    assert f"{anisotropy(own, center=about != 'uncentered'):.3f} after" in by_class.rpartition("acceptable")[2]
    caption = " ".join(caption.value for caption in app.caption)
    assert ("each class about its own mean" in caption) == (about in (None, "within classes"))
    assert "A class of one point" not in caption


@pytest.mark.slow
def test_within_classes_without_classes_or_spread_is_a_sentence(one_run, open_page, tmp_path):
    path = one_run(names=("all",), per_class=12, width=8)
    app = open_page("run", tmp_path, run=path.name, view="Anisotropy")
    assert "about the mean" in " ".join(caption.value for caption in app.caption)
    assert len(charts(app)) == 4
    app = open_page("run", tmp_path, run=path.name, view="Anisotropy", about="within classes")
    assert not app.exception
    assert "There are no classes to look within" in app.info[0].value
    assert not charts(app)
    path = one_run(names=("a", "b", "c"), per_class=1, width=8, seed=1)
    app = open_page("run", tmp_path, run=path.name, view="Anisotropy", about="within classes")
    assert not app.exception
    assert "No class has a spread" in app.info[0].value


@pytest.mark.slow
def test_a_class_of_one_point_is_named_where_it_has_no_part(one_run, open_page, tmp_path):
    path = one_run(per_class=12, width=8, alone="**odd**")
    app = open_page("run", tmp_path, run=path.name, view="Anisotropy")
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption).replace("\\", "").replace("\u2060", "")
    assert "A class of one point has no spread, and no part in this: **odd**." in said
    app = open_page("run", tmp_path, run=path.name, view="Anisotropy", about="centered")
    assert "A class of one point" not in " ".join(caption.value for caption in app.caption)


def test_without_a_name_the_newest_run_is_shown_and_put_into_the_address(gallery, open_page):
    app = open_page("run", gallery)
    assert app.query_params["run"] == list_runs(gallery)[0].name


@pytest.mark.slow
def test_a_failed_run_says_why_and_what_to_do(gallery, open_page):
    app = open_page("run", gallery, run=name_of(gallery, "failed"))
    assert not app.exception
    assert "The memory was not enough" in app.error[0].value
    assert "RuntimeError: out of memory" in app.code[1].value


@pytest.mark.slow
def test_a_stopped_run_says_how_far_it_came(gallery, open_page):
    app = open_page("run", gallery, run=name_of(gallery, "stopped"))
    assert "Stopped at step 30 of 60" in app.warning[0].value


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nowhere", "../../etc", "..", "/", "<b>", ""])
def test_a_link_to_a_run_that_does_not_exist_leads_on(gallery, open_page, name):
    app = open_page("run", gallery, run=name)
    assert not app.exception
    if name:
        assert "There is no run" in app.error[0].value


@pytest.mark.slow
def test_a_running_run_is_shown_while_it_runs(one_run, open_page, tmp_path):
    path = one_run(state="running", steps=60, done=30)
    app = open_page("run", tmp_path, run=path.name)
    assert not app.exception
    assert len(charts(app)) == 6
    assert any(button.label == "Stop" for button in app.button)
    app = open_page("train", tmp_path, run=path.name)
    assert "step 30 of 60" in all_text(app) or "step 30 of 60" in str(list(app.get("progress")))


def test_a_chart_is_there_once_something_was_measured_and_its_axis_has_its_name(one_run, open_page, tmp_path):
    path = one_run(state="queued", steps=60, done=0, per_class=8, width=8)
    events = (path / "events.jsonl").read_text()
    (path / "events.jsonl").write_text("")
    app = open_page("train", tmp_path, run=path.name)
    assert not app.exception
    assert list(app.get("progress"))
    assert not charts(app)
    (path / "events.jsonl").write_text(events)
    app.run()
    assert len(charts(app)) == 2  # what was evaluated and measured before the first step
    assert any("MCC on the validation set" in chart.proto.spec for chart in charts(app))


@pytest.mark.slow
def test_stop_asks_the_run_to_stop(one_run, open_page, tmp_path):
    path = one_run(state="running", steps=60, done=30)
    app = open_page("train", tmp_path, run=path.name)
    next(button for button in app.button if button.key == "stop").click().run()
    assert (path / "stop").exists()


BROKEN = ("spec.yaml", "status.json", "report.json", "events.jsonl", "probe.parquet", "000000", "000060", "snapshots")
VIEWS = ("Barcodes", "Cloud", "Timeline", "Anisotropy", "Texts that moved", "Training")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "how", "view"),
    [
        (broken, how, view)
        for index, broken in enumerate(BROKEN)
        for turn, how in enumerate(("gone", "cut"))
        for view in (VIEWS if broken in ("snapshots", "events.jsonl") else [VIEWS[(2 * index + turn) % 6]])
    ],
)
def test_a_directory_cut_short_anywhere_still_has_a_page(one_run, open_page, tmp_path, broken, how, view):
    path = one_run(per_class=12, width=8)
    files = sorted(p for p in path.rglob("*") if p.is_file() and broken in str(p.relative_to(path)))
    assert files
    for file in files:
        content = file.read_bytes()
        file.unlink() if how == "gone" else file.write_bytes(content[: len(content) // 2])
    app = open_page("run", tmp_path, run=path.name, view=view)
    assert not app.exception, app.exception
    assert not [e for e in app.error if "can't be shown" in e.value]


@pytest.mark.slow
def test_where_the_last_snapshot_is_broken_the_one_before_it_is_not_passed_off_as_the_last(one_run):
    run = load_run(one_run())
    assert data.missing(run) == []
    last = run.path / "snapshots" / "step_000060.safetensors"
    last.write_bytes(last.read_bytes()[:100])
    run = load_run(run.path)
    assert data.after(run).step == 30
    (said,) = data.missing(run)
    assert said == "The last snapshot, of step 60, can't be read: what is shown as after is step 30."


def test_of_another_version(one_run, open_page, tmp_path):
    path = one_run()
    spec = yaml.safe_load((path / "spec.yaml").read_text())
    del spec["regularizers"]["persistent-entropy"]["weight"]
    (path / "record.yaml").unlink()
    (path / "spec.yaml").write_text(yaml.safe_dump({**spec, "not_yet_invented": 1}))
    report = json.loads((path / "report.json").read_text())
    del report["before"]["classes"], report["metric"]
    report["after"]["new_measure"] = 3.0
    (path / "report.json").write_text(json.dumps(report))
    app = open_page("run", tmp_path, run=path.name)
    assert not app.exception
    app = open_page("train", tmp_path, like=path.name)
    assert not app.exception


@pytest.mark.slow
def test_texts_that_moved_are_sorted_and_said(gallery, open_page):
    name = name_of(gallery, "finished", regularizer="persistent-entropy")
    app = open_page("run", gallery, run=name, view="Texts that moved")
    assert not app.exception
    assert app.dataframe[0].value["kept"].is_monotonic_increasing
    assert "of their nearest neighbours" in all_text(app)
    app = open_page("run", gallery, run=name, view="Texts that moved", by="class distance")
    assert app.dataframe[0].value["change"].abs().is_monotonic_decreasing
    app = open_page("run", gallery, run=name, view="Texts that moved", by="prediction")
    assert app.dataframe[0].value["prediction"].str.contains("→").all()


def test_a_class_distance_next_to_nothing_is_shown_without_a_minus(gallery, open_page, monkeypatch):
    from explorer.panels import moved

    def computed(of, before, after):
        return np.zeros(len(after.labels)), np.full(len(after.labels), -0.001), np.full(len(after.labels), -0.2)

    monkeypatch.setattr(moved, "_computed", computed)
    name = name_of(gallery, "finished", regularizer="persistent-entropy")
    shown = open_page("run", gallery, run=name, view="Texts that moved").dataframe[0].value
    assert {f"{value:.2f}" for value in shown["old"]} == {"0.00"}
    assert {f"{value:+.2f}" for value in shown["change"]} == {"-0.20"}


@pytest.mark.slow
def test_the_timeline_of_many_snapshots_is_thinned_and_says_so(one_run, open_page, tmp_path, monkeypatch):
    from explorer.panels import timeline

    assert timeline.thinned(list(range(500)), 40)[::39] == [0, 499]
    assert timeline.thinned([0, 5, 9], 40) == [0, 5, 9]
    monkeypatch.setattr(timeline, "thinned", lambda steps: timeline_thinned(steps, 3))
    timeline_thinned = lambda steps, most: [steps[0], steps[len(steps) // 2], steps[-1]]  # noqa: E731
    path = one_run(snapshots=7, per_class=8, width=8)
    app = open_page("run", tmp_path, run=path.name, view="Timeline")
    assert "3 of 7 snapshots are shown" in all_text(app)


@pytest.mark.slow
def test_a_run_that_goes_while_it_is_shown_is_said_to_be_gone(one_run, open_page, tmp_path):
    import shutil

    path = one_run(per_class=8, width=8)
    app = open_page("run", tmp_path, run=path.name)
    shutil.rmtree(path)
    assert "There is no run" in app.run().error[0].value
    assert not app.exception


def test_texts_are_shown_as_text(one_run, open_page, tmp_path):
    names = ("<img src=x onerror=alert(1)>", "**bold** :smile: $x$")
    path = one_run(names=names, texts=NASTY, task="<b>task", model="org/**model**")
    app = open_page("run", tmp_path, run=path.name)
    assert not app.exception
    assert "<img" not in all_text(app)
    assert "&lt;img" in all_text(app)
    assert r"\<b\>task" in app.subheader[0].value


@pytest.mark.slow
def test_no_runs_show_the_sample_or_say_what_to_do(open_page, tmp_path):
    from explorer import places

    app = open_page("run", tmp_path / "none")
    assert not app.exception
    if places.has_sample():
        assert app.query_params["run"] == "sample"
        assert "ships with Isobar" in app.info[0].value
    else:
        assert "No runs yet" in all_text(app)


@pytest.mark.slow
def test_a_log_without_a_line_is_not_offered(one_run, open_page, tmp_path):
    path = one_run(per_class=8, width=8)
    for log, offered in (("loading\n", True), ("", False)):
        (path / "log.txt").write_text(log)
        app = open_page("run", tmp_path, run=path.name)
        (button,) = (button for button in app.get("download_button") if button.proto.label == "Log")
        assert button.proto.disabled != offered


def test_no_table_says_none_where_a_number_is_missing():
    tables = {path: path.read_text(encoding="utf-8") for path in MAIN.parents[1].rglob("*.py")}
    assert {
        path.name: text.count("st.dataframe(") - text.count("placeholder=DASH") for path, text in tables.items()
    } == {path.name: 0 for path in tables}


@pytest.mark.slow
def test_the_sample_has_a_baseline_where_one_is_shipped(one_run, tmp_path, open_page, monkeypatch):
    from explorer import places
    from explorer.panels import data

    shipped = {"sample": one_run(), "sample-baseline": one_run(regularizer="none", minutes_ago=5)}
    monkeypatch.setattr(places, "SHIPPED", shipped)
    monkeypatch.setattr(data, "SHIPPED", shipped)
    app = open_page("run", tmp_path / "none")
    assert app.query_params["run"] == "sample"
    assert "baseline 0.620" in all_text(app)
    app = open_page("run", tmp_path / "none", run="sample-baseline")
    assert "ships with Isobar" in app.info[0].value


@pytest.mark.slow
def test_the_filter_finds_runs_by_any_words(gallery, open_page):
    app = open_page("run", gallery)
    before = len(app.get("page_link"))
    app.text_input(key="filter").set_value("paraphrase").run()
    assert 0 < len(app.get("page_link")) < before
    app.text_input(key="filter").set_value("no such run").run()
    assert "matches" in all_text(app)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "seeds"),
    [("baseline", ["0"]), ("features", ["0", "5"]), ("seed 5", ["5"]), ("waiting", ["7"]), ("7 all bars", ["7"])],
)
def test_the_filter_finds_what_the_entries_show(one_run, open_page, tmp_path, wanted, seeds):
    one_run(per_class=8, width=8, regularizer="none")
    one_run(per_class=8, width=8, minutes_ago=5)
    one_run(per_class=8, width=8, seed=5)
    one_run(per_class=8, width=8, seed=7, state="queued", regularizer="persistent-entropy(selection=all)")
    app = open_page("learn", tmp_path)
    app.text_input(key="filter").set_value(wanted).run()
    assert sorted(re.findall(r"seed (\d+)", " ".join(said.value for said in app.sidebar.caption))) == seeds
    app = open_page("compare", tmp_path)
    app.text_input(key="compare-filter").set_value(wanted).run()
    assert not app.exception
    own = app.dataframe[0].value
    assert sorted(own.loc[~own["run"].str.startswith("sample"), "seed"].astype(str)) == seeds


@pytest.mark.slow
def test_a_run_of_a_later_format_is_refused_and_breaks_no_list(one_run, open_page, tmp_path):
    later, other = one_run(), one_run(minutes_ago=5)
    spec = yaml.safe_load((later / "spec.yaml").read_text())
    (later / "spec.yaml").write_text(yaml.safe_dump({**spec, "format": 99}))
    app = open_page("run", tmp_path, run=later.name)
    assert "is of format 99, which a later version of Isobar wrote" in app.error[0].value.replace("\\", "")
    assert not app.metric
    app = open_page("run", tmp_path, run=other.name)
    assert not app.exception
    assert app.metric
    for page in ("train", "compare", "inspect"):
        assert not open_page(page, tmp_path).exception


@pytest.mark.slow
def test_ten_thousand_runs_are_a_list_of_a_few(open_page, tmp_path):
    for number in range(10_000):
        (tmp_path / f"2026-01-01T00-00-00_m_t_all_s{number}").mkdir()
        (tmp_path / f"2026-01-01T00-00-00_m_t_all_s{number}" / "spec.yaml").touch()
    write_run(tmp_path)
    app = open_page("run", tmp_path)
    assert not app.exception
    assert any("Show more" in button.label for button in app.button)
    assert len(app.get("page_link")) < 60


def test_the_form_starts_from_the_defaults_and_shows_the_spec(gallery, open_page):
    app = open_page("train", gallery)
    assert not app.exception
    assert app.selectbox(key="spec_model").value == "minilm"
    assert "learning_rate: 0.0002" in app.code[0].value
    app.number_input(key="spec_batch_size").set_value(16).run()
    assert "batch_size: 16" in app.code[0].value


@pytest.mark.slow
def test_every_field_of_the_spec_is_in_the_form(gallery, open_page):
    from core.regularizers.registry import REGULARIZERS, settings_class
    from core.training.spec import RunSpec

    of_regularizers = {f"spec_{name}.{key}" for name in REGULARIZERS for key in settings_class(name).model_fields}

    def keys(app):
        assert not app.exception
        kinds = (app.selectbox, app.number_input, app.text_input, app.toggle, app.pills)
        return {widget.key for kind in kinds for widget in kind}

    app = open_page("train", gallery)
    assert not {"spec_istar.zeta", "spec_cosine.weight"} & keys(app)  # of rivals that are not chosen
    app.pills(key="spec_regularizers").set_value(list(REGULARIZERS)).run()
    assert {f"spec_{name}" for name in RunSpec.model_fields} | of_regularizers <= keys(app)
    assert list(yaml.safe_load(app.code[0].value)["regularizers"]) == list(REGULARIZERS)
    app.number_input(key="spec_istar.weight").set_value(2.0).run()
    assert yaml.safe_load(app.code[0].value)["regularizers"]["istar"]["weight"] == 2.0
    app.pills(key="spec_regularizers").set_value([]).run()
    assert "regularizers: {}" in app.code[0].value
    assert not of_regularizers & keys(app)


@pytest.mark.slow
def test_rivals_read_the_same_everywhere(one_run, open_page, tmp_path):
    path = one_run(regularizer="istar(weight=0.5) + cosine")
    app = open_page("run", tmp_path, run=path.name)
    assert not app.exception
    assert any("I\\-STAR ↑ \\+ cosine" in str(shown.value) for shown in app.get("markdown"))
    assert any("I-STAR weight 0.5 · cosine weight 1" in caption.value.replace("\\", "") for caption in app.caption)
    app = open_page("train", tmp_path, like=path.name)
    assert not app.exception
    assert list(yaml.safe_load(app.code[0].value)["regularizers"]) == ["istar", "cosine"]


def test_a_wrong_value_is_a_sentence_by_its_field_and_nothing_starts(gallery, open_page):
    app = open_page("train", gallery)
    app.number_input(key="spec_learning_rate").set_value(0.0).run()
    assert app.error[0].value.replace("\\", "").startswith("learning_rate is 0.0, but should be")
    assert next(button for button in app.button if button.label == "Start").disabled


def test_a_run_s_settings_can_be_used_again(gallery, open_page):
    app = open_page("train", gallery, like=name_of(gallery, "stopped"))
    assert "selection: all" in app.code[0].value
    assert "seed: 2" in app.code[0].value


@pytest.mark.slow
def test_a_pasted_spec_fills_the_form(gallery, open_page):
    app = open_page("train", gallery)
    app.text_area(key="pasted").set_value("task: paraphrase\nseed: 7").run()
    next(button for button in app.button if button.label == "Use it").click().run()
    assert "task: paraphrase" in app.code[0].value
    assert "seed: 7" in app.code[0].value
    app.text_area(key="pasted").set_value("taks: paraphrase").run()
    next(button for button in app.button if button.label == "Use it").click().run()
    assert "have no 'taks'" in app.error[0].value.replace("\\", "")


@pytest.mark.slow
def test_several_seeds_start_with_their_baselines_and_their_time_is_told(open_page, tmp_path, monkeypatch):
    from explorer import jobs

    started = []

    def start(spec, runs):
        started.append(spec)
        return write_run(tmp_path, state="running", seed=spec.seed, minutes_ago=len(started))

    monkeypatch.setattr(jobs, "start", start)
    app = open_page("train", tmp_path, seed="3")
    called(app.number_input, "seeds").set_value(5).run()
    called(app.toggle, "baseline").set_value(True).run()
    assert app.query_params["seeds"] in ("5", ["5"])
    assert "10 runs, one after the other: about " in all_text(app)
    next(button for button in app.button if button.label == "Start").click().run()
    assert [(spec.seed, bool(spec.regularizers)) for spec in started] == [
        (seed, regularized) for seed in range(3, 8) for regularized in (True, False)
    ]
    assert len({spec.model_copy(update={"seed": 0}).to_yaml() for spec in started}) == 2


@pytest.mark.slow
def test_start_makes_a_run_and_its_baseline(open_page, tmp_path, monkeypatch):
    from explorer import jobs

    started = []
    monkeypatch.setattr(jobs, "start", lambda spec, runs: started.append(spec) or write_run(tmp_path, state="running"))
    app = open_page("train", tmp_path)
    app.toggle(key="baseline").set_value(True).run()
    next(button for button in app.button if button.label == "Start").click()
    monkeypatch.setattr(
        jobs,
        "start",
        lambda spec, runs: started.append(spec) or write_run(tmp_path, state="running", seed=len(started)),
    )
    app.run()
    assert not app.exception
    assert [spec.regularizer for spec in started] == ["persistent-entropy", "none"]
    assert "run" in app.query_params


@pytest.mark.slow
def test_pages_load_no_model_libraries(gallery):
    code = (
        "import os, sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from tests.explorer.conftest import MAIN\n"
        "pages = {p.stem for p in (MAIN.parents[1] / 'pages').glob('[a-z]*.py')}\n"
        "for page in [*sorted(pages - {'learn'}), 'learn']:\n"  # Learn computes its barcodes itself
        "    numba = 'numba' in sys.modules\n"
        "    app = AppTest.from_file(str(MAIN), default_timeout=60)\n"
        "    app.query_params['page'] = page\n"
        "    assert not app.run().exception\n"
        "found = [m for m in ('torch', 'transformers', 'datasets', 'sklearn') if m in sys.modules]\n"
        "print(found + ['numba'] * numba)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "ISOBAR_RUNS": str(gallery)}
    )
    assert said.stdout.strip().splitlines()[-1:] == ["[]"], said.stderr[-2000:]


@pytest.mark.slow
def test_of_a_class_with_very_many_bars_the_longest_are_drawn(one_run, open_page, tmp_path):
    path = one_run(names=("a", "b"), per_class=5_100, width=3, snapshots=2)
    for of in ({"class": "a"}, {}):
        app = open_page("run", tmp_path, run=path.name, view="Barcodes", **of)
        assert not app.exception
        assert not app.error
        said = [caption.value for caption in app.caption]
        assert said.count("The 1,000 longest of 5,099 bars.") == (2 if of else 4)
    for view in ("Cloud", "Timeline", "Anisotropy", "Texts that moved", "Training"):
        app = open_page("run", tmp_path, run=path.name, view=view)
        assert not app.exception, view
        assert not app.error, view
