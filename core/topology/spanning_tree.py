"""Which minimum spanning tree algorithm runs where.

The rule, by measurement on two cores (`isobar bench topology` makes the table again):

| where the points are | clouds of | algorithm |
| --- | --- | --- |
| CPU memory, eager | fewer than `prim.GRAM_FROM` points | Prim, distances on the fly |
| CPU memory, eager | up to `prim.GRAM_TO` points | Prim behind a matrix product |
| CPU memory, eager | more | Prim, distances on the fly: memory stays linear |
| a device; or traced by `torch.compile`, `torch.export`, fake tensors | any | Borůvka in torch |
"""

from torch import Tensor

from core.errors import IsobarError, nearest
from core.topology.boruvka import minimum_spanning_forest
from core.topology.distance import distance_matrix
from core.topology.host import host_array

BACKENDS = ("auto", "prim", "boruvka")


def choose_backend(points: Tensor, backend: str) -> str:
    """Return "prim" or "boruvka" for points that a caller left to "auto" or decided himself.

    Raises:
        IsobarError: the backend isn't known, or "prim" was asked of points that aren't in the CPU's memory.
    """
    if backend not in BACKENDS:
        raise IsobarError(f"Unknown backend {backend!r}; known are {', '.join(BACKENDS)}.{nearest(backend, BACKENDS)}")
    if backend == "boruvka":
        return backend
    if host_array(points) is not None:
        return "prim"
    if backend == "auto":
        return "boruvka"
    raise IsobarError(
        f"Backend 'prim' can't read these points (on {points.device}): it needs them in the CPU's memory, outside of "
        "torch.compile and torch.func; 'boruvka' runs anywhere."
    )


def spanning_forest(points: Tensor, group: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a minimum spanning tree of every group of points, as one tensor program.

    Args:
        points: (..., n, d), float32 or float64.
        group: (..., n) int64; points are joined only to points of their group.

    Returns:
        heads, tails (..., n) int64 and exists (..., n) bool: slot by slot the two ends of an edge, heads < tails, whose
        group is that of the slot's point. One slot a group is empty; both its ends are 0.
    """
    n = points.shape[-2]
    together = group.unsqueeze(-1) == group.unsqueeze(-2)
    weights = distance_matrix(points).masked_fill(~together, float("inf"))
    merged_by = minimum_spanning_forest(weights)
    exists = merged_by >= 0
    edge = merged_by.clamp(min=0)
    return edge // n, edge % n, exists
