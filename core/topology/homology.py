"""Barcodes of dimension 1 and above, by GUDHI, with the critical edges that make a bar visible in the cloud."""

from dataclasses import dataclass
from math import comb

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from core.errors import IsobarError
from core.topology.entropy import in_working_precision
from core.topology.metric import check_metric, directions, lengths_and_slopes, metric_lengths
from core.topology.prim import refuse_unmeasurable

MAX_POINTS = 2_000  # beyond it the distance matrix and its collapse alone take minutes
MAX_SIMPLICES = 20_000_000  # about 2 GB in GUDHI's simplex tree


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

    The complex is cut at the enclosing radius, beyond which nothing is born, and its edges are collapsed first; both
    leave the barcode as it is. For inspection: clouds of some hundreds of points.

    Args:
        points: (n, d), any floating dtype; filtrations are computed in float64 on the host.
        dim: 1 or more; each dimension more costs about a factor of n.
        max_simplices: refuse to build a complex with more.
        min_length: leave out bars this short or shorter, in the metric's unit.
        metric: "euclidean", "cosine" or "angular", as in `h0_barcode`.

    Raises:
        IsobarError: the shape or metric is wrong, a coordinate is not finite, the points are being traced, or the
            complex would be too large (told before it is built, with an estimate).

    M. Glisse, S. Pritam, Swap, Shift and Trim to Edge Collapse a Filtration, SoCG 2022, as implemented in GUDHI.
    """
    points = in_working_precision(torch.as_tensor(points))
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
    pairs, chords = _critical_pairs(cloud, dim, max_simplices)  # all metrics grow with the chord: one filtration
    filtrations = lengths_and_slopes(cloud, chords.ravel(), pairs.reshape(-1, 2), metric)[0].reshape(-1, 2)
    lengths = filtrations[:, 1] - filtrations[:, 0]
    order = np.argsort(-lengths, kind="stable")
    edges = torch.from_numpy(pairs[order[lengths[order] > min_length]]).to(points.device)
    births, deaths = (metric_lengths(points, *edges[:, end].unbind(-1), metric).to(precision) for end in (0, 1))
    return HigherBarcode(dim, births, deaths, edges[:, 0], edges[:, 1])


def refuse_traced(points: Tensor, dim: int) -> None:
    """Raise an IsobarError where `torch.compile`, `torch.export` or `torch.func` follow what is done with the points."""
    if torch.compiler.is_compiling() or is_functorch_wrapped_tensor(points):
        raise IsobarError(
            f"Dimension {dim} is computed by GUDHI, which torch.compile, torch.export and torch.func can't follow; "
            "leave it out of what they trace, or take max_dim=0."
        )


def _critical_pairs(cloud: np.ndarray, dim: int, max_simplices: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the birth and death edges, (m, 2, 2), and their lengths, (m, 2), of the finite bars."""
    from gudhi import SimplexTree
    from scipy.spatial.distance import pdist, squareform

    none = np.empty((0, 2, 2), np.int64), np.empty((0, 2))
    if len(cloud) < dim + 3:  # the smallest sphere of dimension k has k + 2 points, and one more fills it
        return none
    condensed = pdist(cloud)
    matrix = squareform(condensed)
    radius = matrix.max(axis=1).min()
    heads, tails = np.triu_indices(len(cloud), 1)
    near = condensed <= radius
    tree = SimplexTree()
    tree.insert_batch(np.arange(len(cloud))[None], np.zeros(len(cloud)))
    tree.insert_batch(np.stack((heads[near], tails[near])), condensed[near])
    tree.collapse_edges()
    _refuse_explosion(tree, len(cloud), dim, max_simplices)
    tree.expansion(dim + 1)
    tree.compute_persistence(homology_coeff_field=2, min_persistence=0, persistence_dim_max=False)
    found = tree.persistence_intervals_in_dimension(dim)
    found = found[np.isfinite(found[:, 1])] if len(found) else found
    if not len(found):
        return none
    # The collapse delays edges to the lengths of others, so the simplices of a pair may be strangers to the original
    # complex; but its values are edge lengths still, and name the edges.
    order = np.argsort(condensed, kind="stable")
    index = order[np.searchsorted(condensed[order], found)]
    return np.stack((heads[index], tails[index]), axis=-1), condensed[index]


def _refuse_explosion(tree, n: int, dim: int, max_simplices: int) -> None:
    """Raise where the complex of dimension dim + 1 over the collapsed edges would have too many simplices."""
    from scipy.sparse import coo_array

    if sum(comb(n, k) for k in range(1, dim + 3)) <= max_simplices:
        return
    edges = np.array([simplex for simplex, _ in tree.get_skeleton(1) if len(simplex) == 2]).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)).tocsr()
    triangles = (graph @ graph).multiply(graph).sum()
    # Kruskal-Katona: a graph with as many triangles as a clique of c points has at most the clique's larger simplices.
    clique = (6 * triangles) ** (1 / 3) + 2
    estimate = n + len(edges) + triangles + sum(comb(int(clique), k) for k in range(4, dim + 3))
    if estimate > max_simplices:
        raise IsobarError(
            f"Dimension {dim} of these {n} points needs up to {estimate:.1e} simplices, and {max_simplices:.1e} is the "
            "limit; take fewer points or a lower dimension."
        )
