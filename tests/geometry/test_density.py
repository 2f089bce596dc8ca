import numpy as np
import pytest

from core.geometry import point_patchiness, vasicek_ratio


def gaussian(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def clusters(counts, d=5, seed=0):
    """Tight, far-apart clusters of the given sizes, in random order."""
    generator = np.random.default_rng(seed)
    centers = 100 * generator.standard_normal((len(counts), d))
    x = np.repeat(centers, counts, axis=0) + generator.standard_normal((sum(counts), d))
    return generator.permutation(x)


def test_patchiness_of_known_cells():
    counts = np.array([10, 10, 10, 70])
    # Lloyd: mean crowding sum c (c - 1) / sum c, over the mean count
    expected = (counts * (counts - 1)).sum() / counts.sum() / counts.mean()
    population = 1 + (counts.var() / counts.mean() - 1) / counts.mean()
    assert expected == pytest.approx(population)
    assert point_patchiness(clusters(counts), cells=4) == pytest.approx(expected)


def test_patchiness_of_equal_cells_is_below_one():
    assert point_patchiness(clusters([25] * 8), cells=8) == pytest.approx(1 - 1 / 25)


def test_patchiness_counts_all_points_of_a_large_cloud():
    counts = [1500, 1500, 3000, 2000]
    expected = 1 + (np.var(counts) / np.mean(counts) - 1) / np.mean(counts)
    assert point_patchiness(clusters(counts, d=3), cells=4) == pytest.approx(expected)


def test_patchiness_beside_scikit_learns_k_means():
    from sklearn.cluster import KMeans

    x = gaussian(2000, 3)
    counts = np.bincount(KMeans(64, n_init=1, random_state=0).fit_predict(x))
    assert point_patchiness(x) == pytest.approx(1 + (counts.var() / counts.mean() - 1) / counts.mean(), abs=0.15)


def test_patchiness_tells_a_crowd_from_a_spread():
    crowd = np.vstack([1e-3 * gaussian(950, 4), 10 * gaussian(50, 4, 1)])
    assert point_patchiness(crowd) > 3 * point_patchiness(gaussian(1000, 4))


def test_patchiness_is_repeatable_and_free_of_shift_scale_and_rotation():
    x = clusters([60, 30, 5, 5])
    value = point_patchiness(x, cells=4)
    q = np.linalg.qr(gaussian(5, 5, 9))[0]
    for same in (x, x + 1e3, 1e-4 * x, x @ q):
        assert point_patchiness(same, cells=4) == pytest.approx(value)


def test_patchiness_of_few_or_equal_points():
    assert np.isnan(point_patchiness(gaussian(7, 3)))
    assert np.isfinite(point_patchiness(gaussian(8, 3)))
    assert np.isnan(point_patchiness(np.full((50, 3), 0.1)))
    two = np.repeat([[0.0, 0.0], [1.0, 1.0]], 50, axis=0)  # two distinct points in 25 cells
    assert point_patchiness(two) == pytest.approx(1 + (2 * 50**2 / 25 - 4**2 - 4) / 4**2)


@pytest.mark.parametrize(("n", "d"), [(50, 4), (12, 40)])
def test_vasicek_by_scipy(n, d):
    from scipy.stats import differential_entropy

    x = gaussian(n, d) ** 3
    centered = x - x.mean(0)
    along = centered @ np.linalg.svd(centered, full_matrices=False)[2].T
    along = along[:, along.std(0) > 1e-9]
    entropy = differential_entropy(along / along.std(0), method="vasicek", axis=0)
    expected = np.mean((entropy / (0.5 * np.log(2 * np.pi * np.e)) - 1) ** 2)
    assert vasicek_ratio(x) == pytest.approx(expected, rel=1e-6)


def test_vasicek_ranks_gaussian_uniform_and_clustered():
    generator = np.random.default_rng(0)
    axes = 3.0 ** np.arange(4)  # so that principal directions are the axes; a rotation mixes towards Gaussian
    gauss = vasicek_ratio(axes * gaussian(3000, 4))
    uniform = vasicek_ratio(axes * generator.uniform(size=(3000, 4)))
    patches = vasicek_ratio(axes * (np.round(gaussian(3000, 4)) + 0.01 * gaussian(3000, 4, 1)))
    ties = vasicek_ratio(axes * np.sign(gaussian(3000, 4)))
    assert gauss < 0.001 < uniform < patches < ties < np.inf


def test_vasicek_of_one_uniform_direction_is_the_closed_form():
    x = np.random.default_rng(0).uniform(size=(20_000, 1))
    expected = (0.5 * np.log(12) / (0.5 * np.log(2 * np.pi * np.e)) - 1) ** 2
    assert vasicek_ratio(x) == pytest.approx(expected, rel=0.2)


def test_vasicek_is_free_of_shift_scale_and_rotation():
    x = gaussian(300, 6) ** 3 * np.arange(1, 7)
    q = np.linalg.qr(gaussian(6, 6, 9))[0]
    for same in (x + 50, 1e-3 * x, x @ q):
        assert vasicek_ratio(same) == pytest.approx(vasicek_ratio(x), rel=1e-6)


def test_vasicek_of_few_or_equal_points():
    assert np.isnan(vasicek_ratio(gaussian(4, 3)))
    assert np.isfinite(vasicek_ratio(gaussian(5, 3)))
    assert np.isnan(vasicek_ratio(np.full((50, 3), 0.1)))
