"""A run's or an inspection's space as a table that other explorers of embeddings open, such as Embedding Atlas."""

from pathlib import Path

import numpy as np

from core import files
from core.errors import IsobarError
from core.geometry import neighbours_kept, own_axes, umap_maps
from core.runs import Run, Snapshot

NEIGHBOURS = 15
PLACES = ("axes", "umap")
"""What x and y are: two principal axes, or a map by UMAP."""


def atlas_table(run: Run, places: str = "axes"):
    """Return one row an example of the probe set of `run`, as an Arrow table.

    Columns: ``x`` and ``y`` of the last snapshot, and of the first ``x_before`` and ``y_before`` where training came between,
    each at root mean square 1; ``text`` (and ``text_pair``); ``label``, by its name; ``prediction`` and ``prediction_before``
    where there are any; ``neighbours_kept`` of ten, between the two; ``vector``, the embedding, float32; ``neighbors``, the
    nearest by Euclidean distance: ``ids`` (row numbers) and ``distances``. Embedding Atlas takes it with ``--x x --y y
    --text text --neighbors neighbors``.

    Args:
        run: what is handed over.
        places: "axes" or "umap".

    Raises:
        IsobarError: there is no snapshot or probe set that can be read, or nothing to draw; umap-learn is not installed.
    """
    import pyarrow as pa

    if places not in PLACES:
        raise IsobarError(f"x and y are by {' or '.join(PLACES)}; {places!r} is neither.")
    last = next((found for step in reversed(run.steps) if (found := run.snapshot(step)) is not None), None)
    probe = run.probe
    if last is None or len(probe) != len(last.labels):
        raise IsobarError(f"{run.path} has no snapshot with its examples that can be read.")
    first = run.before if last.step else None
    sides = [side.embeddings for side in (first, last) if side is not None]
    placed = umap_maps(sides) if places == "umap" else own_axes(sides).coordinates
    names = {shape.label: shape.called for shape in last.classes}
    columns = {
        "x": pa.array(placed[-1][:, 0], pa.float32()),
        "y": pa.array(placed[-1][:, 1], pa.float32()),
        **{name: pa.array(probe[name].astype(str)) for name in ("text", "text_pair") if name in probe},
        "label": pa.array([names.get(int(label), f"class {label}") for label in last.labels]),
    }
    if (last.predictions >= 0).any():
        columns["prediction"] = _predicted(last, names)
    if first is not None:
        columns |= {
            "x_before": pa.array(placed[0][:, 0], pa.float32()),
            "y_before": pa.array(placed[0][:, 1], pa.float32()),
            "neighbours_kept": pa.array(neighbours_kept(first.embeddings, last.embeddings), pa.float32()),
        }
        if (first.predictions >= 0).any():
            columns["prediction_before"] = _predicted(first, names)
    columns["vector"] = pa.array(list(last.embeddings.astype(np.float32)), pa.list_(pa.float32()))
    columns["neighbors"] = _neighbors(last.embeddings)
    return pa.table(columns)


def write_atlas(run: Run, path: Path | str, places: str = "axes") -> int:
    """Write :func:`atlas_table` to the parquet file `path`, whole or not at all, and return how many rows it has.

    Raises:
        IsobarError: as :func:`atlas_table`, or the file can't be written.
    """
    path = Path(path)
    table = atlas_table(run, places)
    with files.whole_output(path) as temporary:
        temporary.write_bytes(parquet(table))
    return table.num_rows


def parquet(table) -> bytes:
    """Return an Arrow table as the bytes of a parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def command(file: Path | str) -> str:
    """Return the command that opens such a file in Embedding Atlas."""
    return f"embedding-atlas {file} --x x --y y --text text --neighbors neighbors"


def _predicted(side: Snapshot, names: dict[int, str]):
    import pyarrow as pa

    return pa.array([names.get(int(label), f"class {label}") if label >= 0 else None for label in side.predictions])


def _neighbors(x: np.ndarray):
    import pyarrow as pa
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(x) - 1), algorithm="brute").fit(x)
    distances, ids = found.kneighbors()  # without points: a row is no neighbour of its own
    return pa.StructArray.from_arrays(
        [pa.array(list(ids.astype(np.int64)), pa.list_(pa.int64())), pa.array(list(distances), pa.list_(pa.float64()))],
        names=["ids", "distances"],
    )
