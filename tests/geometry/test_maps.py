import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

from core.errors import IsobarError
from core.geometry import nearest_to, own_axes, umap_maps

random = np.random.default_rng(0)


def test_the_nearest_rows_are_those_of_scikit_learn():
    x = random.normal(size=(200, 30)) + 50
    judge = NearestNeighbors(n_neighbors=11).fit(x)
    for row in (0, 77, 199):
        distances, rows = judge.kneighbors(x[row : row + 1])
        near, far = nearest_to(x, row, 10)
        assert near.tolist() == rows[0, 1:].tolist()
        assert far == pytest.approx(distances[0, 1:])


def test_copies_are_neighbours_at_0_in_their_order_and_the_row_itself_is_none():
    x = np.array([[0.0], [1.0], [0.0], [0.0], [5.0]])
    near, far = nearest_to(x, 2, 10)
    assert near.tolist() == [0, 3, 1, 4]
    assert far.tolist() == [0, 0, 1, 5]


@pytest.mark.parametrize(("row", "k", "said"), [(5, 3, "no row 5"), (-1, 3, "no row -1"), (0, 0, "at least one")])
def test_a_row_that_is_not_there_is_said(row, k, said):
    with pytest.raises(IsobarError, match=said):
        nearest_to(random.normal(size=(5, 2)), row, k)


def test_own_axes_have_no_scale_and_no_rotation():
    x = random.normal(size=(60, 8)) * np.arange(1, 9)[::-1]
    turned = 1e-3 * x @ ortho_group.rvs(8, random_state=1) + 7
    one, other = own_axes([x, turned], 3).coordinates
    assert other == pytest.approx(one, abs=1e-8)
    whole = own_axes([x], 8).coordinates[0]
    assert np.square(whole).sum(1).mean() == pytest.approx(1)


def test_a_point_without_size_stays_one():
    assert not own_axes([np.ones((4, 3))], 2).coordinates[0].any()


@pytest.mark.slow
def test_a_map_keeps_groups_and_its_seed_and_fits_the_one_before():
    pytest.importorskip("umap")
    centres = 30 * random.normal(size=(3, 20))
    labels = np.repeat([0, 1, 2], 30)
    x = centres[labels] + random.normal(size=(90, 20))
    one, other = umap_maps([x, x + 1e-9])
    again, _ = umap_maps([x, x])
    assert (one == again).all()
    assert one.dtype == np.float64
    assert np.square(one).sum(1).mean() == pytest.approx(1)
    nearest = NearestNeighbors(n_neighbors=6).fit(one).kneighbors(return_distance=False)
    assert (labels[nearest] == labels[:, None]).all()
    # The second map lies on the first as well as any rotation could put it there.
    standard = [side / np.linalg.norm(side) for side in (one - one.mean(0), other - other.mean(0))]
    assert np.square(standard[0] - standard[1]).sum() <= 2 - 2 * np.sqrt(1 - procrustes(one, other)[2]) + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 6, 16])
def test_few_points_have_a_map(n):
    pytest.importorskip("umap")
    assert np.isfinite(umap_maps([random.normal(size=(n, 4))])[0]).all()


@pytest.mark.slow
def test_too_few_points_are_said():
    pytest.importorskip("umap")
    with pytest.raises(IsobarError, match="at least 5 examples; here are 4"):
        umap_maps([random.normal(size=(4, 4))])


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("core.geometry.maps.find_spec", lambda name: None)
    with pytest.raises(IsobarError, match=r"isobar-explorer\[umap\]"):
        umap_maps([random.normal(size=(9, 4))])
