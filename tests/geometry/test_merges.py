import numpy as np
import pytest

from core.geometry import ClassShape, merges, shape_by_class


def cloud(n, d=4, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, d))
    return x, shape_by_class(x, np.zeros(n, int))[0]


@pytest.mark.parametrize("seed", range(3))
def test_components_are_those_of_scipy_s_single_linkage(seed):
    from scipy.cluster.hierarchy import fcluster, linkage

    x, shape = cloud(40, seed=seed)
    tree = linkage(x, "single")
    for merge in merges(shape):
        index = len(shape.lengths) - merge.rank
        assert merge.length == pytest.approx(tree[index, 2])
        assert sum(merge.sizes) == tree[index, 3]
        together = fcluster(tree, np.nextafter(merge.length, 0) - 1e-9, "distance")
        sides = [np.flatnonzero(together == together[row]) for row in merge.rows]
        assert merge.sizes == tuple(len(side) for side in sides)
        assert merge.fewer == tuple(min(sides, key=len))


def test_the_longest_bar_joins_the_two_halves():
    x = np.array([[0.0], [1.0], [2.0], [50.0], [51.5]])
    first, *rest = merges(shape_by_class(x, np.zeros(5, int))[0])
    assert (first.rank, first.length, set(first.rows)) == (1, 48.0, {2, 3})
    assert first.fewer == (3, 4)
    assert [merge.rank for merge in rest] == [2, 3, 4]
    assert all(sum(merge.sizes) < 5 for merge in rest)


def test_rows_are_those_of_the_whole_cloud():
    x = np.arange(8.0)[:, None] ** 2
    shapes = shape_by_class(x, np.array([0, 1] * 4))
    assert {row for merge in merges(shapes[1]) for row in merge.fewer + merge.rows} <= {1, 3, 5, 7}


def test_one_point_and_equal_points():
    empty = ClassShape.from_bars(0, lengths=np.zeros(0), edges=np.zeros((0, 2)), features=np.zeros(0, bool), points=1)
    assert merges(empty) == []
    found = merges(shape_by_class(np.ones((6, 3)), np.zeros(6, int))[0])
    assert sum(found[0].sizes) == 6
    assert all(merge.length == 0 for merge in found)
