import json

import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import measure, measure_by_class
from core.geometry.labels import rows_by_class
from core.geometry.summary import Measured, summarize


def cloud(n=60, d=4):
    return np.random.default_rng(1).standard_normal((n, d)) + 0.5


def test_a_class_called_all_stands_beside_the_whole_cloud():
    x, labels = cloud(), ["all", "b", "b"] * 20
    rows = summarize(x, labels, "isoscore")
    assert [(row.of, row.label, row.n, row.d) for row in rows] == [
        ("all", None, 60, 4), ("all", "all", 20, 4), ("b", "b", 40, 4),
    ]  # fmt: skip
    expected = [measure(some, "isoscore")["isoscore"] for some in (x, x[::3], np.delete(x, np.s_[::3], axis=0))]
    assert [row.value for row in rows] == pytest.approx(expected)


def test_without_labels_there_is_one_cloud():
    (row,) = summarize(cloud(), measures="isoscore")
    assert (row.of, row.label, row.n, row.d) == ("", None, 60, 4)


@pytest.mark.parametrize("missing", [None, np.nan, "pandas.NA"], ids=str)
@pytest.mark.parametrize("kinds", [("a", "b"), (1, 2), (0.5, 1.5)])
def test_missing_labels_are_told(missing, kinds):
    import pandas as pd

    labels = [kinds[k % 2] for k in range(60)]
    labels[7] = labels[30] = pd.NA if missing == "pandas.NA" else missing
    said = "Of the 60 labels 2 are missing, first in row 7;"
    given = [labels, np.array(labels, dtype=object), pd.Series(labels)]
    if missing is np.nan and not isinstance(kinds[0], str):
        given.append(np.array(labels, dtype=float))
    for some in given:
        for call in (measure_by_class, summarize):
            with pytest.raises(IsobarError, match=said):
                call(cloud(), some)


def test_labels_of_every_kind_in_their_order():
    import torch

    x = cloud(24)
    numbers = np.arange(24) % 12
    for labels in (numbers, numbers.tolist(), torch.tensor(numbers), numbers.astype(np.uint8)):
        found = measure_by_class(x, labels, "mean_cosine")
        assert list(found) == [str(k) for k in range(12)]  # 10 after 9
        assert found["3"] == measure(x[numbers == 3], "mean_cosine")
    mixed = [1 if k % 2 else "b" for k in range(24)]
    assert measure_by_class(x, mixed, "mean_cosine") == {
        "1": measure(x[1::2], "mean_cosine"), "b": measure(x[::2], "mean_cosine"),
    }  # fmt: skip
    assert list(measure_by_class(x, [True, False] * 12)) == ["False", "True"]
    with pytest.raises(IsobarError, match="one a row"):
        measure_by_class(x, [0, 1])


@pytest.mark.parametrize("kind", ["int", "float", "text", "object", "mixed"])
def test_the_rows_of_each_class_are_those_with_its_label(kind):
    draw = np.random.default_rng(0).integers(0, 40, 500)
    labels = {
        "int": draw - 7,
        "float": draw / 4,
        "text": draw.astype(str),
        "object": np.array([f"class {k}" for k in draw], dtype=object),
        "mixed": [k if k % 2 else f"class {k}" for k in draw.tolist()],
    }[kind]
    found = rows_by_class(labels, 500)
    texts = np.array([str(value) for value in np.asarray(labels, dtype=object)])
    order = sorted(set(texts)) if kind == "mixed" else [str(value) for value in np.unique(labels)]
    assert list(found) == order
    for label, rows in found.items():
        np.testing.assert_array_equal(rows, np.flatnonzero(texts == label))


def test_no_class_is_looked_for_in_all_rows(monkeypatch):
    def compared(*_):
        raise AssertionError("all rows were compared with one label")

    monkeypatch.setattr(np, "flatnonzero", compared)
    found = rows_by_class(np.arange(3_000).astype(str), 3_000)
    assert [len(rows) for rows in found.values()] == [1] * 3_000


def test_equal_labels_of_two_types_are_one_class():
    found = rows_by_class(np.array([2, 1, 1.0, 2.0, True], dtype=object), 5)
    assert {label: rows.tolist() for label, rows in found.items()} == {"1": [1, 2, 4], "2": [0, 3]}


def test_json_tells_undefined_from_infinite():
    row = Measured("", "ph_dimension", float("inf"), float("nan"), float("-inf"), 1.0).as_dict()
    assert json.loads(json.dumps(row, allow_nan=False)) == {
        "of": "", "name": "ph_dimension", "value": "infinity", "reference": None, "low": "-infinity", "high": 1.0,
        "n": 0, "d": 0, "label": None,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e307])
def test_extreme_numbers_have_a_reference_and_intervals(scale):
    plain = {row.name: row for row in summarize(cloud(), measures="all", resamples=4)}
    for row in summarize(scale * cloud(), measures="all", resamples=4):
        if row.name == "partition_ratio":
            assert row.value == row.reference == (1.0 if scale < 1 else 0.0)
            continue
        if row.name == "total_persistence":  # a length
            assert row.value == pytest.approx(scale * plain[row.name].value)
            assert row.reference == pytest.approx(scale * plain[row.name].reference)
            continue
        for part in ("value", "reference", "low", "high"):
            expected = getattr(plain[row.name], part)
            assert getattr(row, part) == pytest.approx(expected, rel=1e-6, nan_ok=True), (row.name, part)
