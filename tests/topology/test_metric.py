"""Cosine and angular barcodes, against GUDHI on the matrix of distances."""

import math

import gudhi
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import IsobarError, PersistentEntropyLoss, h0_barcode, persistent_entropy, select_features

BACKENDS = ("prim", "boruvka")
both = pytest.mark.parametrize("backend", BACKENDS)
either = pytest.mark.parametrize("metric", ["cosine", "angular"])


def by_definition(points, metric):
    """All distances, in extended precision: 1 - cos as it is written, and the angle by the law of sines."""
    x = np.asarray(points, np.longdouble)
    units = x / np.sqrt((x**2).sum(-1, keepdims=True))
    if metric == "cosine":
        return (1 - units @ units.T).astype(np.float64)
    apart, together = (np.sqrt(((units[:, None] + sign * units) ** 2).sum(-1)) for sign in (-1, 1))
    return (2 * np.arctan2(apart, together)).astype(np.float64)


def by_gudhi(matrix):
    tree = gudhi.RipsComplex(distance_matrix=matrix).create_simplex_tree(max_dimension=1)
    tree.compute_persistence(min_persistence=-1)
    deaths = tree.persistence_intervals_in_dimension(0)[:, 1]
    return np.sort(deaths[np.isfinite(deaths)])[::-1]


def cloud(n=12, d=4, seed=0, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.slow
@both
@either
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 8), st.floats(-200, 200))
def test_lengths_are_gudhis(backend, metric, seed, n, d, exponent):
    points = np.random.default_rng(seed).normal(size=(n, d))
    expected = by_gudhi(by_definition(points, metric))
    found = h0_barcode(torch.from_numpy(points * 10**exponent), backend, metric=metric)
    np.testing.assert_allclose(found.lengths, expected, rtol=1e-9, atol=1e-12)
    assert np.isclose(by_definition(points, metric)[tuple(found.edges.T)], found.lengths, rtol=1e-9, atol=1e-12).all()


def test_angles_are_radians_and_cosine_is_one_minus():
    points = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert h0_barcode(points, metric="angular").lengths.item() == pytest.approx(math.pi / 2, rel=1e-7)
    assert h0_barcode(points, metric="cosine").lengths.item() == pytest.approx(1)


@both
@pytest.mark.parametrize("angle", [1e-12, 1e-7, 1e-3, math.pi - 1e-3, math.pi - 1e-7, math.pi])
def test_nearly_equal_and_nearly_opposite_vectors(angle, backend):
    gap = min(angle, math.pi - angle)
    turned = [math.cos(gap), math.sin(gap)] if gap == angle else [-math.cos(gap), math.sin(gap)]
    points = torch.tensor([[3.0, 0.0], turned], dtype=torch.float64, requires_grad=True)
    lengths = {metric: h0_barcode(points, backend, metric=metric).lengths for metric in ("angular", "cosine")}
    assert lengths["angular"].item() == pytest.approx(angle, rel=1e-14)
    assert lengths["cosine"].item() == pytest.approx(2 * math.sin(angle / 2) ** 2, rel=1e-13)
    slopes = {metric: torch.autograd.grad(length.sum(), points)[0] for metric, length in lengths.items()}
    # A turn of the second vector by t changes the angle by t and the cosine distance by sin(angle) t.
    assert slopes["angular"][1].norm().item() == pytest.approx(0 if angle == math.pi else 1, rel=1e-6)
    assert slopes["cosine"][1].norm().item() == pytest.approx(math.sin(gap), rel=1e-6, abs=1e-30)


@pytest.mark.slow
@both
@pytest.mark.parametrize("where", ["duplicates", "antipodes"])
@either
def test_gradients_near_the_ends_are_finite_differences(backend, where, metric):
    base = cloud(1, 5) * torch.tensor([[1.0]] if where == "duplicates" else [[1.0], [-1.0]])
    points = base.repeat(4 // len(base), 1) + 1e-3 * cloud(4, 5, seed=1)
    assert torch.autograd.gradcheck(
        lambda x: h0_barcode(x, backend, metric=metric).lengths, points.requires_grad_(), eps=1e-8, atol=1e-5, rtol=1e-4
    )


@both
@either
def test_equal_vectors_have_length_and_gradient_zero(backend, metric):
    points = torch.cat((cloud(5), cloud(5)[:3] * 7)).requires_grad_()
    lengths = h0_barcode(points, backend, metric=metric).lengths
    assert (lengths[4:] < 1e-15).all()
    (gradient,) = torch.autograd.grad(persistent_entropy(lengths), points)
    assert gradient.isfinite().all()
    (gradient,) = torch.autograd.grad(h0_barcode(points[:1].repeat(4, 1), backend, metric=metric).lengths.sum(), points)
    assert (gradient == 0).all()


@pytest.mark.slow
@both
@either
def test_gradients(backend, metric):
    points = cloud(9, 3).requires_grad_()
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda x: h0_barcode(x, backend, metric=metric).lengths, points)
    (gradient,) = torch.autograd.grad(h0_barcode(points, backend, metric=metric).lengths.sum(), points)
    assert (gradient * points).sum(1).abs().max() < 1e-12  # the length of a vector doesn't matter
    transformed = torch.func.grad(lambda x: h0_barcode(x, metric=metric).lengths.sum())(points.detach())
    torch.testing.assert_close(transformed, gradient)


@either
def test_nearly_parallel_float32_vectors_keep_their_digits(metric):
    points = (torch.ones(1, 64) + 1e-6 * torch.randn(20, 64, generator=torch.Generator().manual_seed(0))).float()
    rounded = torch.nn.functional.normalize(points).double()
    expected = by_gudhi(by_definition(points.numpy(), "angular"))
    spoiled = 2 * torch.asin(h0_barcode(rounded, "prim").lengths / 2).numpy()
    assert np.abs(spoiled / expected - 1).max() > 0.01  # so float64 is needed
    if metric == "cosine":
        expected = 2 * np.sin(expected / 2) ** 2
    for backend in BACKENDS:
        found = h0_barcode(points, backend, metric=metric).lengths
        assert found.dtype == torch.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@both
@either
def test_padded_batches_are_their_clouds(backend, metric):
    points = torch.stack((cloud(9, 3), cloud(9, 3, seed=1)))
    points[1, 6:] = 0
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 6:] = False
    points.requires_grad_()
    found = h0_barcode(points, backend, mask, metric)
    found.lengths.square().sum().backward()
    for b, n in enumerate((9, 6)):
        alone = points.detach()[b, :n].requires_grad_()
        lengths = h0_barcode(alone, metric=metric).lengths
        lengths.square().sum().backward()
        torch.testing.assert_close(found.lengths[b, : n - 1], lengths)
        torch.testing.assert_close(points.grad[b, :n], alone.grad)
    assert (found.lengths[1, 5:] == 0).all()
    assert (points.grad[1, 6:] == 0).all()


@both
@either
def test_zero_vectors_are_named(backend, metric):
    points = cloud(6)
    points[4] = 0
    with pytest.raises(IsobarError, match=r"Row 4 of the points is the zero vector"):
        h0_barcode(points, backend, metric=metric)
    with pytest.raises(IsobarError, match=r"Row 4 of the points of cloud 1 is the zero vector"):
        h0_barcode(torch.stack((cloud(6), points)), backend, metric=metric)
    with pytest.raises(IsobarError, match=r"Row 4 of the points is the zero vector"):
        PersistentEntropyLoss(metric=metric, backend=backend)(points, torch.zeros(6, dtype=torch.int64))
    left_out = torch.where(torch.arange(6) == 4, -100, 0)
    assert PersistentEntropyLoss(metric=metric, backend=backend)(points, left_out).isfinite()
    points[2, 0] = math.nan
    points[4] = 1
    with pytest.raises(IsobarError, match=r"Row 2 of the points holds a NaN"):
        h0_barcode(points, backend, metric=metric)


@pytest.mark.slow
@either
def test_unseen_zero_vectors_are_orthogonal_to_all_others(metric):
    points = torch.eye(3, 5, dtype=torch.float64) + 0.5  # closer to each other than a right angle
    points = torch.cat((points, torch.zeros(2, 5)))

    def lengths(x):
        return h0_barcode(x, metric=metric).lengths

    right_angle = math.pi / 2 if metric == "angular" else 1.0
    found = torch.compile(lengths, fullgraph=True, backend="eager")(points)
    assert found[0].item() == pytest.approx(right_angle)
    assert (found[1:3] < right_angle - 0.1).all()
    assert found[3] == 0
    gradient = torch.func.grad(lambda x: lengths(x).sum())(points)
    assert gradient.isfinite().all()
    assert (gradient[3:] == 0).all()


# The loss

METRIC_OPTIONS = [{}, {"cohesion": 0.4, "relative": True}, {"selection": "longest", "longest": 3}, {"scope": "global"}]


@pytest.mark.slow
@both
@either
@pytest.mark.parametrize("options", METRIC_OPTIONS, ids=str)
def test_the_loss_is_the_definition(backend, metric, options):
    points, labels = cloud(24).requires_grad_(), torch.arange(24) % 3
    value = PersistentEntropyLoss(metric=metric, backend=backend, **options)(points, labels)
    expected = points.sum() * 0
    for label in range(1 if options.get("scope") else 3):
        lengths = h0_barcode(points if options.get("scope") else points[labels == label], metric=metric).lengths
        mask = torch.arange(len(lengths)) < 3 if "longest" in options else select_features(lengths).mask
        entropy = persistent_entropy(lengths, mask)
        expected = expected - (entropy / math.log(mask.sum()) if options.get("relative") else entropy)
        if "cohesion" in options and not mask.all():
            expected = expected + options["cohesion"] * lengths[~mask].mean()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(*(torch.autograd.grad(x, points)[0] for x in (value, expected)))


@pytest.mark.slow
@both
@either
def test_the_loss_differentiates_twice(backend, metric):
    points, labels = cloud(12, 3).requires_grad_(), torch.arange(12) % 2
    loss = PersistentEntropyLoss(metric=metric, backend=backend, cohesion=0.2)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), points)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, labels), points)


@both
@either
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_dtypes(backend, metric, dtype):
    points = cloud(16).to(dtype).requires_grad_()
    labels = torch.arange(16) % 2
    value = PersistentEntropyLoss(metric=metric, backend=backend)(points, labels)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    exact = PersistentEntropyLoss(metric=metric)(points.detach().double(), labels)
    torch.testing.assert_close(value.double(), exact, rtol=1e-6, atol=0)
    value.backward()
    assert points.grad.dtype == dtype
    assert points.grad.isfinite().all()


@either
def test_memory_keeps_vectors_as_they_came(metric):
    loss = PersistentEntropyLoss(metric=metric, memory=8)
    past, now = cloud(8) * 5, cloud(6, seed=1)
    labels = torch.zeros(8, dtype=torch.int64)
    loss(past, labels)
    torch.testing.assert_close(loss.memory.rows[:-1], past)
    whole = PersistentEntropyLoss(metric=metric)(torch.cat((now, past)), torch.zeros(14, dtype=torch.int64))
    torch.testing.assert_close(loss(now, labels[:6]), whole)


@pytest.mark.slow
@either
def test_the_loss_compiles_whole(metric):
    points, labels = cloud(12, dtype=torch.float32).requires_grad_(), torch.arange(12) % 2
    losses = [PersistentEntropyLoss(metric=metric, cohesion=0.3) for _ in range(2)]
    losses[0] = torch.compile(losses[0], fullgraph=True, backend="aot_eager")
    values = [loss(points, labels) for loss in losses]
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(value, points)[0] for value in values), rtol=1e-4, atol=1e-6)


def test_unknown_metrics():
    for call in (lambda: h0_barcode(cloud(), metric="cosin"), lambda: PersistentEntropyLoss(metric="cosin")):
        with pytest.raises(IsobarError, match="Did you mean 'cosine'"):
            call()
