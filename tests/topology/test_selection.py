import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import IsobarError, select_features
from core.topology import feature_mask, minimum_spanning_tree, select
from core.topology.features import feature_count
from core.topology.selection import choose, feature_counts
from tests.topology.clouds import EXPECTED, golden

some = settings(max_examples=60, deadline=None, derandomize=True)
SHAPES = {
    "uniform": lambda rng, m: rng.uniform(size=m),
    "exponential": lambda rng, m: rng.exponential(size=m),
    "heavy": lambda rng, m: rng.pareto(1.0, size=m) + 1e-3,
    "narrow": lambda rng, m: 1 + 1e-3 * rng.uniform(size=m),
    "two kinds": lambda rng, m: np.where(rng.uniform(size=m) < 0.2, 10, 1) * rng.uniform(0.9, 1.1, size=m),
    "wide": lambda rng, m: 10.0 ** rng.uniform(-12, 12, size=m),
}
bars = st.builds(
    lambda seed, m, shape: np.sort(SHAPES[shape](np.random.default_rng(seed), m))[::-1].copy(),
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.sampled_from(sorted(SHAPES)),
)


def by_the_book(lengths) -> int:
    """Method 3 word by word: sums taken anew, no prefixes, no table."""
    longest, *middle, shortest = sorted((x for x in map(float, lengths) if x > 0), reverse=True)
    if len(middle) < 2 or longest == shortest:
        return len(middle) + 2
    a = shortest / longest

    def total(i):
        tail = [*middle[i:], shortest, longest]
        p = math.fsum(tail)
        return p + i * math.exp(math.fsum(x * math.log(x) for x in tail) / p)

    while True:
        k = len(middle)
        i = next((i for i in range(1, k) if total(i - 1) / total(i) < 1), k - 1)
        if math.ceil(a * (k + 2) * (a - 1 - math.log(a)) / (a - 1) ** 2) >= i:
            return i + 1
        middle = middle[:i]


def by_table(lengths) -> int:
    lengths = torch.as_tensor(lengths)
    return int(feature_counts(lengths, torch.zeros(len(lengths), dtype=torch.int64))[0])


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case, figures in EXPECTED.items() if figures.get("selected") is not None])
def test_golden_selections(case):
    _, lengths, figures = golden(case)
    found = select_features(torch.from_numpy(lengths))
    assert found.count == figures["selected"] == found.mask.sum() == by_table(lengths) == by_the_book(lengths)
    assert found.threshold.item() == pytest.approx(figures["threshold"], rel=1e-9)
    assert found.mask.tolist() == feature_mask(lengths).tolist()
    assert found.mask[: found.count].all()


@some
@given(bars)
def test_walk_and_table_follow_the_book(lengths):
    if len(lengths) > 2:
        assert by_the_book(lengths) == feature_count(lengths) == by_table(lengths)


@some
@given(bars, st.integers(0, 2**32), st.sampled_from([1e-150, 1e-6, 1e6, 1e150]))
def test_order_and_unit_do_not_matter(lengths, seed, unit):
    order = np.random.default_rng(seed).permutation(len(lengths))
    found = select_features(torch.from_numpy(lengths[order]))
    assert (found.mask.numpy() == feature_mask(lengths)[order]).all()
    assert feature_mask(lengths * unit).sum() == found.count
    assert found.threshold == lengths[found.count - 1]


@pytest.mark.parametrize(
    ("lengths", "count"),
    [
        ([], 0),
        ([0.0], 0),
        ([0.0] * 6, 0),
        ([3.0], 1),
        ([3.0, 1.0], 2),
        ([3.0, 2.0, 1.0], 3),
        ([3.0, 2.0, 1.0, 0.0, 0.0], 3),
        ([2.0] * 7, 7),
        ([2.0] * 7 + [0.0], 7),
        ([0.1 + 0.2, 0.3, 0.3, 0.3, 0.1 * 3], 5),  # equal but for rounding
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_degenerate_barcodes(lengths, count, dtype):
    lengths = torch.tensor(lengths, dtype=dtype)
    found = select_features(lengths)
    assert found.count == count == found.mask.sum() == feature_mask(lengths.numpy()).sum()
    assert not found.mask[lengths == 0].any()
    assert found.threshold == (lengths[:count].min() if count else 0)
    if len(lengths):
        assert by_table(lengths) == count


@pytest.mark.slow
@pytest.mark.parametrize("d", [384, 768])
@pytest.mark.parametrize("n", [64, 128, 1000])
def test_of_an_isotropic_gaussian_five_bars_are_features_whatever_its_size(n, d):
    for seed in range(2 if n == 1000 else 8):
        cloud = np.random.default_rng([seed, n, d]).standard_normal((n, d))
        lengths, _ = minimum_spanning_tree(cloud)
        assert feature_mask(lengths).sum() == by_table(lengths) == 5
        assert n > 64 or by_the_book(lengths) == 5  # (whose time grows as the cube of n)


def test_of_a_small_isotropic_gaussian_about_five_bars_are_features():
    for n, least, most in ((8, 2, 5), (16, 4, 10), (32, 5, 15)):
        clouds = [np.random.default_rng([seed, n]).standard_normal((n, 384)) for seed in range(60)]
        counts = [int(feature_mask(minimum_spanning_tree(cloud)[0]).sum()) for cloud in clouds]
        assert all(least <= count <= most for count in counts), (n, sorted(counts))
        assert np.median(counts) == 5


@pytest.mark.slow
@pytest.mark.parametrize("m", [7, 8, 10, 31, 127, 999])
@pytest.mark.parametrize("step", [1e-6, 1e-4])
def test_of_bars_that_decline_evenly_and_little_five_are_features(m, step):
    lengths = 1 + step * np.arange(m, 0, -1)
    assert feature_count(lengths) == by_table(lengths) == 5
    assert m > 127 or by_the_book(lengths) == 5


def test_a_step_down_to_a_plateau_is_found_however_small_it_is():
    for longer in (3, 8, 12):  # and the first bar of the plateau, at which the walk stops
        lengths = np.concatenate((1.05 + 1e-3 * np.arange(longer, 0, -1), 1 + 1e-4 * np.arange(30, 0, -1)))
        assert feature_count(lengths) == by_the_book(lengths) == longer + 1


def test_a_walk_that_goes_to_its_end_keeps_as_many_as_its_fixed_point():
    """The walk ends at i = k - 1, so k falls by 1 in each restart until ceil(n f(a)) >= k - 1, n = k + 2; i + 1 = k are features.

    f(a) = a (a - 1 - ln a) / (a - 1)^2 is 1/2 at a = 1, where k = 5, n = 7: ceil(7/2) = 4, and for no larger k.
    """

    def fixed_point(a, k):
        quota = a * (a - 1 - math.log(a)) / (a - 1) ** 2
        return next(j for j in range(k, 1, -1) if math.ceil((j + 2) * quota) >= j - 1)

    found = {}
    for a in (0.05, 0.2, 0.34, 0.37, 0.6, 0.64, 0.66, 0.9, 0.999):
        # The others decline evenly and gently from the longest, the shortest alone is off: no C_i is below 1.
        others = np.linspace(1 - 1e-5, 1 - 2e-5, 40)
        lengths = np.concatenate(([1.0], others, [a]))
        found[a] = feature_count(lengths)
        assert found[a] == by_the_book(lengths) == fixed_point(a, 40), a
    assert found == {0.05: 2, 0.2: 3, 0.34: 3, 0.37: 4, 0.6: 4, 0.64: 4, 0.66: 5, 0.9: 5, 0.999: 5}


def test_a_regular_polygon_is_all_features():
    for n in (7, 30):
        angle = np.arange(n) * 2 * np.pi / n
        corner = np.stack((np.cos(angle), np.sin(angle)), 1)
        sides = np.linalg.norm(corner[1:] - corner[:-1], axis=1)
        assert feature_mask(sides).all()
        assert feature_mask(sides.astype(np.float32)).all()


def test_a_nearly_vanishing_bar():
    lengths = np.array([1.0, 0.9, 0.5, 0.4, 0.3, 1e-300])
    assert feature_count(lengths) == by_table(lengths) == by_the_book(lengths)


def test_bars_that_vanish_beside_the_longest():
    lengths = np.array([1e200, 3e199, 2e199, 1e199, 5e198, 1e-200])
    assert feature_count(lengths) == by_table(lengths) == feature_count(lengths[:-1])


def test_batches_and_masks():
    lengths = torch.rand(4, 3, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.rand(4, 3, 20, generator=torch.Generator().manual_seed(1)) < 0.7
    found = select_features(lengths, mask)
    for b in np.ndindex(4, 3):
        alone = select_features(lengths[b][mask[b]])
        assert (found.mask[b][mask[b]] == alone.mask).all()
        assert not found.mask[b][~mask[b]].any()
        assert found.count[b] == alone.count
        assert found.threshold[b] == alone.threshold


def test_barcodes_side_by_side():
    rng = np.random.default_rng(0)
    parts = [np.sort(rng.pareto(1.0, size=m) * s)[::-1].copy() for m, s in ((9, 1e8), (1, 1), (25, 1e-8), (3, 1))]
    parts[2][20:] = 0
    start = torch.from_numpy(np.repeat(np.cumsum([0, 9, 1, 25]), [9, 1, 25, 3]))
    for how in ("features", "all", "longest", "random"):
        beside = choose(torch.from_numpy(np.concatenate(parts)), start, None, how, longest=2, seed=5)
        alone = [select(torch.from_numpy(part), how, longest=2, seed=5).mask for part in parts]
        assert beside.tolist() == torch.cat(alone).tolist(), how


def test_ablations():
    lengths = torch.rand(60, generator=torch.Generator().manual_seed(0))
    lengths[7] = 0
    assert select(lengths, "all").mask.sum() == 59
    longest = select(lengths, "longest", longest=5)
    assert longest.threshold == lengths.sort(descending=True).values[4]
    assert longest.count == 5
    prominent = select(lengths)
    drawn = [select(lengths, "random", seed=seed) for seed in range(200)]
    assert all(found.count == prominent.count and not found.mask[7] for found in drawn)
    assert (drawn[3].mask == select(lengths, "random", seed=3).mask).all()
    often = torch.stack([found.mask for found in drawn]).float().mean(0)
    expected = prominent.count / 59
    assert (often[lengths > 0] - expected).abs().max() < 5 * (expected * (1 - expected) / 200).sqrt()


def test_bad_requests():
    with pytest.raises(IsobarError, match="Did you mean 'longest'"):
        select(torch.ones(3), "longst")
    with pytest.raises(IsobarError, match="at least 1"):
        select(torch.ones(3), "longest", longest=0)
