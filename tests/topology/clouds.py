"""Point clouds that several tests use."""

import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))


def golden(case: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """Return points, bar lengths and expected figures of a golden case."""
    with np.load(GOLDEN / "clouds.npz") as file:
        return file[f"{case}/points"], file[f"{case}/h0"], EXPECTED[case]


def by_gudhi(points: np.ndarray) -> np.ndarray:
    """Return the H0 bar lengths by GUDHI, longest first."""
    import gudhi

    tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=1)
    tree.compute_persistence()
    deaths = tree.persistence_intervals_in_dimension(0)[:, 1]
    return np.sort(np.append(deaths[np.isfinite(deaths)], np.zeros(len(points) - np.isfinite(deaths).sum() - 1)))[::-1]


def tree_of(matrix: np.ndarray) -> np.ndarray:
    """Return the edge lengths of a minimum spanning tree of a distance matrix, longest first: a plain Kruskal."""
    n = len(matrix)
    root = list(range(n))

    def find(i):
        while root[i] != i:
            i = root[i]
        return i

    lengths = []
    rows, columns = np.triu_indices(n, 1)
    for e in np.argsort(matrix[rows, columns], kind="stable"):
        a, b = find(rows[e]), find(columns[e])
        if a != b:
            root[a] = b
            lengths.append(matrix[rows[e], columns[e]])
    return np.array(lengths[::-1])


def distances(points: np.ndarray) -> np.ndarray:
    """Return all distances in extended precision, as float64."""
    points = points.astype(np.longdouble)
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).astype(np.float64)


def is_spanning_tree(edges: np.ndarray, n: int) -> bool:
    """Whether n - 1 edges connect n points."""
    root = np.arange(n)
    for i, j in edges:
        root[root == root[i]] = root[j]
    return len(edges) == n - 1 and len(set(root)) == 1
