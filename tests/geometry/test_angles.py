from itertools import combinations

import numpy as np
import pytest

from core.geometry import cosine_shares, isotropic_cosine_shares, mean_cosine, mean_vector_share


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


def test_cosine_shares_are_a_histogram_of_all_pairs():
    from scipy.spatial.distance import pdist

    x = np.random.default_rng(3).standard_normal((60, 7)) + 0.4
    expected, _ = np.histogram(1 - pdist(x, "cosine"), bins=80, range=(-1, 1))
    assert cosine_shares(x) == pytest.approx(expected / expected.sum(), abs=1e-12)


def test_cosine_shares_at_the_ends_and_of_rows_without_a_direction():
    assert cosine_shares(np.ones((4, 3)))[-1] == 1
    assert cosine_shares([[1.0, 0.0], [-2.0, 0.0]])[0] == 1
    assert cosine_shares(np.zeros((3, 2))).sum() == 0
    assert cosine_shares([[1.0, 0.0], [0.0, 0.0], [2.0, 0.0]])[-1] == 1


@pytest.mark.slow
def test_cosine_shares_of_many_rows_are_those_of_a_sample():
    x = np.random.default_rng(4).standard_normal((2500, 3)) + 0.5
    some, other = cosine_shares(x), cosine_shares(x, seed=1)
    assert some == pytest.approx(other, abs=0.004)
    assert not np.array_equal(some, other)
    assert np.array_equal(some, cosine_shares(x))


@pytest.mark.parametrize("d", [2, 3, 4, 40])
def test_isotropic_cosine_shares_are_what_gaussian_clouds_tend_to(d):
    x = np.random.default_rng(d).standard_normal((1500, d))
    assert isotropic_cosine_shares(d) == pytest.approx(cosine_shares(x), abs=0.003)
    assert isotropic_cosine_shares(d).sum() == pytest.approx(1)


def test_isotropic_cosine_shares_in_one_dimension():
    assert isotropic_cosine_shares(1)[[0, -1]].tolist() == [0.5, 0.5]
    assert isotropic_cosine_shares(1).sum() == 1
