import numpy as np
import pytest
from scipy.stats import linregress, ortho_group

from core.geometry import measure
from core.geometry.measures.alpha_req import alpha_req


def cloud_of(variances, n=400, seed=0):
    """A cloud whose covariance has exactly these eigenvalues."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n, len(variances)))
    q = np.linalg.qr(rows - rows.mean(0))[0] * np.sqrt(variances)
    return q @ ortho_group.rvs(len(variances), random_state=seed) + 7.0


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.5])
def test_of_a_power_law_it_is_the_exponent(alpha):
    assert alpha_req(cloud_of(np.arange(1, 61) ** -alpha)) == pytest.approx(alpha, abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(500, 300), (80, 300), (300, 24)])
def test_it_is_the_regression_over_its_ranks(n, d):
    x = np.random.default_rng(1).standard_normal((n, d)) / np.sqrt(1 + np.arange(d))
    values = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    last = min(100, min(n - 1, d) // 2)
    ranks = np.arange(5, last + 1)
    expected = -linregress(np.log(ranks), np.log(values[4:last])).slope
    assert alpha_req(x) == pytest.approx(expected, rel=1e-9)


def test_few_directions_tell_no_decay():
    x = np.random.default_rng(0).standard_normal((100, 19))
    for flat in (x, x @ np.eye(19, 50), x[:2], np.zeros((9, 3)), np.full((50, 30), 0.1), np.repeat(x[:10], 5, axis=0)):
        assert np.isnan(measure(flat, "alpha_req")["alpha_req"])
