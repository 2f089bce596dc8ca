import itertools

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.decomposition import PCA

from core.errors import IsobarError
from core.geometry import aligned_axes, common_axes


@pytest.fixture
def random():
    return np.random.default_rng(0)


def flat(random, n, d):
    """A cloud whose variances differ from direction to direction."""
    return random.normal(size=(n, d)) * np.linspace(3, 0.5, d)


@pytest.mark.parametrize(("n", "d"), [(40, 10), (10, 40), (40, 2)])
def test_axes_of_one_cloud_are_those_of_principal_component_analysis(random, n, d):
    x = flat(random, n, d) + 5
    judge = PCA(2).fit(x)
    found = common_axes([x], 2)
    assert np.abs(found.coordinates[0]) == pytest.approx(np.abs(judge.transform(x)), abs=1e-9)
    assert found.shares[0] == pytest.approx(judge.explained_variance_ratio_)


def test_clouds_share_their_axes_and_lose_their_shift(random):
    x, y = flat(random, 30, 6), flat(random, 20, 6)
    one, two, moved = common_axes([x, y, y + 100], 3).coordinates
    assert moved == pytest.approx(two)
    pooled = PCA(3).fit(np.vstack([x - x.mean(0), y - y.mean(0), y - y.mean(0)]))
    assert np.abs(one) == pytest.approx(np.abs(pooled.transform(x - x.mean(0))), abs=1e-9)


def test_a_rotated_cloud_is_drawn_as_if_it_had_stayed(random):
    x = flat(random, 50, 8)
    clouds = [x] + [x @ ortho_group.rvs(8, random_state=seed) + seed for seed in range(4)]
    drawn = aligned_axes(clouds, 2)
    for coordinates, shares in zip(drawn.coordinates, drawn.shares, strict=True):
        assert coordinates == pytest.approx(drawn.coordinates[0], abs=1e-9)
        assert shares == pytest.approx(drawn.shares[0])


def test_axes_that_change_places_do_not_make_the_picture_jump(random):
    """The two strongest axes are about equally strong and take turns; unaligned coordinates would swap."""
    base = random.normal(size=(60, 5)) * [1.0, 1.0, 0.1, 0.1, 0.1]
    clouds = [base * [1 + 0.1 * (-1) ** t, 1 - 0.1 * (-1) ** t, 1, 1, 1] for t in range(6)]
    own = [common_axes([cloud]).coordinates[0] for cloud in clouds]
    drawn = aligned_axes(clouds).coordinates

    def leaps(frames):
        return [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in itertools.pairwise(frames)]

    assert max(leaps(drawn)) < 0.3
    assert max(leaps(own)) > 1.0


def test_alignment_keeps_all_distances_within_the_plane(random):
    clouds = [flat(random, 20, 6) for _ in range(3)]
    for cloud, drawn in zip(clouds, aligned_axes(clouds).coordinates, strict=True):
        own = common_axes([cloud]).coordinates[0]
        gaps = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (own, drawn)]
        assert gaps[0] == pytest.approx(gaps[1], abs=1e-9)


@pytest.mark.parametrize("draw", [common_axes, aligned_axes])
def test_next_to_nothing_is_drawn_as_nothing(draw):
    same, line = np.ones((5, 4)), np.arange(5.0)[:, None]
    for cloud in (same, line, line @ np.ones((1, 6))):
        found = draw([cloud, cloud], 3)
        for coordinates in found.coordinates:
            assert coordinates.shape == (5, 3)
            assert np.isfinite(coordinates).all()
    assert np.isnan(draw([same], 2).shares[0]).all()
    assert draw([line], 2).shares[0] == pytest.approx([1, 0])
    assert draw([]).coordinates == []


def test_clouds_that_do_not_fit_are_refused(random):
    with pytest.raises(IsobarError, match="as many dimensions; these have 3, 4"):
        common_axes([np.eye(3), np.eye(4)])
    with pytest.raises(IsobarError, match="the same points; these have 3, 4"):
        aligned_axes([np.eye(3), np.eye(4)])
    with pytest.raises(IsobarError, match="NaN"):
        aligned_axes([np.full((3, 2), np.nan)])
