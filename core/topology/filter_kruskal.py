"""Filter-Kruskal: the minimum spanning tree of a large cloud, tile by tile on all cores, in memory linear in n.

The n x n matrix is never held, and every pair of points is looked at once:

1. A sample of about 8 sqrt(n) points, its minimum spanning tree by Prim, and every other point hung on its nearest
   sample point: a spanning tree, if not a minimum one.
2. All pairs, in tiles. A pair that isn't shorter than the longest edge of the path that already joins its points (the
   *bottleneck*; the pair is "heavy") is in no tree that is needed: the cycle property. The matrix product rules nearly
   all pairs out, what is left is measured by direct differences, see euclidean.py; few pairs are light.
3. Whenever enough light pairs have come together, Kruskal joins them to the tree, which shortens its bottlenecks.

What makes the filter cost two comparisons a pair: Kruskal's merges put the points in an order (the leaves of the single
linkage dendrogram) in which the bottleneck of two points is the largest of the gaps between them, so in a tile it is
`max(row's, column's)`. As the tree improves the order stays, and the gaps shrink: a path over the points between two
others bounds their bottleneck, so their largest gap is never below it.

The tree is exact whatever the sample; a bad one only lets more pairs through. In expectation a sample of m points lets
through about n^2 / m, since a point has n / m others nearer than its nearest sample point. Points of a tile are centered
on its own rows, which lie together, so that clusters far from each other keep their digits in the product.

R. Tarjan, Data Structures and Network Algorithms (1983), chapter 6; D. Karger, P. Klein, R. Tarjan, A randomized
linear-time algorithm to find minimum spanning trees, J. ACM 42 (1995); V. Osipov, P. Sanders, J. Singler, The
Filter-Kruskal minimum spanning tree algorithm, ALENEX (2009).
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit

from core.errors import IsobarError
from core.threads import blas_threads, one_blas_thread
from core.topology import prim
from core.topology.euclidean import (
    center_and_extent,
    centered,
    exact_distance,
    jit,
    measurable,
    power_of_two,
    refuse_unmeasurable,
)

_TILES = (1024, 512, 256, 128, 64)  # 4 MiB of products stay in the cache while they are filtered
_BLOCK = 64  # columns filtered at once
_AHEAD = 8  # tiles handed out before the first is awaited; a constant, so that the tree doesn't depend on the cores


@dataclass(frozen=True)
class Plan:
    """The sizes of the pieces.

    Attributes:
        tile: points on the side of a tile.
        sample: points of the first tree.
        room: light pairs that a tile may bring home at once, at least `tile`.
        enough: light pairs for which Kruskal is worth its sort.
        threads: tiles at once.
    """

    tile: int
    sample: int
    room: int
    enough: int
    threads: int

    def bytes(self, n: int, d: int, itemsize: int) -> int:
        """Return what the tree of (n, d) points takes at most, beside the points."""
        rows = d * (itemsize + 4)
        # For each point the forest, the order and Kruskal's arrays, and the edges of the old tree and of the new.
        forest = 200 * n + 64 * (n + self.enough + _AHEAD * self.room)
        first = 4 * self.sample**2 + self.sample * rows
        tiles = self.threads * (4 * self.tile * max(self.tile, self.sample) + 2 * self.tile * rows)
        return forest + first + tiles + 2**23


def plan(n: int, d: int, itemsize: int, memory_limit: int) -> Plan:
    """Return the largest pieces that a memory limit allows for (n, d) points.

    Raises:
        IsobarError: it allows none.
    """
    for tile in _TILES:
        sizes = Plan(tile, sample=min(n, 8 * math.isqrt(n)), room=16 * tile, enough=2 * n, threads=blas_threads())
        if sizes.bytes(n, d, itemsize) <= memory_limit:
            return sizes
    raise IsobarError(
        f"The tree of {n:,} points of {d:,} dimensions takes {sizes.bytes(n, d, itemsize) / 2**20:,.0f} MiB beside the "
        f"points; the memory limit is {memory_limit / 2**20:,.0f} MiB."
    )


def minimum_spanning_tree(
    points: np.ndarray,
    memory_limit: int,
    progress: Callable[[int, int], None] | None = None,
    sizes: Plan | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a minimum spanning tree of a Euclidean point cloud, longest edge first; of equal trees always the same.

    Args:
        points: (n, d), float32 or float64; any other dtype is measured in float64.
        memory_limit: bytes that may be taken beside the points.
        progress: called in this thread as `progress(done, total)`, in tiles, after each; what it raises ends the work.
        sizes: of the pieces, instead of those that the memory limit allows.

    Returns:
        lengths (n-1,) in the dtype of measurement and edges (n-1, 2) int64, `edges[k, 0] < edges[k, 1]`.

    Raises:
        IsobarError: the shape is wrong, a coordinate is NaN or infinite, two points are farther apart than the dtype
            can hold, or the memory limit is too small.
    """
    points = measurable(points)
    n, d = points.shape
    if n < 2:
        return np.empty(0, points.dtype), np.empty((0, 2), np.int64)
    sizes = sizes or plan(n, d, points.itemsize, memory_limit)
    _, extent = center_and_extent(points)
    if not extent < math.inf:
        refuse_unmeasurable(points)
    scale = power_of_two(extent)
    with one_blas_thread(), ThreadPoolExecutor(sizes.threads) as pool:
        lengths, edges = _first_edges(points, scale, sizes, pool)
        if not lengths.max() < math.inf:
            refuse_unmeasurable(points)
        tree = _Tree.of(n, lengths, edges)
        order = tree.order
        gaps = _gaps(order, tree.parent, tree.link)
        products = [np.empty(sizes.tile**2, np.float32) for _ in range(sizes.threads)]

        waiting = deque((*corner, 0) for corner in _corners(n, sizes.tile))
        total, done, flying = len(waiting), 0, deque()
        lengths, edges, count = [tree.lengths], [tree.edges], 0
        while waiting or flying:
            while waiting and len(flying) < _AHEAD:
                job = waiting.popleft()
                flying.append((job, pool.submit(_tile, points, order, tree, gaps, scale, sizes, products, *job)))
            (row, column, _), light = flying.popleft()
            more_lengths, more_edges, unseen = light.result()
            lengths.append(more_lengths)
            edges.append(more_edges)
            count += len(more_lengths)
            if unseen is not None:
                waiting.appendleft((row, column, unseen))
            else:
                done += 1
                if progress is not None:
                    progress(done, total)
            if count >= sizes.enough or not (waiting or flying):
                tree = _Tree.of(n, np.concatenate(lengths), np.concatenate(edges))
                gaps = _gaps(order, tree.parent, tree.link)
                lengths, edges, count = [tree.lengths], [tree.edges], 0
    return tree.lengths[::-1].astype(points.dtype), np.sort(tree.edges[::-1], axis=1)


@dataclass(frozen=True)
class _Tree:
    """A spanning tree, its edges in the order in which Kruskal merged along them.

    Attributes:
        lengths: (n-1,) float64, shortest first.
        edges: (n-1, 2).
        parent: (n,), the merges: the root of each component points to that of the component it became a part of.
        link: (n,), the length at which that happened, infinite for the last root; never falls on the way up.
        order: (n,), the points as the leaves of the dendrogram: every merge put one component behind the other.
    """

    lengths: np.ndarray
    edges: np.ndarray
    parent: np.ndarray
    link: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, n: int, lengths: np.ndarray, edges: np.ndarray) -> "_Tree":
        """Return a minimum spanning tree of the graph with these edges."""
        kept, *merges = _kruskal(n, lengths, edges, np.argsort(lengths, kind="stable"))
        return cls(lengths[kept], edges[kept], *merges)


def _first_edges(points, scale, sizes, pool) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths and edges of the tree of a random sample, every other point hung on its nearest sample point."""
    n = len(points)
    sample = np.sort(np.random.default_rng(0).choice(n, sizes.sample, replace=False))
    inner = sample[prim.minimum_spanning_tree(points[sample])[1]]
    center = _middle(points[sample])
    y, norms = centered(points[sample], center, scale)
    outside = np.setdiff1d(np.arange(n), sample, assume_unique=True)

    def hooks(start: int) -> np.ndarray:
        rows, _ = centered(points[outside[start : start + sizes.tile]], center, scale)
        return _nearest(rows @ y.T, norms)

    nearest = list(pool.map(hooks, range(0, len(outside), sizes.tile)))
    outer = np.stack((sample[np.concatenate(nearest)], outside), 1) if nearest else np.empty((0, 2), np.int64)
    edges = np.concatenate((inner, outer))
    return _lengths(points, edges), edges


def _corners(n: int, tile: int) -> Iterator[tuple[int, int]]:
    """Yield first row and column of the tiles on and above the diagonal; near pairs, the likely light ones, first."""
    for offset in range(0, n, tile):
        for row in range(0, n - offset, tile):
            yield row, row + offset


def _tile(points, order, tree, gaps, scale, sizes, products, row, column, start):
    """Return the lengths and edges of a tile's light pairs, and the row from which on it wasn't searched, or None.

    `row` and `column` are the tile's corner in the `order` of the points; it is searched from its row `start` on.
    """
    rows, columns = order[row : row + sizes.tile], order[column : column + sizes.tile]
    block = points[rows]
    center = _middle(block)
    y, row_norms = centered(block, center, scale)
    if row == column:
        z, column_norms = y, row_norms
        row_tops = column_tops = np.zeros(len(rows))
        inner = gaps[row : row + len(rows) - 1]
    else:
        inner = gaps[:0]
        z, column_norms = centered(points[columns], center, scale)
        # From a row to the first point after the rows, and from there to a column.
        after = row + len(rows)
        row_tops = np.maximum.accumulate(gaps[row:after][::-1])[::-1].copy()
        column_tops = np.maximum.accumulate(np.append(0.0, gaps[after : column + len(columns) - 1]))[column - after :]
    memory = products.pop()
    product = np.matmul(y, z.T, out=memory[: len(y) * len(z)].reshape(len(y), len(z)))
    lengths, edges = np.empty(sizes.room), np.empty((sizes.room, 2), np.int64)
    count, stopped = _light_pairs(
        points, rows, columns, product, row_norms, column_norms,
        row_tops, column_tops, inner, tree.parent, tree.link, scale, start, lengths, edges,
    )  # fmt: skip
    products.append(memory)
    return lengths[:count].copy(), edges[:count].copy(), stopped if stopped < len(rows) else None


def _middle(points: np.ndarray) -> np.ndarray:
    """Return the median, coordinate by coordinate, of a few of the points: no outlier moves it, and no sum overflows."""
    few = points[:: math.ceil(len(points) / 15)]
    return np.sort(few, axis=0)[len(few) // 2].astype(np.float64)


@njit(cache=True, nogil=True)
def _kruskal(n, lengths, edges, ranked):
    """Return the numbers of the edges kept, parent, link and order; merges are by size, and no path is shortened."""
    parent = np.arange(n)
    link = np.full(n, math.inf)
    size = np.ones(n, np.int64)
    last = np.arange(n)
    following = np.arange(n)
    kept = np.empty(n - 1, np.int64)
    count = 0
    for e in ranked:
        i, j = edges[e]
        while parent[i] != i:
            i = parent[i]
        while parent[j] != j:
            j = parent[j]
        if i == j:
            continue
        if size[i] < size[j]:
            i, j = j, i
        parent[j] = i
        link[j] = lengths[e]
        size[i] += size[j]
        following[last[i]] = j
        last[i] = last[j]
        kept[count] = e
        count += 1
        if count == n - 1:
            break
    order = np.empty(n, np.int64)
    leaf = 0
    while parent[leaf] != leaf:
        leaf = parent[leaf]
    for place in range(n):
        order[place] = leaf
        leaf = following[leaf]
    return kept, parent, link, order


@njit(cache=True, nogil=True)
def _bottleneck(parent, link, i, j):
    """Return the longest edge on the tree's path between two points: the merge that joined them, O(log n) steps."""
    longest = 0.0
    while i != j:
        if link[i] <= link[j]:
            longest = link[i]
            i = parent[i]
        else:
            longest = link[j]
            j = parent[j]
    return longest


@njit(cache=True, nogil=True)
def _gaps(order, parent, link):
    """Return the bottlenecks of neighbours in the order, (n-1,)."""
    gaps = np.empty(len(order) - 1)
    for place in range(len(gaps)):
        gaps[place] = _bottleneck(parent, link, order[place], order[place + 1])
    return gaps


@jit
def _nearest(products, norms):
    """Return, for each row of products, which column is nearest."""
    nearest = np.zeros(len(products), np.int64)
    for r in range(len(products)):
        least = np.float32(math.inf)
        for c in range(len(norms)):
            square = norms[c] - 2 * products[r, c]
            if square < least:
                least = square
                nearest[r] = c
    return nearest


@jit
def _lengths(points, edges):
    lengths = np.empty(len(edges))
    for e in range(len(edges)):
        lengths[e] = exact_distance(points, edges[e, 0], edges[e, 1])
    return lengths


@jit
def _reach(bottleneck, scale, d):
    """Return what the filter's square of a light pair is below; nothing is shorter than 0."""
    if bottleneck == 0.0:
        return np.float32(-math.inf)
    return np.float32((bottleneck * scale) ** 2 * (1 + 2.0**-20) + d * 2.0**-120)


@jit
def _some_pass(norm, norms, products, own, reaches):
    hits = 0
    for c in range(len(norms)):
        hits += norm + norms[c] - 2 * products[c] < max(own, reaches[c])
    return hits > 0


@jit
def _light_pairs(
    points, rows, columns, products, row_norms, column_norms, row_tops, column_tops, inner, parent, link, scale, start,
    lengths, edges,
):  # fmt: skip
    """Write the pairs that are shorter than their bottleneck; return their count and the row before which it stopped.

    It stops where lengths and edges couldn't hold another row. `inner`, the gaps between the rows, is empty except on
    the diagonal, where columns are rows, and a pair is looked at from its first point.
    """
    d = points.shape[1]
    width = len(columns)
    reaches = np.empty(width, np.float32)
    for c in range(width):
        reaches[c] = _reach(column_tops[c], scale, d)
    count = 0
    first = 0
    for r in range(start, len(rows)):
        if count + width > len(lengths):
            return count, r
        if len(inner) > 0:
            first = r + 1
            top = 0.0
            for c in range(first, width):
                top = max(top, inner[c - 1])
                reaches[c] = _reach(top, scale, d)
        own = _reach(row_tops[r], scale, d)
        norm = row_norms[r]
        product = products[r]
        for left in range(0, width, _BLOCK):  # from 0, so that the compiler knows no index is negative
            right = min(width, left + _BLOCK)
            if not _some_pass(norm, column_norms[left:right], product[left:right], own, reaches[left:right]):
                continue
            for c in range(max(left, first), right):
                square = norm + column_norms[c] - 2 * product[c]
                if not square < max(own, reaches[c]):
                    continue
                # The gaps are bounds, once the tree has changed.
                bottleneck = _bottleneck(parent, link, rows[r], columns[c])
                if not square < _reach(bottleneck, scale, d):
                    continue
                length = exact_distance(points, rows[r], columns[c])
                if length < bottleneck:
                    lengths[count] = length
                    edges[count, 0], edges[count, 1] = rows[r], columns[c]
                    count += 1
    return count, len(rows)
