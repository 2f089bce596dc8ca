import gudhi
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import IsobarError
from core.topology import rips
from core.topology.homology import hk_barcode


def by_gudhi(points, dim):
    """The barcode by GUDHI alone, without collapse or cut."""
    tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=dim + 1)
    tree.compute_persistence()
    found = tree.persistence_intervals_in_dimension(dim).reshape(-1, 2)
    return found[np.argsort(found[:, 0] - found[:, 1], kind="stable")]


@pytest.fixture(params=[rips._SMALL, 0], ids=["of a tree", "of Ripser"])
def both_ways(request, monkeypatch):
    """Each way to the bars, whatever the size."""
    monkeypatch.setattr(rips, "_SMALL", request.param)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(4, 24), st.integers(1, 5), st.booleans())
def test_loops_are_gudhis(both_ways, seed, n, d, ties):
    points = np.random.default_rng(seed).normal(size=(n, d))
    points = points.round() if ties else points
    ours, theirs = hk_barcode(torch.tensor(points)), by_gudhi(points, 1)
    np.testing.assert_allclose(np.sort(ours.births), np.sort(theirs[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(np.sort(ours.deaths), np.sort(theirs[:, 1]), rtol=1e-12)
    for edges, lengths in ((ours.birth_edges, ours.births), (ours.death_edges, ours.deaths)):
        a, b = edges.numpy().T
        np.testing.assert_allclose(np.linalg.norm(points[a] - points[b], axis=1), lengths, rtol=1e-12)


def test_voids_are_gudhis(both_ways):
    points = np.random.default_rng(1).normal(size=(40, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    ours, theirs = hk_barcode(torch.tensor(points), dim=2), by_gudhi(points, 2)
    np.testing.assert_allclose(ours.lengths, theirs[:, 1] - theirs[:, 0], rtol=1e-9, atol=1e-12)
    assert len(ours.lengths) > 0


def test_a_circle_has_one_long_loop_whose_gradient_grows_it():
    angle = torch.arange(24) * (2 * torch.pi / 24)
    jitter = torch.Generator().manual_seed(0)
    points = torch.stack((angle.cos(), angle.sin()), 1).double()
    points = (points + 0.01 * torch.randn(24, 2, generator=jitter, dtype=torch.float64)).requires_grad_()
    found = hk_barcode(points)
    assert found.lengths[0] > 1
    assert (found.lengths[1:] < 0.1).all()
    found.lengths[0].backward()
    moved = hk_barcode((points + 1e-4 * points.grad).detach())
    assert moved.lengths[0] > found.lengths[0]


def test_gradients_are_finite_differences():
    points = torch.randn(12, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x: hk_barcode(x).lengths, points)


@pytest.mark.slow
def test_the_loops_of_a_thousand_points_are_ripsers():
    ripser = pytest.importorskip("ripser", reason="Ripser comes with the extra 'bench'").ripser
    points = np.random.default_rng(0).normal(size=(1_000, 384)) / 20
    ours, theirs = hk_barcode(torch.tensor(points)), ripser(points, maxdim=1)["dgms"][1]
    np.testing.assert_allclose(np.sort(ours.births), np.sort(theirs[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(np.sort(ours.deaths), np.sort(theirs[:, 1]), rtol=1e-6)


@pytest.mark.parametrize(
    "points",
    [torch.zeros(0, 2), torch.zeros(3, 2), torch.zeros(9, 2), torch.arange(9.0).square()[:, None]],
    ids=["none", "three", "all equal", "on a line"],
)
def test_clouds_without_loops_have_an_empty_barcode(both_ways, points):
    assert hk_barcode(points).lengths.shape == (0,)


def test_an_explosion_is_refused_before_it_happens():
    points = torch.randn(300, 50, generator=torch.Generator().manual_seed(0))
    with pytest.raises(IsobarError, match=r"needs up to .* simplices"):
        hk_barcode(points, dim=3)
    with pytest.raises(IsobarError, match="take a sample"):
        hk_barcode(torch.zeros(6000, 2))


def test_bad_points_are_one_sentence():
    with pytest.raises(IsobarError, match="Row 1"):
        hk_barcode(torch.tensor([[0.0, 1.0], [float("nan"), 0.0], [1.0, 1.0], [0.0, 2.0], [3.0, 3.0]]))
    with pytest.raises(IsobarError, match="one cloud"):
        hk_barcode(torch.zeros(2, 3, 4))
    with pytest.raises(IsobarError, match="h0_barcode"):
        hk_barcode(torch.zeros(5, 2), dim=0)


def test_whole_numbers_are_refused_as_in_dimension_0():
    square = torch.tensor([[0, 0], [4, 0], [4, 4], [0, 4]])
    with pytest.raises(IsobarError, match="dtype torch"):
        hk_barcode(square)
    assert hk_barcode(square.double()).lengths.tolist() == pytest.approx([4 * 2**0.5 - 4])
