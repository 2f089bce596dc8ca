"""Tasks of the Hub: the path without a network as it is, the path with one through a stand-in for load_dataset."""

import time

import datasets
import pytest

import core.tasks.hub as hub
from core.errors import IsobarError
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
    with pytest.raises(IsobarError, match="Hub can't be reached; the built-in tasks grammar and paraphrase") as caught:
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
