import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes as scipy_procrustes
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

import core
from core.errors import IsobarError
from core.geometry import COMPARISONS, compare_spaces

SHAPES = [(60, 8, 5), (60, 8, 90), (20, 50, 40), (30, 40, 3)]


def pair(n, d, e, seed=0):
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, d)) / np.sqrt(1 + np.arange(d)) + 0.4
    return x, x @ random.standard_normal((d, e)) + random.standard_normal((n, e))


def of(name, x, y):
    return compare_spaces(x, y, name)[name]


@pytest.mark.parametrize(("n", "d", "e"), SHAPES)
def test_linear_cka_is_that_of_the_kernels(n, d, e):
    x, y = pair(n, d, e)
    h = np.eye(n) - 1 / n
    k, m = h @ x @ x.T @ h, h @ y @ y.T @ h
    assert of("linear_cka", x, y) == pytest.approx((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()), rel=1e-9)


def hsic(k, m):
    """Song et al., 2012, equation 4."""
    n, ones = len(k), np.ones(len(k))
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    whole = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (whole - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))


@pytest.mark.parametrize(("n", "d", "e"), SHAPES)
def test_debiased_cka_is_that_of_the_unbiased_estimates(n, d, e):
    x, y = pair(n, d, e)
    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert of("linear_cka_debiased", x, y) == pytest.approx(expected, rel=1e-9)


def test_unrelated_clouds_of_few_rows_are_alike_but_for_the_bias():
    random = np.random.default_rng(0)
    pairs = [random.standard_normal((2, 30, 300)) for _ in range(60)]
    assert np.mean([of("linear_cka", x, y) for x, y in pairs]) > 0.8
    assert np.mean([of("linear_cka_debiased", x, y) for x, y in pairs]) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("n", "d", "e"), SHAPES)
def test_procrustes_is_what_the_best_rotation_leaves(n, d, e):
    x, y = pair(n, d, e)
    x0, y0 = (rows - rows.mean(0) for rows in (x, y))
    wide = max(d, e)
    x0, y0 = (np.pad(rows / np.linalg.norm(rows), ((0, 0), (0, wide - rows.shape[1]))) for rows in (x0, y0))
    rotation, _ = orthogonal_procrustes(y0, x0)
    assert of("procrustes", x, y) == pytest.approx(np.linalg.norm(x0 - y0 @ rotation) ** 2, rel=1e-9)
    # scipy's scales one of them too: what is left then is 1 - |X'Y|_*^2.
    _, _, disparity = scipy_procrustes(x0, y0)
    assert 1 - (1 - of("procrustes", x, y) / 2) ** 2 == pytest.approx(disparity, rel=1e-9)


@pytest.mark.parametrize(("n", "d", "e"), SHAPES)
def test_mutual_neighbours_are_of_the_largest_cosine(n, d, e):
    x, y = pair(n, d, e)
    near = [
        NearestNeighbors(n_neighbors=10, metric="cosine").fit(rows).kneighbors(return_distance=False) for rows in (x, y)
    ]
    expected = np.mean([len(set(one) & set(other)) / 10 for one, other in zip(*near)])
    assert of("mutual_knn", x, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 50)])
def test_a_rotated_scaled_and_shifted_cloud_is_the_same(n, d):
    x, _ = pair(n, d, d)
    turned = 3.0 * x @ ortho_group.rvs(d, random_state=0)
    same = {"linear_cka": 1, "linear_cka_debiased": 1, "mutual_knn": 1, "procrustes": 0}
    assert compare_spaces(x, turned) == pytest.approx(same, abs=1e-9)
    shifted = compare_spaces(x, turned + 5)
    del same["mutual_knn"]  # which are of directions
    assert {name: shifted[name] for name in same} == pytest.approx(same, abs=1e-9)
    assert compare_spaces(1e200 * x, 1e-200 * turned) == pytest.approx(compare_spaces(x, turned), abs=1e-9)


def test_both_orders_agree():
    x, y = pair(40, 9, 30)
    assert compare_spaces(x, y) == pytest.approx(compare_spaces(y, x), rel=1e-9)


def test_a_large_pair_is_sampled_for_its_neighbours_alone():
    random = np.random.default_rng(0)
    x = random.standard_normal((4500, 3))
    found = compare_spaces(x, x @ ortho_group.rvs(3, random_state=0))
    assert found == pytest.approx(
        {"linear_cka": 1, "linear_cka_debiased": 1, "mutual_knn": 1, "procrustes": 0}, abs=1e-6
    )


def test_degenerate_pairs():
    x, _ = pair(12, 3, 3)
    nan = float("nan")
    flat = compare_spaces(x, np.full((12, 2), 0.1))
    assert [flat[name] for name in ("linear_cka", "linear_cka_debiased", "procrustes")] == pytest.approx(
        [nan] * 3, nan_ok=True
    )
    assert np.isnan(of("linear_cka_debiased", np.eye(12), x))
    with_zero = x.copy()
    with_zero[3] = 0
    found = compare_spaces(x, with_zero)
    assert np.isnan(found.pop("mutual_knn"))
    assert np.isfinite(list(found.values())).all()
    two = compare_spaces([[0.0, 1.0], [1.0, 0.5]], [[3.0], [1.0]])
    assert two == pytest.approx(
        {"linear_cka": 1, "linear_cka_debiased": nan, "mutual_knn": 1, "procrustes": 0}, nan_ok=True
    )
    assert np.isfinite(list(compare_spaces(np.repeat(x, 3, axis=0), np.repeat(x[::-1], 3, axis=0)).values())).all()
    for name, about in COMPARISONS.items():
        assert about.undefined, name
        assert about.label, name
        assert about.source, name


def test_bad_requests_get_a_sentence():
    x, y = pair(10, 3, 4)
    with pytest.raises(IsobarError, match="there are 10 in one and 9 in the other"):
        compare_spaces(x, y[:9])
    with pytest.raises(IsobarError, match="Did you mean 'linear_cka"):
        compare_spaces(x, y, "linear_ckas")
    with pytest.raises(IsobarError, match="NaN or infinity in row 0"):
        compare_spaces(x * np.nan, y)


def test_it_is_public_and_takes_what_measure_takes():
    torch = pytest.importorskip("torch")
    x, y = pair(30, 3, 4)
    assert core.compare_spaces is compare_spaces
    found = compare_spaces(torch.tensor(x, requires_grad=True), y.tolist(), ["procrustes", "linear_cka"])
    assert list(found) == ["procrustes", "linear_cka"]
    assert found == compare_spaces(x, y, ("procrustes", "linear_cka"))
    assert not set(COMPARISONS) & set(core.measure(x))
