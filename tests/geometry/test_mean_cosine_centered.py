"""The mean cosine of what is left where the mean is taken off."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from core.geometry.measures.angles import mean_cosine, mean_cosine_centered


def test_it_is_scikit_learns_of_the_centered_rows():
    cloud = np.random.default_rng(0).exponential(size=(50, 6))
    rows = cosine_similarity(cloud - cloud.mean(0))
    assert mean_cosine_centered(cloud) == pytest.approx(rows[np.triu_indices(50, 1)].mean(), abs=1e-12)


def test_drift_alone_is_gone():
    cloud = np.random.default_rng(1).standard_normal((400, 20)) + 10.0
    assert mean_cosine(cloud) > 0.98
    assert abs(mean_cosine_centered(cloud)) < 0.01


def test_it_is_undefined_where_a_row_is_the_mean():
    assert np.isnan(mean_cosine_centered(np.array([[0.0, 1.0], [0.0, -1.0], [0.0, 0.0]])))
