"""Euclidean distances by direct differences, as tensor programs that keep their digits at any scale and place.

torch.cdist's matrix product loses what |x|^2 + |y|^2 - 2 x.y cancels: for near-duplicates far from the origin, all of
it. Differences lose nothing, and dividing them by a power of two before squaring rounds nothing.
"""

import torch
from torch import Tensor


def distance_matrix(points: Tensor) -> Tensor:
    """Return the distances between all points, without gradient, up to one positive factor per cloud.

    Args:
        points: (..., n, d), n >= 1, float32 or float64.

    Returns:
        (..., n, n), exactly symmetric. Distances below 2^-63 (float32) or 2^-511 (float64) of the cloud's extent are 0.
    """
    points = at_unit_extent(points)
    distances = apart(points, points)
    return torch.minimum(distances, distances.mT)


def at_unit_extent(points: Tensor) -> Tensor:
    """Return points (..., n, d) divided by the power of two below their extent, without gradient: squares stay in range."""
    points = points.detach()
    extent = (points.amax(-2) - points.amin(-2)).amax(-1)
    return points / power_of_two(extent)[..., None, None]


def apart(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the distances of points (..., r, d) from points (..., c, d), by direct differences."""
    return torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist")


def edge_lengths(points: Tensor, heads: Tensor, tails: Tensor) -> Tensor:
    """Return |x_i - x_j| for pairs of points, differentiable any number of times; length zero has gradient zero.

    Args:
        points: (..., n, d), float32 or float64.
        heads: (..., m) int64, the i.
        tails: (..., m) int64, the j.
    """
    steps = rows_of(points, heads) - rows_of(points, tails)
    unit = power_of_two(steps.detach().abs().amax(-1))
    squares = (steps / unit.unsqueeze(-1)).square().sum(-1)
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0) * unit


def rows_of(points: Tensor, index: Tensor) -> Tensor:
    """Return the points (..., m, d) that an index (..., m) names."""
    return points.gather(-2, index.unsqueeze(-1).expand(*index.shape, points.shape[-1]))


def power_of_two(values: Tensor) -> Tensor:
    """Return the powers of two just below positive values, kept where both they and their inverses are normal."""
    if values.dtype == torch.float32:
        power = (values.contiguous().view(torch.int32) & 0x7F800000).view(torch.float32)
        return power.clamp(2.0**-126, 2.0**126)
    power = (values.contiguous().view(torch.int64) & 0x7FF0000000000000).view(torch.float64)
    return power.clamp(2.0**-1022, 2.0**1022)
