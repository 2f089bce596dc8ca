"""Which bars are features: the walk and the restarts of the published algorithm as one table and pointer jumping.

N. Atienza, R. Gonzalez-Diaz, M. Rucco, Persistent entropy for separating topological features from noise in
Vietoris-Rips complexes, J. Intelligent Information Systems (2019), arXiv 1701.07857.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from core.errors import IsobarError, nearest
from core.topology.boruvka import doublings
from core.topology.entropy import in_working_precision
from core.topology.features import EQUAL_WITHIN, FALLS_BELOW, feature_count
from core.topology.host import host_array

Ranks = TypeVar("Ranks", Tensor, np.ndarray)
SELECTIONS = ("features", "all", "longest", "random")


@dataclass(frozen=True)
class Selection:
    """The bars taken for features.

    Attributes:
        mask: (..., m) bool, in the order of the lengths.
        count: (...) int64, how many, the longest included.
        threshold: (...), the shortest selected length, in the lengths' unit; 0 where nothing is selected.
    """

    mask: Tensor
    count: Tensor
    threshold: Tensor


def select_features(lengths: Tensor, mask: Tensor | None = None) -> Selection:
    """Return the bars that are features rather than noise.

    Of bars that decline evenly and little, as those of an isotropic Gaussian cloud in hundreds of dimensions, these are
    the five longest, however many there are: each restart leaves one bar fewer, until seven are left. (Where restarts
    go on so, the ratio a of the shortest bar to the longest decides alone: five for a above 0.65, four above 0.36, three
    above 0.13.) So a larger batch brings no more features there; "all" of `select` lets every bar count.

    Args:
        lengths: (..., m), non-negative, in any order and unit.
        mask: (..., m) bool, the bars that exist; all by default.

    Returns:
        The selection. Bars of length zero never are features; where fewer than four are longer, or the longest and
        the shortest of them are equal up to rounding, all of those are.
    """
    return select(lengths, "features", mask=mask)


def select(
    lengths: Tensor,
    how: str = "features",
    *,
    longest: int = 8,
    seed: int | Tensor = 0,
    mask: Tensor | None = None,
) -> Selection:
    """Return the bars that a rule selects.

    Args:
        lengths: (..., m), non-negative, in any order and unit.
        how: "features", the features; "all"; "longest", the `longest` longest; "random", as many as there are
            features, chosen by `seed`.
        longest: how many bars "longest" takes.
        seed: of "random"; equal seeds choose equal ranks in the barcode, on every device.
        mask: (..., m) bool, the bars that exist; all by default.

    Returns:
        The selection, among bars longer than zero.

    Raises:
        IsobarError: `how` is none of the four.
    """
    check_selection(how, longest)
    lengths = in_working_precision(torch.as_tensor(lengths).detach())
    bars = lengths if mask is None else torch.where(mask, lengths, 0)
    order = bars.argsort(dim=-1, descending=True, stable=True)
    bars = bars.gather(-1, order)
    start = torch.zeros_like(order)
    counts = _host_counts(bars) if how in ("features", "random") else None
    chosen = choose(bars, start, counts, how, longest=longest, seed=seed)
    chosen = torch.zeros_like(chosen).scatter(-1, order, chosen)
    threshold = torch.where(chosen, lengths, torch.inf).amin(-1) if lengths.shape[-1] else lengths.sum(-1)
    return Selection(chosen, chosen.sum(-1), torch.where(threshold < torch.inf, threshold, 0))


def check_selection(how: str, longest: int) -> None:
    """Raise an IsobarError where a selection isn't known or takes no bar."""
    if how not in SELECTIONS:
        hint = " It is called features now." if how == "prominent" else nearest(how, SELECTIONS)
        raise IsobarError(f"Unknown selection {how!r}; known are {', '.join(SELECTIONS)}.{hint}")
    if longest < 1:
        raise IsobarError(f"longest = {longest} selects no bar; it must be at least 1.")


def choose(bars: Tensor, start: Tensor, counts: Tensor | None, how: str, *, longest: int, seed: int | Tensor) -> Tensor:
    """Return which bars are selected, for many barcodes side by side.

    Args:
        bars: (..., m), barcode after barcode, each longest first.
        start: (..., m) int64, the position at which the barcode of each bar begins.
        counts: how many bars of each barcode are features, if that is known already.
        how: as in `select`.
        longest: as in `select`.
        seed: as in `select`.

    Returns:
        (..., m) bool.
    """
    alive = bars > 0
    if how == "all" or bars.shape[-1] == 0:
        return alive
    rank = torch.arange(bars.shape[-1], device=bars.device) - start
    if how == "longest":
        return alive & (rank < longest)
    counts = feature_counts(bars, start) if counts is None else counts
    if how == "features":
        return alive & (rank < counts)
    return alive & (_rank_within(random_keys(rank, seed), start, alive) < counts)


def _host_counts(bars: Tensor) -> Tensor | None:
    """Return the number of features of each barcode (..., 1) by the compiled walk, where the host can see the bars."""
    array = host_array(bars)
    if array is None or array.size == 0:
        return None
    counts = [feature_count(row) for row in array.reshape(-1, array.shape[-1])]
    return torch.tensor(counts, dtype=torch.int64).reshape(*array.shape[:-1], 1)


def feature_counts(bars: Tensor, start: Tensor) -> Tensor:
    """Return, at every bar, how many bars of its barcode are features: `features.feature_count` without a loop.

    Args:
        bars: (..., m), barcode after barcode, each longest first.
        start: (..., m) int64, the position at which the barcode of each bar begins.
    """
    rank = torch.arange(bars.shape[-1], device=bars.device) - start
    tolerance = EQUAL_WITHIN * torch.finfo(bars.dtype).eps
    bars = bars.double() if bars.device.type != "mps" else bars  # (MPS has no float64)
    m = bars.shape[-1]
    longest = bars.gather(-1, start)
    u = bars / torch.where(longest > 0, longest, 1)  # in units of T: every P_i is at least 1
    alive = u > 0
    size = torch.zeros_like(start).scatter_add(-1, start, alive.long()).gather(-1, start)
    u = torch.where(alive, u, 1)
    a = u.gather(-1, (start + size - 1).clamp(min=0))
    # Row: the state "rank many m's are left" (k). Column: the walk's i. Prefix sums run through all barcodes, but
    # only differences within one are used.
    sums = u.cumsum(-1)
    logs = (u * u.log()).cumsum(-1)
    k, i = rank.unsqueeze(-1), rank.unsqueeze(-2)
    last_log = (a * a.log()).unsqueeze(-1)
    tail = sums.unsqueeze(-1) - sums.unsqueeze(-2) + a.unsqueeze(-1) + 1  # P_i
    same = start.unsqueeze(-1) == start.unsqueeze(-2)
    tail = torch.where(same & (i < k), tail, 1)
    replaced = tail + i * ((logs.unsqueeze(-1) - logs.unsqueeze(-2) + last_log) / tail).exp()  # S_i
    falls = replaced.roll(1, -1) < replaced * FALLS_BELOW  # C_i = S_{i-1} / S_i < 1
    stops = same & (i >= 1) & (i < k) & (falls | (i == k - 1))
    stop = torch.where(stops, i, m).amin(-1)
    quota = (a * (rank + 2) * _shrink(a)).ceil()  # Q
    restart = (quota < stop) & (stop < m)
    target = torch.where(restart, start + stop, torch.arange(m, device=bars.device))
    for _ in range(doublings(m)):
        target = target.gather(-1, target)
    final = stop.gather(-1, target)
    features = final.gather(-1, (start + size - 2).clamp(min=0)) + 1
    everything = (size < 4) | (a >= 1 - tolerance)
    return torch.where(everything, size, features)


def _shrink(ratio: Tensor) -> Tensor:
    """(a - 1 - ln a) / (a - 1)^2, which near a = 1 is a difference of nearly equal numbers."""
    h = ratio - 1
    near = h > -1e-3
    away = torch.where(near, 0.5, ratio)
    direct = (away - 1 - away.log()) / (away - 1).square()
    return torch.where(near, 0.5 - h / 3 + h * h / 4 - h * h * h / 5, direct)


def random_keys(rank: Ranks, seed: int | Tensor) -> Ranks:
    """Return a pseudo-random int64 below 2^24 for every rank: a hash, so that all devices draw the same."""
    key: Any = (rank + 1) * 0x1E3779B1 + (seed & 0x7FFFFFFF) * 0x5EBCA6B
    for _ in range(3):
        key = key & 0xFFFFFFFF
        key = ((key >> 16) ^ key) * 0x45D9F3B
    return (key >> 8) & 0xFFFFFF


def _rank_within(key: Tensor, start: Tensor, alive: Tensor) -> Tensor:
    """Return the rank of every bar's key among the living bars of its barcode."""
    key = torch.where(alive, key, 1 << 24)
    order = key.argsort(dim=-1, stable=True)
    order = order.gather(-1, start.gather(-1, order).argsort(dim=-1, stable=True))
    position = torch.arange(key.shape[-1], device=key.device).expand(key.shape)
    return torch.zeros_like(order).scatter(-1, order, position) - start
