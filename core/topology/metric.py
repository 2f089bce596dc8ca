"""Cosine and angular distance by the Euclidean engine: between unit vectors, all three order pairs alike.

So the minimum spanning tree is that of the chords `c = |u - v|`, and only the lengths of its edges are converted:
`1 - cos = c^2 / 2`, and, in radians, `angle = 2 atan(c / s)` with `s = |u + v|`, which keeps its digits for nearly equal
and for nearly opposite vectors (arccos loses half of them at both ends).

W. Kahan, How futile are mindless assessments of roundoff in floating-point computation (2006), section 12.
"""

import numpy as np
import torch
from torch import Tensor

from core.errors import IsobarError, nearest
from core.topology.distance import edge_lengths, power_of_two, rows_of
from core.topology.host import on_host

METRICS = ("euclidean", "cosine", "angular")


def check_metric(metric: str) -> None:
    """Raise an IsobarError where a metric isn't known."""
    if metric not in METRICS:
        raise IsobarError(f"Unknown metric {metric!r}; known are {', '.join(METRICS)}.{nearest(metric, METRICS)}")


def directions(points: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return x / |x| for every point, in float64 where the device has it; differentiable any number of times.

    Rounded to float32, vectors that are nearly parallel would move by as much as they differ. A zero vector has no
    direction: where the host can't see it without waiting, it counts as orthogonal to all others and equal to other
    zero vectors, and has gradient zero.

    Args:
        points: (..., n, d), float32 or float64.
        mask: (..., n) bool, the points that exist; all by default.

    Returns:
        (..., n, d), or (..., n, d + 1) where the host can't see the points.

    Raises:
        IsobarError: the host can see a zero vector.
    """
    seen = on_host(points) and (mask is None or on_host(mask))
    points = points if points.device.type == "mps" else points.double()
    scaled = points / power_of_two(points.detach().abs().amax(-1, keepdim=True))
    squares = scaled.square().sum(-1, keepdim=True)
    zero = squares == 0
    units = torch.where(zero, 0, scaled / torch.where(zero, 1, squares).sqrt())
    if not seen:
        return torch.cat((units, zero.to(units.dtype)), -1)
    missing = zero.squeeze(-1).cpu().numpy()
    missing = missing if mask is None else missing & mask.numpy()
    if missing.any():
        where = [int(i) for i in np.argwhere(missing)[0]]
        cloud = f" of cloud {where[0]}" if len(where) > 1 else ""
        raise IsobarError(
            f"Row {where[-1]} of the points{cloud} is the zero vector, which has no direction; cosine and angular "
            "distance need vectors longer than 0."
        )
    return units


def metric_lengths(points: Tensor, heads: Tensor, tails: Tensor, metric: str) -> Tensor:
    """Return the distances of pairs of points, differentiable any number of times.

    Args:
        points: (..., n, d); for "cosine" and "angular", `directions`.
        heads: (..., m) int64.
        tails: (..., m) int64.
        metric: one of METRICS.
    """
    return from_chords(edge_lengths(points, heads, tails), points, heads, tails, metric)


def from_chords(chords: Tensor, points: Tensor, heads: Tensor, tails: Tensor, metric: str) -> Tensor:
    """Return what `metric_lengths` does, of pairs whose Euclidean distances are known: `chords` (..., m)."""
    if metric == "euclidean":
        return chords
    if metric == "cosine":
        return chords.square() / 2
    squares = (rows_of(points, heads) + rows_of(points, tails)).square().sum(-1)
    opposite = squares == 0  # as far apart as can be: the gradient is zero
    s = torch.where(opposite, 1, squares).sqrt()
    return torch.where(opposite, torch.pi, 2 * torch.atan2(chords, s))


def lengths_and_slopes(points: np.ndarray, chords: np.ndarray, edges: np.ndarray, metric: str) -> tuple:
    """Return `from_chords` on arrays, and the derivative of each length by its chord along the sphere."""
    if metric == "euclidean":
        return chords, np.ones_like(chords)
    if metric == "cosine":
        return chords**2 / 2, chords
    s = np.linalg.norm(points[edges[:, 0]] + points[edges[:, 1]], axis=1)
    return 2 * np.arctan2(chords, s), np.divide(2, s, out=np.zeros_like(s), where=s > 0)
