import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.topology.boruvka import doublings, minimum_spanning_forest
from tests.topology.clouds import is_spanning_tree, tree_of


def edges_of(weights):
    merged_by = minimum_spanning_forest(weights)
    n = weights.shape[-1]
    found = merged_by[merged_by >= 0]
    assert len(found.unique()) == len(found)
    return torch.stack((found // n, found % n), 1).numpy()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 33), st.sampled_from([1, 2, 5, 1000]))
def test_a_tree_of_least_weight_whatever_the_ties(seed, n, values):
    weights = np.random.default_rng(seed).integers(0, values, size=(n, n)).astype(float)
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    edges = edges_of(torch.from_numpy(weights))
    assert is_spanning_tree(edges, n)
    np.testing.assert_array_equal(np.sort(weights[tuple(edges.T)])[::-1], tree_of(weights))


def test_a_forest_where_there_are_gaps():
    weights = torch.full((6, 6), torch.inf)
    for i, j in ((0, 3), (3, 5), (0, 5), (1, 4)):
        weights[i, j] = weights[j, i] = i + j
    assert sorted(map(tuple, edges_of(weights).tolist())) == [(0, 3), (0, 5), (1, 4)]
    assert (minimum_spanning_forest(weights) >= 0).sum() == 3


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (4, 0, 0), (0, 3, 3), (2, 1, 1)])
def test_empty(shape):
    assert minimum_spanning_forest(torch.zeros(shape)).shape == shape[:-1]


def test_a_path_merges_in_the_fewest_rounds_and_the_longest_chain():
    n = 128  # weights that grow along a path: one chain of 127 pointers in the first round
    weights = torch.full((n, n), torch.inf)
    i = torch.arange(n - 1)
    weights[i, i + 1] = weights[i + 1, i] = i.float()
    assert is_spanning_tree(edges_of(weights), n)


def test_doublings():
    assert [doublings(n) for n in (1, 2, 3, 4, 5, 8, 9, 1024, 1025)] == [0, 1, 2, 2, 3, 3, 4, 10, 11]
