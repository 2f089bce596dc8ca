"""Borůvka's minimum spanning forest as a tensor program of fixed shape, for any device.

The number of rounds depends on the shape alone, so nothing is read back by the host: the program can be compiled,
exported and captured in a CUDA graph. In each round every component takes its lightest outgoing edge and merges along
it; components at least halve. Equal weights are told apart by edge number, which makes the order total and the union
of what is taken a forest.

Of many points the weights are made anew in each round, tile by tile, each for its rows and its columns, so that memory is
linear in their number; then the host looks after each round whether another is needed.

O. Borůvka, O jistém problému minimálním (1926); pointer jumping as in J. JáJá, An Introduction to Parallel Algorithms
(1992).
"""

from collections.abc import Callable

import torch
from torch import Tensor


def minimum_spanning_forest(weights: Tensor) -> Tensor:
    """Return, for every point, the tree edge by which its component was merged into another.

    Args:
        weights: (..., n, n), symmetric, any floating dtype; infinite where there is no edge.

    Returns:
        (..., n) int64 edge numbers `i * n + j` with `i < j`. Every edge of the forest occurs once; the one point of
        each tree that was never merged holds -1.
    """
    n = weights.shape[-1]
    component = point = torch.arange(n, device=weights.device).expand(weights.shape[:-1])
    merged_by = torch.full_like(point, -1)
    if n < 2:
        return merged_by
    number = _numbers(point, point, n)
    for _ in range(doublings(n)):
        lightest, first = _outgoing(weights, number, component, component, -1, n * n)
        component, merged_by = _merged(point, component, lightest, first, merged_by)
    return merged_by


def minimum_spanning_forest_by_tiles(
    weights: Callable[[slice, slice], Tensor], component: Tensor, dtype: torch.dtype, tile: int, trees: int
) -> Tensor:
    """Return what `minimum_spanning_forest` does, of weights that are made a tile at a time; the host waits for each round.

    Args:
        weights: returns those of the points `rows` against the points `columns`, (..., rows, columns); it is called for the
            tiles on and above the diagonal, and those on it are symmetric.
        component: (..., n) int64, each point's own number.
        dtype: of the weights.
        tile: points on the side of a tile.
        trees: how many the forest has in the end, of all clouds together; fewer end it no sooner.
    """
    n = component.shape[-1]
    point, none = component, n * n
    merged_by, left = torch.full_like(point, -1), point.numel()
    slices = [slice(start, min(start + tile, n)) for start in range(0, n, tile)]
    for _ in range(doublings(n)):
        lightest = torch.full(point.shape, torch.inf, dtype=dtype, device=point.device)
        first = torch.full_like(point, none)
        for index, rows in enumerate(slices):
            for columns in slices[index:]:
                pairs = weights(rows, columns)
                number = _numbers(point[..., rows], point[..., columns], n)
                ends = component[..., rows], component[..., columns]
                _keep(lightest, first, rows, *_outgoing(pairs, number, *ends, -1, none))
                if rows != columns:
                    _keep(lightest, first, columns, *_outgoing(pairs, number, *ends, -2, none))
        component, merged_by = _merged(point, component, lightest, first, merged_by)
        had, left = left, int((component == point).sum())
        if left <= trees or left == had:  # a point that lies nowhere is joined to none
            break
    return merged_by


def _numbers(rows: Tensor, columns: Tensor, n: int) -> Tensor:
    """Return the numbers of the edges between points, (..., rows, columns)."""
    rows, columns = rows.unsqueeze(-1), columns.unsqueeze(-2)
    return torch.minimum(rows, columns) * n + torch.maximum(rows, columns)


def _outgoing(weights: Tensor, number: Tensor, rows: Tensor, columns: Tensor, dim: int, none: int) -> tuple:
    """Return the weight and the number of each point's lightest edge out of its component; infinity and `none` without one.

    `rows` and `columns` are components. Points are those of the rows for `dim` -1, of the columns for -2.
    """
    inside = rows.unsqueeze(-1) == columns.unsqueeze(-2)
    crossing = weights.masked_fill(inside, torch.inf)
    lightest = crossing.amin(dim)
    is_lightest = (crossing == lightest.unsqueeze(dim)) & (crossing < torch.inf)
    return lightest, number.masked_fill(~is_lightest, none).amin(dim)


def _keep(lightest: Tensor, first: Tensor, of: slice, found: Tensor, number: Tensor) -> None:
    """Put into `lightest` and `first` what another tile holds of the points `of`, where it is lighter."""
    had, before = lightest[..., of], first[..., of]
    number = torch.where(found == had, torch.minimum(number, before), number)
    first[..., of] = torch.where(found <= had, number, before)
    lightest[..., of] = torch.minimum(found, had)


def _merged(
    point: Tensor, component: Tensor, lightest: Tensor, first: Tensor, merged_by: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the components once each is merged along its lightest edge, and `merged_by` with the edges that were taken."""
    n = point.shape[-1]
    none = n * n
    # From points to components, each written at the index of its representative point.
    least = torch.full_like(lightest, torch.inf).scatter_reduce(-1, component, lightest, "amin")
    first = first.masked_fill(lightest != least.gather(-1, component), none)
    chosen = torch.full_like(first, none).scatter_reduce(-1, component, first, "amin")
    has_edge = chosen < none
    edge = chosen.masked_fill(~has_edge, 0)
    ends = component.gather(-1, edge // n) + component.gather(-1, edge % n)
    parent = torch.where(has_edge, ends - point, point)
    # Two components that chose the same edge point at each other; the smaller number stays the root.
    mutual = parent.gather(-1, parent) == point
    parent = torch.where(mutual & (point < parent), point, parent)
    merged_by = torch.where(parent != point, chosen, merged_by)
    for _ in range(doublings(n)):
        parent = parent.gather(-1, parent)
    return parent.gather(-1, component), merged_by


def doublings(n: int) -> int:
    """Return the least r with 2^r >= n; by comparison, so that a traced size isn't pinned to a single value."""
    r = 0
    while 1 << r < n:
        r += 1
    return r
