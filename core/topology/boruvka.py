"""Borůvka's minimum spanning forest as a tensor program of fixed shape, for any device.

The number of rounds depends on the shape alone, so nothing is read back by the host: the program can be compiled,
exported and captured in a CUDA graph. In each round every component takes its lightest outgoing edge and merges along
it; components at least halve. Equal weights are told apart by edge number, which makes the order total and the union
of what is taken a forest.

O. Borůvka, O jistém problému minimálním (1926); pointer jumping as in J. JáJá, An Introduction to Parallel Algorithms
(1992).
"""

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
    point = torch.arange(n, device=weights.device).expand(weights.shape[:-1])
    merged_by = torch.full_like(point, -1)
    if n < 2:
        return merged_by
    rounds = doublings(n)
    row, column = point.unsqueeze(-1), point.unsqueeze(-2)
    number = torch.minimum(row, column) * n + torch.maximum(row, column)
    none = n * n
    component = point
    for _ in range(rounds):
        outgoing = component.unsqueeze(-1) != component.unsqueeze(-2)
        crossing = weights.masked_fill(~outgoing, torch.inf)
        lightest = crossing.amin(-1)
        is_lightest = (crossing == lightest.unsqueeze(-1)) & (crossing < torch.inf)
        first = number.masked_fill(~is_lightest, none).amin(-1)
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
        for _ in range(rounds):
            parent = parent.gather(-1, parent)
        component = parent.gather(-1, component)
    return merged_by


def doublings(n: int) -> int:
    """Return the least r with 2^r >= n; by comparison, so that a traced size isn't pinned to a single value."""
    r = 0
    while 1 << r < n:
        r += 1
    return r
