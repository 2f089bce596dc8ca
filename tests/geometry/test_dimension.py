import numpy as np
import pytest

from core.geometry import MEASURES, ph_dimension, two_nn
from core.geometry.repeats import repeat_notes


def cube(n, d, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, d))


def embedded(points, d, seed=1):
    """The same points, isometrically in d dimensions."""
    return points @ np.linalg.qr(np.random.default_rng(seed).standard_normal((d, points.shape[1])))[0].T


@pytest.mark.slow
@pytest.mark.parametrize("estimate", [two_nn, ph_dimension])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_cube_has_its_dimension_wherever_it_lies(estimate, d):
    x = cube(1500, d)
    assert estimate(x) == pytest.approx(d, rel=0.2)
    assert estimate(embedded(x, 1000)) == pytest.approx(estimate(x), rel=1e-3)
    assert estimate(5 + 1e-2 * x) == pytest.approx(estimate(x), rel=1e-3)


@pytest.mark.parametrize("estimate", [two_nn, ph_dimension])
def test_noise_adds_dimensions(estimate):
    sheet = embedded(cube(800, 2), 20)
    noise = np.random.default_rng(3).standard_normal(sheet.shape)
    values = [estimate(sheet + level * noise) for level in (0.0, 0.01, 0.1)]
    assert values[0] < 3 < values[1] < values[2]


@pytest.mark.parametrize("estimate", [two_nn, ph_dimension])
def test_few_or_equal_points(estimate):
    assert np.isnan(estimate(cube(9, 3)))
    assert np.isnan(estimate(np.full((100, 3), 0.1)))
    assert estimate(cube(60, 3)) > 1


def test_two_nn_by_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    x = cube(400, 4)
    distances = NearestNeighbors(n_neighbors=3).fit(x).kneighbors(x)[0]
    ratio = np.sort(distances[:, 2] / distances[:, 1])[:360]
    empirical = np.arange(1, 361) / 400
    slope = np.linalg.lstsq(np.log(ratio)[:, None], -np.log(1 - empirical), rcond=None)[0][0]
    assert two_nn(x) == pytest.approx(slope, rel=1e-9)


def test_two_nn_sees_neighbours_among_all_points_when_it_samples():
    assert two_nn(cube(6000, 2)) == pytest.approx(2, rel=0.1)


def test_two_nn_leaves_duplicates_out_and_survives_distance():
    x = cube(500, 2)
    assert two_nn(np.vstack([x, x[:50]])) == pytest.approx(2, rel=0.2)
    assert two_nn(x + 1e6) == pytest.approx(two_nn(x), rel=1e-3)
    # two tight patches far apart: neighbours are told by differences, not by a cancelling product
    patches = np.vstack([1e-4 * x[:250], 1 + 1e-4 * x[250:]])
    assert two_nn(patches) == pytest.approx(2, rel=0.25)
    lattice = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), -1).reshape(-1, 2)
    assert np.isnan(two_nn(lattice))


@pytest.mark.parametrize("estimate", [two_nn, ph_dimension])
def test_of_rows_that_repeat_one_counts(estimate):
    x = np.random.default_rng(4).standard_normal((1200, 10))
    alone = estimate(x)
    copies = np.vstack([x, x[np.random.default_rng(5).integers(0, 1200, 800)]])
    assert estimate(copies) == alone
    # in another order the same points, of which others are sampled
    assert estimate(np.random.default_rng(6).permutation(copies)) == pytest.approx(alone, rel=0.12)
    assert estimate(np.repeat(x[:300], 2, axis=0)) == estimate(x[:300])
    zeros = np.where(x < 0, 0.0, x)
    assert estimate(np.vstack([zeros, -0.0 * zeros + zeros, zeros + 0.0])) == estimate(zeros)


def test_rows_that_repeat_are_told_and_near_copies_are_not_taken_for_them():
    x = np.random.default_rng(4).standard_normal((600, 10))
    names = ["isoscore", "twonn", "hubness"]
    assert repeat_notes(x, names) == ()
    assert repeat_notes(np.vstack([x, x[:1]]), names) == (
        "Of the 601 rows 1 repeats another; twonn and hubness are of the 600 that differ.",
    )
    assert repeat_notes(np.vstack([x, x[:1]]), ["isoscore"]) == ()
    for copies in (1, 400, 600):
        (note,) = repeat_notes(np.vstack([x, x[:copies] * (1 + 1e-9)]), ["twonn"])
        assert note.startswith(f"{2 * copies:,} of {600 + copies:,} rows are a copy of another but for rounding"), note
    assert repeat_notes(np.zeros((3, 2)), ["twonn"])[0].startswith("Of the 3 rows 2 repeat another")


def test_ph_dimension_is_repeatable():
    x = cube(300, 5)
    assert ph_dimension(x) == ph_dimension(x)
    assert ph_dimension(x, seed=1) != ph_dimension(x, seed=2)


def test_ph_dimension_reaches_from_below_one_to_infinity_as_its_range_says():
    # Where a point amid others is found, it shortens their tree: the total shrinks as n grows.
    corners = np.vstack([np.eye(6)[np.arange(990) % 6], np.full((3, 6), 1 / 6)])
    corners += 1e-9 * np.random.default_rng(0).standard_normal(corners.shape)  # of equal rows one would count
    assert MEASURES["ph_dimension"].range[0] <= ph_dimension(corners) < 1
    # Points that are all as far from each other: the total grows as n - 1 does, faster than any power of it below 1.
    assert ph_dimension(np.eye(60)) == MEASURES["ph_dimension"].range[1] == np.inf
