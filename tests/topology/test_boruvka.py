import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from core.topology import h0_barcode, spanning_tree
from core.topology.boruvka import doublings, minimum_spanning_forest
from core.topology.spanning_tree import spanning_forest
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


@pytest.fixture
def tiles(monkeypatch):
    """A function that makes clouds of any size be measured by tiles of this many points a side."""

    def of(tile):
        monkeypatch.setattr(spanning_tree, "WHOLE", 0)
        monkeypatch.setattr(spanning_tree, "TILE", tile)

    return of


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 41), st.sampled_from([1, 2, 7, None]), st.integers(1, 4)
)
def test_by_tiles_every_slot_holds_the_same_edge_whatever_the_ties(seed, n, tile, values, groups):
    random = np.random.default_rng(seed)
    drawn = random.normal(size=(2, n, 3)) if values is None else random.integers(0, values, size=(2, n, 3))
    points = torch.from_numpy(drawn.astype(np.float32))
    group = torch.from_numpy(random.integers(0, groups, size=(2, n)))
    whole = spanning_forest(points, group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spanning_tree, "WHOLE", 0)
        patch.setattr(spanning_tree, "TILE", tile)
        tiled = spanning_forest(points, group)
    for a, b in zip(whole, tiled, strict=True):
        assert torch.equal(a, b)


def test_by_tiles_the_barcode_and_its_gradient_are_those_of_prim(tiles):
    tiles(16)
    points = torch.randn(150, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = {}
    for backend in ("prim", "boruvka"):
        leaf = points.clone().requires_grad_()
        bars = h0_barcode(leaf, backend).lengths
        (bars**2).sum().backward()
        found[backend] = bars.detach(), leaf.grad
    for a, b in zip(*found.values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


class _Largest(TorchDispatchMode):
    """Remembers the most numbers that one tensor held, and how often distances were made."""

    numbers = distances = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for one in found if isinstance(found, tuple | list) else [found]:
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.numel())
        self.distances += "cdist" in function._schema.name
        return found


@pytest.mark.slow
def test_by_tiles_no_tensor_is_larger_than_a_tile_or_the_points_and_it_ends_with_the_last_merge(tiles):
    n, d, tile = 500, 4, 50
    points, group = torch.randn(n, d, generator=torch.Generator().manual_seed(0)), torch.zeros(n, dtype=torch.int64)
    with _Largest() as whole:
        spanning_forest(points, group)
    assert whole.numbers == n * n
    tiles(tile)
    with _Largest() as tiled:
        spanning_forest(points, group)
    assert tiled.numbers == tile * tile
    with _Largest() as several:
        spanning_forest(points.view(4, n // 4, d), group.view(4, -1))
    assert several.numbers == max(tile * tile, n * d)
    rounds, rest = divmod(tiled.distances, 10 * 11 // 2)
    assert rest == 0
    assert rounds < doublings(n)  # random points merge faster than by halves


def test_by_tiles_a_point_that_lies_nowhere_ends_it_too(tiles):
    tiles(10)
    points = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    points[7] = torch.inf
    with _Largest() as seen:
        spanning_forest(points, torch.zeros(60, dtype=torch.int64))
    assert seen.distances < doublings(60) * 6 * 7 // 2


@pytest.mark.slow
def test_traced_it_has_no_tiles(tiles):
    tiles(4)
    points, group = torch.randn(10, 3), torch.zeros(10, dtype=torch.int64)
    exported = torch.export.export(_Forest(), (points, group)).module()(points, group)
    mapped = torch.func.vmap(spanning_forest)(points[None], group[None])
    for a, b, c in zip(spanning_forest(points, group), exported, mapped, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c[0])


class _Forest(torch.nn.Module):
    def forward(self, points, group):
        return spanning_forest(points, group)
