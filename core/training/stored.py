"""Embeddings that are in a file already, as an inspection looks at them: a sample of rows, their labels and their texts."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import as_cloud
from core.geometry.files import FORMATS, named, read_embeddings
from core.geometry.labels import rows_by_class
from core.tasks.load import NO_LABELS
from core.tasks.sampling import FEWEST_PROBES, ONE_CLOUD
from core.training.spec import RunSpec

_MOST_CLASSES = 1_000


@dataclass(frozen=True, eq=False)
class StoredSpace:
    """Rows of a file of embeddings.

    Attributes:
        embeddings: (n, d) float32.
        labels: (n,) int64, an index into `label_names`; of one class where the file has none.
        label_names: of the classes, in the order of the labels themselves.
        texts: (n,), what is shown of a row.
        rows: (n,), which rows of the file they are, ascending.
        whole: how many rows the file has.
        fingerprint: of the rows that were taken.
        notes: a sentence on each thing that a person might not expect.
        read: one line on what was read.
    """

    embeddings: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    texts: list[str]
    rows: np.ndarray
    whole: int
    fingerprint: str
    notes: tuple[str, ...]
    read: str


def is_stored(model: str) -> bool:
    """Whether `model` names a file of embeddings: ``file.npy``, or ``file.parquet:column=vectors``."""
    path, _ = named(model)
    return path.suffix.lower() in FORMATS and not path.is_dir()


def read_space(spec: RunSpec) -> StoredSpace:
    """Return what an inspection looks at of the file of embeddings that `spec` has for a model.

    Labels are those of the column, array or file that ``label_column`` names, and without one the rows are one cloud;
    texts are those of ``text_column``. Of each class ``probe_per_class`` rows are taken by the seed, of one cloud twice as many.

    Raises:
        IsobarError: the file can't be read; `spec` asks for a layer, a pooling or other weights; a class has fewer than 4 rows, or there are more than 1,000 classes; the texts
            are not one a row, or a label is missing; a row holds NaN or infinity.
    """
    path, column = named(spec.model)
    if odd := [name for name in ("layer", "pooling", "weights") if getattr(spec, name) != RunSpec.defaults()[name]]:
        raise IsobarError(f"{odd[0]} is of models; {path} holds embeddings, which are looked at as they are.")
    asked = None if spec.label_column in (None, NO_LABELS) else spec.label_column
    stored = read_embeddings(path.expanduser(), asked, column)
    x = np.asarray(stored.embeddings)
    labels, names = _numbered(stored.labels, len(x), path)
    rows = _sample(labels, spec)
    notes = list(stored.notes)
    if len(rows) < len(x):
        notes.append(f"{len(rows):,} of the {len(x):,} rows were taken, at random with seed {spec.seed}.")
    taken = np.ascontiguousarray(x[rows], dtype=np.float32)
    as_cloud(taken)
    texts = _texts(path.expanduser(), spec.text_column, len(x))
    return StoredSpace(
        embeddings=taken,
        labels=labels[rows],
        label_names=names,
        texts=[f"row {row:,}" for row in rows] if texts is None else [texts[row] for row in rows],
        rows=rows,
        whole=len(x),
        fingerprint=hashlib.sha256(taken.tobytes() + labels[rows].tobytes()).hexdigest()[:16],
        notes=tuple(notes),
        read=stored.read,
    )


def _numbered(labels: np.ndarray | None, n: int, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels as numbers from 0, and the names of the classes."""
    if labels is None:
        return np.zeros(n, np.int64), ("all rows",)
    rows = rows_by_class(labels, n)
    names, counts = tuple(rows), [len(some) for some in rows.values()]
    if len(names) > _MOST_CLASSES:
        raise IsobarError(
            f"The labels of {path} have {len(names):,} different values, which are no classes; at most {_MOST_CLASSES:,} are."
        )
    if (fewest := min(counts)) < FEWEST_PROBES:
        raise IsobarError(
            f"Class {names[counts.index(fewest)]!r} of {path} has {fewest} rows; a shape needs at least {FEWEST_PROBES}."
        )
    numbers = np.empty(n, np.int64)
    for number, some in enumerate(rows.values()):
        numbers[some] = number
    return numbers, names


def _sample(labels: np.ndarray, spec: RunSpec) -> np.ndarray:
    """Return which rows are looked at, ascending."""
    if len(labels) < FEWEST_PROBES:
        raise IsobarError(f"A shape needs at least {FEWEST_PROBES} rows; here are {len(labels)}.")
    classes = np.unique(labels)
    most = spec.probe_per_class * (ONE_CLOUD if len(classes) == 1 else 1)
    random = np.random.RandomState(spec.seed)
    return np.sort(np.concatenate([random.permutation(np.flatnonzero(labels == one))[:most] for one in classes]))


def _texts(path: Path, column: str | None, n: int) -> list[str] | None:
    """Return the texts in a column of the file, one a row; None where none is asked for."""
    if column is None:
        return None
    from core.table_files import SUFFIXES, read_table

    if path.suffix.lower() not in SUFFIXES:
        raise IsobarError(f"Texts are read from a column of {', '.join(SUFFIXES)}; {path} is none of these.")
    table = read_table(path)
    if column not in table.column_names:
        raise IsobarError(f"There is no column {column!r} in {path}; there are {', '.join(table.column_names[:20])}.")
    if table.num_rows != n:
        raise IsobarError(f"The column {column!r} of {path} has {table.num_rows:,} texts for {n:,} embeddings.")
    return [str(value) for value in table.column(column).to_pylist()]
