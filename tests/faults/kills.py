"""Kills a run's process at some moment, and says what is left, and whether it goes on to the same end."""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from core import RunSpec
from core.runs import Run
from tests.faults.tiny import differences, result

# Its processes have loaded the libraries and done nothing: a run is begun at once in each.
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["core.training.fit", "tests.faults.kills", "pandas", "pyarrow.parquet", "filelock"])
_CHANGES = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")


@dataclass(frozen=True)
class Kill:
    """What came of one kill: where it was, what the directory showed, how the run ended, and what of that is wrong."""

    moment: str
    shown: str
    ended: str
    wrong: str


def changes_of(spec: RunSpec, path: Path) -> list[str]:
    """Run `spec` in `path` undisturbed, in a process of its own; return what it did to its directory, in order."""
    log = path.with_name(f"{path.name}.changes")
    _ended(_started(spec, path, resume=False, log=log))
    return log.read_text().splitlines()


def killed(spec: RunSpec, path: Path, whole: dict, changes: list[str], at: int | None = None, after: float = 0) -> Kill:
    """Begin `spec` in `path`, kill it before its change number `at` or else `after` seconds, and go on with what is left."""
    process = _started(spec, path, resume=False, at=at)
    if at is None:
        process.join(after)
        process.kill()
    process.join()
    wrong, moment = [], f"before {changes[at]}" if at is not None else f"after {after:.2f} s"
    if at is not None and process.exitcode != -signal.SIGKILL:
        wrong.append(f"ended with {process.exitcode} before it was killed")
    run = Run(path)
    shown = f"{run.state}, {len(run.steps)} snapshots, {len(run.events)} events" if path.exists() else "nothing yet"
    if path.exists() and run.state in ("running", "queued"):
        wrong.append(f"reads as {run.state}")
    if not (path.exists() and run.state == "finished"):
        came = run.checkpoint.name if path.exists() and run.checkpoint else "the beginning"
        _ended(_started(spec, path, resume=(path / "spec.yaml").exists()))
        ended = f"resumed from {came}: {Run(path).state}"
    else:
        ended = "finished"
    wrong += differences(result(Run(path)), whole)
    if left := [p.name for p in path.rglob("*") if p.name.endswith(".part") or p.name.startswith("checkpoint-")]:
        wrong += [f"left {', '.join(left)}"] if ended != "finished" else []
    return Kill(moment, shown, ended, ", ".join(wrong))


def _started(spec: RunSpec, path: Path, resume: bool, at: int | None = None, log: Path | None = None) -> BaseProcess:
    process = _SERVER.Process(target=_run, args=(spec.model_dump(), str(path), resume, at, log and str(log)))
    process.start()
    return process


def _ended(process: BaseProcess) -> None:
    process.join()
    assert process.exitcode == 0, f"the run ended with {process.exitcode}"


def _run(settings: dict, path: str, resume: bool, at: int | None, log: str | None) -> None:
    import torch

    from core import train

    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
    torch.set_num_threads(1)  # sums in one order
    seen: list[str] = []

    def watch(event: str, arguments: tuple) -> None:
        if event not in _CHANGES or not str(arguments[0]).startswith(path) or len(str(arguments[0])) > 4096:
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        seen.append(f"{event} {os.path.relpath(str(arguments[0]), path)}")
        if at is not None and len(seen) > at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    train(RunSpec(**settings), path, resume=resume)
    if log:
        with open(log, "w") as file:
            file.write("\n".join(seen))
