"""Checkpoints of a run, from which it is resumed, and which of them are whole.

What is in a checkpoint is listed, with sizes, in a file that is written after all others are on the disk and removed
before any other is. A checkpoint without it, or without one of those files, is none.
"""

import json
from pathlib import Path

from core import files
from core.json_text import json_text
from core.runs import layout

COMPLETE = "complete.json"


def folder(run_dir: Path, step: int) -> Path:
    """Return where the checkpoint of `step` is, or would be."""
    return run_dir / f"checkpoint-{step}"


def step_of(checkpoint: Path) -> int:
    """Return the step that a checkpoint is of; -1 of a folder whose name holds none."""
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 16 else -1


def all_of(run_dir: Path) -> list[Path]:
    """Return the run's checkpoints, whole or not, the newest first."""
    found = [path for path in run_dir.glob("checkpoint-*") if step_of(path) >= 0]
    return sorted(found, key=step_of, reverse=True)


def newest(run_dir: Path) -> Path | None:
    """Return the newest whole checkpoint, or None."""
    return next((path for path in all_of(run_dir) if is_complete(path)), None)


def is_complete(checkpoint: Path) -> bool:
    """Whether all files of the checkpoint are there, as they were written."""
    try:
        sizes = json.loads((checkpoint / COMPLETE).read_bytes())
        return bool(sizes) and all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return False


def seal(checkpoint: Path) -> None:
    """Say that the checkpoint is whole, once it is on the disk, and with it what the run has logged until then."""
    files.unlink(checkpoint / COMPLETE)
    files.sync(checkpoint)
    if (events := checkpoint.parent / layout.EVENTS).exists():
        files.sync(events)
    written = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    sizes = {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in written}
    files.sync_entry(checkpoint)
    files.write(checkpoint / COMPLETE, json_text(sizes, indent=1))


def drop(checkpoint: Path) -> None:
    """Remove the checkpoint; were that cut short, what is left of it is no checkpoint."""
    files.unlink(checkpoint / COMPLETE)
    files.remove(checkpoint)
