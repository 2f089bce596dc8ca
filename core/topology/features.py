"""Which bars are features, and the entropy of bars, compiled by numba on NumPy arrays; torch is not loaded here.

`selection.py` and `entropy.py` hold the same formulas as tensor programs.

N. Atienza, R. Gonzalez-Diaz, M. Rucco, Persistent entropy for separating topological features from noise in
Vietoris-Rips complexes, J. Intelligent Information Systems (2019), arXiv 1701.07857.
"""

import math

import numpy as np
from numba import njit

# Longest and shortest bar count as equal within this many units in the last place: the sides of a regular polygon
# differ by a few of the coordinates' own, and a selection among them would be one of rounding errors.
EQUAL_WITHIN = 64
# Nor is C_i < 1 where it is 1 but for rounding, as happens among equally long bars.
FALLS_BELOW = 1 - 1e-12


def feature_mask(lengths: np.ndarray) -> np.ndarray:
    """Return which bars of a barcode are features.

    Args:
        lengths: (m,), non-negative, in any order.

    Returns:
        (m,) bool. All bars longer than zero, if there are fewer than four of them or all are equally long.
    """
    lengths = np.ascontiguousarray(lengths)
    order = np.argsort(-lengths, kind="stable")
    mask = np.zeros(len(lengths), bool)
    mask[order[: feature_count(lengths[order])]] = True
    return mask


def bar_entropy(lengths: np.ndarray) -> float:
    """Return the persistent entropy, in nats, of bars (m,) in any order; 0 for none."""
    return entropy_and_slopes(lengths)[0]


def entropy_and_slopes(lengths: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the persistent entropy of bars (m,), in nats, and its derivative by each of them: (m,) float64.

    Bars of length zero carry no entropy and get no slope.
    """
    return _entropy_and_slopes(np.ascontiguousarray(lengths, np.float64))


def feature_count(lengths: np.ndarray) -> int:
    """Return how many of the bars (m,), longest first, are features; the longest included."""
    if not np.issubdtype(lengths.dtype, np.floating):
        lengths = lengths.astype(np.float64)
    tolerance = EQUAL_WITHIN * float(np.finfo(lengths.dtype).eps)
    return int(_feature_count(lengths.astype(np.float64), tolerance))


@njit(cache=True, nogil=True)
def _entropy_and_slopes(lengths):
    slopes = np.zeros(len(lengths))
    unit = 0.0  # the longest bar: E is scale-free, so no sum leaves the range of floats
    for length in lengths:
        unit = max(unit, length)
    total = 0.0
    weighted = 0.0
    for length in lengths:
        share = length / unit if unit > 0 else 0.0
        if share > 0:
            total += share
            weighted += share * math.log(share)
    if total == 0:
        return 0.0, slopes
    entropy = math.log(total) - weighted / total
    for k in range(len(lengths)):
        if lengths[k] / unit > 0:
            # dE/dl = -(ln p + E) / sum l
            slopes[k] = -(math.log(lengths[k] / unit / total) + entropy) / total / unit
    return entropy, slopes


@njit(cache=True, nogil=True)
def shrink(ratio):
    """(a - 1 - ln a) / (a - 1)^2, which near a = 1 is a difference of nearly equal numbers."""
    h = ratio - 1.0
    if h > -1e-3:
        return 0.5 - h / 3 + h * h / 4 - h * h * h / 5
    return (h - math.log(ratio)) / (h * h)


@njit(cache=True, nogil=True)
def _feature_count(lengths, tolerance):
    n = 0
    while n < len(lengths) and lengths[n] > 0 and lengths[n] / lengths[0] > 0:
        n += 1
    if n < 4 or lengths[n - 1] >= lengths[0] * (1 - tolerance):
        return n
    # In units of the longest bar T: every tail holds T, so its sum is at least 1 and the differences of prefix sums
    # below lose no digits that matter.
    bars = lengths[:n] / lengths[0]
    a = bars[n - 1]
    sums = np.zeros(n - 1)
    logs = np.zeros(n - 1)
    for j in range(1, n - 1):
        sums[j] = sums[j - 1] + bars[j]
        logs[j] = logs[j - 1] + bars[j] * math.log(bars[j])
    k = n - 2
    while True:
        previous = sums[k] + a + 1
        i = 1
        while True:
            tail = sums[k] - sums[i] + a + 1  # P_i
            replaced = tail + i * math.exp((logs[k] - logs[i] + a * math.log(a)) / tail)  # S_i
            if previous < replaced * FALLS_BELOW or i == k - 1:  # C_i = S_{i-1} / S_i < 1
                break
            previous = replaced
            i += 1
        if math.ceil(a * (k + 2) * shrink(a)) >= i:  # Q
            return i + 1
        k = i
