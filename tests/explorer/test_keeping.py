"""A run's own name, tags and note; the trash and the way back; whether a change is told from chance."""

import pytest

from core.runs import list_runs, load_run
from core.runs.trash import trash, trashed
from core.studies.compare import Difference
from explorer.panels import cards, classes, data, entries
from tests.explorer.conftest import called
from tests.explorer.synthetic import write_run


def texts(app) -> str:
    return "\n".join(str(found.value) for kind in (app.caption, app.subheader, app.text) for found in kind)


@pytest.mark.slow
def test_a_note_names_the_run_in_page_and_lists_and_finds_it(open_page, tmp_path):
    run = load_run(write_run(tmp_path))
    app = open_page("run", tmp_path, run=run.name)
    called(app.text_input, f"note-name-{run.name}").set_value("The *good* one")
    called(app.text_input, f"note-tags-{run.name}").set_value(" paper, to check,")
    app.text_area[0].set_value("Looks right.\nAsk Ada.")
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    note = load_run(run.path).note
    assert (note.name, note.tags, note.text) == ("The *good* one", ("paper", "to check"), "Looks right.\nAsk Ada.")
    assert app.subheader[0].value.replace("\\", "") == "The *good* one"
    assert "Looks right." in texts(app)
    assert "#paper" in texts(app).replace("\\", "")
    for wanted in ("good", "#paper", "ada"):
        assert entries.found([run.name], wanted) == [run.name]
    assert entries.found([run.name], "#absent") == []


@pytest.mark.slow
def test_a_run_goes_into_the_trash_and_out_of_it(open_page, tmp_path):
    run, other = (load_run(write_run(tmp_path, minutes_ago=minutes)) for minutes in (1, 2))
    app = open_page("run", tmp_path, run=run.name)
    called(app.button, "trash").click().run()
    assert not app.exception
    assert [found.name for found in list_runs(tmp_path)] == [other.name]
    assert [found.name for found in trashed(tmp_path)] == [run.name]
    assert app.query_params["run"] in (other.name, [other.name])
    next(button for button in app.button if button.label == "Take out").click().run()
    assert not app.exception
    assert app.query_params["run"] in (run.name, [run.name])
    assert not trashed(tmp_path)


@pytest.mark.slow
def test_a_run_that_is_gone_from_the_trash_is_said_to_be(open_page, tmp_path):
    import shutil

    run, other = (load_run(write_run(tmp_path, minutes_ago=minutes)) for minutes in (1, 2))
    trash(run)
    app = open_page("run", tmp_path, run=other.name)
    shutil.rmtree(trashed(tmp_path)[0].path)
    trash(load_run(write_run(tmp_path, minutes_ago=3)))  # so that there is a trash to say it in
    next(button for button in app.button if button.label == "Take out").click().run()
    assert not app.exception
    assert any("no longer in the trash" in error.value for error in app.error)


@pytest.mark.slow
def test_what_runs_is_not_thrown_away(open_page, tmp_path):
    run = load_run(write_run(tmp_path, state="running", done=20))
    assert called(open_page("run", tmp_path, run=run.name).button, "trash").disabled


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    for seed in range(5):
        write_run(folder, seed=seed, collapse=0.2, score=0.7 + seed / 100, minutes_ago=seed)
        write_run(folder, regularizer="none", seed=seed, collapse=0.8, score=0.6, minutes_ago=10 + seed)
    write_run(folder, seed=7, collapse=0.2, score=0.1, minutes_ago=30)  # which has no baseline
    return folder


@pytest.mark.slow
def test_a_card_says_the_change_from_the_baseline_and_whether_seeds_tell_it(seeds, open_page):
    run = next(run for run in list_runs(seeds) if run.spec["regularizers"] and run.spec["seed"] == 4)
    app = open_page("run", seeds, run=run.name)
    metric = app.metric[0]
    assert (metric.label, metric.value, metric.delta) == ("MCC", "0.740", "+0.140")
    change = cards.from_baseline(run, data.baseline_of(run), "mcc")
    assert change.values == pytest.approx([0.1 + seed / 100 for seed in range(5)])
    assert cards.noise(change) in texts(app)
    assert cards.noise(change).startswith("5 seeds: +0.120 [+0.1")
    assert cards.noise(change).endswith("beyond noise")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.1,), "one seed: it may be noise"),
        ((0.1, 0.2, 0.15), "3 seeds: +0.150 [+0.100, +0.200], too few to tell"),
        ((0.1, -0.2, 0.15, -0.1, 0.05), "within noise"),
        ((0.1, 0.2, 0.15, 0.11, 0.12), "beyond noise"),
    ],
)
def test_a_change_is_said_to_be_noise_where_seeds_can_t_tell(values, said):
    assert cards.noise(Difference.of(dict(enumerate(values)))).endswith(said)


def test_a_lone_number_is_no_day_unless_a_month_stands_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOBAR_RUNS", str(tmp_path))
    names = [
        write_run(tmp_path, seed=seed, minutes_ago=seed, snapshots=2, per_class=4, width=4).name for seed in (0, 1, 4)
    ]
    found = {
        wanted: entries.found(names, wanted) for wanted in ("seed 4", "4", "4 may", "may", "seed 5", "5 may", "2026")
    }
    assert found["seed 4"] == found["4"] == names[2:]
    assert found["4 may"] == found["may"] == names
    assert found["seed 5"] == found["5 may"] == []


@pytest.mark.parametrize(
    "name", ["+", "-", "- o", "1. sports", "1) sports", "# tag", "> x", "_a_", "a*b*", "$x", ":red[x]"]
)
def test_a_class_that_a_button_would_read_as_markdown_stands_in_a_list(name):
    assert not classes._PLAIN.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["acceptable", "all classes", "class 3", "7", "snake_case", "don't know", "en-GB", "naïve", "x"]
)
def test_a_class_of_plain_words_stands_on_a_button(name):
    assert classes._PLAIN.fullmatch(name)


def test_a_run_besides_the_first_that_is_under_way_is_told(open_page, tmp_path):
    for seed in range(3):
        write_run(tmp_path, state="running", done=20, seed=seed, minutes_ago=seed)
    app = open_page("learn", tmp_path)
    assert "2 more running" in texts(app)


def test_what_all_seeds_say_does_not_colour_the_one_that_says_otherwise():
    over_seeds = Difference.of(dict(enumerate((0.1, 0.13, 0.11, 0.09, 0.12, 0.1, 0.13, 0.09, -0.02))))
    assert over_seeds.direction == 1
    one = cards.change("mcc", 0.0, 0.50, 0.52, over_seeds)
    assert (one.by, one.words, one.colour) == (pytest.approx(-0.02), "from the baseline", "gray")
    assert one.noise.endswith("beyond noise")
    other = cards.change("mcc", 0.0, 0.62, 0.52, over_seeds)
    assert (other.words, other.colour) == ("from the baseline, better", "green")
    assert cards.change("mcc", 0.0, 0.62, None, None)[1:] == ("better since before", "green", "")


def test_a_run_that_was_stopped_is_no_baseline_and_no_repetition(tmp_path):
    run = load_run(write_run(tmp_path))
    write_run(tmp_path, regularizer="none", state="stopped", done=6, minutes_ago=1)
    write_run(tmp_path, seed=1, state="stopped", done=6, minutes_ago=2)
    assert data.report(list_runs(tmp_path)[1])
    assert data.baseline_of(run) is None
    assert [one.name for one in data.repetitions(run)] == [run.name]
    finished = write_run(tmp_path, regularizer="none", minutes_ago=3)
    data.forget_names()
    assert data.baseline_of(run).path == finished


def test_a_run_of_other_data_is_no_baseline(seeds, monkeypatch):
    run = next(run for run in list_runs(seeds) if run.spec["regularizers"] and run.spec["seed"] == 4)
    assert data.baseline_of(run)
    monkeypatch.setattr(data, "fingerprint", lambda of: of.name)
    assert data.baseline_of(run) is None
    assert cards.from_baseline(run, data.baseline_of(run), "mcc") is None
    monkeypatch.setattr(data, "fingerprint", lambda of: None if of.name == run.name else of.name)
    assert data.baseline_of(run)  # which data a run of an earlier version had is not known
