"""How commands end: by which code, how soon where they are asked to, and what is logged of it."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml

from core import IsobarError, cli, interrupts, list_runs, load_run, logs
from core.children import python_module
from core.errors import RunFailedError
from core.runs import Run

LONG = 300  # seconds, after which a process of a test counts as one that hangs


@pytest.fixture
def command(monkeypatch, tmp_path, capfd):
    """The command, run in this process, with a log of its own: how it ended and what it said on stderr."""
    monkeypatch.setenv("ISOBAR_LOG", str(tmp_path / "log" / "log.txt"))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isobar", *words])
        with pytest.raises(SystemExit) as done:
            cli.main()
        return done.value.code, capfd.readouterr().err

    return run


def fails(error):
    def fail(*_, **__):
        logging.getLogger("isobar").info("About to fail.")
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (IsobarError("Bad input."), 2, "isobar: Bad input.\n"),
        (RunFailedError("It failed."), 1, "isobar: It failed.\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
        (KeyError("x"), 1, "isobar: A fault of Isobar's own: KeyError: 'x'. Its trace is in "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_how_it_ended_is_its_code(command, monkeypatch, error, code, said, tmp_path):
    monkeypatch.setattr("core.runs.list_runs", fails(error), raising=False)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    done, err = command("runs")
    assert done == code
    assert err.startswith(said)
    assert "Traceback" not in err
    log = (tmp_path / "log" / "log.txt").read_text()
    assert "isobar runs" in log
    assert "About to fail." in log
    assert f"It ended with {code}." in log
    assert ("Traceback" in log) == (isinstance(error, Exception) and not isinstance(error, BrokenPipeError))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["runs"], 0),  # that there are none is no fault
        (["runs", "--nonsense"], 2),
        (["nonsense"], 2),
        (["compare", "nowhere"], 2),
        (["report", "nowhere"], 2),
        (["runs", "rm", "nowhere"], 2),
        (["measure", "nowhere.npy"], 2),
        (["sweep", "nowhere.yaml"], 2),
        (["train", "--learning-rate", "x"], 2),
        (["train", "--resume", "--run-dir", "nowhere"], 2),
        (["--help"], 0),
        (["train", "--help"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_requests_and_what_is_not_there(command, words, code):
    done, err = command(*words)
    assert (done, "Traceback" in err) == (code, False), err


@pytest.mark.parametrize("words", [["--verbose", "runs"], ["runs", "--verbose"]])
def test_verbose_says_on_stderr_what_is_in_the_log(command, monkeypatch, words, tmp_path):
    monkeypatch.setattr("core.runs.list_runs", fails(IsobarError("Bad input.")), raising=False)
    code, err = command(*words)
    assert code == 2
    assert "Traceback" in err
    assert "About to fail." in err


def test_verbose_is_left_alone_where_it_is_no_option(command, monkeypatch):
    code, err = command("runs", "rm", "--", "--verbose")
    assert (code, "There is no run '--verbose'" in err, "Traceback" in err) == (2, True, False)


@pytest.mark.slow
def test_the_log_turns_over(monkeypatch, tmp_path):
    monkeypatch.setenv("ISOBAR_LOG", str(tmp_path / "log.txt"))
    with logs.kept():
        for _ in range(5_000):
            logging.getLogger("isobar").info("x" * 1_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.txt", "log.txt.1", "log.txt.2", "log.txt.3"]
    assert all(p.stat().st_size <= 1_000_000 for p in tmp_path.iterdir())
    sweep = tmp_path / "sweep.log"
    for size in (10, 2_000_000, 3):
        logs.turn_over(sweep)
        sweep.write_bytes(bytes(size))
    assert [p.name for p in sorted(tmp_path.glob("sweep*"))] == ["sweep.log", "sweep.log.1"]
    assert sweep.stat().st_size == 3


def test_where_no_log_can_be_written_the_work_goes_on(command, monkeypatch, capfd):
    monkeypatch.setenv("ISOBAR_LOG", "/dev/null/log.txt")
    assert command("runs") == (0, "")


def test_a_warning_is_said_once(monkeypatch, capfd):
    with logs.kept():
        logging.getLogger("isobar").warning("Beware.")
        logging.getLogger("isobar").info("By the way.")
    assert capfd.readouterr().err == "Beware.\n"
    shown = []
    handler = logging.Handler()
    handler.emit = lambda record: shown.append(record.getMessage())
    with logs.kept(), logs.shown_by(handler):
        logging.getLogger("isobar").warning("Beware.")
        logging.getLogger("isobar").info("By the way.")
        logging.getLogger("isobar").debug("Details.")
    assert (shown, capfd.readouterr().err) == (["Beware.", "By the way."], "")


def began(process, there):
    while True:
        with suppress(OSError):  # what is looked at may come and go meanwhile
            if there():
                return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)


def ended(process):
    """Return how `process` ended, and the processes that it left behind."""
    left = psutil.Process(process.pid).children(recursive=True)
    code = process.wait(LONG)
    _, alive = psutil.wait_procs(left, LONG)
    return code, alive


@contextmanager
def started(*words, **environment):
    """Yield the process of a command; where the test fails it is killed, so that nothing waits for it."""
    with subprocess.Popen(
        python_module("core.cli", *map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


@pytest.fixture
def settings(tiny_spec, tmp_path):
    found = tiny_spec.model_dump() | {"max_steps": 1_000_000, "schedule": "constant", "snapshots": 2}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(found))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_training_is_stopped_and_can_go_on(settings, tmp_path, number):
    path = tmp_path / "runs" / "a"
    with started("train", "--spec", tmp_path / "spec.yaml", "--run-dir", path) as process:
        began(process, lambda: Run(path).status.get("step", 0) > 3)
        process.send_signal(number)
        assert ended(process) == (130, [])
    run = load_run(path)
    assert (run.state, run.checkpoint is not None, run.problems) == ("stopped", True, [])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_loads_leaves_no_run_behind_or_one_that_says_so(settings, tmp_path, number):
    with started("train", "--spec", tmp_path / "spec.yaml", "--runs", tmp_path / "runs") as process:
        began(process, lambda: any((tmp_path / "runs").glob("*")))  # the directory that is to be its own
        process.send_signal(number)
        assert ended(process) == (130, [])
    found = [run.state for run in list_runs(tmp_path / "runs")]
    assert found in ([], ["stopped"])
    assert (tmp_path / "runs").exists() == bool(found)


@pytest.mark.slow
def test_an_interrupt_within_an_exec_of_text_ends_it_with_the_code_of_any_other(tmp_path):
    (tmp_path / "interrupted.py").write_text(
        "import core.cli, core.runs\n"
        "def interrupt(*_):\n    exec('raise KeyboardInterrupt')\n"
        "core.runs.list_runs = interrupt\n"
        "core.cli.main()\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "interrupted", "runs"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.slow
def test_a_signal_that_a_library_swallows_while_it_loads_ends_the_run_all_the_same(settings, tmp_path, monkeypatch):
    from core.interrupts import interrupted_by
    from core.runs import RunWriter
    from core.training import fit
    from core.training.spec import RunSpec

    load = fit.load_task

    def swallowing(*args, **options):
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        return load(*args, **options)

    monkeypatch.setattr(fit, "load_task", swallowing)
    with RunWriter(tmp_path / "a") as writer:
        writer.begin(settings)
        writer.status("queued")
    with interrupted_by(signal.SIGTERM), pytest.raises(KeyboardInterrupt):
        fit.train(RunSpec(**settings), tmp_path / "a")
    assert load_run(tmp_path / "a").state == "stopped"
    with interrupted_by(signal.SIGTERM):  # whoever begins anew was not asked
        interrupts.check()


def test_a_run_that_waited_and_is_stopped_while_it_loads_says_so(settings, tmp_path, monkeypatch):
    from core.runs import RunWriter
    from core.training import fit
    from core.training.spec import RunSpec

    with RunWriter(tmp_path / "a") as writer:
        writer.begin(settings)
        writer.status("queued")
    monkeypatch.setattr(fit, "load_task", fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        fit.train(RunSpec(**settings), tmp_path / "a")
    assert load_run(tmp_path / "a").state == "stopped"


@pytest.mark.slow
@pytest.mark.parametrize("at", ["loads", "trains"])
def test_a_sweep_is_stopped_and_leaves_no_process(settings, tmp_path, at):
    runs = tmp_path / "runs"
    (tmp_path / "sweep.yaml").write_text(
        yaml.safe_dump({"base": settings, "grid": {"seed": [0, 1, 2]}, "baselines": False})
    )

    def under_way():
        if at == "loads":
            return (runs / "sweep.log").exists()
        return any(run.status.get("step", 0) > 3 for run in list_runs(runs))

    with started("sweep", tmp_path / "sweep.yaml", "--runs", runs) as process:
        began(process, under_way)
        process.send_signal(signal.SIGTERM)
        code, left = ended(process)
        assert (code, left) == (130, []), process.stderr.read()
    assert [run.state for run in list_runs(runs)] == ["stopped"] * (at == "trains")
    assert all(run.checkpoint for run in list_runs(runs))


@pytest.mark.slow
def test_a_sweep_that_is_killed_leaves_no_process(settings, tmp_path):
    runs = tmp_path / "runs"
    (tmp_path / "sweep.yaml").write_text(
        yaml.safe_dump({"base": settings, "grid": {"seed": [0, 1]}, "baselines": False})
    )
    with started("sweep", tmp_path / "sweep.yaml", "--runs", runs) as process:
        began(process, lambda: any(run.status.get("step", 0) > 3 for run in list_runs(runs)))
        process.kill()
        assert ended(process) == (-signal.SIGKILL, [])
    assert [run.state for run in list_runs(runs)] == ["stopped"]


def test_a_code_is_documented():
    page = (Path(__file__).parents[1] / "docs" / "use.md").read_text("utf-8")
    for code in ("| 0 |", "| 1 |", "| 2 |", "| 130 |"):
        assert code in page
