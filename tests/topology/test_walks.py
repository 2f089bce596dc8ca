import math
from itertools import pairwise

import numpy as np
import pytest

from core.topology import feature_mask, minimum_spanning_tree
from core.topology.examples import EXAMPLES, example_cloud
from core.topology.features import bar_entropy
from core.topology.walks import walks

BARCODES = {
    **{
        f"{name}, {n}": minimum_spanning_tree(example_cloud(name, n, 0.1, n))[0]
        for name in EXAMPLES
        for n in (6, 17, 60)
    },
    "an even ring": minimum_spanning_tree(example_cloud("ring", 30, 0.01, 1))[0],
    "with zeros": np.array([3.0, 0.0, 1.0, 0.9, 0.0, 0.4, 0.1]),
    **{f"random {seed}": np.random.default_rng(seed).gamma(0.7, size=40) for seed in range(20)},
    "tiny": 1e-200 * np.array([3.0, 1.0, 0.9, 0.4, 0.1]),
}


@pytest.mark.parametrize("name", BARCODES)
def test_the_last_walk_ends_at_the_features(name):
    lengths = BARCODES[name]
    found = walks(lengths)
    assert found[-1].stop + 1 == feature_mask(lengths).sum()
    assert [walk.holds for walk in found] == [False] * (len(found) - 1) + [True]
    for before, after in pairwise(found):
        assert after.bars.tolist() == before.bars[: before.stop].tolist()


@pytest.mark.parametrize("name", ["ring, 17", "random 3", "with zeros"])
def test_a_neutral_length_keeps_the_entropy_of_the_rest_as_high_as_it_can_be(name):
    walk, lengths = walks(BARCODES[name])[0], BARCODES[name]
    for i in range(1, len(walk.bars)):
        rest = np.array([*walk.bars[i:], lengths[lengths > 0].min(), lengths.max()])

        def entropy(length, rest=rest, i=i):
            return bar_entropy(np.array([*rest, *[length] * i]))

        best = entropy(walk.neutral[i])
        assert best > max(entropy(walk.neutral[i] * factor) for factor in (0.5, 0.99, 1.01, 2))
        assert walk.totals[i] == pytest.approx(rest.sum() + i * walk.neutral[i])
    assert (walk.ratios[: walk.stop - 1] >= 1 - 1e-12).all()
    assert (walk.ratios[-1] < 1) == walk.fell


def test_of_nearly_equal_bars_the_walks_go_on_to_five_features():
    found = walks(BARCODES["an even ring"])
    assert len(found) > 2
    assert found[-1].stop == 4
    a = BARCODES["an even ring"].min() / BARCODES["an even ring"].max()
    assert found[0].limit == math.ceil(a * 29 * (a - 1 - math.log(a)) / (a - 1) ** 2)


@pytest.mark.parametrize("lengths", [[], [0.0, 0.0], [1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0], [2.0] * 9])
def test_where_all_bars_are_features_there_is_nothing_to_walk(lengths):
    lengths = np.array(lengths)
    assert walks(lengths) == []
    assert feature_mask(lengths).sum() == (lengths > 0).sum()
