"""Labels that stand in a file of their own: an array, a label a line, or the metadata of the Embedding Projector."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import IsobarError, nearest
from core.table_files import read_utf8

_SUFFIXES = (".npy", ".txt", ".tsv", ".csv")
_METADATA = "metadata"


@dataclass(frozen=True)
class LabelFile:
    """A file of labels and the column of it that is meant, if it has several."""

    path: Path
    column: str | None = None

    def read(self, n: int) -> np.ndarray:
        """Return its labels (n,) for `n` embeddings; a line more than these names the columns.

        Raises:
            IsobarError: there are not as many, or no such column.
        """
        if self.path.suffix.lower() == ".npy":
            found = np.load(self.path, allow_pickle=False)
            return self._checked(found, n)
        text = read_utf8(self.path, "a label a line").decode("utf-8")
        lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        separator = "," if self.path.suffix.lower() == ".csv" else "\t"
        rows = [line.split(separator) for line in lines]
        header = rows.pop(0) if len(rows) == n + 1 else None
        width = len(rows[0]) if rows else 0
        titles = header or [str(k) for k in range(width)]
        if width == 1:
            k = 0
        elif self.column in titles:
            k = titles.index(self.column)
        else:
            named = f"; its columns are {', '.join(titles)}" if header else ", which has no line of names"
            raise IsobarError(
                f"{self.path} has no column {self.column!r} of labels{named}.{nearest(self.column or '', titles)}"
            )
        short = next((number for number, row in enumerate(rows, start=1 + bool(header)) if len(row) <= k), None)
        if short is not None:
            raise IsobarError(f"{self.path} has no column {titles[k]!r} in line {short}.")
        return self._checked(np.array([row[k] for row in rows], dtype=object), n)

    def _checked(self, found: np.ndarray, n: int) -> np.ndarray:
        if found.shape != (n,):
            raise IsobarError(
                f"{self.path} has {found.shape[0] if found.ndim else 0} labels; there are {n} embeddings."
            )
        return found


def labels_beside(path: Path, labels: str | None) -> LabelFile | None:
    """Return the file that `labels` is the name of, or where it is a column of the metadata beside a file of tabs."""
    if labels is None:
        return None
    if Path(labels).suffix.lower() in _SUFFIXES:
        for file in (Path(labels), path.parent / labels):
            if file.is_file() and file.resolve() != path.resolve():
                return LabelFile(file)
    metadata = metadata_beside(path)
    if metadata is not None and not _is_titled(path, labels):
        return LabelFile(metadata, labels)
    return None


def metadata_beside(path: Path) -> Path | None:
    """Return the file of metadata that the Embedding Projector has beside its file of vectors, or None."""
    if path.suffix.lower() != ".tsv" or _METADATA in path.stem.lower():
        return None
    stem = path.stem
    for name in (stem.replace("vectors", _METADATA).replace("tensors", _METADATA), f"{stem}_{_METADATA}", _METADATA):
        file = path.with_name(f"{name}{path.suffix}")
        if _METADATA in name and file.is_file():
            return file
    return None


def _is_titled(path: Path, name: str) -> bool:
    """Whether `name` is in the first line."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        return name in (cell.strip().strip('"') for cell in next(lines, "").rstrip("\n").split("\t"))
