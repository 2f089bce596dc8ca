"""The loss's bars of dimension 1, against GUDHI's without collapse, cut or torch."""

import math

import gudhi
import numpy as np
import pytest
import torch

from core import IsobarError, PersistentEntropyLoss, RunSpec, hk_barcode
from core.topology import feature_mask
from core.training.terms import Terms

both = pytest.mark.parametrize("backend", ["prim", "boruvka"])


def circles(n=40, d=3, classes=2, seed=0):
    """Noisy circles, one a class, of which each has one long loop and short ones."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    points = np.stack((np.cos(angle), np.sin(angle), np.zeros(n)), 1)[:, :d]
    return points + 0.15 * rng.normal(size=(n, d)), np.arange(n) % classes


def distances(points, metric):
    if metric == "euclidean":
        return np.linalg.norm(points[:, None] - points, axis=-1)
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    cosines = np.clip(units @ units.T, -1, 1)
    return 1 - cosines if metric == "cosine" else np.arccos(cosines)


def loops_of(points, metric="euclidean"):
    matrix = distances(points, metric)
    np.fill_diagonal(matrix, 0)
    tree = gudhi.RipsComplex(distance_matrix=matrix).create_simplex_tree(max_dimension=2)
    tree.compute_persistence()
    found = tree.persistence_intervals_in_dimension(1).reshape(-1, 2)
    return np.sort(found[:, 1] - found[:, 0])[::-1]


def by_hand(points, labels, *, weight=1.0, selection="features", metric="euclidean", relative=False):
    """Minus the entropy of the selected loops of each class."""
    value = 0.0
    for label in set(labels.tolist()):
        bars = loops_of(points[labels == label], metric)
        bars = bars[{"features": feature_mask(bars), "all": bars > 0, "longest": np.arange(len(bars)) < 3}[selection]]
        shares = bars / bars.sum()
        entropy = -(shares * np.log(shares)).sum()
        value -= weight * (entropy / math.log(max(len(bars), 2)) if relative else entropy)
    return value


@both
@pytest.mark.parametrize(
    "options",
    [{}, {"selection": "all", "weight": 0.4}, {"selection": "longest"}, {"relative": True, "selection": "all"}],
    ids=str,
)
def test_loops_add_their_entropy(options, backend):
    points, labels = circles()
    extra = {"longest": 3} if options.get("selection") == "longest" else {}
    with_loops, without = (
        PersistentEntropyLoss(max_dim=dim, backend=backend, **options, **extra)(
            torch.from_numpy(points), torch.from_numpy(labels)
        )
        for dim in (1, 0)
    )
    expected = by_hand(points, labels, **options)
    assert expected < -0.01
    assert (with_loops - without).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "angular"])
def test_loops_of_another_metric(metric):
    points, labels = circles(seed=3)
    cloud = torch.from_numpy(points)
    found = hk_barcode(cloud[::2], metric=metric)
    np.testing.assert_allclose(found.lengths, loops_of(points[::2], metric), rtol=1e-6, atol=1e-9)
    values = [
        PersistentEntropyLoss(selection="all", max_dim=dim, metric=metric)(cloud, torch.from_numpy(labels)).item()
        for dim in (1, 0)
    ]
    assert values[0] - values[1] == pytest.approx(by_hand(points, labels, selection="all", metric=metric), rel=1e-5)


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
def test_the_gradient_is_finite_differences_of_gudhis_bars(metric):
    points, labels = np.random.default_rng(1).normal(size=(36, 4)), np.zeros(36, int)
    options = {"selection": "all", "metric": metric}
    cloud = torch.from_numpy(points).requires_grad_()
    values = [PersistentEntropyLoss(max_dim=dim, **options)(cloud, torch.from_numpy(labels)) for dim in (1, 0)]
    (gradient,) = torch.autograd.grad(values[0] - values[1], cloud)
    assert gradient.abs().max() > 0.01
    rng = np.random.default_rng(0)
    for _ in range(6):
        step = 1e-6 * rng.normal(size=points.shape)
        change = by_hand(points + step, labels, **options) - by_hand(points - step, labels, **options)
        assert (gradient.numpy() * step).sum() * 2 == pytest.approx(change, rel=1e-4, abs=1e-11)


@pytest.mark.slow
def test_it_differentiates_twice():
    points, labels = (torch.from_numpy(values) for values in circles(14, d=2, classes=1, seed=2))
    loss = PersistentEntropyLoss(max_dim=1, cohesion=0.1)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), points.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda x: loss(x, labels), points)


@both
def test_clouds_without_loops_add_nothing(backend):
    for points, labels in (
        (torch.zeros(0, 2), []),
        (torch.randn(3, 2), [0, 0, 0]),
        (torch.randn(9, 1), [0] * 9),
        (torch.ones(6, 3), [0] * 6),
        (torch.randn(6, 3), [-100] * 6),
        (torch.randn(6, 3), [0, 0, 1, 1, 2, 2]),
    ):
        points.requires_grad_()
        values = [
            PersistentEntropyLoss(max_dim=dim, backend=backend)(points, torch.tensor(labels, dtype=torch.int64))
            for dim in (1, 0)
        ]
        values[0].backward()
        assert values[0] == values[1]
        assert points.grad.isfinite().all()


def test_random_loops_and_memory():
    points, labels = (torch.from_numpy(values) for values in circles(seed=4))
    drawn = PersistentEntropyLoss(selection="random", max_dim=1, seed=1)
    assert drawn(points, labels).isfinite()
    loss, past = PersistentEntropyLoss(max_dim=1, memory=20), slice(20, None)
    loss(points[past], labels[past])
    whole = PersistentEntropyLoss(max_dim=1)(points, labels)
    torch.testing.assert_close(loss(points[:20], labels[:20]), whole)


@pytest.mark.slow
def test_what_cannot_be_followed_is_refused():
    points, labels = (torch.from_numpy(values) for values in circles(12))
    loss = PersistentEntropyLoss(max_dim=1)
    with pytest.raises(Exception, match="computed by GUDHI, which"):
        torch.compile(loss, fullgraph=True, backend="eager")(points, labels)
    with pytest.raises(Exception, match="computed by GUDHI, which"):
        torch.export.export(loss, (points, labels))
    with pytest.raises(IsobarError, match="max_dim=0"):
        torch.func.grad(lambda x: loss(x, labels))(points)
    with pytest.raises(IsobarError, match="max_dim = 2 must be 0, or 1"):
        PersistentEntropyLoss(max_dim=2)
    with pytest.raises(IsobarError, match="5001 points are too many for dimension 1"):
        loss(torch.zeros(5001, 2), torch.zeros(5001, dtype=torch.int64))


def test_a_run_can_ask_for_it():
    loss = Terms(RunSpec(max_dim=1, metric="angular").regularizers).modules["persistent-entropy"]
    assert (loss.max_dim, loss.metric) == (1, "angular")
    for wrong in ({"max_dim": 2}, {"metric": "euclidian"}):
        with pytest.raises(IsobarError, match=next(iter(wrong))):
            RunSpec.parse(wrong)
