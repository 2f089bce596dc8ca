import subprocess
import sys

import numpy as np
import pytest

from core.errors import IsobarError
from core.topology.examples import EXAMPLES, example_cloud
from core.topology.filtration import ALONE, filtration
from tests.topology.clouds import by_gudhi, distances, is_spanning_tree


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("n", [2, 3, 17, 60])
def test_bars_are_gudhi_s_and_edges_are_a_tree_of_those_lengths(name, n):
    points = example_cloud(name, n, 0.1, seed=n)
    found = filtration(points)
    assert found.lengths == pytest.approx(by_gudhi(points))
    assert is_spanning_tree(found.edges, n)
    assert found.lengths == pytest.approx(distances(points)[tuple(found.edges.T)])


def test_all_pairs_are_there_nearest_first():
    points = example_cloud("uniform", 12)
    found = filtration(points)
    assert len({tuple(pair) for pair in found.pairs.tolist()}) == 66
    assert (np.diff(found.distances) >= 0).all()
    assert found.distances == pytest.approx(distances(points)[tuple(found.pairs.T)])


@pytest.mark.parametrize("name", ["two clusters", "ring", "uniform"])
def test_at_every_scale_the_components_are_those_of_the_graph_of_near_pairs(name):
    from scipy.sparse.csgraph import connected_components

    points = example_cloud(name, 25, 0.15, seed=3)
    found = filtration(points)
    matrix = distances(points)
    for scale in (0.0, *(found.lengths[:-1] + found.lengths[1:]) / 2, 9.0):
        count, labels = connected_components(matrix <= scale)
        alive = (found.begin <= scale) & (scale < found.end)
        order = np.argsort(found.point[alive])
        assert found.point[alive][order].tolist() == list(range(25))
        named = found.component[alive][order]
        for label in range(count):
            members = named[labels == label]
            assert len(set(members.tolist())) == 1
            assert (members[0] == ALONE) == (len(members) == 1)
        together = named[named != ALONE]
        assert len(set(together.tolist())) + (named == ALONE).sum() == count


def test_components_that_last_longest_have_the_first_numbers():
    found = filtration(example_cloud("two clusters", 40, 0.05))
    side = {0: set(), 1: set()}
    before_they_meet = found.lengths[0] - 1e-6
    alive = (found.begin <= before_they_meet) & (before_they_meet < found.end)
    for point, component in zip(found.point[alive], found.component[alive], strict=True):
        side[component].add(point % 2)
    assert side in ({0: {0}, 1: {1}}, {0: {1}, 1: {0}})


@pytest.mark.parametrize(("points", "bars"), [(np.zeros((0, 2)), 0), (np.zeros((1, 2)), 0), (np.ones((4, 2)), 3)])
def test_next_to_nothing(points, bars):
    found = filtration(points)
    assert found.lengths.tolist() == [0.0] * bars
    assert len(found.edges) == bars
    assert sorted(found.point.tolist()) == list(range(len(points)))
    assert np.isinf(found.end).all()


@pytest.mark.parametrize("points", [np.zeros(3), np.array([[0.0, np.nan], [1.0, 1.0]])])
def test_what_is_no_cloud_is_refused(points):
    with pytest.raises(IsobarError):
        filtration(points)


def test_more_points_of_a_seed_keep_the_displacements_and_noise_scales_them():
    few, many = example_cloud("two clusters", 10, 0.2, 5), example_cloud("two clusters", 20, 0.2, 5)
    assert many[:10] == pytest.approx(few)
    still, noisy = (example_cloud("ring", 10, noise, 5) for noise in (0.0, 0.4))
    assert noisy - still == pytest.approx(2 * (example_cloud("ring", 10, 0.2, 5) - still))


def test_an_unknown_cloud_is_refused_with_a_suggestion():
    with pytest.raises(IsobarError, match="Did you mean 'ring'"):
        example_cloud("rnig", 5)
    with pytest.raises(IsobarError, match="negative"):
        example_cloud("ring", 5, -1.0)


@pytest.mark.slow
def test_loops_and_filtrations_need_no_torch():
    code = (
        "import sys\n"
        "from core.topology.examples import example_cloud\n"
        "from core.topology.filtration import filtration\n"
        "from core.topology.rips import critical_pairs\n"
        "points = example_cloud('ring', 12, 0.0)\n"
        "filtration(points)\n"
        "edges, scales = critical_pairs(points)\n"
        "assert len(scales) == 1 and 1.7 < scales[0, 1] < 1.74, scales\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
