"""Folders of images or sounds, one folder inside them per class, to tables of their files' names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError
from core.modalities import MODALITIES
from core.modalities.media import SUFFIXES, modality_of
from core.tasks.columns import Columns, Split
from core.tasks.files import TRAIN_NAMES, VALIDATION_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = Columns(text="file", label="label")
"""The columns of the tables that are made of folders."""


def has_media(folder: Path) -> bool:
    """Return whether an image or a sound lies in `folder` or anywhere below."""
    return modality_in(folder) is not None


def modality_in(folder: Path) -> str | None:
    """Return "image" or "audio" by the first such file in `folder` or anywhere below; None where there is none."""
    return next((modality_of(file.name) for file in _media_below(folder)), None)


def has_classes(folder: Path) -> bool:
    """Return whether `folder` has folders in it, as one of classes does."""
    return bool(_folders(folder))


def folder_splits(folder: Path) -> tuple[Split, Split | None, tuple[str, ...]]:
    """Return the training split, the validation split if there is one, and notes of what was left out.

    It is ``folder/CLASS/...`` or ``folder/train/CLASS/...`` with, if there is one, ``folder/validation/CLASS/...`` (or
    valid, val, dev, eval, test, in this order). Whatever lies below the folder of a class, however deep, is of that
    class. The tables have the columns ``file`` and ``label``.

    Raises:
        IsobarError: the folder of a class is empty, there are no such folders, or images and sounds are mixed.
    """
    by_name = {path.name.lower(): path for path in _folders(folder)}
    train = next((by_name[name] for name in TRAIN_NAMES if name in by_name), None)
    if train is None or not _folders(train):  # things called "train" may also be what is classified
        table, notes = _split_of(folder)
        return table, None, notes
    validation = next((by_name[name] for name in VALIDATION_NAMES if name in by_name), None)
    splits = [_split_of(path) for path in (train, validation) if path is not None]
    notes = [note for _, noted in splits for note in noted]
    if validation is not None and validation.name.lower() == "test":
        notes.append(f"{validation} stands in for a validation folder.")
    unread = [path.name for path in by_name.values() if path not in (train, validation) and has_media(path)]
    if unread:
        notes.append(f"Beside {train.name}, {folder} has {_listed(unread)}, which is not read.")
    return splits[0][0], splits[1][0] if len(splits) > 1 else None, tuple(notes)


def all_files(folder: Path) -> Split:
    """Return all images or sounds below `folder` as a table with the column ``file`` alone.

    Raises:
        IsobarError: images and sounds are mixed, or there are none.
    """
    import pyarrow as pa

    files = sorted(_media_below(folder))
    _check_kind(folder, files)
    return Split(pa.table({FILES.text: _names(folder, files)}), str(folder), folder)


def _split_of(folder: Path) -> tuple[Split, tuple[str, ...]]:
    import pyarrow as pa

    classes = {path.name: sorted(_media_below(path)) for path in _folders(folder)}
    if not classes:
        raise IsobarError(
            f"Folder {folder} holds its {MODALITIES[modality_of(next(_media_below(folder)).name)].many} side by side; to be told apart "
            "they lie in one folder per class."
        )
    empty = next((name for name, files in classes.items() if not files), None)
    if empty is not None:
        raise IsobarError(
            f"Folder {folder / empty} holds no image and no sound ({', '.join(s for kinds in SUFFIXES.values() for s in kinds)}); "
            "fill it, or remove it if it is no class."
        )
    files = [file for found in classes.values() for file in found]
    _check_kind(folder, files)
    labels = [name for name, found in classes.items() for _ in found]
    outside = [path.name for path in sorted(folder.iterdir()) if path.is_file() and modality_of(path.name)]
    notes = (f"Outside the folders of the classes {folder} has {_listed(outside)}, left out.",) if outside else ()
    return Split(pa.table({FILES.text: _names(folder, files), FILES.label: labels}), str(folder), folder), notes


def _check_kind(folder: Path, files: list[Path]) -> None:
    first = {modality_of(file.name): file for file in reversed(files)}
    if len(first) > 1:
        several = " and ".join(MODALITIES[modality].many for modality in sorted(first, reverse=True))
        such = " and ".join(str(first[modality].relative_to(folder)) for modality in sorted(first, reverse=True))
        raise IsobarError(f"Folder {folder} mixes {several}, such as {such}; a task is of one kind.")


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not _hidden(path.name))
    except OSError as error:
        raise IsobarError(f"Folder {folder} can't be read ({error.strerror}).") from error


def _media_below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _hidden(name)]
        yield from (Path(here, name) for name in files if not _hidden(name) and modality_of(name))


def _names(folder: Path, files: list[Path]) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files]


def _hidden(name: str) -> bool:
    return name.startswith((".", "__"))  # .ipynb_checkpoints, __MACOSX


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
