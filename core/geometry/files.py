"""Reads embeddings from a file: .npy, .csv, .parquet or .safetensors."""

from pathlib import Path

import numpy as np

from core.errors import IsobarError, nearest

KINDS = (".npy", ".csv", ".parquet", ".safetensors")


def read_embeddings(
    path: Path | str, labels: str | None = None, tensor: str | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the embeddings (n, d) in a file and, where `labels` names their column or tensor, the labels (n,).

    Of a table (.csv, .parquet) the embeddings are all numeric columns but the labels'; of a .safetensors file, such as
    a run's snapshot, the tensor called `tensor`, or ``embeddings``, or the only one of two dimensions. Nothing in a file
    is run: pickled arrays are refused.

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
                raise IsobarError(f"The file {path} holds one array without names; labels need a .csv or .safetensors.")
            return np.load(path, allow_pickle=False), None
        return _tensors(path, labels, tensor) if path.suffix == ".safetensors" else _table(path, labels)
    except IsobarError:
        raise
    except Exception as error:  # each format's library has errors of its own
        raise IsobarError(f"The file {path} can't be read: {' '.join(str(error).split())[:200]}.") from error


def _tensors(path: Path, labels: str | None, tensor: str | None) -> tuple[np.ndarray, np.ndarray | None]:
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
    return found[name], found[labels] if labels else None


def _table(path: Path, labels: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    import pandas as pd

    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    if labels is not None and labels not in frame:
        raise IsobarError(f"The file {path} has no column {labels!r}.{nearest(labels, frame.columns)}")
    numbers = frame.drop(columns=[labels] if labels else []).select_dtypes("number")
    return numbers.to_numpy(np.float64), frame[labels].to_numpy() if labels else None
