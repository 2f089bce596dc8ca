"""Starts runs and inspections in processes of their own, one at a time, and asks them to stop.

`start` makes the run directory and a keeper (``python -P -m explorer.jobs WORK DIR``), which outlives the app, waits until
it is the run's turn, and then works through the command line. The turn is a lock on a file in the folder of runs: the
system lets go of it when its holder ends, however it ends. Inspections lie in a folder of their own within that of the
runs, so they have a turn of their own: one does not wait for a long run.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.children import python_module
from core.errors import IsobarError
from core.processes import lives
from core.runs import Run, RunWriter, layout

if TYPE_CHECKING:  # a keeper may wait for days beside many others
    from core.studies.study import StudySpec
    from core.training.spec import RunSpec

_LOCK = ".turn"
_LOOK_SECONDS = 0.5
_LOOK_BACK = 200  # of so many of the newest runs the keeper asks whether they wait


def start(spec: RunSpec, runs_dir: Path | str) -> Path:
    """Start `spec`, or queue it behind the runs that are under way; returns its new directory at once.

    Raises:
        IsobarError: the directory can't be written.
    """
    return _queued(spec.model_dump(), spec.run_name(), Path(runs_dir), "train")


def inspect(spec: RunSpec, runs_dir: Path | str) -> Path:
    """Look at the checkpoint and data that `spec` names, without training; returns the inspection's directory at once.

    Raises:
        IsobarError: the directory can't be written.
    """
    return _queued(spec.model_dump(), spec.run_name(), Path(runs_dir) / layout.INSPECTIONS, "inspect")


def study(kind: str, spec: StudySpec, folder: Path) -> Path:
    """Start a study ("layers" or "landscape") in a new directory in `folder`, which is returned at once.

    Raises:
        IsobarError: the directory can't be written.
    """
    return _queued(spec.model_dump(mode="json"), spec.run_name(), folder, kind)


def _queued(spec: dict, name: str, folder: Path, work: str) -> Path:
    with RunWriter.named(name, folder) as writer:
        writer.begin(spec)
        writer.status("queued", queued=time.time())
    _keeper(work, writer.path)
    return writer.path


def go_on(kind: str, run: Run) -> None:
    """Go on with a study that was stopped or failed; what had finished in it is kept.

    Raises:
        IsobarError: somebody is at it.
    """
    with RunWriter(run.path) as writer:
        writer.begin(run.settings, resume=True)
        writer.status("queued", queued=time.time())
    _keeper(kind, run.path)


def resume(run: Run) -> None:
    """Continue a run that was stopped or failed from its last checkpoint, behind the runs that are under way.

    Raises:
        IsobarError: it is under way, or has no checkpoint to go on from.
    """
    with RunWriter(run.path) as writer:
        writer.hold()
        _queue_again(Run(run.path), writer)
    _keeper("resume", run.path)


def _queue_again(run: Run, writer: RunWriter) -> None:
    if run.state not in ("stopped", "failed"):
        raise IsobarError(f"The run {run.name} is {run.state}; only one that was stopped or failed can be resumed.")
    if run.checkpoint is None:
        raise IsobarError(f"The run {run.name} left no checkpoint to go on from; start it again with its settings.")
    (run.path / layout.STOP).unlink(missing_ok=True)
    (run.path / layout.LOG).unlink(missing_ok=True)  # what it says in the end is to be of this time
    came = {name: run.status[name] for name in ("step", "total_steps") if name in run.status}
    writer.status("queued", queued=time.time(), **came)


def _keeper(work: str, path: Path) -> None:
    with (path / layout.LOG).open("ab") as log:
        subprocess.Popen(
            python_module("explorer.jobs", work, str(path)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(run: Run) -> None:
    """Ask `run` to end; a waiting one ends at once, a running one within seconds. One that is gone has ended."""
    with suppress(IsobarError):
        run.request_stop()


def ahead(folder: Path, run: Run | None = None) -> int:
    """Return how many of the runs that this app started in `folder` come before `run`, or before one that is started now.

    It is those that wait for longer, and the one whose turn it is. Others that are under way, from a terminal or by
    somebody's own Trainer, have no turn, and nobody waits for them.
    """
    if run and run.state != "queued":
        return 0
    at = (run.status.get("queued", time.time()), run.name) if run else (math.inf, "")
    found = {name for name, queued in _waiting(folder) if (queued, name) < at}
    with suppress(OSError):
        holder = (folder / _LOCK).read_text(encoding="utf-8")
        if holder and Run(folder / holder).state in ("queued", "running"):
            found.add(holder)
    return len(found - {run.name if run else ""})


def keep(work: str, path: Path) -> None:
    """Wait for the turn of the run in `path`, do the `work`, and see to it that its status says how that ended."""
    writer = RunWriter(path)
    was = Run(path).status
    queued = was.get("queued", time.time())
    came_to = {name: was[name] for name in ("step", "total_steps") if name in was}  # of a run that is resumed
    writer.status("queued", queued=queued, **came_to)
    with _turn(path, writer, queued) as came:
        if not came:
            (path / layout.STOP).unlink(missing_ok=True)
            writer.status("stopped", queued=queued)
            return
        writer.release()  # from here on the work leads the run
        done = subprocess.run(python_module("core.cli", *_words(work, path)), check=False)
    # It ended before it could say how, if the last word is still this process's: a run that is stopped may be queued
    # again, by another keeper, while its old process has yet to end.
    if Run(path).state == "queued" and Run(path).status.get("pid") == os.getpid():
        with suppress(IsobarError):  # somebody else has begun it meanwhile
            writer.status("failed", error=_last_words(path, done.returncode))


def device() -> str:
    """Return what this machine trains on, without loading torch: cuda, mps or cpu, and its memory."""
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
        try:
            found = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout.splitlines()
            name, memory = found[0].rsplit(",", 1)
            return f"cuda · {name} · {int(memory) / 1024:.0f} GB"
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            pass
    memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    if sys.platform == "darwin" and os.uname().machine == "arm64":
        return f"mps · {memory}"
    return f"cpu · {os.cpu_count()} cores · {memory}"


def _words(work: str, path: Path) -> list[str]:
    spec = ["--spec", str(path / layout.SPEC)]
    return {
        "train": ["train", *spec, "--run-dir", str(path)],
        "resume": ["train", "--resume", "--run-dir", str(path)],
        "inspect": ["inspect", *spec, "--run-dir", str(path)],
        "layers": ["layers", *spec, "--into", str(path)],
        "landscape": ["landscape", str(path / layout.SPEC), "--into", str(path)],
    }[work]


@contextmanager
def _turn(path: Path, writer: RunWriter, queued: float) -> Iterator[bool]:
    """Hold the lock while the block runs; yields False, without it, where the run was asked to stop meanwhile."""
    with (path.parent / _LOCK).open("a") as file:
        while not (not _older_waits(path, queued) and _locked(file)):
            if writer.stop_requested():
                yield False
                return
            writer.status("queued", queued=queued)
            time.sleep(_LOOK_SECONDS)
        file.truncate(0)
        file.write(path.name)  # for those who count what is ahead of them
        file.flush()
        yield True


def _locked(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _older_waits(path: Path, queued: float) -> bool:
    """Whether another run waits for longer."""
    return any((since, name) < (queued, path.name) for name, since in _waiting(path.parent))


def _waiting(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield the runs in `folder` that wait on this machine, by a process that lives, and since when."""
    names = sorted(os.listdir(folder))[-_LOOK_BACK:] if folder.is_dir() else []
    for name in names:
        try:
            status = json.loads((folder / name / layout.STATUS).read_bytes())
            here = status["state"] == "queued" and status["host"] == socket.gethostname()
            if here and lives(status["pid"], status.get("birth")):
                yield name, status["queued"]
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _last_words(path: Path, code: int) -> str:
    lines = [line.strip() for line in Run(path).log().splitlines() if line.strip()]
    said = [line.removeprefix("isobar: ") for line in lines if line.startswith("isobar: ")]
    return said[-1] if said else f"The run's process ended with code {code}; its log says more."


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]))
