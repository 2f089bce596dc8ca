"""Nearest neighbours: whose they are, which of them a point keeps, and how near it is to its own class."""

from collections.abc import Iterator

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.labels import Labels, whole_labels

SAMPLE = 4_000
"""Rows that measures of all pairs look at: of more they take a second, and of these they tell no less."""
_ROWS = 256  # whose distances are held at once
_CANDIDATES = 4  # for the two nearest: what a product calls nearest may be off by rounding


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
        near = [near for _, near in _nearest(cloud.centered[rows], np.arange(len(rows)), k)]
        cloud.shared[key] = rows, np.concatenate(near)
    return cloud.shared[key]


def two_nearest(cloud: Cloud, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances (q,) of each of the rows `queries` (q,) of `cloud` to its nearest and to its second-nearest row.

    The matrix product only names candidates; distances that are compared are taken from differences, without cancellation.
    """
    points = cloud.centered
    found = []
    for some, near in _nearest(points, queries, _CANDIDATES):
        distances = np.linalg.norm(points[near] - points[some, None], axis=2)
        found.append(np.sort(distances, axis=1)[:, :2])
    nearest, second = np.concatenate(found).T
    return nearest, second


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
    rows = np.arange(one.n)
    kept = np.empty(one.n)
    for (some, old), (_, new) in zip(_nearest(one.centered, rows, k), _nearest(other.centered, rows, k), strict=True):
        both = np.sort(np.concatenate((old, new), axis=1), axis=1)  # who is in both stands there twice
        kept[some] = (both[:, 1:] == both[:, :-1]).sum(axis=1) / old.shape[1]
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


def _nearest(x: np.ndarray, rows: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for some of `rows` (q,) at a time, those (b,) and which rows of `x` are the `k` nearest of each: (b, k).

    A row is not its own neighbour; of n rows there are n - 1 at most.
    """
    k = min(k, len(x) - 1)
    # |x - y|^2 = |x|^2 - 2 x.y + |y|^2, of which |x|^2 doesn't change the order
    norms = np.einsum("ij,ij->i", x, x)
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        squares = x[some] @ x.T
        squares *= -2.0
        squares += norms
        squares[np.arange(len(some)), some] = np.inf
        yield some, np.argpartition(squares, k - 1, axis=1)[:, :k]
