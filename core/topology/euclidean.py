"""Distances between the rows of an array, as numba kernels, and how far a float32 matrix product is off them.

Distances are taken by direct differences, whose *relative* error is a few units in the last place wherever the cloud
lies. A matrix product is faster and may rule pairs out: with `y` the centered points, in float32, the computed
`|y_i|^2 + |y_j|^2 - 2 y_i.y_j` is off by at most

    slack * (|y_i|^2 + |y_j|^2),    slack = (d + 16) * 2^-23

(twice the bound d 2^-24 for a product of d terms, and what the rounding of `y` itself adds), so a pair that it puts
beyond a length by more than that lies beyond it. The rest, near-duplicates far from the center among them, is measured
directly. No result depends on how well the product was rounded.

numba's cache looks at a kernel's own file only: after a change here, remove the compiled callers in `__pycache__`.
"""

import math

import numpy as np
from numba import njit

from core.errors import IsobarError

# Sums may be reordered (SIMD) and fused; infinities and NaN keep their meaning.
jit = njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})


def measurable(points: np.ndarray) -> np.ndarray:
    """Return points (n, d) as the kernels take them: float32 or float64, contiguous; other dtypes become float64."""
    if points.ndim != 2:
        raise IsobarError(f"Points have shape {points.shape}; it must be (n, d).")
    points = np.ascontiguousarray(points, None if points.dtype in (np.float32, np.float64) else np.float64)
    # numba would compile a second copy of every kernel for read-only arrays
    return points if points.flags.writeable else points.copy()


def refuse_unmeasurable(points: np.ndarray, rows=None, where: str = "", only_rows: bool = False) -> None:
    """Raise an IsobarError that names the first row with a NaN or an infinity.

    Args:
        points: (n, d).
        rows: the rows that count; all by default.
        where: which cloud, for the message.
        only_rows: return, rather than refuse the whole cloud, where every row is finite.
    """
    finite = np.atleast_1d(np.isfinite(points).all(axis=1))
    bad = np.flatnonzero(~finite) if rows is None else rows[~finite[rows]]
    if len(bad):
        raise IsobarError(
            f"Row {bad[0]} of the points{where} holds a NaN or an infinity; every coordinate must be a finite number."
        )
    if not only_rows:
        raise IsobarError(f"The points{where} lie farther apart than {points.dtype} can hold; scale them down.")


def power_of_two(extent: float) -> float:
    """Return a scale by which nothing is rounded and `extent` comes below 1; it and its inverse are normal."""
    return 2.0 ** -min(max(math.frexp(extent)[1], -1000), 1000)


@jit
def scaled_distance(points, i, j):
    """|x_i - x_j| where squares leave the range of the dtype; not finite where a coordinate isn't."""
    largest = 0.0
    for k in range(points.shape[1]):
        step = abs(np.float64(points[i, k] - points[j, k]))
        if not step < math.inf:
            return math.inf
        largest = max(largest, step)
    if largest == 0.0:
        return 0.0
    total = 0.0
    for k in range(points.shape[1]):
        step = np.float64(points[i, k] - points[j, k]) / largest
        total += step * step
    return largest * math.sqrt(total)


@jit
def exact_distance(points, i, j):
    """|x_i - x_j| summed in float64."""
    total = 0.0
    for k in range(points.shape[1]):
        step = np.float64(points[i, k] - points[j, k])
        total += step * step
    if 1e-30 < total < 1e30:
        return math.sqrt(total)
    return scaled_distance(points, i, j)


@jit
def center_and_extent(points):
    """Return the mean point and the largest L1 distance from it, which isn't finite where a coordinate isn't."""
    n, d = points.shape
    center = np.zeros(d)
    for i in range(n):
        for k in range(d):
            center[k] += points[i, k] / n
    extent = 0.0
    for i in range(n):
        total = 0.0
        for k in range(d):
            total += abs(points[i, k] - center[k])
        if not total < math.inf:
            return center, math.inf
        extent = max(extent, total)
    return center, extent


@jit
def centered(points, center, scale):
    """Return y and (1 - slack) |y|^2, both float32."""
    n, d = points.shape
    y = np.empty((n, d), np.float32)
    norms = np.empty(n, np.float32)
    for i in range(n):
        total = 0.0
        for k in range(d):
            y[i, k] = (points[i, k] - center[k]) * scale
            total += np.float64(y[i, k]) * y[i, k]
        norms[i] = total * (1 - (d + 16) * 2.0**-23)
    return y, norms
