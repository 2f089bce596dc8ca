"""The share of the maximum that a barcode's entropy has, by another implementation and at both ends."""

import gudhi
import numpy as np
import pytest
import torch

from core import measure
from core.geometry.measures.barcode_entropy import barcode_entropy
from core.topology import relative_entropy


def test_it_is_that_of_gudhis_bars():
    cloud = np.random.default_rng(0).standard_normal((60, 5))
    tree = gudhi.RipsComplex(points=cloud).create_simplex_tree(max_dimension=1)
    tree.compute_persistence(homology_coeff_field=2)
    bars = tree.persistence_intervals_in_dimension(0)[:, 1]
    bars = bars[np.isfinite(bars)]
    shares = bars / bars.sum()
    assert barcode_entropy(cloud) == pytest.approx(-(shares * np.log(shares)).sum() / np.log(len(bars)), rel=1e-9)
    assert barcode_entropy(cloud) == pytest.approx(float(relative_entropy(torch.from_numpy(bars))), rel=1e-9)


def test_equal_bars_are_1_and_one_long_bar_is_near_0():
    assert barcode_entropy(np.arange(10.0)[:, None]) == pytest.approx(1.0)
    far = np.concatenate((np.linspace(0, 1e-9, 9), [1.0]))[:, None]
    assert barcode_entropy(far) < 1e-6


def test_it_does_not_depend_on_scale_or_origin():
    cloud = np.random.default_rng(1).standard_normal((40, 3))
    assert barcode_entropy(1e8 * cloud + 5.0) == pytest.approx(barcode_entropy(cloud), rel=1e-6)


@pytest.mark.parametrize("cloud", [np.ones((5, 3)), np.eye(2)], ids=["equal rows", "two rows"])
def test_it_is_undefined_where_there_are_no_two_bars(cloud):
    assert np.isnan(measure(cloud, "barcode_entropy")["barcode_entropy"])
