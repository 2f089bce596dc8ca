import numpy as np
import pytest
from scipy.stats import skew
from sklearn.neighbors import NearestNeighbors

from core.geometry import MEASURES, measure
from core.geometry.measures.hubness import antihub_share, hubness


def cloud(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) + 0.5


def occurrence(x, k=10):
    near = NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False)
    return np.bincount(near.ravel(), minlength=len(x))


@pytest.mark.parametrize(("n", "d"), [(300, 3), (300, 60), (40, 90), (1200, 20)])
def test_it_is_the_skewness_of_how_often_each_is_a_neighbour(n, d):
    x = cloud(n, d)
    counts = occurrence(x)
    assert hubness(x) == pytest.approx(skew(counts), rel=1e-9)
    assert antihub_share(x) == pytest.approx((counts == 0).mean())


def test_it_grows_with_the_dimension():
    found = [hubness(cloud(500, d)) for d in (3, 20, 200)]
    assert found[0] < found[1] < found[2]
    assert antihub_share(cloud(500, 3)) < antihub_share(cloud(500, 200))


def test_a_star_has_one_hub():
    # The centre is nearer to each point than any other is.
    x = np.vstack([np.zeros(50), np.eye(50)])
    assert hubness(x, k=1) == pytest.approx(skew(np.bincount([0] * 50 + [1], minlength=51)), rel=1e-9)
    assert antihub_share(x, k=1) == pytest.approx(49 / 51)


def test_points_that_coincide_are_one():
    x = cloud(60, 5)
    repeated = np.repeat(x, 4, axis=0)[np.random.default_rng(0).permutation(240)]
    assert hubness(repeated) == pytest.approx(hubness(x))
    assert antihub_share(repeated) == pytest.approx(antihub_share(x))


def test_degenerate_clouds():
    def of(x):
        return list(measure(x, ["hubness", "antihub_share"]).values())

    nan = float("nan")
    assert of([[0.0, 1.0], [1.0, 0.5]]) == pytest.approx([nan, 0], nan_ok=True)
    assert of(cloud(11, 3)) == pytest.approx([nan, 0], nan_ok=True)  # all are neighbours of all
    assert of(np.full((30, 3), 0.1)) == pytest.approx([nan, nan], nan_ok=True)
    assert of(np.zeros((2, 1))) == pytest.approx([nan, nan], nan_ok=True)
    x = cloud(30, 3)
    x[4] = 0.0
    assert np.isfinite(of(x)).all()
    assert all("points" in MEASURES[name].undefined for name in ("hubness", "antihub_share"))


@pytest.mark.slow
def test_a_large_cloud_is_sampled_the_same_way_each_time():
    x = cloud(4500, 3)
    assert hubness(x) == hubness(x.copy())
    assert hubness(x) == pytest.approx(hubness(cloud(4000, 3)), abs=0.15)
