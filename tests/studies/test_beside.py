import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from core.errors import IsobarError
from core.geometry import mean_cosine, measure_interval
from core.geometry.measures.comparison import linear_cka
from core.geometry.report import measure_differences
from core.studies.beside import NEIGHBOURS, TOLD, Space, beside, same_examples, sentence, with_intervals

N = 60


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((N, 12)) + 0.4


@pytest.fixture
def probe():
    return pd.DataFrame({"text": [f"text {i}" for i in range(N)], "label_name": ["a", "b"] * (N // 2), "row": range(N)})


@pytest.mark.slow
def test_a_difference_s_interval_is_scipy_s_paired_bootstrap(x):
    y = x + np.random.default_rng(1).standard_normal(x.shape) * 0.3 + 0.2
    value, low, high = measure_differences(x, y, "mean_cosine", resamples=400, seed=3)["mean_cosine"]
    assert value == pytest.approx(mean_cosine(y) - mean_cosine(x))
    judged = bootstrap(
        (np.arange(N),),
        lambda rows: mean_cosine(y[rows]) - mean_cosine(x[rows]),
        vectorized=False, n_resamples=400, method="percentile", rng=np.random.default_rng(3),
    )  # fmt: skip
    ends, mean = judged.confidence_interval, judged.bootstrap_distribution.mean()
    assert (low, high) == pytest.approx((ends.low + value - mean, ends.high + value - mean))


def test_pairing_takes_out_what_an_example_does_to_both_sides(x):
    y = x + 0.01 * np.random.default_rng(1).standard_normal(x.shape)
    _, low, high = measure_differences(x, y, "anisotropy_1", resamples=100)["anisotropy_1"]
    alone = measure_interval(x, "anisotropy_1", resamples=100)
    assert high - low < 0.1 * (alone[2] - alone[1])
    same = measure_differences(x, x, resamples=20)
    assert all(found == (0.0, 0.0, 0.0) for found in same.values())


def test_spaces_may_be_of_other_widths_and_undefined_measures_are_nan(x):
    found = measure_differences(x, x[:, :5], ("mean_cosine", "effective_rank"), resamples=10)
    assert found["effective_rank"][0] < 0
    constant = measure_differences(x, np.ones((N, 3)), ("effective_rank",), resamples=10)["effective_rank"]
    assert np.isnan(constant).all()
    with pytest.raises(IsobarError, match="60 in one and 59"):
        measure_differences(x, x[1:], resamples=10)


def test_one_point_that_moves_is_the_one_that_is_told(x, probe):
    y = x.copy()
    y[7] = -20
    found = with_intervals(beside(Space("one", x, probe), Space("other", y, probe)), resamples=20)
    assert found.moved(1)["text"].tolist() == ["text 7"]
    assert found.kept.shape == (N,)
    assert found.alike["linear_cka"] == pytest.approx(linear_cka(x, y))
    told = json.loads(json.dumps(found.as_dict()))
    assert list(told["differences"]) == list(TOLD)
    assert told["moved"][0]["text"] == "text 7"
    assert sentence(found).startswith("other beside one: CKA ")
    same = with_intervals(beside(Space("one", x, probe), Space("other", 3 * x, probe)), resamples=20)
    assert "CKA 1.00, 100 % of nearest neighbours kept; no measure differs beyond chance." in sentence(same)
    assert NEIGHBOURS < N


def test_other_examples_are_refused(x, probe):
    other = probe.assign(text=probe["text"].to_numpy()[::-1])
    assert same_examples(probe, probe.copy())
    with pytest.raises(IsobarError, match="not looked at by the same examples"):
        beside(Space("one", x, probe), Space("other", x, other))
