import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors

from core.errors import IsobarError
from core.geometry import class_silhouettes, neighbours_kept
from core.geometry.cloud import Cloud
from core.geometry.neighbours import nearest_rows


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize("k", [1, 5, 29])
def test_kept_neighbours_are_those_of_scikit_learn(random, k):
    before, after = random.normal(size=(30, 6)), random.normal(size=(30, 4))
    sides = [NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False) for x in (before, after)]
    judge = [len(set(a) & set(b)) / k for a, b in zip(*sides, strict=True)]
    assert neighbours_kept(before, after, k).tolist() == pytest.approx(judge)


def test_a_cloud_that_is_turned_shifted_and_scaled_keeps_its_neighbours(random):
    x = random.normal(size=(700, 5))  # more than are held at once
    assert neighbours_kept(x, 3 * x @ ortho_group.rvs(5, random_state=0) + 1).tolist() == [1.0] * 700


def test_points_that_change_places_at_random_keep_as_many_as_chance_would(random):
    x = random.normal(size=(400, 5))
    assert neighbours_kept(x, random.permutation(x), k=10).mean() == pytest.approx(10 / 399, abs=0.01)


def test_few_points_have_few_neighbours(random):
    assert neighbours_kept(random.normal(size=(2, 3)), random.normal(size=(2, 3)), k=10).tolist() == [1, 1]
    assert neighbours_kept(np.zeros((4, 2)), np.zeros((4, 2)), k=2).tolist() == [1] * 4


@pytest.mark.parametrize("k", [1, 3, 24])
def test_of_rows_at_one_distance_any_are_the_nearest_and_none_that_is_farther(k):
    grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).astype(float)
    rows, near = nearest_rows(Cloud(grid), k)
    x = grid[rows]
    found = np.sort(np.linalg.norm(x[near] - x[:, None], axis=2), axis=1)
    judge, _ = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    assert found == pytest.approx(judge)
    assert all(len({row, *others}) == k + 1 for row, others in enumerate(near))


def test_wrong_questions_about_neighbours():
    with pytest.raises(IsobarError, match="k is 0"):
        neighbours_kept(np.eye(3), np.eye(3), k=0)
    with pytest.raises(IsobarError, match="3 before and 4 after"):
        neighbours_kept(np.eye(3), np.eye(4))


def test_silhouettes_follow_their_definition(random):
    x = random.normal(size=(40, 3))
    labels = random.integers(0, 3, 40)
    means = {k: x[labels == k].mean(0) for k in range(3)}
    for row, (point, label) in enumerate(zip(x, labels, strict=True)):
        a = np.linalg.norm(point - means[label])
        b = min(np.linalg.norm(point - mean) for k, mean in means.items() if k != label)
        assert class_silhouettes(x, labels)[row] == pytest.approx((b - a) / max(a, b))


def test_of_tight_classes_they_are_the_silhouettes_of_scikit_learn(random):
    labels = np.repeat([3, 7], 20)
    x = 100 * (labels == 7)[:, None] + 0.01 * random.normal(size=(40, 4))
    assert class_silhouettes(x, labels) == pytest.approx(silhouette_samples(x, labels), abs=1e-3)


def test_silhouettes_of_next_to_nothing():
    assert np.isnan(class_silhouettes(np.eye(3), [1, 1, 1])).all()
    assert class_silhouettes(np.zeros((4, 2)), [0, 0, 1, 1]).tolist() == [0] * 4
    assert class_silhouettes(np.array([[0.0], [2.0]]), [0, 1]).tolist() == [1, 1]
    with pytest.raises(IsobarError, match="one a row"):
        class_silhouettes(np.eye(3), [0, 1])
