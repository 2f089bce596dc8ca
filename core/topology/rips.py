"""Vietoris-Rips barcodes of dimension 1 and above, by GUDHI, on NumPy arrays; torch is not loaded here."""

from math import comb
from typing import Literal

import numpy as np

from core.errors import IsobarError

MAX_POINTS = 5_000  # loops of so many take half a minute and 2 GB
MAX_SIMPLICES = 20_000_000  # of dimension 2 and above; they take minutes
_SMALL = 200_000  # simplices, which a tree sorts sooner than GUDHI's Ripser imports scikit-learn


def critical_pairs(
    cloud: np.ndarray, dim: int = 1, max_simplices: int = MAX_SIMPLICES
) -> tuple[np.ndarray, np.ndarray]:
    """Return the birth and death edges, (m, 2, 2), and their lengths, (m, 2), of the finite bars of dimension `dim`.

    Args:
        cloud: (n, d) float64, finite.
        dim: 1 or more.
        max_simplices: for dim >= 2, refuse a complex with more after its edges were collapsed.

    Raises:
        IsobarError: the complex would be too large.
    """
    from scipy.spatial.distance import pdist, squareform

    n = len(cloud)
    none = np.empty((0, 2, 2), np.int64), np.empty((0, 2))
    if n < dim + 3:  # the smallest sphere of dimension k has k + 2 points, and one more fills it
        return none
    condensed = pdist(cloud)
    matrix = squareform(condensed)
    if _simplices(n, dim) <= _SMALL:
        found = _of_tree(matrix, dim)
    elif dim == 1:
        found = _of_ripser(matrix, "full distance matrix", dim)
    else:
        found = _of_ripser(_collapsed(matrix, dim, max_simplices), "distance coo_matrix", dim)
    found = found[np.isfinite(found[:, 1])] if len(found) else found
    if not len(found):
        return none
    # The values are lengths of edges, and name them.
    order = np.argsort(condensed, kind="stable")
    index = order[np.searchsorted(condensed[order], found)]
    heads, tails = np.triu_indices(n, 1)
    return np.stack((heads[index], tails[index]), axis=-1), condensed[index]


def _simplices(n: int, dim: int) -> int:
    """Return how many simplices `n` points have up to those that end bars of dimension `dim`."""
    return sum(comb(n, k) for k in range(1, dim + 3))


def _radius(matrix: np.ndarray) -> float:
    """Return the smallest distance within which some point has all others: beyond it nothing is born."""
    return matrix.max(axis=1).min()


def _of_tree(matrix: np.ndarray, dim: int) -> np.ndarray:
    from gudhi import RipsComplex

    tree = RipsComplex(distance_matrix=matrix, max_edge_length=_radius(matrix)).create_simplex_tree(max_dimension=1)
    tree.collapse_edges()
    tree.expansion(dim + 1)
    tree.compute_persistence(homology_coeff_field=2, min_persistence=0, persistence_dim_max=False)
    return tree.persistence_intervals_in_dimension(dim)


def _of_ripser(distances, kind: Literal["full distance matrix", "distance coo_matrix"], dim: int) -> np.ndarray:
    """GUDHI's fork of Ripser (U. Bauer, J. Appl. and Comput. Topology 2021): simplices are not stored."""
    from gudhi.sklearn.rips_persistence import RipsPersistence

    bars = RipsPersistence(dim, input_type=kind, num_collapses=0, homology_coeff_field=2)
    return bars.fit_transform([distances])[0]


def _collapsed(matrix: np.ndarray, dim: int, max_simplices: int):
    """Return the collapsed edges, or raise where their complex would have too many simplices up to dimension dim + 1."""
    from gudhi.flag_filtration.edge_collapse import reduce_graph
    from scipy.sparse import coo_array, coo_matrix

    n = len(matrix)
    heads, tails = np.nonzero(np.triu(matrix <= _radius(matrix), 1))
    reduced = reduce_graph(coo_matrix((matrix[heads, tails], (heads, tails)), shape=(n, n)))
    ends = np.sort(np.stack((reduced.row, reduced.col)), axis=0)
    if _simplices(n, dim) <= max_simplices:
        return reduced
    graph = coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(n, n)).tocsr()
    triangles = float((graph @ graph * graph).sum())  # entry by entry: these are arrays, not matrices
    # Kruskal-Katona: a graph with as many triangles as a clique of c points has at most the clique's larger simplices.
    clique = (6 * triangles) ** (1 / 3) + 2
    estimate = n + ends.shape[1] + triangles + sum(comb(int(clique), k) for k in range(4, dim + 3))
    if estimate > max_simplices:
        raise IsobarError(
            f"Dimension {dim} of these {n} points needs up to {estimate:.1e} simplices, and {max_simplices:.1e} is the "
            "limit; take fewer points or a lower dimension."
        )
    return reduced
