"""Images and sounds as tasks: out of tables that hold them or the names of their files, and out of folders of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError
from core.modalities.media import DECODERS, modality_of
from core.tasks.metrics import metric_names
from core.tasks.task import Task, fingerprint

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

_LOOKED_AT = 20  # cells of a column, to tell what it holds


def cell_type() -> pa.DataType:
    """Return the type of a column of images or sounds; its bytes are "large" since plain columns end at 2 GB."""
    import pyarrow as pa

    return pa.struct([("bytes", pa.large_binary()), ("path", pa.string())])


def column_modality(column: pa.ChunkedArray) -> str:
    """Return "image" or "audio" where the column holds such: bytes, names of files, or both; "text" for all else."""
    import pyarrow.compute as pc

    first = pc.drop_null(column.slice(0, 10 * _LOOKED_AT)).slice(0, _LOOKED_AT).to_pylist()
    found = {_cell_modality(value) for value in first}
    # Among bytes a few may be broken; a sentence that ends in the name of a file doesn't make a column of files.
    names = all(isinstance(value, str) for value in first)
    if len(found) > 1 and (names or len(found - {None}) > 1):
        return "text"
    return next(iter(found - {None}), "text")


def _cell_modality(value) -> str | None:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    return modality_of(value.strip() if isinstance(value, str) else value) if isinstance(value, str | bytes) else None


def read_cells(
    column: pa.ChunkedArray, modality: str, home: Path, where: str
) -> tuple[list[dict | None], list[IsobarError]]:
    """Return a cell for each row of the column, None where its file is missing or doesn't decode, and what was wrong.

    All are decoded once: better now than in the middle of training.

    Args:
        column: bytes, names of files, or structs of both, as :func:`column_modality` knows them.
        modality: "image" or "audio".
        home: the folder that names of files start from.
        where: what the column is of, to name what has bytes alone.
    """
    from concurrent.futures import ThreadPoolExecutor

    decode = DECODERS[modality]

    def read(row: int, value) -> dict | IsobarError:
        try:
            cell = _cell(value, home, f"data row {row} of {where}")
            decode(cell)
        except IsobarError as error:
            return error
        return cell

    with ThreadPoolExecutor() as pool:  # decoders work outside the interpreter's lock
        read_ones = list(pool.map(read, range(1, len(column) + 1), column.to_pylist()))
    problems = [one for one in read_ones if isinstance(one, IsobarError)]
    return [None if isinstance(one, IsobarError) else one for one in read_ones], problems


def _cell(value, home: Path, else_name: str) -> dict:
    given = value if isinstance(value, dict) else {"path": value} if isinstance(value, str) else {"bytes": value}
    path, data = given.get("path"), given.get("bytes")
    if data is None and path:
        path = path.strip()
        try:
            data = (home / path).read_bytes()
        except (OSError, ValueError) as error:
            raise IsobarError(f"{home / path} can't be read ({getattr(error, 'strerror', None) or error})") from error
    return {"bytes": data, "path": path or else_name}


def media_split(modality: str, cells: Sequence[dict], labels) -> Dataset:
    """Return a split of images or sounds, `modality` saying which: its `cells` and their `labels` (n,)."""
    import pyarrow as pa
    from datasets import Dataset
    from datasets.table import InMemoryTable

    columns = {modality: pa.array(list(cells), cell_type()), "label": pa.array(labels, pa.int64())}
    return Dataset(InMemoryTable(pa.table(columns)))


def media_task(
    name: str,
    modality: str,
    train: Dataset,
    validation: Dataset,
    label_names: tuple[str, ...],
    source: str,
    notes: tuple[str, ...] = (),
) -> Task:
    """Return the task of two splits as :func:`media_split` makes them."""
    return Task(
        name=name,
        train=train,
        validation=validation,
        label_names=label_names,
        metrics=metric_names(name),
        fingerprint=fingerprint(train, validation, label_names),
        source=source,
        notes=notes,
        modality=modality,
    )
