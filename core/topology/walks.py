"""How the features of a barcode are found, step by step, for a person who wants to follow: what `features.py` counts.

N. Atienza, R. Gonzalez-Diaz, M. Rucco, Persistent entropy for separating topological features from noise in
Vietoris-Rips complexes, J. Intelligent Information Systems (2019), arXiv 1701.07857.
"""

import math
from dataclasses import dataclass

import numpy as np

from core.topology.features import EQUAL_WITHIN, FALLS_BELOW, shrink


@dataclass(frozen=True, eq=False)
class Walk:
    """One walk over the bars between the longest T and the shortest r, longest first.

    Attributes:
        bars: (k,), m_1 >= ... >= m_k.
        neutral: (k,), of i = 0, ..., k - 1 the length that, given to each of the i longest of `bars`, keeps the entropy of the
            rest as high as it can be: exp(W_i / P_i).
        totals: (k,), S_i, what all bars sum to then.
        stop: the i at which the walk ends.
        fell: whether it ends because S_i exceeds S_{i-1} there; if not, there was no further bar.
        limit: Q, how many a walk must not exceed; another one over `bars` up to `stop` follows where it does.
    """

    bars: np.ndarray
    neutral: np.ndarray
    totals: np.ndarray
    stop: int
    fell: bool
    limit: int

    @property
    def ratios(self) -> np.ndarray:
        """C_i = S_{i-1} / S_i of i = 1, ..., `stop`."""
        return self.totals[: self.stop] / self.totals[1 : self.stop + 1]

    @property
    def holds(self) -> bool:
        """Whether the features are T and `bars` up to `stop`."""
        return self.limit >= self.stop


def walks(lengths: np.ndarray) -> list[Walk]:
    """Return the walks over a barcode (m,), in any order, the last of which holds.

    None where there is nothing to walk: with fewer than four bars longer than zero, or of equal bars, all are features.
    """
    bars = np.sort(np.asarray(lengths, dtype=np.float64))[::-1]
    bars = bars[bars > 0]
    if len(bars) < 4 or bars[-1] >= bars[0] * (1 - EQUAL_WITHIN * np.finfo(np.float64).eps):
        return []
    top, least, middle = bars[0], bars[-1], bars[1:-1]
    a = least / top
    found = []
    while not found or not found[-1].holds:
        k = len(middle)
        tails = [np.array([*middle[i:], least, top]) for i in range(k)]
        # In units of T, as all is scale-free: exp(W / P) = T exp(sum q ln q / sum q), q = l / T
        neutral = np.array([top * math.exp(np.sum(q * np.log(q)) / q.sum()) for q in (tail / top for tail in tails)])
        totals = np.array([tail.sum() for tail in tails]) + np.arange(k) * neutral
        falls = np.flatnonzero(totals[:-1] < totals[1:] * FALLS_BELOW) + 1
        stop = int(falls[0]) if len(falls) else k - 1
        limit = math.ceil(a * (k + 2) * shrink(a))
        found.append(Walk(middle, neutral, totals, stop, len(falls) > 0, limit))
        middle = middle[:stop]
    return found
