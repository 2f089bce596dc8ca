"""Which minimum spanning tree algorithm runs where.

The rule, as measured on two cores (`isobar bench topology` makes the table again):

| where the points are | points | algorithm |
| --- | --- | --- |
| the CPU's memory | fewer than 400 | Prim, distances on the fly |
| the CPU's memory | 400 to 3,000 | Prim, distances on the fly where a matrix product can't rule them out |
| the CPU's memory | more, or the memory limit is below Prim's matrix | filter-Kruskal on tiles of the product: time n^2 d on all cores, memory linear in n |
| a device | up to 8,192 | Borůvka as a tensor program |
| a device | more | the same by tiles: memory linear in n |
| traced by `torch.compile` or `torch.export`, in `torch.func`, captured in a CUDA graph | any | the tensor program, whole |

On the fly, 32 x 384 takes 15 us, 128 x 384 0.2 ms, 256 x 768 1.6 ms, as much as torch.cdist alone, and 512 x 768 7.5 ms;
the product makes that 3 ms, and 1,024 x 768 11 ms instead of 33. It would pay from 200 points on idle cores; but where
they are busy, as in a training process whose own threads still spin, the threads of the product wait for each other for
15 to 40 ms, whatever its size, and on the fly nobody waits.

Filter-Kruskal takes each pair's product once and keeps none: 2,048 x 768 cost 81 ms of CPU against Prim's 71, 4,096 x 384
158 against 187, 8,192 x 384 0.55 s against 0.99, and 12,000 x 384 1.1 s against 2.0 and 0.6 GB. Prim's pass over the
matrix is one core's, filter-Kruskal is all cores' but for a sample's tree and a few sorts. `isobar bench clouds` measures
it on. The tensor program takes 2 ms of CPU for 32 x 384, mostly to launch its operations: it is for devices.
"""

import math

import torch
from torch import Tensor

from core.errors import IsobarError, nearest
from core.topology.boruvka import minimum_spanning_forest, minimum_spanning_forest_by_tiles
from core.topology.distance import apart, at_unit_extent, distance_matrix
from core.topology.host import is_plain, on_host

BACKENDS = ("auto", "prim", "boruvka")
WHOLE = 8_192  # points whose whole matrix a device holds: 2 GB with what a round makes of it
TILE = 4_096  # points on the side of a tile of one cloud: 0.5 GB; of several at once it is smaller


def choose_backend(points: Tensor, backend: str) -> str:
    """Return "prim" or "boruvka" for points that a caller left to "auto" or decided himself.

    Raises:
        IsobarError: the backend isn't known, or "prim" was asked of points that aren't in the CPU's memory.
    """
    if backend not in BACKENDS:
        raise IsobarError(f"Unknown backend {backend!r}; known are {', '.join(BACKENDS)}.{nearest(backend, BACKENDS)}")
    if backend == "boruvka":
        return backend
    if on_host(points):
        return "prim"
    if backend == "auto":
        return "boruvka"
    raise IsobarError(
        f"Backend 'prim' can't read these points (on {points.device}): it needs them in the CPU's memory, outside of "
        "torch.compile and torch.func; 'boruvka' runs anywhere."
    )


def spanning_forest(points: Tensor, group: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a minimum spanning tree of every group of points, as one tensor program.

    Of more than 8,192 points the distances are made anew in each round, tile by tile: memory is linear in n, and the host
    waits once, and once a round, of which there are log2 n at most. Traced or captured the program has all of them at once, whatever n.

    Args:
        points: (..., n, d), float32 or float64.
        group: (..., n) int64; points are joined only to points of their group.

    Returns:
        heads, tails (..., n) int64 and exists (..., n) bool: slot by slot the two ends of an edge, heads < tails, whose
        group is that of the slot's point. One slot a group is empty; both its ends are 0.
    """
    n = points.shape[-2]
    if is_plain(points) and n > WHOLE:
        merged_by = _tiled_forest(points, group)
    else:
        together = group.unsqueeze(-1) == group.unsqueeze(-2)
        merged_by = minimum_spanning_forest(distance_matrix(points).masked_fill(~together, torch.inf))
    exists = merged_by >= 0
    edge = merged_by.clamp(min=0)
    return edge // n, edge % n, exists


def _tiled_forest(points: Tensor, group: Tensor) -> Tensor:
    unit = at_unit_extent(points)

    def weights(rows: slice, columns: slice) -> Tensor:
        found = apart(unit[..., rows, :], unit[..., columns, :])
        found = torch.minimum(found, found.mT) if rows == columns else found
        together = group[..., rows].unsqueeze(-1) == group[..., columns].unsqueeze(-2)
        return found.masked_fill(~together, torch.inf)

    point = torch.arange(points.shape[-2], device=points.device).expand(points.shape[:-1])
    ordered = group.sort(-1).values
    clouds = math.prod(group.shape[:-1])
    trees = clouds + int((ordered[..., 1:] != ordered[..., :-1]).sum())
    side = max(int(TILE / max(clouds, 1) ** 0.5), 1)
    return minimum_spanning_forest_by_tiles(weights, point, unit.dtype, side, trees)
