"""Labels that stand in a file of their own: an array, a label a line, or the metadata of the Embedding Projector."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import IsobarError, nearest
from core.geometry.files.stored import named
from core.table_files import read_utf8, separator_of

_SUFFIXES = (".npy", ".txt", ".tsv", ".csv")
_METADATA = "metadata"
_PICKLE = "it holds Python objects (a pickle), which may run code and are not opened; save numbers or texts, as labels.astype(str) is"


@dataclass(frozen=True)
class LabelFile:
    """A file of labels and the column of it that is meant, if it has several."""

    path: Path
    column: str | None = None

    def read(self, n: int) -> np.ndarray:
        """Return its labels (n,) for `n` embeddings; a row more than these names the columns.

        Raises:
            IsobarError: it can't be read, there are not as many labels, no such column, or several and none is named.
        """
        try:
            return self._of_array(n) if self.path.suffix.lower() == ".npy" else self._of_rows(n)
        except IsobarError:
            raise
        except Exception as error:  # NumPy's and csv's own
            said = _PICKLE if "pickle" in str(error) else " ".join(str(error).split())[:200].rstrip(".")
            raise IsobarError(f"The file of labels {self.path} can't be read: {said}.") from error

    def _of_array(self, n: int) -> np.ndarray:
        if self.column is not None:
            raise IsobarError(f"The file of labels {self.path} holds one array; it has no column {self.column!r}.")
        found = np.load(self.path, allow_pickle=False)
        if found.shape != (n,):
            raise self._other_count(found.shape[0] if found.ndim else 0, n)
        return found

    def _of_rows(self, n: int) -> np.ndarray:
        rows = self._rows()
        is_titled = len(rows) == n + 1
        if not is_titled and len(rows) != n:
            raise self._other_count(len(rows) - (self.column in rows[0]), n)
        titles = rows[0] if is_titled else [str(k) for k in range(len(rows[0]))]
        if self.column in titles:
            k = titles.index(self.column)
        elif len(titles) == 1 and (self.column is None or not is_titled):
            k = 0
        else:
            there = f"its columns are {', '.join(titles)}" + ("" if is_titled else "; it has no line of names")
            wrong = (
                f"several columns, so say which holds the labels ({self.path.name}:column={titles[-1]})"
                if self.column is None
                else f"no column {self.column!r} of labels"
            )
            raise IsobarError(f"{self.path} has {wrong}; {there}.{nearest(self.column or '', titles)}")
        short = next((number for number, row in enumerate(rows, start=1) if len(row) <= k), None)
        if short is not None:
            raise IsobarError(f"{self.path} has no column {titles[k]!r} in row {short}.")
        return np.array([row[k] for row in rows[is_titled:]], dtype=object)

    def _rows(self) -> list[list[str]]:
        """Return the cells of each row: of csv as it quotes them, else what tabs separate in a line."""
        data = read_utf8(self.path, "a label a line")
        text = data.decode("utf-8").replace("\r\n", "\n").removesuffix("\n")
        if self.path.suffix.lower() != ".csv":
            return [line.split("\t") for line in text.split("\n")]
        # Of a row with nothing in it csv makes no cell.
        return [row or [""] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(data))]

    def _other_count(self, there: int, n: int) -> IsobarError:
        return IsobarError(f"{self.path} has {there} labels; there are {n} embeddings.")


def labels_beside(path: Path, labels: str | None) -> LabelFile | None:
    """Return the file that `labels` is the name of, or where it is a column of the metadata beside a file of tabs.

    Raises:
        IsobarError: `labels` names a column of a file of labels that is not there.
    """
    if labels is None:
        return None
    name, column = named(labels)
    if name.suffix.lower() in _SUFFIXES:
        for file in (name, path.parent / name):
            if file.is_file() and file.resolve() != path.resolve():
                return LabelFile(file, column)
        if column is not None:
            raise IsobarError(f"There is no file of labels {name}.")
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
