"""Prim's minimum spanning tree, compiled by numba, on NumPy arrays; torch is not loaded here.

Every comparison that decides the tree is made between distances taken by direct differences. The matrix product that
makes larger clouds fast is only a filter in front of it, see euclidean.py: a pair that is farther than the best one
known can't shorten anything and is never measured.

R. C. Prim, Shortest connection networks and some generalizations, Bell System Technical Journal 36 (1957).
"""

import math

import numpy as np
from numba import njit

from core.topology.euclidean import (
    center_and_extent,
    centered,
    exact_distance,
    jit,
    measurable,
    power_of_two,
    refuse_unmeasurable,
    scaled_distance,
)

GRAM_FROM = 400  # points from which the matrix product pays, see spanning_tree.py
GRAM_TO = 16_384  # points to which its n x n float32 matrix stays at 1 GiB or less
_BLOCK = 32  # columns filtered at once


def minimum_spanning_tree(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a minimum spanning tree of a Euclidean point cloud, longest edge first.

    Args:
        points: (n, d), float32 or float64; any other dtype is measured in float64.

    Returns:
        lengths (n-1,) in the dtype of measurement and edges (n-1, 2) int64, `edges[k, 0] < edges[k, 1]`; both are empty
        for n < 2.

    Raises:
        IsobarError: the shape is wrong, a coordinate is NaN or infinite, or two points are farther apart than the
            dtype can hold.
    """
    points = measurable(points)
    n = len(points)
    if n < 2:
        return np.empty(0, points.dtype), np.empty((0, 2), np.int64)
    if GRAM_FROM <= n <= GRAM_TO:
        lengths, edges = _prim_filtered(points, *_filter(points))
    else:
        lengths, edges = _prim(points)
    if not lengths[0] < math.inf:
        refuse_unmeasurable(points)
    return lengths, edges


def bytes_taken(points: np.ndarray) -> int:
    """Return what the tree of (n, d) points takes at most, beside the points."""
    n = len(points)
    return 2**20 + 64 * n + (4 * (n * n + points.size) if GRAM_FROM <= n <= GRAM_TO else 0)


def _filter(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the Gram matrix of the centered and scaled cloud, its deflated diagonal, and the scale."""
    center, extent = center_and_extent(points)
    if not extent < math.inf:
        refuse_unmeasurable(points)
    scale = power_of_two(extent)
    y, norms = centered(points, center, scale)
    return y @ y.T, norms, scale


@njit(cache=True, nogil=True)  # in the order written: the shift below is lost if it meets the slope first
def edge_gradient(points, lengths, edges, weights):
    """Return the gradient of `sum(weights * lengths)` with respect to the points: (n, d), in O(n d).

    Args:
        points: (n, d), contiguous.
        lengths: (m,), those of the edges; edges of length zero have gradient zero.
        edges: (m, 2) int64.
        weights: (m,).
    """
    gradient = np.zeros_like(points)
    number = points.dtype.type
    for e in range(len(lengths)):
        if not lengths[e] > 0:
            continue
        i, j = edges[e]
        # A power of two brings the steps of edges at the ends of the dtype's range to where they can be divided.
        shift = 1.0
        if lengths[e] < 1e-30:
            shift = 2.0**120
        elif lengths[e] > 1e30:
            shift = 2.0**-90
        slope = number(weights[e] / (lengths[e] * shift))
        shift = number(shift)
        for k in range(points.shape[1]):
            pull = slope * (shift * (points[i, k] - points[j, k]))
            gradient[i, k] += pull
            gradient[j, k] -= pull
    return gradient


@jit
def _squares(points, i, others, squares):
    """Write |x_i - x_j|^2 for the others: four at a time, so that x_i is loaded once for all of them."""
    x = points[i]
    zero = points.dtype.type(0)
    r = 0
    while r + 4 <= len(others):
        a, b, c, d = points[others[r]], points[others[r + 1]], points[others[r + 2]], points[others[r + 3]]
        aa, bb, cc, dd = zero, zero, zero, zero
        for k in range(len(x)):
            step = x[k] - a[k]
            aa += step * step
            step = x[k] - b[k]
            bb += step * step
            step = x[k] - c[k]
            cc += step * step
            step = x[k] - d[k]
            dd += step * step
        squares[r], squares[r + 1], squares[r + 2], squares[r + 3] = aa, bb, cc, dd
        r += 4
    while r < len(others):
        a = points[others[r]]
        aa = zero
        for k in range(len(x)):
            step = x[k] - a[k]
            aa += step * step
        squares[r] = aa
        r += 1


@jit
def _insert(lengths, edges, count, length, i, j):
    """Put a new edge at its place among `count` edges, longest first: no dearer than Prim itself, O(n) for each."""
    k = count
    while k > 0 and lengths[k - 1] < length:
        lengths[k] = lengths[k - 1]
        edges[k, 0], edges[k, 1] = edges[k - 1, 0], edges[k - 1, 1]
        k -= 1
    lengths[k] = length
    edges[k, 0], edges[k, 1] = min(i, j), max(i, j)


@jit
def _prim(points):
    """Distances on the fly, no matrix: O(n^2 d) time, O(n) memory."""
    n = len(points)
    lengths = np.empty(n - 1, points.dtype)
    edges = np.empty((n - 1, 2), np.int64)
    outside = np.arange(1, n)
    best = np.full(n - 1, math.inf)
    anchor = np.zeros(n - 1, np.int64)
    squares = np.empty(n - 1, points.dtype)
    newest = 0
    for left in range(n - 1, 0, -1):
        _squares(points, newest, outside[:left], squares)
        chosen = 0
        for r in range(left):
            if 1e-30 < squares[r] < 1e30:
                length = math.sqrt(np.float64(squares[r]))
            else:
                length = scaled_distance(points, newest, outside[r])
                if not length < math.inf:
                    lengths[0] = math.inf
                    return lengths, edges
            if length < best[r]:
                best[r] = length
                anchor[r] = newest
            if best[r] < best[chosen]:
                chosen = r
        newest = outside[chosen]
        length = points.dtype.type(exact_distance(points, anchor[chosen], newest))
        _insert(lengths, edges, n - 1 - left, length, anchor[chosen], newest)
        outside[chosen], best[chosen], anchor[chosen] = outside[left - 1], best[left - 1], anchor[left - 1]
    return lengths, edges


@jit
def _prim_filtered(points, gram, norms, scale):
    """Distances only where the Gram matrix can't rule a pair out: one pass over the matrix, O(n^2)."""
    n = len(points)
    lengths = np.empty(n - 1, points.dtype)
    edges = np.empty((n - 1, 2), np.int64)
    best = np.full(n, math.inf)
    anchor = np.zeros(n, np.int64)
    # Pair (v, j) may improve on best[j] only where bound[j] - 2 gram[v, j] < -norms[v] + tiny.
    bound = np.full(n, -math.inf, np.float32)
    tiny = np.float32(points.shape[1] * 2.0**-120)
    blocks = (n + _BLOCK - 1) // _BLOCK
    block_best = np.full(blocks, math.inf)
    newest = 0
    bound[0] = math.inf
    for left in range(n - 1, 0, -1):
        row = gram[newest]
        limit = tiny - norms[newest]
        for b in range(blocks):
            start, stop = b * _BLOCK, min(n, (b + 1) * _BLOCK)
            hits = 0
            for j in range(start, stop):
                hits += bound[j] - 2 * row[j] < limit
            if hits == 0:
                continue
            for j in range(start, stop):
                if bound[j] - 2 * row[j] < limit:
                    length = exact_distance(points, newest, j)
                    if length < best[j]:
                        best[j] = length
                        anchor[j] = newest
                        square = (length * scale) ** 2
                        bound[j] = norms[j] - square * (1 + 2.0**-20)
                        block_best[b] = min(block_best[b], length)
        b = 0
        for c in range(1, blocks):
            if block_best[c] < block_best[b]:
                b = c
        start, stop = b * _BLOCK, min(n, (b + 1) * _BLOCK)
        newest = start
        for j in range(start, stop):
            if best[j] < best[newest]:
                newest = j
        _insert(lengths, edges, n - 1 - left, points.dtype.type(best[newest]), anchor[newest], newest)
        best[newest] = math.inf
        bound[newest] = math.inf
        block_best[b] = math.inf
        for j in range(start, stop):
            block_best[b] = min(block_best[b], best[j])
    return lengths, edges
