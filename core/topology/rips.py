"""Vietoris-Rips complexes of dimension 1 and above, by GUDHI, on NumPy arrays; torch is not loaded here."""

from math import comb

import numpy as np

from core.errors import IsobarError

MAX_POINTS = 2_000  # beyond it the distance matrix and its collapse alone take minutes
MAX_SIMPLICES = 20_000_000  # about 2 GB in GUDHI's simplex tree


def critical_pairs(
    cloud: np.ndarray, dim: int = 1, max_simplices: int = MAX_SIMPLICES
) -> tuple[np.ndarray, np.ndarray]:
    """Return the birth and death edges, (m, 2, 2), and their lengths, (m, 2), of the finite bars of dimension `dim`.

    Args:
        cloud: (n, d) float64, finite.
        dim: 1 or more.
        max_simplices: refuse to build a complex with more.

    Raises:
        IsobarError: the complex would be too large.
    """
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
    triangles = float((graph @ graph * graph).sum())  # entry by entry: these are arrays, not matrices
    # Kruskal-Katona: a graph with as many triangles as a clique of c points has at most the clique's larger simplices.
    clique = (6 * triangles) ** (1 / 3) + 2
    estimate = n + len(edges) + triangles + sum(comb(int(clique), k) for k in range(4, dim + 3))
    if estimate > max_simplices:
        raise IsobarError(
            f"Dimension {dim} of these {n} points needs up to {estimate:.1e} simplices, and {max_simplices:.1e} is the "
            "limit; take fewer points or a lower dimension."
        )
