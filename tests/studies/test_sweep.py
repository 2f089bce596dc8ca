from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from core import IsobarError, list_runs, load_run
from core.runs import RunWriter
from core.studies import sweep as sweeps
from core.studies.sweep import Sweep, cell_dir, run_sweep, summary
from core.training import recorder
from core.training.spec import RunSpec


@pytest.fixture
def sweep(tiny_spec):
    base = tiny_spec.model_dump() | {"max_steps": 2, "snapshots": 2, "save_model": False}
    return Sweep(base=base, grid={"seed": [0, 1], "persistent-entropy.weight": [0.5, 2.0]})


@pytest.fixture
def run(tmp_path):
    """Runs a sweep in a thread of this process; what was told comes with it."""

    def run(sweep, **options):
        told = []
        with ThreadPoolExecutor(1) as workers:
            return run_sweep(sweep, tmp_path, workers, tell=told.append, **options), told

    return run


def test_the_cells_are_the_product_each_baseline_once(sweep):
    cells = sweep.cells()
    assert len(cells) == 2 * (2 + 1)
    assert [c.regularizer for c in cells].count("none") == 2
    assert {c.regularizer for c in cells} == {"none", "persistent-entropy(weight=0.5)", "persistent-entropy(weight=2)"}
    assert len({cell_dir("runs", c) for c in cells}) == len(cells)


def test_named_sets_are_combined_with_the_grid(sweep):
    named = {"ours": {}, "all": "persistent-entropy(selection=all)", "plain": {"regularizer": "none"}}
    both = Sweep.parse({"grid": {"seed": [0, 1]}, "cells": named})
    assert len(both.cells()) == 2 * (2 + 1)  # the baseline is one, however it is asked for
    by_name = both.by_name()
    assert [spec.method for spec in by_name["all"]] == ["all"] * 2
    assert [spec.seed for spec in by_name["plain"]] == [0, 1]


@pytest.mark.slow
def test_a_sweep_runs_every_cell_once_and_summarizes_over_seeds(sweep, run, tmp_path):
    runs, told = run(sweep)
    assert len(runs) == 6
    assert all(run.state == "finished" for run in runs)
    assert [line.split()[0] for line in told] == [f"[{k}/6]" for k in range(1, 7)]
    again, told = run(sweep)
    assert told == []  # nothing was run again
    rows = summary(again)
    assert [(row["regularizer"], row["persistent-entropy.weight"], row["seeds"]) for row in rows] == [
        ("none", "", 2), ("features", "0.5", 2), ("features", "2", 2),
    ]  # fmt: skip
    of_weight_2 = [run for run in runs if run.spec["regularizers"].get("persistent-entropy", {}).get("weight") == 2.0]
    mean = sum(run.report["after"]["isoscore"] for run in of_weight_2) / 2
    assert rows[2]["IsoScore"] == pytest.approx(mean)


def test_the_summary_has_a_column_for_whatever_varies(sweep, tmp_path):
    grid = {"persistent-entropy.memory": [0, 16], "batch_size": [8, 16]}
    for spec in sweep.model_copy(update={"grid": grid, "baselines": False}).cells():
        writer = RunWriter.create(cell_dir(tmp_path, spec), spec.model_dump())
        writer.report({"metric": "mcc", "before": {}, "after": {"mcc": 0.5, "anisotropy_1": 0.25}})
        writer.status("finished", total_steps=2)
    rows = summary(list_runs(tmp_path))
    assert {(row["persistent-entropy.memory"], row["batch size"]) for row in rows} == {
        (0, 8),
        (0, 16),
        (16, 8),
        (16, 16),
    }
    assert "persistent-entropy.weight" not in rows[0]
    assert (rows[0]["steps"], rows[0]["score"], rows[0]["anisotropy_1"], rows[0]["IsoScore"]) == (2, 0.5, 0.25, None)


def test_the_summary_tells_the_distance_and_the_changes(sweep, tmp_path):
    grid = {"persistent-entropy.metric": ["euclidean", "cosine"], "seed": [0, 1, 2]}
    for spec in sweep.model_copy(update={"grid": grid}).cells():
        score = 0.5 if not spec.regularizers else 0.6 if "cosine" in spec.regularizer else 0.4
        writer = RunWriter.create(cell_dir(tmp_path, spec), spec.model_dump())
        after = {"mcc": score, "anisotropy_1_centered": 1 - score, "anisotropy_1_within": score / 2, "nc1": 0.5}
        writer.report({"metric": "mcc", "after": after})
        writer.status("finished", total_steps=2)
    rows = summary(list_runs(tmp_path))
    assert {(row["persistent-entropy.metric"], row["change of score"], row["change of centered"]) for row in rows} == {
        ("", "", ""),
        ("euclidean", "-0.100 [-0.100, -0.100]", "+0.100 [+0.100, +0.100]"),
        ("cosine", "+0.100 [+0.100, +0.100]", "-0.100 [-0.100, -0.100]"),
    }
    assert {row["change within classes"] for row in rows} == {
        "", "-0.050 [-0.050, -0.050]", "+0.050 [+0.050, +0.050]",
    }  # fmt: skip
    assert {(row["scored by"], row["NC1"], row["share between"]) for row in rows} == {("mcc", 0.5, None)}


def test_a_finished_cell_of_another_default_is_told(sweep, run, tmp_path):
    """A directory's name holds what differs from the defaults; these may change from version to version."""
    one = sweep.model_copy(update={"grid": {"seed": [0]}, "baselines": False})
    (spec,) = one.cells()
    writer = RunWriter.create(cell_dir(tmp_path, spec), {**spec.model_dump(), "warmup": 0.5, "log_every": 77})
    writer.status("finished")
    runs, told = run(one)
    assert runs == []
    assert "holds a run with another warmup" in told[0]


@pytest.mark.slow
def test_a_cell_that_cannot_run_is_told_and_the_rest_go_on(sweep, run):
    runs, told = run(sweep.model_copy(update={"grid": {"seed": [0], "layer": [9, -1]}, "baselines": False}))
    assert len(runs) == 1
    assert "no layer 9" in told[0]


@pytest.mark.slow
def test_a_cell_that_breaks_in_an_unknown_way_is_told_too(sweep, run, monkeypatch):
    from core.training import fit

    original = fit.train

    def breaking(spec, *args, **options):
        if "weight=0.5" in spec.regularizer:
            raise OSError("the disk is gone")
        return original(spec, *args, **options)

    monkeypatch.setattr(fit, "train", breaking)
    runs, told = run(sweep.model_copy(update={"grid": {"persistent-entropy.weight": [0.5, 2.0]}, "baselines": False}))
    assert len(runs) == 1
    assert "OSError: the disk is gone" in told[0]


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_and_the_sweep_goes_on_from_it(sweep, run, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(recorder, "HEARTBEAT_SECONDS", 0.0)  # each step is told, however fast
    monkeypatch.setattr(recorder, "_PORTRAIT_ON_STOP_SECONDS", 60.0)  # one is taken, however slow this machine is
    both = sweep.model_copy(update={"grid": {"max_steps": [200], "seed": [0, 1]}, "baselines": False})
    first, second = (cell_dir(tmp_path, spec) for spec in both.cells())
    seen = []

    def interrupt(standing):
        seen.append(standing.done)
        if any(phase == "training" and step >= 3 for phase, step, _ in standing.running.values()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(both, watch=interrupt)
    stopped = load_run(first)
    assert stopped.state == "stopped"
    assert 0 < seen[-1] < 1
    assert list(first.glob("checkpoint-*"))
    assert not second.exists()  # nothing more was begun
    at = stopped.status["step"]
    runs, _ = run(both)
    assert [run.state for run in runs] == ["finished", "finished"]
    assert [row["step"] for row in runs[0].rows("step")] == [row["step"] for row in runs[1].rows("step")]
    assert at in runs[0].steps
    assert runs[0].steps[-1] == 200


@pytest.mark.slow
def test_a_cell_that_died_before_its_first_checkpoint_begins_anew(sweep, run, tmp_path):
    one = sweep.model_copy(update={"grid": {}, "baselines": False})
    path = cell_dir(tmp_path, one.cells()[0])
    writer = RunWriter.create(path, one.cells()[0].model_dump())
    writer.status("running", step=1)
    writer.event(kind="step", step=1, task_loss=123.0)
    writer.release()  # as the end of a process does
    status = (path / "status.json").read_text()
    (path / "status.json").write_text(status.replace(f'"pid": {writer._status["pid"]}', '"pid": 99999999'))
    (done,), _ = run(one)
    assert {"accuracy", "isoscore"} <= set(done.report["before"])
    assert 123.0 not in [row["task_loss"] for row in done.rows("step")]


def test_a_folder_of_runs_that_cannot_be_made_is_one_sentence(sweep, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IsobarError, match="file can't be made"):
        run_sweep(sweep, tmp_path / "file", None)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["finished", "failed"])
def test_a_cell_that_another_process_is_at_is_waited_for(sweep, run, tmp_path, ends):
    one = sweep.model_copy(update={"grid": {}, "baselines": False})
    writer = RunWriter.create(cell_dir(tmp_path, one.cells()[0]), one.cells()[0].model_dump())
    writer.status("running")  # by this process, which lives
    looks = []

    def watch(standing):
        looks.append(standing.finished)
        if len(looks) == 3:
            writer.status(ends)

    runs, told = run(one, watch=watch)
    assert [run.state for run in runs] == ["finished"]
    assert "another process is at it; waiting" in told[0]
    assert told[1].startswith("[1/1]")
    assert told[1].endswith("finished")
    assert (runs[0].steps == [0, 2]) == (ends == "failed")  # what failed elsewhere is gone on with here
    assert not (runs[0].path / "stop").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"grids": {}}, "grid"),
        ({"grid": {"wieght": [1]}}, "weight"),
        ({"grid": {"seed": [0, 0]}}, "twice"),
        ({"grid": {"seed": 3}}, "list"),
        ({"base": {"learning_rate": -1}}, "learning_rate"),
        ([1, 2], "should hold"),
        ({"grid": [1]}, "grid .* should hold settings"),
        ({"grid": {"seed": [0, 0.0]}}, "twice"),
        ({"grid": {"selection": ["alll"]}}, "Did you mean 'all'"),
        ({"cell": {}}, "Did you mean 'cells'"),
        ({"cells": {"a": 3}}, r"cells\.a .* should hold settings"),
        ({"cells": {"a": {"wieght": 1}}}, "Did you mean 'weight'"),
        ({"cells": {"a": {"seed": 1}}, "grid": {"seed": [0]}}, r"seed stands in grid and in cells\.a"),
        ({"baselines": "perhaps"}, "baselines .* should be a valid boolean"),
        ({"seed": [0]}, "seed .* is a setting; it should stand under base or grid"),
        ({"cells": {1: {}}}, r"cells\.1 .* a text as its name"),
        ({"cells": {"a": {}, "b": {"weight": 1.0}}}, r"cells\.a and cells\.b .* are the same settings"),
        ({"cells": {"a": {"regularizer": "istar"}, "b": {"regularizer": "istar", "weight": 9}}}, "are the same"),
        ({"cells": {"a": "istar", "b": {"regularizer": "istar(weight=-1)"}}}, "are the same"),
        ({"cells": {"a": "kolo"}}, "Did you mean 'koleo'"),
        ({"grid": {None: [1]}}, "have no None"),
        ({"grid": {1.5: [1]}}, r"have no 1\.5"),
        ({"base": {1: 2}}, "have no 1"),
        ({"cells": {"a": {True: 2}}}, "have no True"),
        ({"base": {"koleo": 0.3}}, "no 'koleo'; it stands under regularizer"),
        ({"grid": {"koleo": [0.1]}}, "no 'koleo'; it stands under regularizer"),
        ({"cells": {"a": {"koleo": {"weight": 1}}}}, "no 'koleo'; it stands under regularizer"),
        ({"grid": {"koleo.weigt": [1]}}, "koleo has no setting 'weigt'.*Did you mean 'weight'"),
        ({"grid": {"koleo.weight": [1, 1.0]}, "base": {"regularizer": "koleo"}}, "twice"),
        ({"grid": {"koleo.weight": [1]}}, "koleo.weight is set .* but the regularizer is persistent-entropy"),
        ({"grid": {"regularizer": ["koleo", "koleo(weight=0.1)"]}}, "twice"),
        ({"koleo.weight": [0]}, "koleo.weight .* is a setting; it should stand under base or grid"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(IsobarError, match=words):
        Sweep.from_yaml(path)


@pytest.mark.parametrize(
    "name",
    ["batch_size", "weight", "padding", "entropy_or_repulsion", "weak_rivals"]
    + [task + of for task in ("cola", "grammar", "mpnet", "mrpc") for of in ("", "_rates")],
)
def test_the_recorded_sweeps_are_valid(name):
    sweep = Sweep.from_yaml(Path(__file__).parents[2] / "assets" / "sweeps" / f"{name}.yaml")
    assert all(isinstance(cell, RunSpec) for cell in sweep.cells())


def test_cells_that_finished_when_cls_was_the_default_are_not_run_again(tmp_path):
    spec = RunSpec()
    for name, pooling, record, other in (
        ("old", "cls", {}, []),
        ("now", "auto", {"pooling": "cls"}, []),
        ("asked", "cls", {"pooling": "cls"}, ["pooling"]),
        ("mean", "mean", {}, ["pooling"]),
    ):
        RunWriter.create(tmp_path / name, {**spec.model_dump(), "pooling": pooling}, record=record)
        assert sweeps._other_settings(load_run(tmp_path / name), spec) == other


def test_a_cell_that_another_process_began_meanwhile_is_waited_for(tmp_path, monkeypatch):
    from core.errors import ElsewhereError
    from core.training import fit

    def taken(*_, **__):
        raise ElsewhereError("The run is in the hands of another process.")

    monkeypatch.setattr(fit, "train", taken)
    assert sweeps.run_cell({}, str(tmp_path / "cell")) == sweeps.ELSEWHERE


def test_a_directory_in_other_hands_is_told_as_such(tmp_path, monkeypatch):
    from core.errors import ElsewhereError
    from core.runs import RunWriter

    first = RunWriter.create(tmp_path / "run", {"seed": 0})
    first.status("queued")
    monkeypatch.setattr("core.runs.writer._PATIENCE_SECONDS", 0.05)
    second = RunWriter(tmp_path / "run")
    with pytest.raises(ElsewhereError, match="in the hands of another process"):
        second.hold()
    first.release()
