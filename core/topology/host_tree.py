"""The minimum spanning tree of a cloud in the CPU's memory, by the algorithm for its size; torch is not loaded here."""

from collections.abc import Callable

import numpy as np

from core.topology import filter_kruskal, prim

PRIM_TO = 3000  # points to which Prim is the faster one, see spanning_tree.py
MEMORY_LIMIT = 2**30  # bytes, of which 100,000 points x 384 take an eighth


def minimum_spanning_tree(
    points: np.ndarray, memory_limit: int = MEMORY_LIMIT, progress: Callable[[int, int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a minimum spanning tree of a Euclidean point cloud, longest edge first.

    Args:
        points: (n, d), float32 or float64; any other dtype is measured in float64.
        memory_limit: bytes that may be taken beside the points.
        progress: called as `progress(done, total)` while a large cloud is measured; what it raises ends the work.

    Returns:
        lengths (n-1,) in the dtype of measurement and edges (n-1, 2) int64, `edges[k, 0] < edges[k, 1]`; both are empty
        for n < 2.

    Raises:
        IsobarError: the shape is wrong, a coordinate is NaN or infinite, two points are farther apart than the dtype
            can hold, or the tree takes more memory than it may.
    """
    if points.ndim != 2 or (len(points) <= PRIM_TO and prim.bytes_taken(points) <= memory_limit):
        return prim.minimum_spanning_tree(points)
    return filter_kruskal.minimum_spanning_tree(points, memory_limit, progress)
