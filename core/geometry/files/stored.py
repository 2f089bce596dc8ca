"""What a file of embeddings holds, and how it is told to a person."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_COLUMN = re.compile(r"(?P<path>.+):column=(?P<column>[^:]+)")
_LISTED = 5


@dataclass(frozen=True)
class Wanted:
    """What of a file is asked for by name, each or neither.

    Attributes:
        labels: the column or array of labels.
        column: the column or array of embeddings.
    """

    labels: str | None = None
    column: str | None = None


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file holds.

    Attributes:
        embeddings: (n, d).
        labels: (n,), where they were asked for.
        notes: a sentence on each thing that a person might not expect, such as a column that was left out.
        what: what of the file the embeddings are, such as a column's name; empty where the file holds nothing else.
        dtype: as which they are stored.
        left_out: the columns or arrays that were not taken.
        read: one line on all that was read.
    """

    embeddings: np.ndarray
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    what: str = ""
    dtype: str = ""
    left_out: tuple[str, ...] = ()
    read: str = ""


def named(said: str) -> tuple[Path, str | None]:
    """Return the file that is `said`, and the column in it if one is: ``file.parquet``, or ``file.parquet:column=vectors``."""
    found = _COLUMN.fullmatch(said)
    return (Path(found["path"]), found["column"]) if found else (Path(said), None)


def told(name: str, form: str, found: Stored, labels: str | None) -> str:
    """Return the one line on what was read: file, form, what of it, size, type, labels, what was left out."""
    size = " x ".join(map(str, np.shape(found.embeddings)))
    parts = [part for part in (found.what, f"{size} {found.dtype or found.embeddings.dtype}") if part]
    if labels is not None:
        parts.append(f"labels {labels!r}")
    left = f"; left out: {names(found.left_out)}" if found.left_out else ""
    return f"Read: {name} ({form}), {', '.join(parts)}{left}."


def names(several: Iterable[str]) -> str:
    """Return names in quotation marks as a person reads them, of many the first few."""
    several = list(several)
    shown = ", ".join(repr(name) for name in several[:_LISTED])
    more = len(several) - _LISTED
    return shown + (f" and {more} more" if more > 0 else "")


def columns(several: Sequence[str]) -> str:
    """Return :func:`names` with the word that they need before them."""
    return f"{'column' if len(several) == 1 else 'columns'} {names(several)}"
