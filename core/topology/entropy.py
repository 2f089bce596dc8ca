"""Persistent entropy of a barcode, as a tensor program."""

import math

import torch
from torch import Tensor


def persistent_entropy(lengths: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the Shannon entropy of the bars' shares of the total length, in nats.

    Scale-free and differentiable, twice too. Bars of length zero carry nothing and get no gradient.

    Args:
        lengths: (..., m), non-negative, in any order and unit.
        mask: (..., m) bool, the bars to count; all by default.

    Returns:
        (...), between 0 and ln m, in the dtype of the lengths (bfloat16 and float16 are computed in float32);
        0 where there are no bars.

    H. Chintakunta et al., An entropy-based persistence barcode, Pattern Recognition 48 (2015).
    """
    lengths = in_working_precision(torch.as_tensor(lengths))
    if lengths.shape[-1] == 0:
        return lengths.sum(-1)
    bars = lengths if mask is None else torch.where(mask, lengths, 0)
    # E doesn't change with the unit, nor does its gradient: the longest bar as unit keeps every number near 1.
    unit = bars.amax(-1, keepdim=True).detach()
    unit = torch.where(unit > 0, unit, 1)
    alive = bars / unit > 0
    shares = torch.where(alive, bars, unit) / unit  # 1 where there is no bar: ln 1 = 0, and its gradient is finite
    total = torch.where(alive, shares, 0).sum(-1)
    weighted = (shares * shares.log()).sum(-1)
    total = torch.where(total > 0, total, 1)
    return total.log() - weighted / total


def relative_entropy(lengths: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the persistent entropy over its maximum, ln m: 1 for equal bars, whatever their number.

    Args:
        lengths: (..., m), non-negative, in any order and unit.
        mask: (..., m) bool, the bars to count; all by default.

    Returns:
        (...), between 0 and 1; 0 where there are fewer than two bars. Bars of length zero count in m.
    """
    lengths = torch.as_tensor(lengths)
    entropy = persistent_entropy(lengths, mask)
    if mask is None:
        return entropy / math.log(max(lengths.shape[-1], 2))
    return entropy / mask.sum(-1).clamp(min=2).to(entropy.dtype).log()


def in_working_precision(values: Tensor) -> Tensor:
    """Return bfloat16 and float16 as float32, and any other floating dtype as it is."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
