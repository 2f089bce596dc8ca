"""Files of embeddings, inspected as they are."""

import json

import numpy as np
import pandas as pd
import pytest

from core.errors import IsobarError
from core.geometry import measure
from core.training.inspection import inspect_checkpoint, inspect_side_by_side, record_inspection
from core.training.spec import RunSpec
from core.training.stored import is_stored, read_space

random = np.random.default_rng(0)
X = random.normal(size=(60, 12)).astype(np.float32)
Y = np.repeat(["sad", "glad", "mad"], 20)


@pytest.fixture
def npz(tmp_path):
    np.savez(tmp_path / "e.npz", vectors=X, mood=Y)
    return str(tmp_path / "e.npz")


@pytest.fixture
def parquet(tmp_path):
    frame = pd.DataFrame({"words": [f"text {i}" for i in range(60)], "a": list(X), "b": list(-X), "mood": Y})
    frame.to_parquet(tmp_path / "e.parquet")
    return str(tmp_path / "e.parquet")


def spec(model, **settings):
    return RunSpec.parse({"model": model, "probe_per_class": 200, **settings})


def test_the_measures_are_those_of_the_rows(npz):
    found = inspect_checkpoint(npz, spec=spec(npz, label_column="mood"))
    assert found.measures == measure(X, "main", np.unique(Y, return_inverse=True)[1])
    assert (found.embeddings == X).all()
    assert [shape.name for shape in found.classes] == ["glad", "mad", "sad"]
    assert [shape.points for shape in found.classes] == [20] * 3
    assert found.probe["label_name"].tolist() == Y.tolist()
    assert not found.metrics
    assert not found.layers
    json.dumps(found.as_dict())


def test_without_labels_the_rows_are_one_cloud(npz):
    found = inspect_checkpoint(npz, spec=spec(npz))
    assert found.measures == measure(X, "main")
    assert [shape.points for shape in found.classes] == [60]
    assert found.probe["text"][7] == "row 7"


def test_of_many_rows_a_sample_is_taken_and_told(npz):
    space = read_space(spec(npz, label_column="mood", probe_per_class=8))
    assert np.bincount(space.labels).tolist() == [8, 8, 8]
    assert (space.embeddings == X[space.rows]).all()
    assert (np.array(space.label_names)[space.labels] == Y[space.rows]).all()
    assert space.notes[-1] == "24 of the 60 rows were taken, at random with seed 0."
    assert (read_space(spec(npz, probe_per_class=8)).rows == read_space(spec(npz, probe_per_class=8)).rows).all()
    assert len(read_space(spec(npz, probe_per_class=8)).rows) == 16


def test_a_column_of_vectors_is_named_behind_the_file_and_texts_are_read(parquet):
    space = read_space(spec(f"{parquet}:column=b", text_column="words", label_column="mood"))
    assert (space.embeddings == -X).all()
    assert space.texts[5] == "text 5"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"label_column": "mod"}, "Did you mean 'mood'"),
        ({"layer": 3}, "layer is of models"),
        ({"pooling": "cls"}, "pooling is of models"),
        ({"text_column": "mood"}, "Texts are read from a column of"),
    ],
)
def test_what_a_file_has_not_is_said(npz, settings, said):
    with pytest.raises(IsobarError, match=said):
        read_space(spec(npz, **settings))


@pytest.mark.parametrize(
    ("x", "labels", "said"),
    [
        (X[:3], None, "at least 4 rows; here are 3"),
        (X[:8], ["a"] * 6 + ["b"] * 2, "Class 'b' of .* has 2 rows"),
        (np.full((8, 3), np.nan), None, "NaN"),
        (np.zeros((1200 * 4, 2)), list(np.repeat(np.arange(1200), 4)), "1,200 different values"),
    ],
)
def test_rows_that_have_no_shape_are_said(tmp_path, x, labels, said):
    arrays = {"x": x} if labels is None else {"x": x, "y": np.array(labels)}
    np.savez(tmp_path / "e.npz", **arrays)
    with pytest.raises(IsobarError, match=said):
        read_space(spec(str(tmp_path / "e.npz"), label_column=None if labels is None else "y"))


@pytest.mark.parametrize("kinds", [("sad", "glad"), (1, 2), (0.5, 1.5)])
def test_a_label_that_is_missing_is_told_with_its_row(tmp_path, kinds):
    labels = [kinds[k % 2] for k in range(60)]
    labels[7] = labels[30] = None
    pd.DataFrame({"a": list(X), "mood": labels}).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(IsobarError, match="Of the 60 labels 2 are missing, first in row 7; give every row a label"):
        read_space(spec(str(tmp_path / "e.parquet"), label_column="mood"))


def test_two_files_of_the_same_rows_are_compared_and_others_not(tmp_path, npz):
    np.save(tmp_path / "other.npy", X @ random.normal(size=(12, 7)))
    one, other = inspect_side_by_side([npz, str(tmp_path / "other.npy")], spec=spec(npz))
    assert one.probe.equals(other.probe)
    np.save(tmp_path / "fewer.npy", X[:50])
    with pytest.raises(IsobarError, match="don't read the same examples"):
        inspect_side_by_side([npz, str(tmp_path / "fewer.npy")], spec=spec(npz))


def test_an_inspection_of_a_file_is_recorded_as_one_of_a_model(tmp_path, npz):
    run, _ = record_inspection(spec(npz, label_column="mood"), tmp_path / "inspection")
    assert run.state == "finished"
    assert (run.before.embeddings == X).all()
    assert run.record["pooling"] == "as stored"
    assert run.report["isotropic"]["effective_rank"] > run.report["before"]["effective_rank"] * 0.8


@pytest.mark.parametrize(
    ("model", "stored"), [("a/b.npy", True), ("x.parquet:column=v", True), ("minilm", False), ("org/name", False)]
)
def test_what_names_a_file_of_embeddings(model, stored):
    assert is_stored(model) == stored
