"""Reads embeddings from files: one table of formats, and for each the function that reads it.

A reader takes a path and what is :class:`~core.geometry.files.stored.Wanted` of it, and returns what is
:class:`~core.geometry.files.stored.Stored`. Nothing in a file is ever run: what is pickled is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import IsobarError, nearest
from core.geometry.files.arrays import read_fvecs, read_hdf5, read_npy, read_npz, read_safetensors
from core.geometry.files.json import read_json
from core.geometry.files.labels import labels_beside, metadata_beside
from core.geometry.files.refused import refusal
from core.geometry.files.stored import Stored, Wanted, named, told
from core.geometry.files.tables import stored_of_table
from core.geometry.files.text import read_csv, read_tsv, read_words

__all__ = ["FORMATS", "Stored", "named", "read_embeddings"]


@dataclass(frozen=True)
class Format:
    """A form that embeddings are stored in.

    Attributes:
        name: as a person calls it.
        read: returns what is in a file.
    """

    name: str
    read: Callable[[Path, Wanted], Stored]


def _read_parquet(path: Path, wanted: Wanted) -> Stored:
    from core.table_files import read_table

    return stored_of_table(path, read_table(path), wanted)


def _read_arrow(path: Path, wanted: Wanted) -> Stored:
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        try:
            table = pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:
            table = pa.ipc.open_stream(file).read_all()
        return stored_of_table(path, table, wanted)


def _read_folder(path: Path, wanted: Wanted) -> Stored:
    """Return the embeddings of a folder that `datasets` saved a data set to, or of the shards of a parquet file."""
    if (path / "dataset_dict.json").is_file():
        splits = sorted(one.name for one in path.iterdir() if (one / "state.json").is_file())
        raise IsobarError(f"The folder {path} is a data set of several splits; name one: {', '.join(splits)}.")
    if (path / "state.json").is_file():
        from datasets import load_from_disk

        return stored_of_table(path, load_from_disk(str(path)).with_format("arrow")[:], wanted)
    shards = sorted(one for one in path.iterdir() if one.suffix.lower() == ".parquet")
    several = {one.stem.split("-")[0] for one in shards}
    if len(several) == 1:
        from pyarrow import parquet

        from core.table_files import check_parquet

        for shard in shards:
            check_parquet(shard)
        return stored_of_table(path, parquet.read_table(shards), wanted)
    what = (
        f"parquet files of several names ({', '.join(sorted(several))}); name one"
        if several
        else "no data set that is saved"
    )
    raise IsobarError(
        f"The folder {path} holds {what}: a file, a folder of parquet shards, or one that datasets' save_to_disk made."
    )


FORMATS = {
    ".npy": Format("NumPy", read_npy),
    ".npz": Format("NumPy", read_npz),
    ".safetensors": Format("safetensors", read_safetensors),
    ".csv": Format("csv", read_csv),
    ".tsv": Format("tsv", read_tsv),
    ".json": Format("json", read_json),
    ".jsonl": Format("JSON lines", read_json),
    ".ndjson": Format("JSON lines", read_json),
    ".parquet": Format("parquet", _read_parquet),
    ".arrow": Format("Arrow", _read_arrow),
    ".feather": Format("Arrow", _read_arrow),
    ".txt": Format("word vectors", read_words),
    ".vec": Format("word vectors", read_words),
    ".fvecs": Format("fvecs", read_fvecs),
    ".bvecs": Format("bvecs", read_fvecs),
    ".h5": Format("HDF5", read_hdf5),
    ".hdf5": Format("HDF5", read_hdf5),
    ".h5ad": Format("AnnData", read_hdf5),
}
"""How the names of files end that embeddings are read from, in either case; all that lists them asks here."""

_FOLDER = Format("data set", _read_folder)


def read_embeddings(path: Path | str, labels: str | None = None, column: str | None = None) -> Stored:
    """Return the embeddings in a file of one of the :data:`FORMATS`, or in a folder of shards, and its labels.

    Which of a file's columns or arrays they are, is in docs/formats.md; what was taken and what was left out is said in
    `read` and `notes`. Nothing in a file is run: pickles are refused.

    Args:
        path: of the file or folder.
        labels: the column or array of labels; or a file of labels, ``labels.npy``, or ``labels.csv:column=kind`` where it has
            several columns.
        column: the column or array of embeddings, where there are several.

    Raises:
        IsobarError: the file is missing, of another kind, unreadable, or has no such column; several are embeddings, or none; so of
            the file of labels.
    """
    path, wanted = Path(path), Wanted(labels, column)
    suffix = path.suffix.lower()
    form = _FOLDER if path.is_dir() else FORMATS.get(suffix)
    if form is None:
        raise IsobarError(
            refusal(path) or f"The file {path} is none of {', '.join(FORMATS)}, which embeddings are read from."
        )
    if not path.exists():
        siblings = (
            [p.name for p in path.parent.iterdir() if p.suffix.lower() in FORMATS] if path.parent.is_dir() else []
        )
        raise IsobarError(f"There is no file {path}.{nearest(path.name, siblings)}")
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise ValueError("it is empty")
        beside = labels_beside(path, labels)
        found = form.read(path, wanted if beside is None else Wanted(None, column))
        if beside is not None:
            found = replace(found, labels=beside.read(np.shape(found.embeddings)[0]))
    except IsobarError:
        raise
    except Exception as error:  # each format's library has errors of its own
        raise IsobarError(
            f"The file {path} can't be read: {' '.join(str(error).split())[:200].rstrip('.')}."
        ) from error
    metadata = metadata_beside(path)
    if labels is None and metadata is not None:
        note = f"{metadata.name} beside it was left alone; --labels {metadata.name}, or the name of a column, takes labels from it."
        found = replace(found, notes=(*found.notes, note))
    return replace(found, read=told(path.name, form.name, found, labels))
