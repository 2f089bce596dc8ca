"""SIGReg, variance-covariance and uniformity, judged by their definitions in numpy and by closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.spatial.distance import pdist

from core import (
    IsobarError,
    KoLeoLoss,
    PersistentEntropyLoss,
    SIGRegLoss,
    UniformityLoss,
    VarianceCovarianceLoss,
)


def cloud(n=24, d=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scale = 1 / (1 + torch.arange(d, dtype=torch.float64))
    x = torch.randn(n, d, generator=generator, dtype=torch.float64) * scale + 0.3
    return x.requires_grad_(), torch.arange(n) % 2


# Uniformity


@pytest.mark.parametrize("t", [0.5, 2.0, 30.0])
def test_uniformity_by_definition(t):
    x, labels = cloud()
    u = x.detach().numpy() / np.linalg.norm(x.detach().numpy(), axis=1, keepdims=True)
    expected = 0.7 * np.log(np.exp(-t * pdist(u) ** 2).mean())
    assert UniformityLoss(0.7, t)(x, labels).item() == pytest.approx(expected, rel=1e-12)


def test_uniformity_of_a_regular_simplex_is_known():
    """n unit vectors with cosine -1 / (n - 1): every squared distance is 2 n / (n - 1), and none lie more evenly."""
    n = 5
    corners = torch.eye(n, dtype=torch.float64) - 1 / n
    loss = UniformityLoss()
    best = loss(3 * corners, torch.arange(n)).item()
    assert best == pytest.approx(-2 * 2 * n / (n - 1))
    assert loss(corners + 0.05 * torch.randn(n, n, dtype=torch.float64), torch.arange(n)).item() > best
    assert loss(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64)).item() == pytest.approx(0, abs=1e-6)


# Variance and covariance


@pytest.mark.parametrize("n", [4, 24])  # fewer than dimensions, and more
def test_variance_covariance_by_definition(n):
    x, labels = cloud(n)
    covariance = np.cov(x.detach().numpy().T)
    d = len(covariance)
    short = np.maximum(0, 1 - np.sqrt(np.diag(covariance) + 1e-4)).mean()
    off = (covariance**2).sum() - (np.diag(covariance) ** 2).sum()
    expected = 0.5 * (3 * short + 7 * off / d)
    assert VarianceCovarianceLoss(0.5, 3.0, 7.0)(x, labels).item() == pytest.approx(expected, rel=1e-10)


def test_a_whitened_cloud_asks_for_nothing():
    x, labels = cloud(60, 5)
    centered = x.detach() - x.detach().mean(0)
    whitened = math.sqrt(59) * torch.linalg.qr(centered)[0]
    assert VarianceCovarianceLoss()(whitened, labels).item() == pytest.approx(0, abs=1e-12)
    halved = VarianceCovarianceLoss()(0.5 * whitened, labels).item()
    assert halved == pytest.approx(25 * (1 - math.sqrt(0.25 + 1e-4)))


# SIGReg


def statistic(x, directions):
    """The integral by numpy's own trapezoid rule on the whole of [-3, 3], slice after slice."""
    found = []
    for direction in directions.T:
        t = np.linspace(-3, 3, 33)
        phi = np.exp(1j * np.outer(t, x @ direction)).mean(1)
        gaussian = np.exp(-(t**2) / 2)
        found.append(len(x) * np.trapezoid(np.abs(phi - gaussian) ** 2 * gaussian, t))
    return np.mean(found)


@pytest.mark.parametrize("length", ["own", "sqrt-d"])
def test_sigreg_by_definition(length):
    x, labels = cloud()
    loss = SIGRegLoss(0.3, slices=20, length=length)
    directions = loss.directions(6, x).detach().numpy()
    rows = x.detach().numpy()
    if length == "sqrt-d":
        rows = math.sqrt(6) * rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert loss(x, labels).item() == pytest.approx(0.3 * statistic(rows, directions), rel=1e-10)
    assert loss.read_stats()["size"] == pytest.approx(math.sqrt((rows**2).mean()))


@pytest.mark.slow
def test_sigreg_of_a_gaussian_sample_is_what_theory_expects():
    """Of n draws of the standard Gaussian the mean of n |phi_hat - phi|^2 is 1 - exp(-t^2), whatever n is."""
    expected = quad(lambda t: (1 - math.exp(-(t**2))) * math.exp(-(t**2) / 2), -3, 3)[0]
    generator, loss = torch.Generator().manual_seed(0), SIGRegLoss(1.0, slices=512)
    found = [
        loss(torch.randn(n, 64, generator=generator, dtype=torch.float64), torch.zeros(n, dtype=torch.int64)).item()
        for n in [40] * 20 + [400] * 10
    ]
    assert np.mean(found) == pytest.approx(expected, rel=0.05)


def test_sigreg_of_points_that_are_one_point_is_known():
    expected = 7 * quad(lambda t: (1 - math.exp(-(t**2) / 2)) ** 2 * math.exp(-(t**2) / 2), -3, 3)[0]
    found = SIGRegLoss(1.0)(torch.zeros(7, 5, dtype=torch.float64), torch.zeros(7, dtype=torch.int64))
    assert found.item() == pytest.approx(expected, rel=1e-3)  # 17 knots on one side, and quad's own


def test_embeddings_of_unit_length_are_seen_once_they_are_scaled():
    """Even directions and a bunch of them: by their own length the statistic tells them apart by far less."""
    generator = torch.Generator().manual_seed(1)
    even = torch.nn.functional.normalize(torch.randn(200, 128, generator=generator, dtype=torch.float64))
    bunch = torch.nn.functional.normalize(torch.randn(200, 128, generator=generator, dtype=torch.float64) + 1)
    labels = torch.zeros(200, dtype=torch.int64)

    def ratio(length):
        return SIGRegLoss(length=length)(bunch, labels) / SIGRegLoss(length=length)(even, labels)

    assert ratio("own") < 1.1
    assert ratio("sqrt-d") > 5


def test_sigregs_directions_are_unit_even_and_others_at_each_call():
    loss, like = SIGRegLoss(slices=20_000), torch.zeros(1, dtype=torch.float64)
    first = loss.directions(4, like)
    torch.testing.assert_close(first.norm(dim=0), torch.ones(20_000, dtype=torch.float64))
    torch.testing.assert_close(first @ first.mT / 20_000, torch.eye(4, dtype=torch.float64) / 4, atol=0.01, rtol=0)
    assert first.mean(1).abs().max() < 0.02
    assert torch.equal(first, loss.directions(4, like))
    loss(torch.randn(5, 4), torch.zeros(5, dtype=torch.int64))
    second = loss.directions(4, like)
    assert (first * second).sum(0).mean().abs() < 0.02
    again = SIGRegLoss(slices=20_000)
    again.draws = loss.draws.clone()  # as a checkpoint gives it back
    assert torch.equal(again.directions(4, like), second)
    assert not torch.equal(SIGRegLoss(slices=20_000, seed=1).directions(4, like), first)


# All three

LOSSES = {
    "uniformity": UniformityLoss, "variance-covariance": VarianceCovarianceLoss, "SIGReg": lambda: SIGRegLoss(slices=16),
    "SIGReg, sqrt-d": lambda: SIGRegLoss(slices=16, length="sqrt-d"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("shape", [(10, 3), (4, 7)])
def test_gradients_agree_with_finite_differences(name, shape):
    x, labels = cloud(*shape)
    assert torch.autograd.gradcheck(lambda x: LOSSES[name]()(x, labels), (x,))


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_a_few_steps_lower_the_term(name):
    x, labels = cloud(30, 5)
    x = x.detach().requires_grad_()
    loss, optimizer = LOSSES[name](), torch.optim.Adam([x], 0.02)
    before = np.mean([loss(x, labels).item() for _ in range(20)])
    for _ in range(60):
        optimizer.zero_grad()
        loss(x, labels).backward()
        optimizer.step()
    after = np.mean([loss(x, labels).item() for _ in range(20)])
    assert after < before - 0.2 * abs(before)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_measured_in_float32_also_where_all_else_is_not(name):
    x, labels = cloud(20, 8)
    half = x.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = LOSSES[name]()(half, labels)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(LOSSES[name]()(half.double(), labels).item(), rel=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: UniformityLoss(t=0), "t = 0"),
        (lambda: UniformityLoss(float("nan")), "finite"),
        (lambda: VarianceCovarianceLoss(covariance=float("inf")), "finite"),
        (lambda: SIGRegLoss(slices=0), "slices"),
        (lambda: SIGRegLoss(length="sqrt"), "Did you mean 'sqrt-d'"),
        (lambda: SIGRegLoss(float("nan")), "finite"),
    ],
)
def test_bad_arguments_are_told(make, words):
    with pytest.raises(IsobarError, match=words):
        make()


@pytest.mark.parametrize("spread", [3e-3, 1e-3, 1e-4, 1e-5])
def test_koleo_finds_the_nearest_in_a_narrow_cone(spread):
    from scipy.spatial.distance import cdist

    random = np.random.default_rng(0)
    drift = 30 * np.ones(384) / 384**0.5
    x = torch.tensor(drift + spread * random.standard_normal((64, 384)), dtype=torch.float32)
    loss = KoLeoLoss()
    loss(x, torch.zeros(64, dtype=torch.long))
    unit = torch.nn.functional.normalize(x).double().numpy()  # as it sees them
    apart = cdist(unit, unit)
    np.fill_diagonal(apart, np.inf)
    assert float(loss.read_stats()["nearest"]) == pytest.approx(apart.min(1).mean(), rel=2e-3)


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ("longest=2", ("longest",)),
        ("selection=all, cohesion=-0.05", ("cohesion",)),
        ("selection=all, longest=3, cohesion=1", ("longest", "cohesion")),
        ("selection=longest, longest=2, cohesion=1", ()),
        ("cohesion=-0.05", ()),
    ],
)
def test_settings_that_do_nothing_are_known(given, idle):
    from core.regularizers.chosen import Regularizers

    found = Regularizers.parse(f"persistent-entropy({given})")["persistent-entropy"]
    assert found.without_effect == idle
    x, labels = torch.randn(12, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(12, dtype=torch.long)
    without = {name: type(found).model_fields[name].default for name in idle}
    values = [
        PersistentEntropyLoss(**settings.model_dump())(x, labels)
        for settings in (found, found.model_copy(update=without))
    ]
    assert values[0] == values[1]


def test_a_training_with_nothing_of_the_batch_is_refused():
    from core.regularizers.chosen import Regularizers

    with pytest.raises(IsobarError, match="zeta"):
        Regularizers.parse("istar(zeta=1)")
