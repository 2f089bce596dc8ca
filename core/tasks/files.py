"""A folder of tables: a file a split, the layout of the Hub's repositories, or what `datasets` saved to disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError, nearest
from core.table_files import SUFFIXES, read_table

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN_NAMES = ("train", "training")
# A test file stands in for validation only where there is no other: benchmarks often ship it without labels.
VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval", "validation_matched", "test")
_SAVED = "state.json"  # of a split, as `datasets` saves it; several lie side by side, with a dataset_dict.json
_SHARD = re.compile(r"[-._ ]\d[-._ \w]*$")  # train-00000-of-00002
_README = "README.md"


@dataclass(frozen=True)
class Tables:
    """The tables of a folder.

    Attributes:
        folder: where they lie.
        splits: by the split's name, its files in order, or the one folder that `datasets` saved it to.
    """

    folder: Path
    splits: Mapping[str, tuple[Path, ...]]

    @property
    def train(self) -> str:
        """The name of the training split: one that is called so, or the only one."""
        return _first_of(self.splits, TRAIN_NAMES) or next(iter(self.splits))

    @property
    def validation(self) -> str | None:
        """The name of the validation split, if there is one."""
        return validation_of(self.splits, self.train)

    def read(self, name: str) -> tuple[pa.Table, str]:
        """Return a split's rows, and what to call it in messages.

        Raises:
            IsobarError: a file can't be read, or its columns are not those of the others.
        """
        import pyarrow as pa

        paths = self.splits[name]
        tables = [_read_saved(path) if path.is_dir() else read_table(path) for path in paths]
        where = str(paths[0]) if len(paths) == 1 else f"{self.folder} (split {name!r}, {len(paths)} files)"
        other = next((path for path, table in zip(paths, tables) if not _alike(table, tables[0])), None)
        if other is not None:
            raise IsobarError(
                f"{other} has other columns than {paths[0]}, though both are of split {name!r}; all files of a split need the same."
            )
        return pa.concat_tables(tables, promote_options="permissive"), where


def validation_of(splits: Iterable[str], train: str) -> str | None:
    """Return which of the `splits` beside `train` validates, if one does."""
    return _first_of([name for name in splits if name != train], VALIDATION_NAMES)


def tables_of(folder: Path, config: str = "") -> Tables | None:
    """Return the tables in `folder`, or None where there are none that are called as splits are.

    What `datasets` has saved to disk is known by its state.json. Else a README.md may say under `configs` which files are
    which split, as on the Hub; else files are known by their stem (``train``; ``validation``, ``valid``, ``val``, ``dev``,
    ``eval`` or ``test``, in this order), which a shard's number may follow, by their suffix (one of `SUFFIXES`), and lie in
    `folder`, in ``data``, or in a folder called as the split.

    Args:
        folder: that exists.
        config: which of the README's; by default the one that it calls the default, or the only one.

    Raises:
        IsobarError: the README names no such files, or several configs; there are two files for one split.
    """
    try:
        splits = _saved(folder) or _configured(folder, config) or _named(folder)
    except OSError as error:
        raise IsobarError(f"Folder {folder} can't be read ({error.strerror}).") from error
    if config and not (folder / _README).is_file():
        raise IsobarError(f"Folder {folder} has no README.md that names a config {config!r}.")
    return Tables(folder, splits) if splits else None


def no_splits(folder: Path, missing: tuple[str, ...] = ("train", "validation")) -> IsobarError:
    """Return the error that says which splits a folder lacks."""
    try:
        there = ", ".join([path.name for path in sorted(folder.iterdir())][:8]) or "no data file"
    except OSError as error:
        return IsobarError(f"Folder {folder} can't be read ({error.strerror}).")
    return IsobarError(
        f"Folder {folder} has no {' and no '.join(missing)} file (found {there}); it needs train and validation "
        f"files that end in {', '.join(SUFFIXES)}, or one folder of images or sounds per class."
    )


def _first_of(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(list(names))}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def _saved(folder: Path) -> dict[str, tuple[Path, ...]]:
    if (folder / _SAVED).is_file() and (folder / "dataset_info.json").is_file():
        return {"train": (folder,)}
    if not (folder / "dataset_dict.json").is_file():
        return {}
    return {path.name: (path,) for path in sorted(folder.iterdir()) if (path / _SAVED).is_file()}


def _read_saved(folder: Path) -> pa.Table:
    import datasets

    from core.tasks.hub import as_table

    try:
        return as_table(datasets.Dataset.load_from_disk(str(folder)))
    except (
        Exception
    ) as error:  # a file that is missing, cut short or of another version: each has an exception of its own
        said = " ".join(str(error).split())[:200].rstrip(".")
        raise IsobarError(
            f"{folder} looks as if `datasets` had saved it, but can't be read ({type(error).__name__}: {said})."
        ) from error


def _configured(folder: Path, config: str) -> dict[str, tuple[Path, ...]]:
    """Return the files of each split as README.md says, if it does."""
    from huggingface_hub import metadata_load

    if not (folder / _README).is_file():
        return {}
    try:
        configs = (metadata_load(folder / _README) or {}).get("configs")
    except Exception:  # a README of anything else, with something like a head that is no YAML
        return {}
    if not isinstance(configs, list) or not all(isinstance(one, dict) and one.get("data_files") for one in configs):
        return {}
    by_name = {str(one.get("config_name", "default")): one for one in configs}
    defaults = [name for name, one in by_name.items() if one.get("default")] or [n for n in by_name if n == "default"]
    chosen = config or next(iter(defaults or (by_name if len(by_name) == 1 else [])), "")
    if chosen not in by_name:
        asked = f"no config {config!r}" if config else "several configs"
        raise IsobarError(
            f"The README.md of {folder} has {asked}; name one as {folder}:NAME, of {', '.join(by_name)}."
            f"{nearest(config, by_name) if config else ''}"
        )
    files = by_name[chosen]["data_files"]
    if isinstance(files, str) or not all(isinstance(one, dict) for one in files):
        files = [{"split": "train", "path": files}]
    return {str(one.get("split", "train")): _globbed(folder, one.get("path")) for one in files}


def _globbed(folder: Path, patterns) -> tuple[Path, ...]:
    patterns = [patterns] if isinstance(patterns, str) else list(patterns or ())
    outside = [p for p in patterns if "://" in str(p) or Path(str(p)).is_absolute() or ".." in Path(str(p)).parts]
    if outside:
        raise IsobarError(f"The README.md of {folder} names {outside[0]}, which is not in the folder.")
    found = [path for pattern in patterns for path in sorted(folder.glob(str(pattern))) if _is_table(path)]
    if not found:
        raise IsobarError(
            f"The README.md of {folder} names {', '.join(map(str, patterns))}, and there is no such file that ends in "
            f"{', '.join(SUFFIXES)}."
        )
    return tuple(dict.fromkeys(found))


def _named(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the files of each split by what they, or the folders that they lie in, are called."""
    for home in (folder, folder / "data"):
        if not home.is_dir():
            continue
        found: dict[str, list[Path]] = {}
        for path in sorted(home.iterdir()):
            if _is_table(path) and (split := _split_of(path.stem)):
                found.setdefault(split, []).append(path)
        for split, paths in found.items():
            alone = [path for path in paths if path.stem.lower() == split]
            if alone and len(paths) > 1:
                raise IsobarError(
                    f"Folder {home} has both {paths[0].name} and {paths[1].name}; keep the one that is meant."
                )
        if found and home == folder and all(path.stem.lower() == split for split, (path, *_) in found.items()):
            kinds = {"train": TRAIN_NAMES, "validation": VALIDATION_NAMES}
            if missing := tuple(kind for kind, names in kinds.items() if not set(names) & set(found)):
                raise no_splits(folder, missing)
        if not found:
            folders = [
                path for path in sorted(home.iterdir()) if path.is_dir() and _split_of(path.name) == path.name.lower()
            ]
            for path in folders:
                # A metadata file stands beside images or sounds and says something of each.
                tables = [file for file in sorted(path.iterdir()) if _is_table(file) and file.stem != "metadata"]
                found |= {path.name.lower(): tables} if tables else {}
        if found:
            return {split: tuple(paths) for split, paths in found.items()}
    return {}


def _split_of(stem: str) -> str | None:
    name = _SHARD.sub("", stem).lower()
    return name if name in (*TRAIN_NAMES, *VALIDATION_NAMES) else None


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES


def _alike(table: pa.Table, other: pa.Table) -> bool:
    return set(table.column_names) == set(other.column_names)
