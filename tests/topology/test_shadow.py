import numpy as np
import pytest

from core.topology.examples import EXAMPLES, example_cloud
from core.topology.shadow import shadow_triangles
from tests.topology.clouds import distances


def covered(places: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Which of the places (m, 2) lie inside of one of the triangles (t, 3, 2), counterclockwise."""
    sides = np.roll(corners, -1, axis=1) - corners
    to = places[:, None, None] - corners[None]
    return (sides[..., 0] * to[..., 1] - sides[..., 1] * to[..., 0] > 0).all(axis=-1).any(axis=-1)


def all_triangles(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(points)
    found = np.array([(i, j, k) for i in range(n) for j in range(i + 1, n) for k in range(j + 1, n)])
    a, b, c = points[found.T]
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    found = np.where((ux * vy - uy * vx > 0)[:, None], found, found[:, [0, 2, 1]])
    matrix = distances(points)
    i, j, k = found.T
    return found, np.maximum(np.maximum(matrix[i, j], matrix[j, k]), matrix[i, k])


CLOUDS = {f"{name}, noise {noise}": example_cloud(name, 22, noise, 3) for name in EXAMPLES for noise in (0.0, 0.1)}
CLOUDS["a grid"] = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
CLOUDS["twice the same"] = np.repeat(example_cloud("uniform", 10, 0.0, 1), 2, axis=0)
CLOUDS["large"] = 1e9 * example_cloud("uniform", 15, 0.1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOUDS)
def test_few_triangles_cover_what_all_of_them_cover_at_every_scale(name):
    points = CLOUDS[name]
    triangles, scales = shadow_triangles(points)
    assert (np.diff(scales) >= 0).all()
    every, there = all_triangles(points)
    extent = np.ptp(points, axis=0).max()
    places = points.min(axis=0) + extent * np.random.default_rng(0).random((800, 2))
    for scale in np.quantile(distances(points), [0.05, 0.2, 0.4, 0.6, 0.9, 1.0]):
        here, all_here = (
            covered(places, points[found[when <= scale * (1 + 1e-9)]])
            for found, when in ((triangles, scales), (every, there))
        )
        assert (here == all_here).all()


def test_they_are_few_also_of_points_on_a_circle():
    for noise, most in ((0.0, 1300), (0.1, 400)):
        triangles, _ = shadow_triangles(example_cloud("ring", 60, noise))
        assert 60 < len(triangles) < most  # of 34,220


def test_each_is_there_from_its_longest_side_on_and_none_beyond_the_largest_scale():
    points = example_cloud("uniform", 20)
    triangles, scales = shadow_triangles(points, most=0.7)
    matrix = distances(points)
    i, j, k = triangles.T
    assert scales == pytest.approx(np.maximum(np.maximum(matrix[i, j], matrix[j, k]), matrix[i, k]))
    assert 0 < scales.max() <= 0.7


@pytest.mark.parametrize(
    "points", [np.empty((0, 2)), np.zeros((2, 2)), np.zeros((5, 2)), np.arange(8.0).repeat(2).reshape(8, 2)]
)
def test_without_a_triangle_there_is_none(points):
    triangles, scales = shadow_triangles(points)
    assert triangles.shape == (0, 3)
    assert scales.shape == (0,)
