"""Bars and gradients against judges of their own: GUDHI, Ripser, and float64 autograd through the same edges.

What each guarantee is tested by, beyond this file: all equal, ties, duplicates, a far point, tiny scales, denormals, NaN
and infinity in test_barcode.py, with the case that torch.cdist's matrix product gets wrong; other metrics in
test_metric.py; loops against GUDHI in test_homology.py.
"""

import numpy as np
import pytest
import torch

from core import h0_barcode, hk_barcode
from core.topology import minimum_spanning_tree
from tests.topology.clouds import EXPECTED, GOLDEN, by_gudhi, golden, tree_of

LOOPY = sorted(
    name.removesuffix("/h1")
    for name in (np.load(GOLDEN / "clouds.npz").files if EXPECTED else ())
    if name.endswith("/h1")
)


def random_cloud(seed):
    """A small cloud: Gaussian, clustered, on a lattice (ties, duplicates), or stretched."""
    rng = np.random.default_rng(seed)
    n, d = rng.integers(2, 28), rng.integers(1, 9)
    points = rng.normal(size=(n, d))
    kind = seed % 4
    if kind == 1:
        points = 1e-3 * points + rng.normal(size=(3, d))[rng.integers(0, 3, n)]
    elif kind == 2:
        points = np.round(2 * points)
    elif kind == 3:
        points = points * 10.0 ** rng.uniform(-8, 8, size=d)
    return points


@pytest.mark.slow
def test_two_thousand_clouds_by_prim():
    for seed in range(2000):
        points = random_cloud(seed)
        np.testing.assert_allclose(minimum_spanning_tree(points)[0], by_gudhi(points), rtol=1e-12, err_msg=f"{seed}")


@pytest.mark.slow
def test_two_hundred_clouds_by_the_tensor_program():
    for seed in range(200):
        points = random_cloud(seed)
        found = h0_barcode(torch.from_numpy(points), "boruvka").lengths
        np.testing.assert_allclose(found, by_gudhi(points), rtol=1e-12, err_msg=f"{seed}")


def test_many_points_on_a_line():
    points = np.random.default_rng(0).uniform(size=(3_000, 1))
    gaps = np.sort(np.diff(np.sort(points[:, 0])))[::-1]
    np.testing.assert_array_equal(h0_barcode(torch.from_numpy(points)).lengths, gaps)


# Gradients


@pytest.mark.parametrize("backend", ["prim", "boruvka"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_float64_autograds_through_the_same_edges(backend, dtype):
    generator = torch.Generator().manual_seed(0)
    for n, d in ((2, 1), (32, 384), (64, 3)):
        points = (torch.randn(n, d, generator=generator) * 3 + 7).to(dtype).requires_grad_()
        weights = torch.randn(n - 1, generator=generator, dtype=torch.float64)
        found = h0_barcode(points, backend)
        (gradient,) = torch.autograd.grad(found.lengths @ weights.to(dtype), points)
        exact = points.detach().double().requires_grad_()
        i, j = found.edges.T
        (wanted,) = torch.autograd.grad((exact[i] - exact[j]).norm(dim=1) @ weights, exact)
        tolerance = 1e-5 if dtype == torch.float32 else 1e-13
        torch.testing.assert_close(gradient.double(), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backend", ["prim", "boruvka"])
def test_gradients_are_finite_differences_of_gudhis_bars(backend):
    points = random_cloud(4)
    cloud = torch.from_numpy(points).requires_grad_()
    weights = np.arange(1.0, len(points))
    (gradient,) = torch.autograd.grad(h0_barcode(cloud, backend).lengths @ torch.from_numpy(weights), cloud)
    rng = np.random.default_rng(0)
    for _ in range(10):
        step = 1e-7 * rng.normal(size=points.shape)
        change = by_gudhi(points + step) @ weights - by_gudhi(points - step) @ weights
        assert 2 * (gradient.numpy() * step).sum() == pytest.approx(change, rel=1e-5, abs=1e-11)


# Loops


def intervals(found):
    return np.stack((found.births.numpy(), found.deaths.numpy()), 1)


@pytest.mark.parametrize("case", LOOPY)
def test_golden_loops(case):
    points = golden(case)[0]
    with np.load(GOLDEN / "clouds.npz") as file:
        expected = file[f"{case}/h1"].reshape(-1, 2)
    found, expected = (_longer(pairs) for pairs in (intervals(hk_barcode(torch.from_numpy(points))), expected))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def _longer(pairs):
    """The bars that Ripser, which counts in float32, can tell from none, in the order of deaths and births."""
    pairs = pairs[pairs[:, 1] - pairs[:, 0] > 1e-5].astype(np.float64)
    return pairs[np.lexsort(pairs.T)]


def test_loops_are_ripsers():
    ripser = pytest.importorskip("ripser", reason="Ripser comes with the extra 'bench'").ripser
    bars = 0
    for seed in range(60):
        points = np.random.default_rng(seed).normal(size=(8 + seed % 30, 2 + seed % 3))
        expected = _longer(ripser(points, maxdim=1)["dgms"][1])
        found = _longer(intervals(hk_barcode(torch.from_numpy(points))))
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=f"{seed}")
        bars += len(found)
    assert bars > 80


def test_the_judge_of_trees_is_gudhis_equal():
    for seed in range(20):
        points = random_cloud(seed)
        matrix = np.linalg.norm(points[:, None] - points, axis=-1)
        np.testing.assert_allclose(tree_of(matrix), by_gudhi(points), rtol=1e-12)
