import numpy as np
import pytest

from core.geometry import gaussianity, kmeans_patchiness, vrm


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
    assert kmeans_patchiness(clusters(counts), cells=4) == pytest.approx(expected)


def test_patchiness_of_equal_cells_is_below_one():
    assert kmeans_patchiness(clusters([25] * 8), cells=8) == pytest.approx(1 - 1 / 25)


def test_patchiness_counts_all_points_of_a_large_cloud():
    counts = [1500, 1500, 3000, 2000]
    expected = 1 + (np.var(counts) / np.mean(counts) - 1) / np.mean(counts)
    assert kmeans_patchiness(clusters(counts, d=3), cells=4) == pytest.approx(expected)


def test_patchiness_beside_scikit_learns_k_means():
    from sklearn.cluster import KMeans

    x = gaussian(2000, 3)
    counts = np.bincount(KMeans(64, n_init=1, random_state=0).fit_predict(x))
    assert kmeans_patchiness(x) == pytest.approx(1 + (counts.var() / counts.mean() - 1) / counts.mean(), abs=0.15)


def test_patchiness_tells_a_crowd_from_a_spread():
    crowd = np.vstack([1e-3 * gaussian(950, 4), 10 * gaussian(50, 4, 1)])
    assert kmeans_patchiness(crowd) > 3 * kmeans_patchiness(gaussian(1000, 4))


def test_patchiness_is_repeatable_and_free_of_shift_scale_and_rotation():
    x = clusters([60, 30, 5, 5])
    value = kmeans_patchiness(x, cells=4)
    q = np.linalg.qr(gaussian(5, 5, 9))[0]
    for same in (x, x + 1e3, 1e-4 * x, x @ q):
        assert kmeans_patchiness(same, cells=4) == pytest.approx(value)


def test_patchiness_of_few_or_equal_points():
    assert np.isnan(kmeans_patchiness(gaussian(7, 3)))
    assert np.isfinite(kmeans_patchiness(gaussian(8, 3)))
    assert np.isnan(kmeans_patchiness(np.full((50, 3), 0.1)))
    two = np.repeat([[0.0, 0.0], [1.0, 1.0]], 50, axis=0)  # two distinct points in 25 cells
    assert kmeans_patchiness(two) == pytest.approx(1 + (2 * 50**2 / 25 - 4**2 - 4) / 4**2)


@pytest.mark.parametrize(("n", "d"), [(50, 4), (12, 40)])
def test_gaussianity_by_scipy(n, d):
    from scipy.stats import differential_entropy

    x = gaussian(n, d) ** 3
    centered = x - x.mean(0)
    along = centered @ np.linalg.svd(centered, full_matrices=False)[2].T
    along = along[:, along.std(0) > 1e-9]
    entropy = differential_entropy(along / along.std(0), method="vasicek", axis=0)
    expected = np.mean((entropy / (0.5 * np.log(2 * np.pi * np.e)) - 1) ** 2)
    assert gaussianity(x) == pytest.approx(expected, rel=1e-6)


def test_gaussianity_ranks_gaussian_uniform_and_clustered():
    generator = np.random.default_rng(0)
    axes = 3.0 ** np.arange(4)  # so that principal directions are the axes; a rotation mixes towards Gaussian
    gauss = gaussianity(axes * gaussian(3000, 4))
    uniform = gaussianity(axes * generator.uniform(size=(3000, 4)))
    patches = gaussianity(axes * (np.round(gaussian(3000, 4)) + 0.01 * gaussian(3000, 4, 1)))
    ties = gaussianity(axes * np.sign(gaussian(3000, 4)))
    assert gauss < 0.001 < uniform < patches < ties < np.inf


def test_gaussianity_of_one_uniform_direction_is_the_closed_form():
    x = np.random.default_rng(0).uniform(size=(20_000, 1))
    expected = (0.5 * np.log(12) / (0.5 * np.log(2 * np.pi * np.e)) - 1) ** 2
    assert gaussianity(x) == pytest.approx(expected, rel=0.2)


def test_gaussianity_is_free_of_shift_scale_and_rotation():
    x = gaussian(300, 6) ** 3 * np.arange(1, 7)
    q = np.linalg.qr(gaussian(6, 6, 9))[0]
    for same in (x + 50, 1e-3 * x, x @ q):
        assert gaussianity(same) == pytest.approx(gaussianity(x), rel=1e-6)


def test_gaussianity_of_few_or_equal_points():
    assert np.isnan(gaussianity(gaussian(4, 3)))
    assert np.isfinite(gaussianity(gaussian(5, 3)))
    assert np.isnan(gaussianity(np.full((50, 3), 0.1)))


def test_vrm_of_a_line_is_the_closed_form():
    x = np.random.default_rng(0).standard_normal((3000, 1)) * np.random.default_rng(1).standard_normal(50)
    # One Gaussian component of variance d, whose ratio is sqrt(d), and d - 1 of none
    assert vrm(x) == pytest.approx((1 - np.sqrt(50)) ** 2 / 50 + 49 / 50, rel=0.03)


def test_vrm_sees_spread_where_gaussianity_does_not():
    x = gaussian(3000, 8)
    stretched = x * 2.0 ** np.arange(8)
    assert vrm(x) < 0.01 < 0.3 < vrm(stretched)
    assert gaussianity(stretched) < 0.001


def test_vrm_is_free_of_shift_scale_and_rotation():
    x = gaussian(300, 6) ** 3 * np.arange(1, 7)
    q = np.linalg.qr(gaussian(6, 6, 9))[0]
    for same in (x + 50, 1e-3 * x, x @ q):
        assert vrm(same) == pytest.approx(vrm(x), rel=1e-6)


@pytest.mark.filterwarnings("error")
def test_vrm_of_few_or_equal_points():
    assert np.isnan(vrm(gaussian(4, 3)))
    assert np.isfinite(vrm(gaussian(5, 3)))
    assert np.isnan(vrm(np.full((50, 3), 0.1)))
    assert vrm(np.repeat([[0.0, 0.0], [1.0, 1.0]], 50, axis=0)) == pytest.approx(1.0)  # two heaps: no entropy at all
