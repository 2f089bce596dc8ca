"""Reads embeddings from a file: .npy, .csv, .parquet or .safetensors."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import IsobarError, nearest

KINDS = (".npy", ".csv", ".parquet", ".safetensors")
_UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)?|__index_level_\d+__")  # what pandas and Arrow call such columns
_LISTED = 5


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file holds.

    Attributes:
        embeddings: (n, d).
        labels: (n,), where they were asked for.
        notes: a sentence on each thing that a person might not expect, such as a column that was left out.
    """

    embeddings: np.ndarray
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def read_embeddings(path: Path | str, labels: str | None = None, tensor: str | None = None) -> Stored:
    """Return the embeddings in a file and, where `labels` names their column or tensor, the labels.

    Of a table (.csv, .parquet) the embeddings are all numeric columns but the labels' and those without a name, which
    hold an index; a .csv may have no header. Of a .safetensors file, such as a run's snapshot, they are the tensor called
    `tensor`, or ``embeddings``, or the only one of two dimensions. Nothing in a file is run: pickled arrays are refused.

    Raises:
        IsobarError: the file is missing, of another kind, unreadable, or has no such column or tensor.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise IsobarError(f"The file {path} is none of {', '.join(KINDS)}, which embeddings are read from.")
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir() if p.suffix in KINDS] if path.parent.is_dir() else []
        raise IsobarError(f"There is no file {path}.{nearest(path.name, siblings)}")
    try:
        if path.suffix == ".npy":
            if labels or tensor:
                raise IsobarError(
                    f"The file {path} holds one array without names; labels need a .csv, .parquet or .safetensors, "
                    "a tensor's name a .safetensors."
                )
            return Stored(np.load(path, allow_pickle=False))
        if path.suffix == ".safetensors":
            return _tensors(path, labels, tensor)
        if tensor:
            raise IsobarError(f"The file {path} is a table; only a .safetensors file has tensors to choose from.")
        return _table(path, labels)
    except IsobarError:
        raise
    except Exception as error:  # each format's library has errors of its own
        raise IsobarError(f"The file {path} can't be read: {' '.join(str(error).split())[:200]}.") from error


def _tensors(path: Path, labels: str | None, tensor: str | None) -> Stored:
    from safetensors.numpy import load_file

    found = load_file(path)
    flat = [name for name, values in found.items() if values.ndim == 2 and values.dtype.kind == "f"]
    name = tensor or ("embeddings" if "embeddings" in found else flat[0] if len(flat) == 1 else None)
    if name is None:
        raise IsobarError(
            f"The file {path} holds {len(flat)} tensors of two dimensions; choose one with --tensor NAME."
        )
    for wanted in (name, labels):
        if wanted is not None and wanted not in found:
            raise IsobarError(f"The file {path} has no tensor {wanted!r}.{nearest(wanted, found)}")
    return Stored(found[name], found[labels] if labels else None)


def _table(path: Path, labels: str | None) -> Stored:
    import pandas as pd

    frame, named = (pd.read_parquet(path), True) if path.suffix == ".parquet" else _csv(path)
    frame.columns = frame.columns.astype(str)
    if labels is not None and labels not in frame:
        without = "" if named else " It has no header: its columns are called 0, 1, 2 and so on."
        raise IsobarError(f"The file {path} has no column {labels!r}.{nearest(labels, frame.columns)}{without}")
    rest = frame.drop(columns=[labels] if labels else [])
    unnamed = [name for name in rest if _UNNAMED.fullmatch(name)]
    numbers = rest.drop(columns=unnamed).select_dtypes("number")
    others = [name for name in rest if name not in {*unnamed, *numbers}]
    if numbers.shape[1] == 0:
        raise IsobarError(f"The file {path} has no column of numbers; a .csv has a comma between any two.")
    notes = []
    if unnamed:
        notes.append(f"Left out, as an index: {_listed(unnamed)}, without a name in the header.")
    if not frame.index.equals(pd.RangeIndex(len(frame))):
        notes.append("Left out, as an index: the rows' names.")
    if others:
        notes.append(f"Left out, not being numbers: {_listed(others)}.")
    whole = list(numbers.select_dtypes("integer"))
    if named and 0 < len(whole) < numbers.shape[1]:
        notes.append(
            f"Counted among the dimensions, though of whole numbers: {_listed(whole)}; labels are named by --labels."
        )
    decimals = [name for name in numbers if named and _is_number(name) and not name.isdecimal()]
    if decimals:
        notes.append(
            f"Taken as names, though numbers: {_listed(decimals)}; a first line that is a row needs a header above."
        )
    known = frame[labels].to_numpy(dtype=object, na_value=None) if labels else None
    return Stored(numbers.to_numpy(np.float64, na_value=np.nan), known, tuple(notes))


def _csv(path: Path):
    """Return a table, and whether its first line names the columns: a line of numbers does not, unless it counts them."""
    import pandas as pd

    with path.open(newline="", encoding="utf-8-sig") as lines:
        first = next(([cell.strip() for cell in row] for row in csv.reader(lines) if row), [])
    if not all(_is_number(cell) or not cell for cell in first):
        return pd.read_csv(path), True
    # So pandas writes columns that were given no names, with its index or without. In a table of whole numbers, which
    # embeddings rarely are, the same line is a row.
    start = 1 if first[:1] == [""] else 0
    if first[start:] == [str(k) for k in range(len(first) - start)]:
        frame = pd.read_csv(path)
        if start or not all(kind.kind in "iu" for kind in frame.dtypes):
            return frame, True
    return pd.read_csv(path, header=None), False


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _listed(names: list[str]) -> str:
    """Return columns as a person reads them, of many the first few."""
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    more = len(names) - _LISTED
    return f"{'column' if len(names) == 1 else 'columns'} {shown}" + (f" and {more} more" if more > 0 else "")
