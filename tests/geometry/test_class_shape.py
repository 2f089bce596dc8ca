import json
from dataclasses import fields

import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import ClassShape, measure, shape_by_class


@pytest.fixture
def cloud():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 90)
    return generator.standard_normal((90, 5)) + 3 * labels[:, None], labels


def bars(shape):
    return {"lengths": shape.lengths, "edges": shape.edges, "features": shape.features}


def same(a, b):
    for f in fields(ClassShape):
        np.testing.assert_equal(getattr(a, f.name), getattr(b, f.name), err_msg=f.name)


def test_bars_are_each_class_spanning_tree_in_rows_of_the_whole(cloud):
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import cdist

    x, labels = cloud
    shapes = shape_by_class(x, labels, ["a", "b", "c"])
    assert [s.label for s in shapes] == [0, 1, 2]
    assert [s.name for s in shapes] == ["a", "b", "c"]
    for shape in shapes:
        rows = labels == shape.label
        assert shape.points == rows.sum()
        expected = np.sort(minimum_spanning_tree(cdist(x[rows], x[rows])).data)[::-1]
        np.testing.assert_allclose(shape.lengths, expected)
        assert (labels[shape.edges] == shape.label).all()
        np.testing.assert_allclose(np.linalg.norm(x[shape.edges[:, 0]] - x[shape.edges[:, 1]], axis=1), shape.lengths)
        assert shape.lengths.dtype == np.float64
        assert shape.edges.dtype == np.int64
        assert shape.features.dtype == bool


def test_numbers_follow_from_the_bars(cloud):
    x, labels = cloud
    for shape in shape_by_class(x, labels):
        assert 1 < shape.kept == shape.features.sum()
        assert shape.threshold == shape.lengths[shape.features].min()
        for lengths, entropy, relative in (
            (shape.lengths[shape.features], shape.entropy, shape.relative_entropy),
            (shape.lengths, shape.entropy_all, shape.relative_entropy_all),
        ):
            p = lengths / lengths.sum()
            assert entropy == pytest.approx(-(p * np.log(p)).sum())
            assert relative == pytest.approx(entropy / np.log(len(p)))
        alone = x[labels == shape.label]
        assert shape.measures == measure(alone, ["anisotropy_1", "anisotropy_1_centered", "mean_cosine"])


def test_summary_and_back(cloud):
    x, labels = cloud
    for shape in shape_by_class(x, labels, {0: "zero", 2: "two"}):
        row = json.loads(json.dumps(shape.summary(), allow_nan=False))
        assert not {"lengths", "edges", "features"} & set(row)
        assert row["kept"] == shape.kept
        same(ClassShape.from_summary(row, **bars(shape)), shape)


def test_summaries_of_other_versions(cloud):
    x, labels = cloud
    shape = shape_by_class(x, labels)[0]
    row = shape.summary()
    bare = ClassShape.from_summary({"label": 0, "novelty": 1}, **bars(shape))
    assert bare.measures == {}
    assert (bare.points, bare.entropy, bare.threshold) == (shape.points, shape.entropy, shape.threshold)
    same(ClassShape.from_summary({**row, "novelty": [1]}, **bars(shape)), shape)
    with pytest.raises(ValueError, match="label"):
        ClassShape.from_summary({}, **bars(shape))
    with pytest.raises(ValueError, match="disagree"):
        ClassShape.from_summary(row, **{**bars(shape), "features": shape.features[:-1]})


def test_small_and_collapsed_classes():
    x = np.array([[0.0, 1.0], [5.0, 5.0], [5.0, 5.0], [5.0, 5.0], [1.0, 0.0], [1.0, 3.0]])
    one, equal, two = shape_by_class(x, [7, -1, -1, -1, 9, 9][:6])[1], *shape_by_class(x, [7, -1, -1, -1, 9, 9])[::2]
    assert (one.label, one.points, one.lengths.shape, one.edges.shape, one.kept) == (7, 1, (0,), (0, 2), 0)
    assert np.isnan([one.entropy, one.threshold, one.relative_entropy_all, *one.measures.values()]).all()
    assert (equal.label, equal.kept, equal.lengths.tolist()) == (-1, 0, [0.0, 0.0])
    assert np.isnan([equal.entropy, equal.entropy_all, equal.threshold]).all()
    assert (two.kept, two.entropy, two.threshold) == (1, 0.0, 3.0)
    assert np.isnan(two.relative_entropy)
    assert sorted(two.edges[0]) == [4, 5]
    for shape in (one, equal, two):
        row = json.loads(json.dumps(shape.summary(), allow_nan=False))
        same(ClassShape.from_summary(row, **bars(shape)), shape)


def test_labels_of_torch_and_of_floats(cloud):
    torch = pytest.importorskip("torch")
    x, labels = cloud
    expected = [s.summary() for s in shape_by_class(x, labels)]
    assert [s.summary() for s in shape_by_class(torch.tensor(x), torch.tensor(labels))] == expected
    assert [s.summary() for s in shape_by_class(x, labels.astype(float))] == expected
    assert [s.summary() for s in shape_by_class(x, labels.astype(object))] == expected


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1], "90 embeddings"),
        (np.full(90, 0.5), "whole numbers"),
        (["a"] * 90, "whole numbers"),
        ([0] * 89 + [None], "1 is missing, first in row 89"),
        (np.array([[0]] * 45 + [[0, 1]] * 45, dtype=object), "whole numbers"),
    ],
)
def test_wrong_labels(cloud, labels, words):
    with pytest.raises(IsobarError, match=words):
        shape_by_class(cloud[0], labels)
