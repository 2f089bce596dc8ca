from itertools import permutations

import numpy as np
import pytest

from core.geometry import isoscore, measure
from core.geometry.measures.rank import participation_ratio, participation_ratio_corrected, rankme


def cloud(n=60, d=8, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)) / np.sqrt(1 + np.arange(d)) + 0.7


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 50)])
def test_rankme_is_the_published_formula(n, d):
    x = cloud(n, d)
    s = np.linalg.svd(x, compute_uv=False)
    p = s / np.abs(s).sum() + 1e-7
    assert rankme(x) == pytest.approx(np.exp(-np.sum(p * np.log(p))), rel=1e-9)


def test_rankme_of_equal_singular_values_counts_them():
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 6)))[0]
    assert rankme(3.0 * q) == pytest.approx(6, rel=1e-5)
    assert rankme(np.outer(np.arange(1, 30), np.ones(5))) == pytest.approx(1, abs=1e-4)
    assert rankme(np.full((9, 1), 2.0)) == 1.0


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 50)])
def test_participation_ratio_is_that_of_the_covariance(n, d):
    x = cloud(n, d)
    values = np.linalg.eigvalsh(np.cov(x.T))
    assert participation_ratio(x) == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-9)
    assert isoscore(x) == pytest.approx((participation_ratio(x) - 1) / (d - 1), rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(7, 3), (6, 40), (4, 9), (8, 1)])
def test_corrected_participation_ratio_is_the_mean_over_quadruples_of_distinct_rows(n, d):
    x = cloud(n, d) + 20
    of_trace = of_square = 0.0
    for i, j, k, m in permutations(range(n), 4):
        one, other = x[i] - x[j], x[k] - x[m]
        of_trace += (one @ one / 2) * (other @ other / 2)
        of_square += (one @ other / 2) ** 2
    assert participation_ratio_corrected(x) == pytest.approx(of_trace / of_square, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "off"), [(12, 0.15), (40, 0.07), (200, 0.03)])
def test_corrected_participation_ratio_does_not_depend_on_the_number_of_rows(n, off):
    variances = 1.0 / np.arange(1, 101)
    exact = variances.sum() ** 2 / (variances**2).sum()
    random = np.random.default_rng(n)
    clouds = [random.standard_normal((n, 100)) * np.sqrt(variances) for _ in range(300)]
    corrected = np.median([participation_ratio_corrected(x) for x in clouds])
    plain = np.median([participation_ratio(x) for x in clouds])
    assert corrected == pytest.approx(exact, rel=off)
    assert abs(plain - exact) > abs(corrected - exact)
    if n == 12:
        assert plain < 0.6 * exact


def test_corrected_participation_ratio_shrinks_with_no_shift_of_the_cloud():
    x = cloud(50, 100)
    assert participation_ratio_corrected(x + 1e6) == pytest.approx(participation_ratio_corrected(x), rel=1e-6)


def test_degenerate_clouds():
    names = ["rankme", "participation_ratio", "participation_ratio_corrected"]

    def of(x):
        return list(measure(x, names).values())

    # Orthogonal rows of lengths 1 and 3: singular values are in the same proportion.
    expected = np.exp(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    assert of([[0.0, 1.0], [3.0, 0.0]]) == pytest.approx([expected, 1, np.nan], rel=1e-6, nan_ok=True)
    assert of(np.zeros((9, 3))) == pytest.approx([np.nan] * 3, nan_ok=True)
    assert of(np.full((9, 3), 0.1)) == pytest.approx([1, np.nan, np.nan], abs=1e-4, nan_ok=True)
    on_a_line = np.outer(np.arange(9.0), np.ones(4))
    assert of(on_a_line) == pytest.approx([1, 1, 1], abs=1e-4)
    with_zero = np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    assert of(with_zero)[:2] == pytest.approx([3, 3], rel=1e-5)
    repeated = np.repeat(cloud(4, 8), 5, axis=0)
    assert np.isfinite(of(repeated)).all()


def test_rows_that_are_all_as_far_apart_share_no_direction():
    assert participation_ratio_corrected(np.eye(40)) == np.inf
    assert participation_ratio_corrected(7 * np.eye(4, 30) + 2) == np.inf
    found = [participation_ratio_corrected(np.random.default_rng(seed).standard_normal((4, 5000))) for seed in range(9)]
    assert np.isfinite(found).all()
    assert min(found) > 0
