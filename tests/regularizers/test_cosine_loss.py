import pytest
import torch

from core import CosineLoss, IsobarError, mean_cosine
from core.regularizers import Regularizer


def cloud(n=20, d=6, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64) * torch.arange(1, n + 1).unsqueeze(1)
    return (x + torch.randn(d, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()


def by_definition(x):
    """The mean of the cosine matrix off its diagonal."""
    cosines = torch.nn.functional.cosine_similarity(x[:, None], x[None], dim=2)
    return cosines[~torch.eye(len(x), dtype=torch.bool)].mean()


def labels(n):
    return torch.arange(n) % 3


@pytest.mark.parametrize(("n", "d"), [(2, 3), (20, 6), (5, 40)])
@pytest.mark.parametrize("weight", [1.0, -0.4])
def test_it_is_the_definition(n, d, weight):
    x = cloud(n, d)
    value = CosineLoss(weight)(x, labels(n))
    expected = weight * by_definition(x)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(*(torch.autograd.grad(v, x)[0] for v in (value, expected)))
    assert value.item() / weight == pytest.approx(mean_cosine(x))


def test_gradients_of_first_and_second_order():
    x = cloud(6, 3)
    assert torch.autograd.gradcheck(lambda x: CosineLoss()(x, labels(6)), x)
    assert torch.autograd.gradgradcheck(lambda x: CosineLoss()(x, labels(6)), x)


def test_rows_with_a_negative_label_and_zero_vectors_are_left_out():
    x = cloud(12).detach()
    y = labels(12)
    x[3] = 0
    y[7] = -1
    x[7] = float("nan")
    x.requires_grad_()
    loss = CosineLoss()
    value = loss(x, y)
    counted = [i for i in range(12) if i not in (3, 7)]
    torch.testing.assert_close(value, by_definition(x[counted]))
    value.backward()
    assert x.grad.isfinite().all()
    assert (x.grad[[3, 7]] == 0).all()
    assert loss.read_stats()["points"] == 10


def test_known_directions():
    loss = CosineLoss()
    assert loss(torch.eye(5), labels(5)) == pytest.approx(0)
    assert loss(torch.tensor([[1.0, 0.0], [-3.0, 0.0]]), labels(2)) == pytest.approx(-1)
    assert loss(torch.arange(1.0, 7.0).outer(torch.ones(4)), labels(6)) == pytest.approx(1)


def test_descent_spreads_directions():
    x = (cloud(16, 8).detach() + 5).requires_grad_()
    loss = CosineLoss()
    optimizer = torch.optim.Adam([x], lr=0.5)
    before = loss(x, labels(16)).item()
    for _ in range(40):
        optimizer.zero_grad()
        loss(x, labels(16)).backward()
        optimizer.step()
    assert loss(x, labels(16)).item() < before - 0.2


def test_degenerate_batches():
    loss = CosineLoss()
    for x in (
        torch.zeros(0, 4),
        torch.randn(1, 4),
        torch.zeros(5, 4),
        torch.cat((torch.zeros(3, 4), torch.ones(1, 4))),
    ):
        x.requires_grad_()
        value = loss(x, labels(len(x)))
        value.backward()
        assert value == 0
        assert (x.grad == 0).all()
        assert loss.read_stats()["skipped"] == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_dtypes_and_scale(dtype, scale):
    x = (scale * cloud().detach()).to(dtype).requires_grad_()
    value = CosineLoss()(x, labels(20))
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(value.double(), by_definition(x.double()), rtol=1e-4, atol=1e-6)
    value.backward()
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()


@pytest.mark.slow
def test_function_transforms_and_compiled_programs():
    x, loss = cloud(), CosineLoss()
    expected = torch.autograd.grad(loss(x, labels(20)), x)[0]
    torch.testing.assert_close(torch.func.grad(lambda x: loss(x, labels(20)))(x.detach()), expected)
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(torch.autograd.grad(compiled(x, labels(20)), x)[0], expected)


def test_it_is_a_regularizer_with_stats():
    loss = CosineLoss(2.0)
    assert isinstance(loss, Regularizer)
    value = loss(cloud(), labels(20))
    stats = loss.read_stats()
    assert value.item() == pytest.approx(2 * stats["mean_cosine"])
    assert (stats["points"], stats["skipped"], stats["classes"]) == (20, 0, {})


def test_requests_that_cannot_be_met():
    with pytest.raises(IsobarError, match="finite"):
        CosineLoss(float("nan"))
    x = cloud().detach()
    x[2, 2] = float("nan")
    with pytest.raises(IsobarError, match="Row 2"):
        CosineLoss()(x, labels(20))
