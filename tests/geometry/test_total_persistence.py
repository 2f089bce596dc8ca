import gudhi
import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from core.geometry import measure
from core.geometry.measures.total_persistence import total_persistence


@pytest.mark.parametrize(("n", "d"), [(60, 3), (20, 40), (300, 8)])
def test_it_is_the_length_of_all_bars(n, d):
    x = np.random.default_rng(0).standard_normal((n, d)) + 30
    assert total_persistence(x) == pytest.approx(minimum_spanning_tree(squareform(pdist(x))).sum(), rel=1e-9)
    if n == 60:
        tree = gudhi.RipsComplex(points=x).create_simplex_tree(max_dimension=1)
        bars = tree.persistence(homology_coeff_field=2) and tree.persistence_intervals_in_dimension(0)
        assert total_persistence(x) == pytest.approx(bars[np.isfinite(bars[:, 1]), 1].sum(), rel=1e-9)


@pytest.mark.slow
def test_of_points_on_a_line_it_is_their_range():
    x = np.random.default_rng(0).uniform(-3, 8, (200, 1))
    assert total_persistence(x) == pytest.approx(np.ptp(x), rel=1e-12)
    assert total_persistence(1e-200 * x) == pytest.approx(1e-200 * np.ptp(x), rel=1e-9)
    assert total_persistence(np.random.default_rng(0).uniform(0, 1, (9000, 1))) == pytest.approx(1, abs=0.01)


def test_degenerate_clouds():
    def of(x):
        return measure(x, "total_persistence")["total_persistence"]

    assert of([[0.0, 3.0], [4.0, 0.0]]) == pytest.approx(5)
    assert of(np.full((30, 3), 0.1)) == 0.0
    assert of(np.repeat([[0.0], [2.0]], 5, axis=0)) == pytest.approx(2)
    assert of(np.eye(40)) == pytest.approx(39 * np.sqrt(2))
    assert of(np.array([[1e308, 0.0], [-1e308, 0.0], [0.0, 1e308]])) == np.inf
