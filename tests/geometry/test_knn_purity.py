import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from core.geometry import measure
from core.geometry.measures.knn_purity import knn_purity


@pytest.mark.parametrize(("n", "d"), [(200, 4), (30, 60), (1300, 8)])
def test_it_is_the_share_of_neighbours_of_the_same_class(n, d):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, n)
    x = random.standard_normal((n, d)) + labels[:, None] * 0.4
    near = NearestNeighbors(n_neighbors=10).fit(x).kneighbors(return_distance=False)
    assert knn_purity(x, labels) == pytest.approx((labels[near] == labels[:, None]).mean(), rel=1e-12)


def test_its_ends():
    random = np.random.default_rng(0)
    labels = np.arange(2000) % 4
    far = random.standard_normal((2000, 5)) + 1000 * labels[:, None]
    assert knn_purity(far, labels) == 1.0
    assert knn_purity(random.standard_normal((2000, 5)), labels) == pytest.approx(0.25, abs=0.02)
    # Each point's nearest is of the other class.
    pairs = np.repeat(10.0 * np.arange(20), 2) + np.tile([0.0, 1.0], 20)
    assert knn_purity(pairs[:, None], np.tile([0, 1], 20), k=1) == 0.0


@pytest.mark.slow
def test_a_large_cloud_is_sampled():
    random = np.random.default_rng(0)
    labels = np.arange(9000) % 3
    x = random.standard_normal((9000, 2)) + labels[:, None]
    near = NearestNeighbors(n_neighbors=10).fit(x).kneighbors(return_distance=False)
    assert knn_purity(x, labels) == pytest.approx((labels[near] == labels[:, None]).mean(), abs=0.03)


def test_degenerate_clouds():
    def of(x, labels):
        return measure(x, "knn_purity", labels)["knn_purity"]

    assert of([[0.0], [1.0]], [0, 1]) == 0.0
    assert of([[0.0], [1.0], [5.0]], ["a", "a", "b"]) == pytest.approx(2 / 6)
    assert np.isnan(of([[0.0], [1.0]], [3, 3]))
    assert np.isnan(of(np.full((30, 3), 0.1), np.arange(30) % 2))
    assert np.isnan(of(np.zeros((4, 2)), [0, 0, 1, 1]))
    # Coinciding points of both classes are neighbours by chance, in whatever order they stand.
    random = np.random.default_rng(0)
    x = np.concatenate([np.zeros((400, 2)), np.ones((400, 2))])
    for counts in ([40, 360], [360, 40]):  # the first rows alone would give the first class's share, 0.1 and 0.9
        assert of(x, np.tile(np.repeat([0, 1], counts), 2)) == pytest.approx(0.1**2 + 0.9**2, abs=0.04)
    one = random.standard_normal((40, 2))
    one[0] = 0.0
    assert 0 <= of(one, np.arange(40) % 2) <= 1
