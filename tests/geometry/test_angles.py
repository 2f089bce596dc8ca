from itertools import combinations

import numpy as np
import pytest

from core.geometry import mean_cosine, mean_vector_share


@pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 3), (12, 50)])
def test_mean_cosine_of_all_pairs(n, d):
    x = np.random.default_rng(n).standard_normal((n, d)) + 0.5
    pairs = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in combinations(x, 2)]
    assert mean_cosine(x) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_mean_cosine_by_scikit_learn():
    from sklearn.metrics.pairwise import cosine_similarity

    x = np.random.default_rng(0).standard_normal((80, 20)) + 0.3
    cosines = cosine_similarity(x)
    assert mean_cosine(x) == pytest.approx(cosines[~np.eye(80, dtype=bool)].mean(), abs=1e-12)


def test_mean_cosine_ends():
    assert mean_cosine(np.ones((4, 3))) == pytest.approx(1)
    assert mean_cosine([[1.0, 0.0], [-2.0, 0.0]]) == pytest.approx(-1)
    assert mean_cosine(np.eye(5)) == pytest.approx(0)
    assert np.isnan(mean_cosine([[1.0, 0.0], [0.0, 0.0]]))


def test_mean_cosine_ignores_the_length_of_rows():
    x = np.random.default_rng(1).standard_normal((30, 5))
    lengths = np.random.default_rng(2).uniform(0.1, 10, (30, 1))
    assert mean_cosine(x * lengths) == pytest.approx(mean_cosine(x), abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(9, 4), (4, 9)])
def test_mean_vector_share(n, d):
    x = np.random.default_rng(0).standard_normal((n, d)) + 1
    expected = (x.mean(0) ** 2).sum() / (x**2).sum(1).mean()
    assert mean_vector_share(x) == pytest.approx(expected, rel=1e-12)
    assert mean_vector_share(3 * x) == pytest.approx(expected, rel=1e-12)


def test_mean_vector_share_ends():
    x = np.random.default_rng(0).standard_normal((20, 6))
    assert mean_vector_share(x - x.mean(0)) == pytest.approx(0, abs=1e-12)
    assert mean_vector_share(np.full((5, 3), 0.1)) == pytest.approx(1)
    assert np.isnan(mean_vector_share(np.zeros((5, 3))))
    shares = [mean_vector_share(x + shift) for shift in (0, 1, 3, 10)]
    assert (np.diff(shares) > 0).all()
