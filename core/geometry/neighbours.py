"""Nearest neighbours: whose they are, which of them a point keeps, and how near it is to its own class."""

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.labels import Labels, whole_labels

SAMPLE = 4_000
"""Rows that measures of all pairs look at: of more they take a second, and of these they tell no less."""
_ROWS = 512  # whose distances are held at once
_CANDIDATES = 4  # for the two nearest: what a product calls nearest may be off by rounding
_BLOCK = 128  # queries at once


def sampled_rows(n: int, seed: int = 0) -> np.ndarray:
    """Return which of `n` rows stand for all: every one of them, or :data:`SAMPLE` drawn by `seed`, in a random order."""
    return np.random.default_rng(seed).permutation(n)[:SAMPLE]


def nearest_rows(cloud: Cloud, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the :func:`sampled_rows` (m,) of `cloud` and of each its `k` nearest among them: (m, k), places in the m.

    Euclidean distance; m - 1 where there are not as many. What several measures ask is computed once.
    """
    key = f"{k} nearest"
    if key not in cloud.shared:
        rows = sampled_rows(cloud.n)
        x, k = cloud.centered[rows], min(k, len(rows) - 1)
        starts = range(0, len(rows), _ROWS)
        near = [_nearest(x, slice(start, min(start + _ROWS, len(rows))), k) for start in starts]
        cloud.shared[key] = rows, np.concatenate(near)
    return cloud.shared[key]


def two_nearest(cloud: Cloud, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances (q,) of each of the rows `queries` (q,) of `cloud` to its nearest and to its second-nearest row.

    The matrix product only names candidates; distances that are compared are taken from differences, without cancellation.
    """
    points = cloud.centered
    norms = np.einsum("ij,ij->i", points, points)
    candidates = min(_CANDIDATES, cloud.n - 1)
    found = np.empty((queries.size, 2))
    for start in range(0, queries.size, _BLOCK):
        some = queries[start : start + _BLOCK]
        # |x|^2 - 2 q.x orders the points by their distance from q
        order = points[some] @ points.T
        order *= -2.0
        order += norms
        order[np.arange(some.size), some] = np.inf
        near = np.argpartition(order, candidates - 1, axis=1)[:, :candidates]
        distances = np.linalg.norm(points[near] - points[some, None], axis=2)
        found[start : start + some.size] = np.sort(distances, axis=1)[:, :2]
    return found[:, 0], found[:, 1]


def nearest_to(x: Embeddings, row: int, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows of `x` (n, d) are the `k` nearest of `row`, the nearest first, and how far each is: (k,) and (k,).

    Euclidean distance in float64, from differences; n - 1 where there are not as many. Of rows at the same distance the
    first in `x` comes first; a row that equals `row` is a neighbour at 0.

    Raises:
        IsobarError: `k` is less than 1, `row` is none of `x`; fewer than two rows, NaN or infinity, not (n, d).
    """
    cloud = as_cloud(x)
    if k < 1:
        raise IsobarError(f"A point needs at least one neighbour; k is {k}.")
    if not 0 <= row < cloud.n:
        raise IsobarError(f"There is no row {row}; the rows are 0 to {cloud.n - 1}.")
    distances = np.linalg.norm(cloud.centered - cloud.centered[row], axis=1)
    order = np.argsort(distances, kind="stable")
    near = order[order != row][:k]
    return near, distances[near]


def neighbours_kept(before: Embeddings, after: Embeddings, k: int = 10) -> np.ndarray:
    """Return, for each point, what share of its `k` nearest neighbours in `before` is among the `k` nearest in `after`.

    Args:
        before: (n, d).
        after: (n, e), row for row the same points.
        k: how many neighbours, in Euclidean distance; n - 1 where there are not as many.

    Returns:
        (n,) float64 between 0 (all others) and 1 (the same ones). If points were moved about at random it would be
        about k / (n - 1). Which of several points at exactly the same distance is a neighbour, is arbitrary.

    Raises:
        IsobarError: `k` is less than 1, or there are not as many rows; fewer than two rows, NaN or infinity.

    Source: the agreement rate of Akkucuk, Carroll, "PARAMAP vs. Isomap", J. Classification 23, 2006.
    """
    if k < 1:
        raise IsobarError(f"A point needs at least one neighbour; k is {k}.")
    one, other = as_cloud(before), as_cloud(after)
    if one.n != other.n:
        raise IsobarError(
            f"Neighbours can be compared when the points are the same; there are {one.n} before and {other.n} after."
        )
    k = min(k, one.n - 1)
    kept = np.empty(one.n)
    for start in range(0, one.n, _ROWS):
        some = slice(start, min(start + _ROWS, one.n))
        old, new = (_mask(_nearest(cloud.centered, some, k), one.n) for cloud in (one, other))
        kept[some] = (old & new).sum(1) / k
    return kept


def class_silhouettes(x: Embeddings, labels: Labels) -> np.ndarray:
    """Return how much nearer each row of `x` (n, d) is to the mean of its own class than to that of the nearest other.

    (b - a) / max(a, b), where a is the distance to the own class's mean and b that to the nearest other class's.

    Returns:
        (n,) float64 between -1 (on another class's mean) and 1 (on its own); 0 is half way, and where both are equal.
        NaN for all where there is only one class.

    Raises:
        IsobarError: labels that are not one whole number a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: the simplified silhouette of Hruschka, de Castro, Campello, "Evolutionary algorithms for clustering
    gene-expression data", ICDM 2004, after Rousseeuw, 1987.
    """
    cloud = as_cloud(x)
    labels = whole_labels(labels, cloud.n)
    classes, own = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        return np.full(cloud.n, np.nan)
    means = np.stack([cloud.centered[own == index].mean(0) for index in range(len(classes))])
    distances = np.stack([np.linalg.norm(cloud.centered - mean, axis=1) for mean in means], axis=1)
    rows = np.arange(cloud.n)
    a = distances[rows, own]
    distances[rows, own] = np.inf
    b = distances.min(1)
    larger = np.maximum(a, b)
    return np.where(larger > 0, (b - a) / np.where(larger > 0, larger, 1.0), 0.0)


def _nearest(x: np.ndarray, some: slice, k: int) -> np.ndarray:
    """(b, k): which rows of `x` are the `k` nearest of each row in `some`; itself is not."""
    # |x - y|^2 = |x|^2 - 2 x.y + |y|^2, of which |x|^2 doesn't change the order
    squares = np.einsum("ij,ij->i", x, x)[None, :] - 2.0 * (x[some] @ x.T)
    squares[np.arange(len(squares)), np.arange(some.start, some.stop)] = np.inf
    return np.argpartition(squares, k - 1, axis=1)[:, :k]


def _mask(near: np.ndarray, n: int) -> np.ndarray:
    """(b, n) bool: whether a row is among the neighbours `near` (b, k)."""
    mask = np.zeros((len(near), n), bool)
    np.put_along_axis(mask, near, True, axis=1)
    return mask
