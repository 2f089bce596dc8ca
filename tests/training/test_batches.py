"""What a batch holds of each class, by the closed form and by drawing."""

import numpy as np
import pytest

from core import RunSpec
from core.training.batches import expected_in_batch, idle_note


def test_expectations_are_those_of_draws():
    counts, batch, random = np.array([3, 10, 40]), 8, np.random.default_rng(0)
    labels = np.repeat(np.arange(3), counts)
    drawn = [np.bincount(random.permutation(labels)[:batch], minlength=3) for _ in range(20_000)]
    found = expected_in_batch(counts, batch, fewest=3)
    assert found.texts == pytest.approx(np.mean(drawn, 0), abs=0.03)
    assert found.bars == pytest.approx(np.maximum(np.array(drawn) - 1, 0).mean(0), abs=0.03)
    assert found.acting == pytest.approx((np.array(drawn) >= 3).mean(0), abs=0.02)


def test_a_batch_of_all_examples_holds_all_of_each_class():
    found = expected_in_batch([2, 5], batch=100, fewest=3)
    assert found.bars == pytest.approx([1, 4])
    assert found.acting == pytest.approx([0, 1])


@pytest.mark.parametrize(
    ("settings", "classes", "said"),
    [
        ({}, 2, ""),
        ({}, 77, "acts on"),
        ({"batch_size": 2}, 2, "does nothing"),
        ({"batch_size": 2, "regularizer": "persistent-entropy(scope=global)"}, 2, "which holds 2"),
        ({"regularizer": "persistent-entropy(scope=global)"}, 77, ""),
        ({"regularizer": "persistent-entropy(memory=64)"}, 77, ""),
        ({"accumulation": 32, "accumulated_cloud": True}, 77, ""),
        ({"accumulation": 32}, 77, "acts on"),
        ({"regularizer": "total-persistence"}, 77, "total-persistence needs 3"),
        ({"regularizer": "repulsion"}, 77, "repulsion needs 3"),
        ({"regularizer": "koleo"}, 77, ""),
        ({"regularizer": "koleo(scope=class)"}, 77, "koleo needs 2"),
        ({"regularizer": "none"}, 77, ""),
    ],
)
def test_a_regularizer_that_acts_on_few_classes_is_told(settings, classes, said):
    note = idle_note(RunSpec(**settings), np.arange(1300) % classes)
    assert said in note
    assert bool(note) == bool(said)
