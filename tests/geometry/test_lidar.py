import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from core.geometry import measure
from core.geometry.measures.lidar import lidar


def classes(n=120, d=7, c=5, apart=2.0, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(n) % c
    spread = random.standard_normal((d, d))
    return apart * random.standard_normal((c, d))[labels] + random.standard_normal((n, d)) @ spread, labels


@pytest.mark.parametrize(("n", "d", "c"), [(120, 7, 5), (40, 60, 4), (60, 3, 12), (90, 1, 3)])
def test_it_is_the_published_formula(n, d, c):
    x, labels = classes(n, d, c)
    means = np.stack([x[labels == k].mean(0) for k in range(c)])
    sizes = np.bincount(labels) / n
    about = means - x.mean(0)
    between = (sizes[:, None] * about).T @ about
    rest = x - means[labels]
    within = rest.T @ rest / n
    within += 1e-4 * np.trace(within) / d * np.eye(d)
    root = fractional_matrix_power(within, -0.5).real
    values = np.maximum(np.linalg.eigvalsh(root @ between @ root), 0)
    p = values / values.sum() + 1e-7
    assert lidar(x, labels) == pytest.approx(max(np.exp(-(p * np.log(p)).sum()), 1), rel=1e-6)


def test_its_ends():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 50)
    noise = random.standard_normal((300, 10))
    simplex = 100 * np.eye(6, 10)[labels] + noise
    assert lidar(simplex, labels) == pytest.approx(5, rel=0.02)
    on_a_line = 100.0 * labels[:, None] * np.ones(10) + noise
    assert lidar(on_a_line, labels) == pytest.approx(1, abs=0.05)
    two = random.standard_normal((40, 4))
    assert lidar(two, np.arange(40) % 2) == pytest.approx(1, abs=1e-4)


def test_collapsed_classes_count_as_spread_alike_in_all_directions():
    labels = np.repeat(np.arange(4), 5)
    assert lidar(np.eye(4, 9)[labels], labels) == pytest.approx(3, rel=1e-4)
    nearly = np.eye(4, 9)[labels] + 1e-9 * np.random.default_rng(0).standard_normal((20, 9))
    assert 1 <= lidar(nearly, labels) <= 3.001


def test_degenerate_clouds():
    def of(x, labels):
        return measure(x, "lidar", labels)["lidar"]

    x, labels = classes()
    assert np.isnan(of(x, np.zeros(120)))
    assert np.isnan(of(x[:4], [0, 1, 2, 3]))
    assert np.isnan(of([[0.0, 1.0], [1.0, 0.0]], [0, 1]))
    assert np.isnan(of(np.full((20, 3), 0.1), np.arange(20) % 2))
    assert np.isnan(of(np.vstack([x, -x, -x, x]), np.repeat([0, 1], 240)))  # all means at the origin
    x[0] = 0.0
    assert of(1e-150 * x, labels) == pytest.approx(of(x, labels))
    assert np.isfinite(of(np.repeat(x[:10], 3, axis=0), np.repeat(np.arange(10) % 3, 3)))
