import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import (
    anisotropy,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    measure,
    outlier_dimensions,
    partition_ratio,
    singular_values,
)

SHAPES = [(2, 3), (5, 2), (30, 30), (20, 200), (300, 12)]
SPECTRAL = ("anisotropy_1_centered", "anisotropy_3_centered", "isoscore", "effective_rank", "eee")


def cloud(n, d, seed=0, drift=2.0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, d)) / np.sqrt(1 + np.arange(d)) + drift * generator.standard_normal(d)


def line(n, d, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, 1)) * generator.standard_normal(d) + generator.standard_normal(d)


def rotation(d, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def published_isoscore(x, zeta, shrinkage):
    """IsoScore* step by step, as its paper lists it, from the eigenvalues."""
    d = x.shape[1]
    variances = np.linalg.eigvalsh((1 - zeta) * np.cov(x.T) + zeta * shrinkage)
    normalized = np.sqrt(d) * variances / np.linalg.norm(variances)
    defect = np.linalg.norm(normalized - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    return ((d - defect**2 * (d - np.sqrt(d))) ** 2 - d) / (d * (d - 1))


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("center", [False, True])
def test_anisotropy_and_singular_values_by_svd(n, d, center):
    x = cloud(n, d)
    s = np.linalg.svd(x - center * x.mean(0), compute_uv=False)
    np.testing.assert_allclose(singular_values(x, center), s, atol=1e-7 * s[0])
    for k in (1, 2, 3, d + 5):
        assert anisotropy(x, k, center) == pytest.approx((s[:k] ** 2).sum() / (s**2).sum(), abs=1e-12)


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("zeta", [0.0, 0.3, 1.0])
def test_isoscore_by_its_published_steps(n, d, zeta):
    x = cloud(n, d)
    other = np.cov(cloud(4 * d, d, seed=3).T)
    assert isoscore(x, zeta, other) == pytest.approx(published_isoscore(x, zeta, other), abs=1e-9)
    assert isoscore(x, zeta) == pytest.approx(published_isoscore(x, zeta, np.eye(d)), abs=1e-9)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_effective_rank_and_enrichment_by_full_covariance(n, d):
    x = cloud(n, d)
    share = np.clip(np.linalg.eigvalsh(np.cov(x.T))[::-1], 0, None)
    share = share / share.sum()
    entropy = -sum(p * np.log(p) for p in share if p > 0)
    assert effective_rank(x) == pytest.approx(np.exp(entropy), rel=1e-9)
    m = min(n, d)
    above = np.cumsum(share)[:m] - np.arange(1, m + 1) / m
    assert eigenvalue_early_enrichment(x) == pytest.approx((above[1:] + above[:-1]).sum() / m, abs=1e-9)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_partition_ratio_by_brute_force(n, d):
    x = cloud(n, d, drift=0.5)
    directions = np.linalg.svd(x, full_matrices=True)[2]
    z = [np.exp(sign * (x @ c)).sum() for c in directions for sign in (1, -1)]
    assert partition_ratio(x) == pytest.approx(min(z) / max(z), rel=1e-6)


def test_partition_ratio_survives_long_rows():
    assert partition_ratio(1e4 * cloud(40, 8)) == 0.0
    assert partition_ratio(1e-9 * cloud(40, 8)) == pytest.approx(1.0, abs=1e-6)


def test_all_variances_equal_is_the_isotropic_end():
    d = 6
    x = np.vstack([np.eye(d), -np.eye(d)])
    got = measure(x)
    for k in (1, 2, 3):
        assert got[f"anisotropy_{k}"] == pytest.approx(k / d)
        assert got[f"anisotropy_{k}_centered"] == pytest.approx(k / d)
    assert got["isoscore"] == pytest.approx(1)
    assert got["effective_rank"] == pytest.approx(d)
    assert got["eee"] == pytest.approx(0, abs=1e-12)
    assert got["partition_ratio"] == pytest.approx(1)
    assert got["outlier_dimensions"] == 0


@pytest.mark.parametrize("d", [3, 1000])
def test_a_line_is_the_degenerate_end_in_any_dimension(d):
    got = measure(line(60, d), SPECTRAL)
    assert got["anisotropy_1_centered"] == pytest.approx(1, abs=1e-9)
    assert got["isoscore"] == pytest.approx(0, abs=1e-9)
    assert got["effective_rank"] == pytest.approx(1, abs=1e-6)
    assert got["eee"] == pytest.approx((1 - 1 / min(60, d)) ** 2, abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(25, 60), (200, 10)])
def test_invariance_to_shift_rotation_and_scale(n, d):
    x = cloud(n, d)
    plain = measure(x, SPECTRAL)
    for changed in (x + 7.0, x @ rotation(d), 1e-3 * x, 1e4 * x):
        assert measure(changed, SPECTRAL) == pytest.approx(plain, rel=1e-7)
    for name in ("anisotropy_1", "partition_ratio", "mean_cosine", "mean_vector_share"):
        assert measure(x @ rotation(d), [name]) == pytest.approx(measure(x, [name]), rel=1e-6)


def test_a_far_away_cloud_keeps_its_shape():
    x = cloud(100, 8, drift=0.0)
    assert measure(x + 1e6, SPECTRAL) == pytest.approx(measure(x, SPECTRAL), rel=1e-6)


def test_growing_noise_moves_each_measure_one_way():
    flat = line(400, 20)
    noise = np.random.default_rng(5).standard_normal(flat.shape)
    rows = [measure(flat + level * noise, SPECTRAL) for level in (0.0, 0.1, 0.3, 1.0, 3.0)]
    for name, sign in zip(SPECTRAL, (-1, -1, 1, 1, -1)):
        assert (sign * np.diff([row[name] for row in rows]) > 0).all(), name


def test_isoscore_grows_with_the_number_of_directions_used():
    n, d = 4000, 10
    x = np.random.default_rng(0).standard_normal((n, d))
    scores = [isoscore(x * (np.arange(d) < used)) for used in range(1, d + 1)]
    np.testing.assert_allclose(scores, np.arange(d) / (d - 1), atol=0.01)


def test_outlier_dimensions_are_named_strongest_first():
    x = np.random.default_rng(0).standard_normal((500, 40))
    x[:, 7] *= 3
    x[:, 31] *= 8
    assert outlier_dimensions(x).tolist() == [31]
    x[:, 7] *= 3
    assert outlier_dimensions(x).tolist() == [7, 31]
    assert sorted(outlier_dimensions(x[:30])) == [7, 31]  # fewer points than dimensions
    assert measure(x, ["outlier_dimensions"]) == {"outlier_dimensions": 2.0}


def test_one_dimension_and_no_variance():
    assert np.isnan(isoscore(np.arange(5.0)[:, None]))
    assert np.isnan(eigenvalue_early_enrichment(np.arange(5.0)[:, None]))
    assert anisotropy(np.arange(5.0)[:, None]) == 1.0
    same = np.full((7, 4), 0.1)  # a mean of equal rows need not equal them in floating point
    assert anisotropy(same) == pytest.approx(1.0)
    for got in (anisotropy(same, center=True), isoscore(same), effective_rank(same), eigenvalue_early_enrichment(same)):
        assert np.isnan(got)
    assert outlier_dimensions(same).size == 0
    assert isoscore(same, zeta=0.5) == pytest.approx(1.0)
    assert np.isnan(anisotropy(np.zeros((3, 2))))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: anisotropy(x, 0), "k is 0"),
        (lambda x: isoscore(x, -0.1), "between 0 and 1"),
        (lambda x: isoscore(x, 0.5, np.eye(3)), "must be 4 x 4"),
        (lambda x: isoscore(x, 0.1, np.diag([1.0, np.nan, 1.0, 1.0])), "shrinkage covariance holds NaN"),
        (lambda x: isoscore(x, 0.0, np.full((4, 4), np.inf)), "shrinkage covariance holds NaN"),
    ],
)
def test_wrong_options_are_said(call, words):
    with pytest.raises(IsobarError, match=words):
        call(cloud(9, 4))
