"""Starts runs in processes of their own, one at a time, and asks them to stop.

`start` makes the run directory and a keeper (``python -m explorer.jobs DIR``), which outlives the app, waits until it
is the run's turn, and then trains through the command line. The turn is a lock on a file in the folder of runs: the
system lets go of it when its holder ends, however it ends.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.runs import Run, RunWriter, layout
from core.training.spec import RunSpec

_LOCK = ".turn"
_LOOK_SECONDS = 0.5
_LOOK_BACK = 200  # of so many of the newest runs the keeper asks whether they wait


def start(spec: RunSpec, runs_dir: Path | str) -> Path:
    """Start `spec`, or queue it behind the runs that are under way; returns its new directory at once.

    Raises:
        IsobarError: the directory can't be written.
    """
    path = spec.free_dir(runs_dir)
    writer = RunWriter.create(path, spec.model_dump())
    writer.status("queued", queued=time.time())
    with (path / layout.LOG).open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "explorer.jobs", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return path


def stop(run: Run) -> None:
    """Ask `run` to end; a waiting one ends at once, a running one within seconds."""
    run.request_stop()


def keep(path: Path) -> None:
    """Wait for the turn of the run in `path`, train it, and see to it that its status says how that ended."""
    writer = RunWriter(path)
    queued = Run(path).status.get("queued", time.time())
    with _turn(path, writer, queued) as came:
        if not came:
            (path / layout.STOP).unlink(missing_ok=True)
            writer.status("stopped", queued=queued)
            return
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", "train", "--spec", str(path / layout.SPEC), "--run-dir", str(path)],
            check=False,
        )
    if Run(path).state in ("queued", "running"):  # it ended before it could say how
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
        yield True


def _locked(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _older_waits(path: Path, queued: float) -> bool:
    """Whether another run of this machine that lives waits for longer."""
    for name in sorted(os.listdir(path.parent))[-_LOOK_BACK:]:
        try:
            status = json.loads((path.parent / name / layout.STATUS).read_bytes())
            first = (status["queued"], name) < (queued, path.name)
            if (
                status["state"] == "queued"
                and status["host"] == socket.gethostname()
                and first
                and _lives(status["pid"])
            ):
                return True
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _last_words(path: Path, code: int) -> str:
    lines = [line.strip() for line in Run(path).log().splitlines() if line.strip()]
    said = [line.removeprefix("isobar: ") for line in lines if line.startswith("isobar: ")]
    return said[-1] if said else f"The run's process ended with code {code}; its log says more."


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
