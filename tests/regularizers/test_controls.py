"""Total persistence, repulsion and KoLeo: what is left of the regularizer when its entropy is taken out."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from core import IsobarError, KoLeoLoss, PersistentEntropyLoss, TotalPersistenceLoss
from core.topology import h0_barcode


def cloud(n=24, d=6, seed=0, classes=2):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64, requires_grad=True)
    return x, torch.arange(n) % classes


def test_total_persistence_is_the_mean_bar_of_each_class():
    x, labels = cloud()
    expected = -0.3 * sum(h0_barcode(x[labels == c]).lengths.mean() for c in (0, 1))
    torch.testing.assert_close(TotalPersistenceLoss(0.3)(x, labels), expected)


@pytest.mark.parametrize("n", [6, 24, 90])
def test_repulsion_is_the_published_term_without_its_entropy(n):
    """The gradients too: by the kernels of the persistent entropy on one side, by autograd on the other."""
    x, labels = cloud(n)
    ours = TotalPersistenceLoss(0.05, "noise")(x, labels)
    theirs = PersistentEntropyLoss(weight=0.0, cohesion=-0.05)(x, labels)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(term, x)[0] for term in (ours, theirs)))


@pytest.mark.slow
@pytest.mark.parametrize("loss", [TotalPersistenceLoss(), TotalPersistenceLoss(bars="noise"), KoLeoLoss(), KoLeoLoss(scope="class")], ids=repr)  # fmt: skip
def test_gradients_agree_with_finite_differences(loss):
    x, labels = cloud(10, 3)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), (x,))


@pytest.mark.parametrize("scope", ["global", "class"])
def test_koleo_by_definition(scope):
    x, labels = cloud(30, 5)
    u = x.detach().numpy() / np.linalg.norm(x.detach().numpy(), axis=1, keepdims=True)
    distances = cdist(u, u)
    np.fill_diagonal(distances, np.inf)
    if scope == "class":
        distances[labels.numpy()[:, None] != labels.numpy()] = np.inf
    expected = -0.7 * np.log(distances.min(1) + 1e-8).mean()
    assert KoLeoLoss(0.7, scope)(x, labels).item() == pytest.approx(expected, rel=1e-12)


def test_koleos_edges_are_bars():
    """Every nearest neighbour's edge is in the minimum spanning tree."""
    x, _ = cloud(40, 4)
    u = torch.nn.functional.normalize(x.detach())
    distances = torch.cdist(u, u).fill_diagonal_(torch.inf).amin(1)
    bars = h0_barcode(u).lengths
    assert all((bars - length).abs().min() < 1e-6 for length in distances)


@pytest.mark.parametrize("loss", [TotalPersistenceLoss(), TotalPersistenceLoss(bars="noise"), KoLeoLoss(), KoLeoLoss(scope="class")], ids=repr)  # fmt: skip
def test_degenerate_batches(loss):
    """Nothing, one, two, equal points, a zero vector, rows left out: a finite value and a finite gradient."""
    for x, labels in (
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)),
        (torch.ones(1, 3), torch.zeros(1, dtype=torch.int64)),
        (torch.ones(2, 3), torch.zeros(2, dtype=torch.int64)),
        (torch.ones(8, 3), torch.arange(8) % 2),
        (torch.zeros(8, 3), torch.arange(8) % 2),
        (torch.randn(8, 3), torch.full((8,), -1)),
    ):
        x = x.requires_grad_()
        value = loss(x, labels)
        value.backward()
        assert value.isfinite()
        assert x.grad.isfinite().all()
        assert loss.read_stats()["skipped"] >= 0
    assert loss(torch.randn(8, 3), torch.full((8,), -1)) == 0


def test_left_out_rows_do_not_count():
    x, labels = cloud(20)
    some = torch.where(torch.arange(20) < 14, labels, -1)
    for loss in (TotalPersistenceLoss(), KoLeoLoss()):
        torch.testing.assert_close(loss(x, some), loss(x[:14], labels[:14]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TotalPersistenceLoss(bars="nois"), "noise"),
        (lambda: TotalPersistenceLoss(float("nan")), "finite"),
        (lambda: KoLeoLoss(scope="clas"), "class"),
        (lambda: KoLeoLoss(float("inf")), "finite"),
        (lambda: KoLeoLoss()(torch.ones(3), torch.zeros(3, dtype=torch.int64)), r"\(n, d\)"),
    ],
)
def test_bad_input_is_told(make, words):
    with pytest.raises(IsobarError, match=words):
        make()
