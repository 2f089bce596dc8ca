"""Tasks of the Hub: the path without a network as it is, the path with one through a stand-in for load_dataset."""

import time

import datasets
import numpy as np
import pytest
from PIL import Image

import core.tasks.hub as hub
from core.errors import IsobarError
from core.modalities.media import decode_image, image_cell, sound_cell
from core.tasks import load_task


def _data(labels, names=("unacceptable", "acceptable"), text="sentence"):
    features = datasets.Features({text: datasets.Value("string"), "label": datasets.ClassLabel(names=list(names))})
    rows = {text: [f"text {n}" for n in range(len(labels))], "label": labels}
    return datasets.Dataset.from_dict(rows, features=features)


@pytest.fixture
def online(monkeypatch):
    """Return a function that puts data sets where load_dataset finds them; it records what was asked for."""
    asked = []

    def publish(**splits):
        def load_dataset(path, name=None):
            asked.append((path, name))
            return datasets.DatasetDict(splits)

        monkeypatch.setattr(hub, "hub_reachable", lambda: True)
        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return asked

    return publish


@pytest.mark.parametrize("name", ["glue/cola", "someone/something", "someone/something:config"])
def test_without_the_hub_one_sentence_names_what_needs_none(name):
    start = time.perf_counter()
    with pytest.raises(IsobarError, match=r"Hub can't be reached; the built-in tasks \(grammar, paraphrase") as caught:
        load_task(name)
    assert name in str(caught.value)
    assert time.perf_counter() - start < 10


def test_a_data_set_in_the_cache_needs_no_hub(monkeypatch):
    import datasets.config

    seen = []

    def load_dataset(path, name=None):
        seen.append(datasets.config.HF_HUB_OFFLINE)
        return datasets.DatasetDict(train=_data([0, 1] * 20), validation=_data([0, 1] * 5))

    before = datasets.config.HF_HUB_OFFLINE
    monkeypatch.setattr(hub, "hub_reachable", lambda: False)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert len(load_task("glue/cola").train) == 40
    assert seen == [True]
    assert before == datasets.config.HF_HUB_OFFLINE


def test_glue_tasks_come_from_their_repository(online):
    asked = online(train=_data([0, 1] * 20), validation=_data([0, 1] * 5), test=_data([-1] * 10))
    task = load_task("glue/cola")
    assert asked == [("nyu-mll/glue", "cola")]
    assert (task.name, task.metrics) == ("glue-cola", ("mcc", "accuracy"))
    assert task.label_names == ("unacceptable", "acceptable")
    assert (len(task.train), len(task.validation)) == (40, 10)
    assert "nyu-mll/glue:cola" in task.source


def test_any_data_set_with_a_configuration(online):
    asked = online(train=_data([0, 1, 2] * 20, names="abc", text="review"), dev=_data([0, 1, 2] * 5, "abc", "review"))
    task = load_task("owner/name:plain")
    assert asked == [("owner/name", "plain")]
    assert (task.name, task.label_names, task.metrics) == ("owner-name-plain", ("a", "b", "c"), ("accuracy", "f1"))


def test_an_unlabelled_test_split_is_no_validation_split(online):
    online(train=_data([0, 1] * 20), test=_data([-1] * 10))
    task = load_task("owner/name")
    assert (len(task.train), len(task.validation)) == (32, 8)
    assert any("no labels" in note for note in task.notes)


def test_mnli_is_validated_on_the_matched_half(online):
    online(
        train=_data([0, 1, 2] * 20, "abc"),
        validation_mismatched=_data([0] * 3, "abc"),
        validation_matched=_data([1], "abc"),
    )
    assert list(load_task("glue/mnli").validation["label"]) == [1]


def test_regression_and_unknown_tasks_of_glue_are_refused():
    with pytest.raises(IsobarError, match="not classes"):
        load_task("glue/stsb")
    with pytest.raises(IsobarError, match="Did you mean 'mrpc'"):
        load_task("glue/mrcp")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (datasets.exceptions.DatasetNotFoundError("no"), "has no data set 'owner/name'"),
        (ConnectionError("no"), "can't be reached"),
        (ValueError("Config name is missing.\nPick one of a, b"), "Config name is missing. Pick one of a, b"),
    ],
)
def test_what_load_dataset_raises_becomes_one_sentence(monkeypatch, error, sentence):
    def load_dataset(path, name=None):
        raise error

    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(IsobarError, match=sentence) as caught:
        load_task("owner/name")
    assert "\n" not in str(caught.value)


def test_images_and_sounds_come_as_their_files_bytes(online):
    """As the Hub's data sets keep them: structs, which `datasets` would decode if it were asked for an example."""
    cells = [image_cell(Image.new("L", (4, 4), 8 * n), f"{n}.png") for n in range(20)]
    features = datasets.Features({"img": datasets.Image(decode=False), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = datasets.Dataset.from_dict({"img": cells, "label": [0, 1] * 10}, features=features)
    rows = rows.cast_column("img", datasets.Image())
    online(train=rows.select(range(16)), validation=rows.select([18, 17]))
    task = load_task("owner/images")
    assert (task.modality, task.label_names) == ("image", ("a", "b"))
    assert task.train.column_names == ["image", "label"]
    assert decode_image(task.validation[0]["image"]).getpixel((0, 0)) == (144,) * 3  # the row numbered 18

    sounds = [sound_cell(np.full(100, n / 20), 8_000, f"{n}.wav") for n in range(20)]
    rows = datasets.Dataset.from_dict({"audio": sounds, "label": ["no", "yes"] * 10})
    online(train=rows.cast_column("audio", datasets.Audio()))
    task = load_task("owner/sounds")
    assert (task.modality, task.label_names, len(task.train)) == ("audio", ("no", "yes"), 16)
    assert task.train[0]["audio"]["path"].endswith(".wav")
