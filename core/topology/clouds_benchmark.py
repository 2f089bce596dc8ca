"""What the barcodes of large clouds take, in time and memory, beside the peers that fit: `isobar bench clouds`.

Every figure comes from a process of its own, whose peak memory is that of the call: the largest resident set during the
call less the resident set before it, when the cloud is there, all libraries are loaded and all kernels compiled.

A *pass* of the distance arithmetic is the product of every tile of 1,024 points with itself and each later one, so
n^2 / 2 inner products and n^2 d floating point operations, by the same float32 BLAS, on as many threads and into as
little memory as the tree's. Passes are measured before and after the tree, in its process.
"""

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np

from core.cost import alone, cost_of_call
from core.errors import RunFailedError
from core.threads import blas_threads, one_blas_thread
from core.topology.host_tree import minimum_spanning_tree

SIZES = ((12_000, 384), (50_000, 384))
KINDS = ("Gaussian", "clustered")
PEERS = {"giotto-ph": "gph", "Ripser": "ripser", "scikit-learn": "sklearn"}
_PEERS_TO = 12_000  # points; giotto-ph and Ripser hold the n x n matrix more than once
_TILE = 1024


def run(
    sizes: Iterable[tuple[int, int]] = SIZES, kinds: Iterable[str] = KINDS, peers_to: int = _PEERS_TO, seed: int = 0
) -> list[dict]:
    """Return one row for each cloud: seconds, CPU seconds of all threads, MiB at the peak, and ratios.

    Args:
        sizes: (points, dimensions).
        kinds: of clouds, see `cloud`.
        peers_to: points up to which the peers are measured too, once each, on the first kind alone.
        seed: of the clouds.

    Returns:
        Rows of equal keys. "growth" is the exponent of n between a row and the one before it of the same kind, in CPU
        time. "absent" stands for a peer that isn't installed, "out of memory" for one whose process was ended.

    Raises:
        RunFailedError: the system ended Isobar's own process, for want of memory.
    """
    kinds, rows, before = list(kinds), [], {}
    for n, d in sizes:
        for kind in kinds:
            cost = alone(measure, n, d, kind, seed)
            if cost is None:
                raise RunFailedError(f"The system ended the process of {n:,} x {d} points: its memory was too small.")
            row = {"cloud": f"{n:,} x {d}", "kind": kind, **cost}
            last = before.get(kind)
            row["growth"] = math.log(row["CPU s"] / last[1]) / math.log(n / last[0]) if last else None
            before[kind] = n, row["CPU s"]
            for peer, module in PEERS.items():
                asked = n <= peers_to and kind == kinds[0]
                found = {f"{peer} s": None, f"{peer} MiB": None}
                if find_spec(module) is None:
                    found = dict.fromkeys(found, "absent")
                elif asked:
                    found = alone(measure_peer, peer, n, d, kind, seed) or dict.fromkeys(found, "out of memory")
                row |= found
            rows.append(row)
    return rows


def cloud(n: int, d: int, kind: str, seed: int) -> np.ndarray:
    """Return a float32 cloud: "Gaussian", all directions alike, or "clustered" as embeddings are.

    The latter has 64 clusters of unequal sizes, each stretched along few directions.
    """
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, d), np.float32)
    if kind == "clustered":
        centers = 1.5 * rng.standard_normal((64, d), np.float32)
        spreads = 3 * rng.standard_normal((64, d), np.float32) / np.sqrt(np.arange(1, d + 1, dtype=np.float32))
        member = rng.choice(64, n, p=rng.dirichlet(np.ones(64)))
        points = centers[member] + points * spreads[member]
    return points


def measure(n: int, d: int, kind: str, seed: int) -> dict:
    """Return time, memory and the passes' time of one tree."""
    points = cloud(n, d, kind, seed)
    minimum_spanning_tree(cloud(5000, d, kind, seed))  # compiles
    first = _pass(points)
    tree = cost_of_call(lambda: minimum_spanning_tree(points))
    second = _pass(points)
    seconds, cpu = ((first[k] + second[k]) / 2 for k in range(2))
    return {
        "isobar s": tree.seconds,
        "CPU s": tree.cpu,
        "MiB": tree.mib,
        "one pass s": seconds,
        "one pass CPU s": cpu,
        "isobar / 4 passes": tree.seconds / (4 * seconds),
        "isobar / 4 passes, CPU": tree.cpu / (4 * cpu),
    }


def measure_peer(peer: str, n: int, d: int, kind: str, seed: int) -> dict:
    """Return a peer's time and memory for the same bars."""
    points = cloud(n, d, kind, seed)
    call = _peer(peer)
    call(points[:100])
    seconds, _, memory = cost_of_call(lambda: call(points))
    return {f"{peer} s": seconds, f"{peer} MiB": memory}


def _peer(peer: str) -> Callable[[np.ndarray], object]:
    if peer == "giotto-ph":
        from gph import ripser_parallel

        return lambda points: ripser_parallel(points, maxdim=0, n_threads=-1)
    if peer == "Ripser":
        from ripser import ripser

        return lambda points: ripser(points, maxdim=0)
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(linkage="single", compute_distances=True).fit


def _pass(points: np.ndarray) -> tuple[float, float]:
    """Return seconds and CPU seconds of one pass of the distance arithmetic."""
    n = len(points)
    memory = [np.empty((_TILE, _TILE), np.float32) for _ in range(blas_threads())]

    def product(row: int, column: int) -> None:
        rows, columns = points[row : row + _TILE], points[column : column + _TILE]
        out = memory.pop()
        np.matmul(rows, columns.T, out=out[: len(rows), : len(columns)])
        memory.append(out)

    corners = [(row, column) for row in range(0, n, _TILE) for column in range(row, n, _TILE)]
    with one_blas_thread(), ThreadPoolExecutor(blas_threads()) as pool:
        start, cpu = time.perf_counter(), time.process_time()
        list(pool.map(product, *zip(*corners)))
        return time.perf_counter() - start, time.process_time() - cpu
