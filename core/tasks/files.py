"""A folder with one table a split."""

from __future__ import annotations

from pathlib import Path

from core.errors import IsobarError
from core.table_files import SUFFIXES

TRAIN_NAMES = ("train", "training")
# A test file stands in for validation only where there is no other: benchmarks often ship it without labels.
VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval", "test")


def has_tables(folder: Path) -> bool:
    """Return whether a table lies in `folder` that is called as a training or a validation split."""
    try:
        return any(_is_table(path) and path.stem.lower() in TRAIN_NAMES + VALIDATION_NAMES for path in folder.iterdir())
    except OSError:
        return False


def find_splits(folder: Path) -> tuple[Path, Path]:
    """Return the train and the validation file of `folder`.

    A file is known by its stem (``train``; ``validation``, ``valid``, ``val``, ``dev``, ``eval`` or ``test``, in
    this order) and by its suffix (one of `SUFFIXES`).

    Raises:
        IsobarError: one of the two is missing, or there are two files for the same split.
    """
    try:
        files = sorted(path for path in folder.iterdir() if _is_table(path))
    except OSError as error:
        raise IsobarError(f"Folder {folder} can't be read ({error.strerror}).") from error
    train = _one_of(folder, files, TRAIN_NAMES)
    validation = _one_of(folder, files, VALIDATION_NAMES)
    missing = [name for name, path in (("train", train), ("validation", validation)) if path is None]
    if missing:
        there = ", ".join(p.name for p in files[:8]) or "no data file"
        raise IsobarError(
            f"Folder {folder} has no {' and no '.join(missing)} file (found {there}); it needs train and validation "
            f"files that end in {', '.join(SUFFIXES)}, or one folder of images or sounds per class."
        )
    return train, validation


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES


def _one_of(folder: Path, files: list[Path], names: tuple[str, ...]) -> Path | None:
    for name in names:
        found = [p for p in files if p.stem.lower() == name]
        if len(found) > 1:
            raise IsobarError(
                f"Folder {folder} has both {found[0].name} and {found[1].name}; keep the one that is meant."
            )
        if found:
            return found[0]
    return None
