import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import IsobarError, list_runs, load_run
from core.geometry import shape_by_class
from core.processes import birth_of
from core.runs import RunWriter, layout, reader


@pytest.fixture
def run_dir(tmp_path):
    """A finished run of 24 points in two classes, three snapshots."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 12)
    writer = RunWriter.create(tmp_path / "runs" / "2026-01-01T00-00-00_m_t_prominent_s0", {"model": "m", "seed": 0})
    writer.status("running", step=0)
    writer.probe(pd.DataFrame({"text": [f"text {i}" for i in range(24)], "label": labels, "label_name": "x"}))
    for step in (0, 5, 10):
        cloud = rng.normal(size=(24, 6)).astype(np.float32)
        writer.snapshot(
            step=step,
            epoch=step / 5,
            embeddings=cloud,
            labels=labels,
            predictions=1 - labels,
            measures={"isoscore": 0.5, "undefined": float("nan")},
            classes=shape_by_class(cloud, labels, names=("no", "yes")),
            layers=[{"isoscore": 0.1}, {"isoscore": 0.5}] if step else (),
        )
        writer.event(kind="step", step=step, classes={"0": {"entropy": 1.5}})
    writer.report({"metric": "mcc", "before": {"mcc": 0.0}, "after": {"mcc": 0.5}, "difference": {"mcc": 0.5}})
    writer.status("finished")
    return writer.path


def test_what_is_written_is_read(run_dir):
    run = load_run(run_dir)
    assert run.state == "finished"
    assert run.spec["model"] == "m"
    assert run.steps == [0, 5, 10]
    assert run.problems == []
    assert run.before.step == 0
    assert run.after.step == 10
    assert run.after.embeddings.dtype == np.float32
    assert run.after.measures["undefined"] is None  # JSON has no not-a-number
    assert [shape.name for shape in run.after.classes] == ["no", "yes"]
    assert run.after.layers == [{"isoscore": 0.1}, {"isoscore": 0.5}]
    assert run.before.layers == []  # as runs of older versions have it
    assert list(run.events["classes/0/entropy"]) == [1.5, 1.5, 1.5]
    for shape in run.after.classes:
        x = run.after.embeddings.astype(np.float64)
        a, b = shape.edges.T
        np.testing.assert_allclose(np.linalg.norm(x[a] - x[b], axis=1), shape.lengths, rtol=1e-5)
        assert (run.after.labels[shape.edges] == shape.label).all()


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 1, 7, 100])
@pytest.mark.parametrize(
    "name",
    ["spec.yaml", "status.json", "events.jsonl", "probe.parquet", "report.json", "snapshots/step_000010.safetensors"],
)
def test_a_file_cut_short_anywhere_loses_only_itself(run_dir, name, cut):
    path = run_dir / name
    content = path.read_bytes()
    path.write_bytes(content[: min(cut, len(content) - 1)])
    run = load_run(run_dir)
    assert run.before is not None
    assert run.after is not None
    assert run.after.step == (5 if "snapshots" in name else 10)
    assert run.state in layout.STATES
    assert isinstance(run.spec, dict)
    assert len(run.events) <= 3
    if name not in ("events.jsonl", "spec.yaml"):  # a YAML cut after some line may be a whole, shorter one
        assert run.problems


@pytest.mark.parametrize("name", ["status.json", "events.jsonl", "probe.parquet", "report.json"])
def test_a_missing_file_is_named(run_dir, name):
    (run_dir / name).unlink()
    assert any(name in sentence for sentence in load_run(run_dir).problems)


def test_what_is_wrong_is_found_without_reading_embeddings(run_dir, monkeypatch):
    from core.runs.reader import Run

    path = run_dir / "snapshots" / "step_000005.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(Run, "snapshot", lambda *_: pytest.fail("read"))
    assert load_run(run_dir).problems == ["The snapshot of step 5 can't be read."]


def test_a_line_half_written_does_not_hide_the_others(run_dir):
    with (run_dir / "events.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    assert len(load_run(run_dir).events) == 3


def test_a_run_whose_process_is_gone_has_failed(run_dir):
    status = json.loads((run_dir / "status.json").read_text())
    (run_dir / "status.json").write_text(json.dumps({**status, "state": "running", "pid": 2**22 + 1}))
    run = load_run(run_dir)
    assert run.state == "failed"
    assert "process" in run.status["error"]


def test_a_run_whose_process_has_gone_and_left_its_number_to_another_has_failed(run_dir):
    status = json.loads((run_dir / "status.json").read_text())
    mine = {**status, "state": "running", "pid": os.getpid()}
    (run_dir / "status.json").write_text(json.dumps(mine))
    assert load_run(run_dir).state == "running"
    (run_dir / "status.json").write_text(json.dumps({**mine, "birth": "7 another start"}))
    assert load_run(run_dir).state == "failed"


def test_a_run_that_ends_while_it_is_looked_at_has_not_failed(run_dir, monkeypatch):
    status = json.loads((run_dir / "status.json").read_text())
    (run_dir / "status.json").write_text(json.dumps({**status, "state": "running", "pid": 2**22 + 1}))
    looks = []

    def alive(seen):
        looks.append(seen["state"])
        (run_dir / "status.json").write_text(json.dumps({**status, "state": "finished"}))
        return False

    monkeypatch.setattr(reader, "_alive", alive)
    assert load_run(run_dir).state == "finished"
    assert looks == ["running"]


def test_a_silent_run_elsewhere_has_failed(run_dir):
    status = json.loads((run_dir / "status.json").read_text())
    elsewhere = {**status, "state": "running", "host": "another"}
    (run_dir / "status.json").write_text(json.dumps(elsewhere))
    assert load_run(run_dir).state == "running"
    (run_dir / "status.json").write_text(json.dumps({**elsewhere, "heartbeat": "2020-01-01T00:00:00+00:00"}))
    assert load_run(run_dir).state == "failed"


def test_an_existing_run_is_never_overwritten(run_dir):
    before = (run_dir / "spec.yaml").read_bytes()
    with pytest.raises(IsobarError, match="exists already"):
        RunWriter.create(run_dir, {"model": "other"})
    assert (run_dir / "spec.yaml").read_bytes() == before


def test_a_run_that_another_process_is_at_is_not_resumed(run_dir):
    status = json.loads((run_dir / "status.json").read_text())
    other = {"pid": os.getppid(), "birth": birth_of(os.getppid())}
    (run_dir / "status.json").write_text(json.dumps({**status, "state": "running", **other}))
    with pytest.raises(IsobarError, match=f"under way in process {os.getppid()}"):
        RunWriter.create(run_dir, {}, resume=True)
    assert load_run(run_dir).spec["seed"] == 0
    (run_dir / "status.json").write_text(json.dumps({**status, "state": "stopped"}))
    RunWriter.create(run_dir, {"seed": 1}, resume=True)


def test_a_queued_run_may_be_begun(tmp_path):
    RunWriter.create(tmp_path / "r", {"model": "m"}).status("queued")
    RunWriter.create(tmp_path / "r", {"model": "m"}, record={}).status("running")
    assert load_run(tmp_path / "r").state == "running"


def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(run_dir, monkeypatch):
    def full(self, content):
        Path.touch(self)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = (run_dir / "report.json").read_bytes()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(IsobarError, match="full"):
        RunWriter(run_dir).report({"metric": "mcc"})
    assert (run_dir / "report.json").read_bytes() == before
    assert not list(run_dir.glob(".*.part"))


def test_a_model_that_does_not_fit_is_a_sentence_though_the_library_has_its_own(run_dir, monkeypatch):
    def fallocate(opened, start, size):
        if size > 2**21:
            raise OSError(errno.ENOSPC, "full")

    def write(size):
        with RunWriter(run_dir).folder("model", size):
            raise RuntimeError("file write failed")

    monkeypatch.setattr(os, "posix_fallocate", fallocate)
    with pytest.raises(IsobarError, match="is full"):
        write(2**22)
    with pytest.raises(RuntimeError, match="file write failed"):
        write(2**20)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(IsobarError, match="can't be written"):
        RunWriter.create(tmp_path / "file" / "run", {})
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere, so a read-only folder can't be shown")
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(IsobarError, match="can't be written"):
        RunWriter.create(tmp_path / "closed" / "run", {})


def test_rewinding_forgets_what_came_later(run_dir):
    RunWriter(run_dir).rewind(5)
    run = load_run(run_dir)
    assert run.steps == [0, 5]
    assert list(run.events["step"]) == [0, 5]


def test_runs_are_listed_newest_first_and_only_runs(tmp_path):
    for name in ("2026-01-02T00-00-00_b", "2026-01-01T00-00-00_a", "2026-01-03T00-00-00_c"):
        RunWriter.create(tmp_path / name, {}).status("queued")
    (tmp_path / "notes").mkdir()
    assert [run.name[-1] for run in list_runs(tmp_path)] == ["c", "b", "a"]
    assert list_runs(tmp_path / "absent") == []


def test_a_run_that_is_not_there_is_one_sentence_with_the_nearest(run_dir):
    with pytest.raises(IsobarError, match="Did you mean"):
        load_run(run_dir.with_name(run_dir.name[:-1] + "1"))
    with pytest.raises(IsobarError, match="holds no run"):
        load_run(run_dir / "snapshots")


@pytest.mark.slow
def test_one_writer_leads_a_run_at_a_time(tmp_path):
    spec = {"model": "m", "task": "t"}
    with RunWriter.create(tmp_path / "r", spec) as first:
        first.status("running")
        for take in (
            lambda: RunWriter(tmp_path / "r").status("stopped"),
            lambda: RunWriter(tmp_path / "r").begin(spec, resume=True),
            lambda: RunWriter(tmp_path / "r").hold(),
        ):
            with pytest.raises(IsobarError, match="in the hands of another process; stop it"):
                take()
        first.status("stopped", step=3)
    with RunWriter.create(tmp_path / "r", spec, resume=True) as second:
        second.status("running")
        second.status("finished")
    assert load_run(tmp_path / "r").state == "finished"


@pytest.mark.slow
def test_the_second_of_two_who_resume_at_once_is_refused(tmp_path):
    """Both have seen that it is stopped; the lock is a process's, and goes with it, however that ends."""
    spec = {"model": "m", "task": "t"}
    with RunWriter.create(tmp_path / "r", spec) as writer:
        writer.status("running")
        writer.status("stopped")
    code = (
        "import sys, time; from core.runs import RunWriter\n"
        "writer = RunWriter(sys.argv[1]); writer.check(resume=True); print('taken', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "r")]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "taken\n"
        with pytest.raises(IsobarError, match="in the hands of another process"):
            RunWriter(tmp_path / "r").check(resume=True)
    finally:
        other.kill()
        other.wait()
    RunWriter(tmp_path / "r").check(resume=True)


@pytest.mark.parametrize(
    ("states", "refused"),
    [
        (["queued", "running", "finished"], "running"),
        (["queued", "stopped", "queued", "running", "failed", "queued"], "finished"),
        (["running", "finished"], "failed"),
        (["running", "stopped"], "finished"),
        (["queued"], "finished"),
    ],
)
def test_states_follow_each_other(tmp_path, states, refused):
    """By one writer, and by one for each state, as keeper and work are."""
    for name, again in (("one", False), ("many", True)):
        writer = RunWriter.create(tmp_path / name, {})
        for state in states:
            if again:
                writer.release()
                writer = RunWriter(tmp_path / name)
            writer.status(state)
            assert load_run(tmp_path / name).status["state"] == state
        with pytest.raises(IsobarError, match=f"is {states[-1]}; it can't become {refused}"):
            writer.status(refused)
        assert load_run(tmp_path / name).status["state"] == states[-1]


NAMED = """
import sys
from core.runs import RunWriter
for _ in range(20):
    with RunWriter.named("run", sys.argv[1]) as writer:
        writer.begin({"seed": int(sys.argv[2])})
        print(writer.path)
"""


@pytest.mark.slow
def test_processes_that_name_a_run_alike_at_once_have_a_directory_each(tmp_path):
    words = [sys.executable, "-c", NAMED, str(tmp_path / "runs")]
    both = [subprocess.Popen([*words, str(seed)], stdout=subprocess.PIPE, text=True) for seed in range(2)]
    said = [process.communicate()[0].split() for process in both]
    assert [len(paths) for paths in said] == [20, 20]
    assert len({*said[0], *said[1]}) == 40
    for seed, paths in enumerate(said):
        assert {load_run(path).spec["seed"] for path in paths} == {seed}


def test_a_name_goes_with_a_run_that_was_not_begun(tmp_path):
    with RunWriter.named("run", tmp_path / "a" / "runs") as writer:
        assert writer.path == tmp_path / "a" / "runs" / "run"
        assert writer.path.is_dir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs" / "run").mkdir(parents=True)
    with RunWriter.named("run", tmp_path / "runs") as writer:
        assert writer.path.name == "run-2"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["run"]


def test_a_folder_of_runs_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(IsobarError, match="can't be written"):
        RunWriter.named("run", tmp_path / "runs")


def test_a_run_that_is_gone_can_not_be_asked_to_stop(tmp_path):
    with pytest.raises(IsobarError, match="can't be asked to stop"):
        reader.Run(tmp_path / "gone").request_stop()
