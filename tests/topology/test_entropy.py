import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.topology import persistent_entropy, relative_entropy
from core.topology.features import bar_entropy, entropy_and_slopes

some = settings(max_examples=40, deadline=None, derandomize=True)


@some
@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=40), st.sampled_from([1e-290, 1e-20, 1.0, 1e20, 1e290]))
def test_it_is_shannons_entropy_in_any_unit(lengths, unit):
    p = np.array(lengths) / sum(lengths)
    expected = -(p * np.log(p)).sum()
    scaled = np.array(lengths) * unit
    assert persistent_entropy(torch.from_numpy(scaled)).item() == pytest.approx(expected, abs=1e-9)
    assert bar_entropy(scaled) == pytest.approx(expected, abs=1e-9)


@some
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), st.integers(0, 3))
def test_slopes_are_its_gradient(lengths, zeros):
    lengths = torch.tensor(lengths + [0.0] * zeros, dtype=torch.float64, requires_grad=True)
    entropy = persistent_entropy(lengths)
    (gradient,) = torch.autograd.grad(entropy, lengths)
    value, slopes = entropy_and_slopes(lengths.detach().numpy())
    assert value == pytest.approx(entropy.item(), abs=1e-12)
    np.testing.assert_allclose(slopes, gradient, atol=1e-12)
    assert abs(gradient @ lengths) < 1e-12  # scale-free: no pull along the lengths themselves


def test_gradients():
    lengths = torch.rand(3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    mask = torch.tensor([[True] * 6, [True, False] * 3, [False] * 6])
    for function in (persistent_entropy, relative_entropy):
        for options in ((), (mask,)):
            assert torch.autograd.gradcheck(lambda x: function(x, *options), lengths.clone().requires_grad_())  # noqa: B023
            assert torch.autograd.gradgradcheck(lambda x: function(x, *options), lengths.clone().requires_grad_())  # noqa: B023


def test_equal_bars_are_the_maximum():
    for m in (1, 2, 7, 100):
        bars = torch.full((m,), 0.3, dtype=torch.float64)
        assert persistent_entropy(bars).item() == pytest.approx(math.log(m), abs=1e-12)
        assert relative_entropy(bars).item() == pytest.approx(1.0 if m > 1 else 0.0, abs=1e-12)


@pytest.mark.parametrize("lengths", [[], [0.0], [0.0, 0.0], [5.0], [5.0, 0.0]], ids=str)
def test_nothing_to_share_is_zero(lengths):
    lengths = torch.tensor(lengths, requires_grad=True)
    for function in (persistent_entropy, relative_entropy):
        value = function(lengths)
        value.backward()
        assert value == 0
        assert (lengths.grad == 0).all()
    assert bar_entropy(lengths.detach().numpy()) == 0


def test_zero_bars_count_only_in_the_maximum():
    bars = torch.tensor([2.0, 1.0, 0.0])
    assert persistent_entropy(bars) == persistent_entropy(bars[:2])
    assert relative_entropy(bars).item() == pytest.approx(persistent_entropy(bars).item() / math.log(3))


def test_a_bar_that_vanishes_beside_the_longest():
    lengths = torch.tensor([1e200, 1e200, 1e-200], dtype=torch.float64, requires_grad=True)
    entropy = persistent_entropy(lengths)
    entropy.backward()
    assert entropy.item() == pytest.approx(math.log(2)) == bar_entropy(lengths.detach().numpy())
    assert lengths.grad.isfinite().all()


def test_masks_batches_and_dtypes():
    lengths = torch.rand(2, 5, 8, generator=torch.Generator().manual_seed(0))
    mask = lengths > 0.3
    for function in (persistent_entropy, relative_entropy):
        found = function(lengths, mask)
        for b in np.ndindex(2, 5):
            torch.testing.assert_close(found[b], function(lengths[b][mask[b]]))
    assert persistent_entropy(lengths.bfloat16()).dtype == torch.float32
    assert persistent_entropy(lengths.double()).dtype == torch.float64
