import numpy as np
import pytest
from scipy.spatial.distance import pdist

from core.geometry import mean_cosine, measure
from core.geometry.measures.sphere import alignment, uniformity


def cloud(n=90, d=6, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) + 0.8


def units(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "d"), [(90, 6), (20, 50), (1100, 3)])
def test_uniformity_is_the_mean_over_all_pairs(n, d):
    x = cloud(n, d)
    expected = np.log(np.mean(np.exp(-2.0 * pdist(units(x), "sqeuclidean"))))
    assert uniformity(x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_uniformity_of_a_large_cloud_is_that_of_a_sample():
    x = cloud(6000, 4)
    expected = np.log(np.mean(np.exp(-2.0 * pdist(units(x), "sqeuclidean"))))
    assert uniformity(x) == pytest.approx(expected, abs=0.01)


def test_uniformity_has_its_ends():
    assert uniformity([[1.0, 0.0], [-3.0, 0.0]]) == pytest.approx(-8)
    assert uniformity([[1.0, 0.0], [0.0, 2.0]]) == pytest.approx(-4)
    assert uniformity(np.full((9, 3), 0.1)) == pytest.approx(0, abs=1e-12)
    assert uniformity(np.random.default_rng(0).standard_normal((400, 2000))) == pytest.approx(-4, abs=0.02)


def test_alignment_is_the_mean_over_pairs_of_one_class():
    x, labels = cloud(), np.array([0] * 40 + [1] * 45 + [2] * 4 + [3])
    pairs = np.concatenate([pdist(units(x[labels == k]), "sqeuclidean") for k in range(3)])
    assert alignment(x, labels) == pytest.approx(pairs.mean(), rel=1e-9)


def test_alignment_of_one_class_is_its_mean_cosine():
    x = cloud()
    assert alignment(x, np.zeros(90)) == pytest.approx(2 - 2 * mean_cosine(x), rel=1e-9)


def test_alignment_near_its_end_keeps_its_digits():
    x = np.array([[1.0, 0.0], [1.0, 1e-9], [0.0, 1.0], [1e-9, 1.0]])
    assert alignment(x, [0, 0, 1, 1]) == pytest.approx(1e-18, rel=1e-6)


def test_degenerate_clouds():
    def of(x, labels):
        return list(measure(x, ["uniformity", "alignment"], labels).values())

    nan = np.nan
    assert of([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1]) == pytest.approx([nan, nan], nan_ok=True)
    assert of([[0.0, 2.0], [1.0, 0.0]], ["a", "b"]) == pytest.approx([-4, nan], nan_ok=True)
    assert of([[0.0, 2.0], [1.0, 0.0]], ["a", "a"]) == pytest.approx([-4, 2])
    assert of([[0.0, 2.0], [0.0, -1.0]], ["a", "a"]) == pytest.approx([-8, 4])
    assert of(np.full((9, 3), 0.1), [0] * 9) == pytest.approx([0, 0], abs=1e-12)
    x = np.repeat(cloud(4, 8), 5, axis=0)
    assert of(x, np.repeat(np.arange(4), 5))[1] == pytest.approx(0, abs=1e-12)
    extreme = np.array([[1e200, 0.0], [0.0, 1e-200], [3.0, 0.0]])
    assert of(extreme, [0, 1, 0]) == pytest.approx([np.log((1 + 2 * np.exp(-4)) / 3), 0])
