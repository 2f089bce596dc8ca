import pytest
import torch

from core import IsobarError, IStarLoss
from core.regularizers import Regularizer
from core.regularizers.benchmark import isoscore_by_svd, run

SHAPES = [(2, 5), (12, 40), (40, 12), (512, 96)]


def cloud(n, d, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64) / (1 + torch.arange(d)) ** 0.5
    return (x + torch.randn(d, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()


def shrinkage_of(d, seed=1):
    return torch.cov(cloud(4 * d, d, seed).detach().T)


def labels(n):
    return torch.arange(n) % 3


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("weight", [-1.5, 0.7])
@pytest.mark.parametrize("zeta", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("identity", [True, False])
def test_value_and_gradient_are_the_published_algorithms(n, d, weight, zeta, identity):
    x = cloud(n, d)
    shrinkage = torch.eye(d, dtype=torch.float64) if identity else shrinkage_of(d)
    loss = IStarLoss(weight, zeta, None if identity else shrinkage)
    value = loss(x, labels(n))
    expected = weight * (1 - isoscore_by_svd(x, shrinkage, zeta))
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-9)
    ours, theirs = (torch.autograd.grad(v, x, retain_graph=True)[0] for v in (value, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(torch.autograd.grad(3 * value, x)[0], 3 * ours)


def test_the_judge_is_the_authors_package_where_it_is_installed():
    package = pytest.importorskip("IsoScore.IsoScore")
    x, shrinkage = cloud(30, 12).detach(), shrinkage_of(12)
    expected = package.istar().IsoScore_star(x.clone().requires_grad_(), shrinkage, 0.3, is_eval=False)
    torch.testing.assert_close(isoscore_by_svd(x, shrinkage, 0.3), expected.detach(), rtol=0, atol=1e-5)


def test_benchmark_rows():
    rows = run(40, 12, rounds=1)
    assert rows[0]["times faster than SVD"] == 1
    assert all(row["ms"] > 0 for row in rows)
    assert float(rows[1]["difference of value"]) < 1e-5


@pytest.mark.slow
def test_in_single_precision_it_is_equal_to_1e_5():
    x = cloud(512, 768, dtype=torch.float32)
    shrinkage = shrinkage_of(768).float()
    value = IStarLoss(1.0, 0.2, shrinkage)(x, labels(512))
    expected = 1 - isoscore_by_svd(x, shrinkage, 0.2)
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-5)
    ours, theirs = (torch.autograd.grad(v, x)[0] for v in (value, expected))
    assert (ours - theirs).norm() < 1e-5 * theirs.norm()


def test_the_sign_of_the_weight_says_which_way_isotropy_goes():
    for weight, direction in ((-1.0, -1), (1.0, 1)):
        x = cloud(64, 8).detach().requires_grad_()
        loss = IStarLoss(weight, zeta=0.0)
        optimizer = torch.optim.SGD([x], lr=20.0)
        scores = []
        for _ in range(20):
            optimizer.zero_grad()
            loss(x, labels(64)).backward()
            optimizer.step()
            scores.append(loss.read_stats()["isoscore"])
        assert direction * (scores[-1] - scores[0]) > 0.05


def test_rows_with_a_negative_label_are_left_out():
    x = cloud(30, 6)
    y = labels(30)
    y[::4] = -1
    dirty = torch.where((y < 0).unsqueeze(1), float("nan"), x.detach()).requires_grad_()
    value = IStarLoss(zeta=0.3)(dirty, y)
    expected = IStarLoss(zeta=0.3)(x[y >= 0], y[y >= 0])
    torch.testing.assert_close(value, expected)
    value.backward()
    assert (dirty.grad[y < 0] == 0).all()
    torch.testing.assert_close(dirty.grad, torch.autograd.grad(expected, x)[0])


def test_without_shrinkage_it_knows_neither_shift_nor_scale_nor_rotation():
    x = cloud(50, 7).detach()
    rotation = torch.linalg.qr(torch.randn(7, 7, dtype=torch.float64))[0]
    loss = IStarLoss(zeta=0.0)
    plain = loss(x, labels(50))
    for changed in (x + 100, 1e-6 * x, 1e6 * x, x @ rotation):
        torch.testing.assert_close(loss(changed, labels(50)), plain)


@pytest.mark.parametrize("zeta", [0.0, 0.4])
def test_degenerate_states(zeta):
    loss = IStarLoss(2.0, zeta)
    for x, skipped in (
        (torch.zeros(0, 4), 1),
        (torch.randn(1, 4), 1),
        (torch.randn(6, 1), 1),
        (torch.full((8, 4), 0.1), 0 if zeta else 1),
    ):
        x.requires_grad_()
        value = loss(x, labels(len(x)))
        value.backward()
        assert value.abs() < 1e-6  # of equal states, with an identity that says IsoScore* is 1
        assert (x.grad.abs() < 1e-12).all()
        assert loss.read_stats()["skipped"] == skipped
    line = torch.outer(torch.randn(20), torch.randn(5)).requires_grad_()
    assert IStarLoss(1.0, 0.0)(line, labels(20)).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_dtypes_and_autocast(dtype):
    x = cloud(40, 12, dtype=dtype)
    loss = IStarLoss(zeta=0.2)
    value = loss(x, labels(40))
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(value.double(), loss(x.double(), labels(40)), rtol=1e-4, atol=1e-6)
    value.backward()
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(x, labels(40)), value)


def test_stats_and_gradient_mode():
    x = cloud(40, 12)
    loss = IStarLoss()
    assert isinstance(loss, Regularizer)
    assert loss.read_stats() == {"skipped": 0, "classes": {}}
    value = loss(x, labels(40))
    stats = loss.read_stats()
    assert value.item() == pytest.approx(-(1 - stats["isoscore"]))
    assert (stats["states"], stats["skipped"], stats["classes"]) == (40, 0, {})
    assert not any(v.requires_grad for v in loss.stats.values())
    with torch.no_grad():
        assert not loss(x, labels(40)).requires_grad


@pytest.mark.slow
def test_function_transforms_and_compiled_programs():
    x = cloud(20, 6)
    loss = IStarLoss(zeta=0.2, shrinkage=shrinkage_of(6))
    expected = torch.autograd.grad(loss(x, labels(20)), x)[0]
    torch.testing.assert_close(torch.func.grad(lambda x: loss(x, labels(20)))(x.detach()), expected)
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(torch.autograd.grad(compiled(x, labels(20)), x)[0], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": float("inf")}, "finite"),
        ({"zeta": 1.2}, "between 0 and 1"),
        ({"shrinkage": torch.eye(3)}, r"12 x 12.*\(3, 3\)"),
    ],
)
def test_requests_that_cannot_be_met(options, message):
    with pytest.raises(IsobarError, match=message):
        IStarLoss(**options)(cloud(9, 12), labels(9))


def test_bad_states_are_named():
    x = cloud(9, 4).detach()
    x[5, 1] = float("inf")
    with pytest.raises(IsobarError, match="Row 5"):
        IStarLoss()(x, labels(9))
    with pytest.raises(IsobarError, match="9 whole numbers"):
        IStarLoss()(cloud(9, 4), labels(8))


def test_a_shrinkage_covariance_that_is_no_number_is_one_sentence():
    loss = IStarLoss(1.0, 0.2, torch.full((12, 12), float("nan")))
    with pytest.raises(IsobarError, match="shrinkage covariance holds NaN"):
        loss(cloud(30, 12), labels(30))
    with pytest.raises(IsobarError, match="covariance overflows"):
        IStarLoss()(torch.randn(30, 12) * 1e30, labels(30))
