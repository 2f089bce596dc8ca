import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import typer

from core.errors import IsobarError
from core.runs import RunWriter, checkpoints, load_run
from core.training.spec import RunSpec
from explorer import jobs


def wait_for(condition):
    """Wait as long as a machine that is busy may take; the end is there for what never happens."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("It did not happen.")


def make_checkpoint(path):
    (path / "checkpoint-3").mkdir()
    (path / "checkpoint-3" / "optimizer.pt").touch()
    checkpoints.seal(path / "checkpoint-3")


def state(path):
    return load_run(path).state


STAND_IN = """
import json, os, pathlib, socket, sys, time
run = pathlib.Path(sys.argv[sys.argv.index("--run-dir") + 1])
if (run.parent / "refuse").exists():
    sys.exit("isobar: The model is unknown.")
def say(state):
    status = dict(state=state, pid=os.getpid(), host=socket.gethostname())
    part = run / "status.part"  # a reader never meets half of a status, as the real writer sees to
    part.write_text(json.dumps(status))
    part.replace(run / "status.json")
say("running")
while not (run / "stop").exists():
    time.sleep(0.02)
say("stopped" if (run / "checkpoint-3").exists() else "finished")
while (run.parent / "linger").exists():
    time.sleep(0.02)
"""
KEEPER = """
import pathlib, subprocess, sys
from explorer import jobs
real = subprocess.run
subprocess.run = lambda command, **options: real([sys.executable, sys.argv[2], *command[4:]], **options)
jobs._LOOK_SECONDS = 0.05
jobs.keep(sys.argv[3], pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """A folder of runs whose keepers train with a stand-in: it says that it runs until it is asked to stop."""
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(STAND_IN)
    real, started = subprocess.Popen, []

    def keeper(command, **options):
        assert command[1:4] == ["-P", "-m", "explorer.jobs"]
        started.append(real([sys.executable, "-c", KEEPER, command[-1], str(stand_in), command[-2]], **options))

    monkeypatch.setattr(jobs.subprocess, "Popen", keeper)
    yield tmp_path / "runs"
    monkeypatch.undo()
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


@pytest.fixture
def unkept(monkeypatch, tmp_path):
    """A folder of runs that nobody trains."""
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda command, **options: None)
    return tmp_path / "runs"


@pytest.mark.slow
def test_runs_wait_their_turn_in_the_order_they_were_started_and_may_be_stopped_meanwhile(runs):
    first, second, third = (jobs.start(RunSpec(seed=seed), runs) for seed in range(3))
    wait_for(lambda: state(first) == "running")
    assert state(second) == state(third) == "queued"
    with RunWriter.named("from-a-terminal", runs) as other:  # it has no turn that anybody waits for
        other.begin({})
        other.status("running")
        assert [jobs.ahead(runs, load_run(path)) for path in (first, second, third)] == [0, 1, 2]
        assert jobs.ahead(runs) == 3
        other.status("finished")
    jobs.stop(load_run(second))
    wait_for(lambda: state(second) == "stopped")
    assert (jobs.ahead(runs, load_run(third)), jobs.ahead(runs)) == (1, 2)
    assert state(first) == "running"
    assert state(third) == "queued"
    jobs.stop(load_run(first))
    wait_for(lambda: state(third) == "running")
    assert state(first) == "finished"
    jobs.stop(load_run(third))
    wait_for(lambda: state(third) == "finished")
    assert jobs.ahead(runs) == 0


@pytest.mark.slow
def test_a_run_whose_request_was_wrong_says_so(runs):
    runs.mkdir()
    (runs / "refuse").touch()
    path = jobs.start(RunSpec(model="nonsense"), runs)
    wait_for(lambda: state(path) == "failed")
    assert load_run(path).status["error"] == "The model is unknown."


@pytest.mark.slow
def test_a_stopped_run_is_resumed_in_its_turn_and_an_inspection_has_a_turn_of_its_own(runs):
    first = jobs.start(RunSpec(), runs)
    wait_for(lambda: state(first) == "running")
    with pytest.raises(IsobarError, match="running"):
        jobs.resume(load_run(first))
    stopped = jobs.start(RunSpec(seed=1), runs)
    jobs.stop(load_run(stopped))
    wait_for(lambda: state(stopped) == "stopped")
    with pytest.raises(IsobarError, match="no checkpoint"):
        jobs.resume(load_run(stopped))
    make_checkpoint(stopped)
    jobs.resume(load_run(stopped))
    assert state(stopped) == "queued"
    looked_at = jobs.inspect(RunSpec(), runs)
    wait_for(lambda: state(looked_at) == "running")
    assert state(stopped) == "queued"
    jobs.stop(load_run(first))
    wait_for(lambda: state(stopped) == "running")
    jobs.stop(load_run(looked_at))
    wait_for(lambda: state(looked_at) == "finished")


@pytest.mark.slow
def test_a_run_that_is_resumed_while_its_old_process_ends_does_not_fail(runs):
    path = jobs.start(RunSpec(), runs)
    wait_for(lambda: state(path) == "running")
    make_checkpoint(path)
    (runs / "linger").touch()
    jobs.stop(load_run(path))
    wait_for(lambda: state(path) == "stopped")
    jobs.resume(load_run(path))
    assert state(path) == "queued"
    (runs / "linger").unlink()
    wait_for(lambda: state(path) != "queued")
    assert state(path) == "running"


def test_the_words_of_each_work_are_known_to_the_command_line(tmp_path):
    from core.cli import cli

    for work in ("train", "resume", "inspect"):
        command, *options = jobs._words(work, tmp_path)
        known = typer.main.get_command(cli).commands[command]
        assert {o for o in options if o.startswith("--")} <= {o for param in known.params for o in param.opts}


def test_a_started_run_has_its_spec_and_a_directory_of_its_own(unkept):
    spec = RunSpec(task="paraphrase")
    paths = {jobs.start(spec, unkept) for _ in range(2)}
    assert len(paths) == 2
    for path in paths:
        assert RunSpec.from_yaml(path / "spec.yaml") == spec
        assert json.loads((path / "status.json").read_text())["state"] == "queued"


def test_runs_that_are_started_at_once_have_a_directory_each(unkept):
    specs = [RunSpec(task=task) for task in 4 * ["grammar"]]
    barrier = threading.Barrier(len(specs))

    def started(spec):
        barrier.wait()
        return jobs.start(spec, unkept)

    for _ in range(5):
        with ThreadPoolExecutor(len(specs)) as pool:
            paths = list(pool.map(started, specs))
        assert len(set(paths)) == len(specs)
        assert all(state(path) == "queued" for path in paths)


def test_the_trainer_accepts_the_directory_that_was_made_for_it(unkept):
    RunWriter(jobs.start(RunSpec(), unkept)).check()


def test_the_device_is_named_without_loading_torch():
    code = "import sys; from explorer import jobs; print(jobs.device()); assert 'torch' not in sys.modules"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split(" ")[0] in ("cpu", "mps", "cuda")


@pytest.mark.slow
def test_a_job_that_waits_loads_none_of_what_works(tmp_path):
    code = (
        "import sys, time, psutil; from pathlib import Path; from explorer import jobs; from core.runs import RunWriter\n"
        "writer = RunWriter(Path(sys.argv[1]) / 'a'); writer.begin({'model': 'm'}); writer.status('queued', queued=time.time())\n"
        "with jobs._turn(writer.path, writer, time.time()) as came: print(came)\n"
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'pydantic', 'torch', 'streamlit') if m in sys.modules])\n"
        "print(psutil.Process().memory_info().rss < 60_000_000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.split("\n")[:3] == ["True", "[]", "True"], done.stderr
