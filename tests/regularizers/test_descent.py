import numpy as np
import pytest
import torch

from core.regularizers import PersistentEntropyLoss
from core.regularizers.descent import at_equal_spread, descend
from core.topology import h0_barcode, persistent_entropy
from core.topology.examples import EXAMPLES, example_cloud


def entropy(points: np.ndarray) -> float:
    return float(persistent_entropy(h0_barcode(torch.tensor(points)).lengths))


@pytest.mark.parametrize("name", EXAMPLES)
def test_descent_raises_the_entropy(name):
    path = descend(example_cloud(name, 25), PersistentEntropyLoss(selection="all"), steps=20)
    entropies = [entropy(points) for points in path]
    assert path.shape == (21, 25, 2)
    assert entropies[-1] > entropies[0] + 0.3 * (np.log(24) - entropies[0])


def test_a_step_is_one_of_gradient_descent():
    points = example_cloud("uniform", 10)
    loss = PersistentEntropyLoss(selection="all")
    path = descend(points, loss, steps=1, rate=1e-4)
    x = torch.tensor(points, requires_grad=True)
    loss(x, torch.zeros(10, dtype=torch.int64)).backward()
    moved, gradient = path[1] - path[0], x.grad.numpy()
    assert moved / np.linalg.norm(moved) == pytest.approx(-gradient / np.linalg.norm(gradient))


def test_the_unit_of_the_points_does_not_matter():
    points = example_cloud("ring", 15)
    loss = PersistentEntropyLoss(selection="all")
    assert descend(1000 * points, loss, steps=5) == pytest.approx(1000 * descend(points, loss, steps=5), rel=1e-6)


def test_equal_spread_takes_drift_out_and_leaves_shape():
    points = example_cloud("ring", 15)
    shown = at_equal_spread(np.stack([points, 3 * points + 7]))
    assert shown[1] == pytest.approx(shown[0])
    assert shown[0] == pytest.approx(points - points.mean(0))


@pytest.mark.parametrize("points", [np.zeros((4, 2)), np.zeros((2, 2)), np.array([[0.0, 0.0], [1.0, 0.0]])])
def test_what_can_not_move_stays(points):
    path = at_equal_spread(descend(points, PersistentEntropyLoss(), steps=3))
    assert np.isfinite(path).all()
    assert path[-1] == pytest.approx(path[0])
