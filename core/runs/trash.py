"""Runs that were thrown away: a folder in that of the runs, out of which they can be taken again until it is emptied."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from core import files
from core.errors import IsobarError, nearest
from core.runs import layout
from core.runs.reader import Run
from core.runs.writer import RunWriter

_MOMENT = "%Y-%m-%dT%H-%M-%S"


@dataclass(frozen=True)
class Trashed:
    """A run in the trash.

    Attributes:
        path: where it is now: it keeps its name, in a folder of its own that is named after the moment.
    """

    path: Path

    @property
    def name(self) -> str:
        """The directory's name, as it was."""
        return self.path.name

    @property
    def moment(self) -> str:
        """When it was thrown away, as ``2026-11-28T00-30-00``."""
        return self.path.parent.name[:19]


def trash(run: Run) -> Trashed:
    """Move `run` to the trash of the folder that it lies in.

    Raises:
        IsobarError: it runs or waits, is gone, or can't be moved.
    """
    if not run.path.is_dir():
        raise IsobarError(f"There is no run {run.path}.")
    with RunWriter(run.path) as writer, _said(run.path):
        _check_ended(run.path)
        writer.hold()
        _check_ended(run.path)  # nobody begins it any more
        bin_ = run.path.parent / layout.TRASH
        files.make_folder(bin_)
        place = files.new_folder(bin_, time.strftime(_MOMENT))
        try:
            files.move(run.path, place / run.name)
        except OSError:
            place.rmdir()
            raise
    return Trashed(place / run.name)


def trashed(runs_dir: Path | str = "runs") -> list[Trashed]:
    """Return what is in the trash of `runs_dir`, the last that was thrown away first."""
    try:
        moments = sorted((p for p in (Path(runs_dir) / layout.TRASH).iterdir() if p.is_dir()), key=_age, reverse=True)
        return [Trashed(path) for moment in moments for path in sorted(moment.iterdir())]
    except (FileNotFoundError, NotADirectoryError):
        return []


def restore(one: Trashed) -> Run:
    """Put a run back to where it was; where its name is another's by now, a number is added.

    Raises:
        IsobarError: it is gone, or can't be moved.
    """
    if not os.path.lexists(one.path):
        raise IsobarError(f"The run {one.name} is no longer in the trash.")
    with _said(one.path):
        place = files.new_folder(one.path.parents[2], one.name)
        try:
            if one.path.is_symlink():
                place.rmdir()
            files.move(one.path, place)
        except OSError:
            if place.is_dir() and not place.is_symlink():
                place.rmdir()
            raise
        one.path.parent.rmdir()
    return Run(place)


def empty(runs_dir: Path | str = "runs") -> int:
    """Remove for good what is in the trash of `runs_dir`, and return how many runs that were.

    Raises:
        IsobarError: not all of it can be removed.
    """
    found = trashed(runs_dir)
    files.remove(Path(runs_dir) / layout.TRASH)
    if left := trashed(runs_dir):
        raise IsobarError(f"{len(left)} of {len(found)} runs in {left[0].path.parents[1]} can't be removed.")
    return len(found)


def last_trashed(name: str, runs_dir: Path | str = "runs") -> Trashed:
    """Return the run called `name` that was thrown away last.

    Raises:
        IsobarError: none of that name is in the trash.
    """
    found = trashed(runs_dir)
    one = next((one for one in found if one.name == name), None)
    if one is None:
        raise IsobarError(
            f"There is no run {name!r} in the trash of {runs_dir}.{nearest(name, [o.name for o in found])}"
        )
    return one


def _check_ended(path: Path) -> None:
    if (state := Run(path).state) in ("queued", "running"):
        at = "waiting" if state == "queued" else state
        raise IsobarError(f"The run {path.name} is {at}; stop it before it is thrown away.")


def _age(moment: Path) -> tuple[str, int]:
    number = moment.name[20:]  # of several in one second
    return moment.name[:19], int(number) if number.isascii() and number.isdigit() else 0


def _said(path: Path):
    return files.sentences_for_disk_errors(path)
