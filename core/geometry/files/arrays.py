"""Files of arrays: NumPy's, safetensors, HDF5 and AnnData, and the vectors of nearest-neighbour benchmarks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from core.errors import IsobarError, nearest
from core.geometry.files.stored import Stored, Wanted, names
from core.table_files import check_memory

_USUAL = "embeddings"  # as runs call theirs
_LEAST_ROWS = 3  # arrays of one vector each that are a cloud together


@dataclass(frozen=True)
class Array:
    """An array in a file, which is not read before it is asked for.

    Attributes:
        shape: of it.  dtype: as the file calls it.
        kind: "f" of decimals, "i" of whole numbers, or any other letter.
        read: returns it.
    """

    shape: tuple[int, ...]
    dtype: str
    kind: str
    read: Callable[[], np.ndarray]


def read_npy(path: Path, wanted: Wanted) -> Stored:
    """Return the array of a .npy file; one of Python objects is a pickle, and refused."""
    if wanted.labels or wanted.column:
        raise IsobarError(
            f"The file {path} holds one array without names; labels are read from another file (--labels labels.npy), or with "
            "the embeddings from a table, .npz or .safetensors."
        )
    with path.open("rb") as file:
        x = _unpickled(lambda: np.lib.format.read_array(file, allow_pickle=False))
    return Stored(_plain(path, x), dtype=str(x.dtype))


def read_npz(path: Path, wanted: Wanted) -> Stored:
    """Return one of the arrays of a .npz file; those of Python objects are pickles, and left out."""
    with ZipFile(path) as file:
        check_memory(path, sum(one.file_size for one in file.infolist()))
    with np.load(path, allow_pickle=False) as file:
        arrays, pickled = {}, []
        for name in file.files:
            try:
                x = file[name]
            except ValueError:
                pickled.append(name)
                continue
            arrays[name] = Array(x.shape, str(x.dtype), x.dtype.kind, lambda x=x: x)
    notes = (f"Left out, being pickles, which are not opened: {names(pickled)}.",) if pickled else ()
    if not arrays and pickled:
        raise IsobarError(f"The file {path} can't be read: {_PICKLE}.")
    return _of_arrays(path, arrays, wanted, notes)


def read_safetensors(path: Path, wanted: Wanted) -> Stored:
    """Return one of the tensors of a .safetensors file, of any type."""
    from safetensors import safe_open

    arrays = {}
    with safe_open(path, framework="np") as file:
        for name in file.keys():  # noqa: SIM118 (it is no dictionary)
            one = file.get_slice(name)
            stored = str(one.get_dtype())
            kind = "f" if stored.startswith(("F", "BF")) else stored[0].lower()
            dtype = _NUMPY.get(stored, stored.lower())
            arrays[name] = Array(tuple(one.get_shape()), dtype, kind, partial(_tensor, path, name, stored))
    return _of_arrays(path, arrays, wanted)


def _tensor(path: Path, name: str, stored: str) -> np.ndarray:
    from safetensors import safe_open

    if stored in _NUMPY:
        with safe_open(path, framework="np") as file:
            return file.get_tensor(name)
    with safe_open(path, framework="pt") as file:  # NumPy has no bfloat16, nor decimals of 8 bits
        return file.get_tensor(name).float().numpy()


_NUMPY = {
    "F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool", "C64": "complex64",
}  # fmt: skip
_PICKLE = "it holds Python objects (a pickle), which may run code and are not opened; save plain arrays, as np.stack makes them"


def read_hdf5(path: Path, wanted: Wanted) -> Stored:
    """Return one of the arrays of an HDF5 file; of AnnData's (.h5ad) one of `obsm`, with labels from `obs`."""
    try:
        import h5py  # pyright: ignore[reportMissingImports] (an extra)
    except ImportError as error:
        raise IsobarError(
            f'The file {path} is HDF5, which needs the package h5py: pip install "isobar-explorer[hdf5]".'
        ) from error

    with h5py.File(path, "r") as file:
        arrays: dict[str, Array] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.names is None:
                arrays[name] = Array(item.shape or (), str(item.dtype), item.dtype.kind, lambda: _of_hdf5(item))

        file.visititems(visit)
        if "obsm" not in file:
            return _of_arrays(path, arrays, wanted)
        labels = _of_obs(path, file, wanted.labels)
        arrays = {name: one for name, one in arrays.items() if name.startswith("obsm/")}
        if not arrays:
            raise IsobarError(f"The file {path} has no embedding: nothing is in its obsm; its X is the data itself.")
        return replace(_of_arrays(path, arrays, Wanted(None, wanted.column)), labels=labels)


def _of_hdf5(item: Any) -> np.ndarray:
    x = item[()]
    if x.dtype.kind in "OS":
        x = np.array([cell.decode() if isinstance(cell, bytes) else cell for cell in x.ravel()], dtype=object).reshape(
            x.shape
        )
    return x


def _of_obs(path: Path, file: Any, asked: str | None) -> np.ndarray | None:
    """Return a column of AnnData's table of rows: plain, or categories and their codes."""
    if asked is None:
        return None
    table = file.get("obs", {})
    asked = asked.removeprefix("obs/")
    if asked not in table:
        raise IsobarError(f"The file {path} has no column {asked!r} in its obs.{nearest(asked, table)}")
    column = table[asked]
    parts = dict(column) if hasattr(column, "keys") else {}
    if "categories" in parts:
        of = parts["categories"]
        codes = parts["codes"][()]
        found, missing = _of_hdf5(of["values"] if hasattr(of, "keys") else of)[codes], codes < 0
    elif "values" in parts:  # text with gaps
        found, missing = _of_hdf5(parts["values"]), parts["mask"][()] if "mask" in parts else False
    else:
        return _of_hdf5(column)
    found = found.astype(object)
    found[missing] = None
    return found


def read_fvecs(path: Path, wanted: Wanted) -> Stored:
    """Return the vectors of a file of the Texmex benchmarks: each begins with its length, an int32."""
    if wanted.labels or wanted.column:
        raise IsobarError(
            f"The file {path} holds vectors and no names; labels are read from another file (--labels labels.npy)."
        )
    kind = np.dtype("<f4") if path.suffix.lower() == ".fvecs" else np.dtype("u1")
    data = np.fromfile(path, np.uint8)
    d = int(data[:4].view("<i4")[0]) if data.size >= 4 else 0
    size = 4 + d * kind.itemsize
    if d < 1 or data.size % size or (data.reshape(-1, size)[:, :4].copy().view("<i4") != d).any():
        raise IsobarError(f"The file {path} is no whole file of vectors that each begin with their length.")
    return Stored(data.reshape(-1, size)[:, 4:].copy().view(kind), dtype=str(kind))


def _of_arrays(path: Path, arrays: Mapping[str, Array], wanted: Wanted, notes: tuple[str, ...] = ()) -> Stored:
    """Return the array that is asked for, or ``embeddings``, or the only one of decimals in two dimensions (or of whole numbers)."""
    flat = [name for name, one in arrays.items() if len(one.shape) == 2 and one.kind == "f" and name != wanted.labels]
    whole = [name for name, one in arrays.items() if len(one.shape) == 2 and one.kind in "iu" and name != wanted.labels]
    tables = flat or whole
    name = wanted.column or (_USUAL if _USUAL in arrays else tables[0] if len(tables) == 1 else None)
    asked = {}
    for key, one in (("column", name), ("labels", wanted.labels)):
        if one is not None:
            asked[key] = _find(path, arrays, one)
    labels = _plain(path, arrays[asked["labels"]].read()) if "labels" in asked else None
    rows = _one_each(arrays, wanted)
    if name is None and not tables and rows:
        x = np.stack([arrays[one].read() for one in rows])
        left = tuple(one for one in arrays if one not in rows)
        return Stored(x, labels, notes, f"one vector each of {len(rows)} arrays", arrays[rows[0]].dtype, left)
    if name is None:
        there = [f"{one} ({' x '.join(map(str, arrays[one].shape))})" for one in (tables or arrays)]
        listed = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
        raise IsobarError(
            f"The file {path} holds {len(tables)} tensors of two dimensions; choose one with --tensor NAME"
            + (f": {listed}." if listed else ".")
        )
    name = asked["column"]
    left = tuple(one for one in arrays if one not in (name, asked.get("labels")))
    return Stored(_plain(path, arrays[name].read()), labels, notes, f"tensor {name!r}", arrays[name].dtype, left)


def _find(path: Path, arrays: Mapping[str, Array], asked: str) -> str:
    if asked in arrays:
        return asked
    last = [name for name in arrays if name.rsplit("/", 1)[-1] == asked]
    if len(last) == 1:
        return last[0]
    raise IsobarError(f"The file {path} has no tensor {asked!r}.{nearest(asked, arrays)}")


def _one_each(arrays: Mapping[str, Array], wanted: Wanted) -> list[str]:
    """Return the arrays where each is a vector, of one length and of decimals: as of a dictionary from names to vectors."""
    rows = [name for name, one in arrays.items() if len(one.shape) == 1 and one.kind == "f" and name != wanted.labels]
    alike = len({arrays[name].shape for name in rows}) == 1
    return rows if alike and len(rows) >= _LEAST_ROWS and len(rows) == len(arrays) - (wanted.labels in arrays) else []


def _unpickled(read: Callable[[], np.ndarray]) -> np.ndarray:
    try:
        return read()
    except ValueError as error:
        if "pickle" in str(error):
            raise ValueError(_PICKLE) from error
        raise


def _plain(path: Path, x: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "V":
        raise IsobarError(
            f"The file {path} holds numbers of a type that it doesn't name ({x.dtype}), as bfloat16 is stored there; save them as float32."
        )
    return x
