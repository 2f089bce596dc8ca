"""Barcodes of dimension 1 and above, by GUDHI, with the critical edges that make a bar visible in the cloud."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from core.errors import IsobarError
from core.topology.entropy import in_working_precision
from core.topology.euclidean import refuse_unmeasurable
from core.topology.metric import check_metric, directions, lengths_and_slopes, metric_lengths
from core.topology.rips import MAX_POINTS, MAX_SIMPLICES, critical_pairs


@dataclass(frozen=True)
class HigherBarcode:
    """The finite bars of one dimension above 0, the longest first.

    Attributes:
        dim: the dimension; 1 are loops, 2 are voids.
        births, deaths: (m,), the distances at which a bar begins and ends, in the metric's unit, with gradient.
        birth_edges, death_edges: (m, 2) int64, the pairs of points at those distances.
    """

    dim: int
    births: Tensor
    deaths: Tensor
    birth_edges: Tensor
    death_edges: Tensor

    @property
    def lengths(self) -> Tensor:
        """(m,): deaths minus births, with gradient."""
        return self.deaths - self.births


def hk_barcode(
    points: Tensor,
    dim: int = 1,
    *,
    max_simplices: int = MAX_SIMPLICES,
    min_length: float = 0.0,
    metric: str = "euclidean",
) -> HigherBarcode:
    """Return the Vietoris-Rips barcode of dimension `dim` >= 1.

    The complex is cut at the enclosing radius, beyond which nothing is born; for dimension 2 and above its edges are
    collapsed first. Both leave the barcode as it is. For inspection: the loops of thousands of points, the voids of hundreds.

    Args:
        points: (n, d), any floating dtype; filtrations are computed in float64 on the host.
        dim: 1 or more; each dimension more costs about a factor of n.
        max_simplices: for dim >= 2, refuse a complex with more after its edges were collapsed.
        min_length: leave out bars this short or shorter, in the metric's unit.
        metric: "euclidean", "cosine" or "angular", as in `h0_barcode`.

    Raises:
        IsobarError: the shape or metric is wrong, a coordinate is not finite, the points are being traced, or the
            complex would be too large (told before it is built, with an estimate).

    U. Bauer, Ripser: efficient computation of Vietoris-Rips persistence barcodes, J. Appl. and Comput. Topology 5 (2021);
    M. Glisse, S. Pritam, Swap, Shift and Trim to Edge Collapse a Filtration, SoCG 2022; both as implemented in GUDHI.
    """
    points = torch.as_tensor(points)
    if not points.is_floating_point():
        raise IsobarError(f"Points have dtype {points.dtype}; it must be float64, float32, float16 or bfloat16.")
    points = in_working_precision(points)
    refuse_traced(points, dim)
    check_metric(metric)
    if points.ndim != 2:
        raise IsobarError(
            f"Points have shape {tuple(points.shape)}; for dimension {dim} they must be one cloud (n, d)."
        )
    if dim < 1:
        raise IsobarError(f"dim is {dim}; dimension 0 is h0_barcode's, here it must be 1 or more.")
    n = len(points)
    if n > MAX_POINTS:
        raise IsobarError(
            f"{n} points are too many for dimension {dim}; up to {MAX_POINTS} can be done, so take a sample."
        )
    precision = points.dtype
    if metric != "euclidean":
        points = directions(points)
    cloud = points.detach().cpu().double().numpy()
    refuse_unmeasurable(cloud, np.arange(n), only_rows=True)
    pairs, chords = critical_pairs(cloud, dim, max_simplices)  # all metrics grow with the chord: one filtration
    filtrations = lengths_and_slopes(cloud, chords.ravel(), pairs.reshape(-1, 2), metric)[0].reshape(-1, 2)
    lengths = filtrations[:, 1] - filtrations[:, 0]
    order = np.argsort(-lengths, kind="stable")
    edges = torch.from_numpy(pairs[order[lengths[order] > min_length]]).to(points.device)
    births, deaths = (
        metric_lengths(points, edges[:, end, 0], edges[:, end, 1], metric).to(precision) for end in (0, 1)
    )
    return HigherBarcode(dim, births, deaths, edges[:, 0], edges[:, 1])


def refuse_traced(points: Tensor, dim: int) -> None:
    """Raise an IsobarError where `torch.compile`, `torch.export` or `torch.func` follow what is done with the points."""
    if torch.compiler.is_compiling() or is_functorch_wrapped_tensor(points):
        raise IsobarError(
            f"Dimension {dim} is computed by GUDHI, which torch.compile, torch.export and torch.func can't follow; "
            "leave it out of what they trace, or take max_dim=0."
        )
