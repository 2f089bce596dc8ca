"""Metrics, their choice by name, and the probe set."""

import datasets
import pytest

from core.errors import IsobarError
from core.tasks import BUILT_IN, Task, load_task, probe_set, score
from core.tasks.metrics import metric_names
from core.tasks.sampling import scored_part
from core.tasks.task import fingerprint


def _task(labels, classes=2):
    data = datasets.Dataset.from_dict({"text": [f"text {n}" for n in range(len(labels))], "label": labels})
    return Task("x", data, data, tuple("abcdef"[:classes]), ("accuracy",), "0" * 64, "here")


@pytest.mark.filterwarnings("ignore:A single label was found")
def test_scores_are_the_textbook_s():
    labels, predictions = [1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 1]
    scores = score(("mcc", "accuracy", "f1"), labels, predictions)
    assert list(scores) == ["mcc", "accuracy", "f1"]
    assert scores == pytest.approx({"mcc": 1 / 3, "accuracy": 2 / 3, "f1": 2 / 3})
    assert score(("f1",), [0, 1, 2, 2], [0, 1, 1, 2])["f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert score(("mcc", "f1"), [0, 0], [0, 0]) == {"mcc": 0.0, "f1": 0.0}


def test_scores_refuse_what_they_can_not_compare():
    with pytest.raises(IsobarError, match="Did you mean 'accuracy'"):
        score(("acuracy",), [1], [1])
    with pytest.raises(IsobarError, match="as many predictions"):
        score(("accuracy",), [1], [])
    with pytest.raises(IsobarError, match="as many predictions"):
        score(("accuracy",), [], [])


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("glue-cola", ("mcc", "accuracy")),
        ("my-mrpc-part", ("accuracy", "f1")),
        ("glue-sst2", ("accuracy",)),
        ("chocolate", ("accuracy", "f1")),
    ],
)
def test_the_metrics_go_by_the_task_s_name(name, metrics):
    assert metric_names(name) == metrics


def test_a_probe_set_is_stratified_fixed_and_says_its_rows():
    task = _task([0, 1, 1, 1, 1, 1, 0, 0, 0, 1])
    probe = probe_set(task, 4, seed=0)
    assert sorted(probe["label"]) == [0] * 4 + [1] * 4
    assert list(probe["row"]) == sorted(probe["row"])
    assert list(probe["text"]) == [task.validation["text"][row] for row in probe["row"]]
    assert probe_set(task, 4, seed=0).to_dict() == probe.to_dict()
    assert {tuple(probe_set(task, 4, seed=s)["row"]) for s in range(5)} != {tuple(probe["row"])}
    assert len(probe_set(task, 100, seed=0)) == 10


def test_a_probe_set_refuses_classes_without_shape():
    with pytest.raises(IsobarError, match="Class 'b' has 3 examples in the validation split"):
        probe_set(_task([0] * 9 + [1] * 3), 10, seed=0)
    with pytest.raises(IsobarError, match="Class 'c' has 0 examples"):
        probe_set(_task([0, 1] * 5, classes=3), 10, seed=0)
    with pytest.raises(IsobarError, match="at least 4"):
        probe_set(_task([0, 1] * 5), 3, seed=0)


def test_unknown_tasks_are_answered_with_the_nearest():
    with pytest.raises(IsobarError, match="Did you mean 'grammar'"):
        load_task("gramar")
    with pytest.raises(IsobarError, match="Did you mean 'glue/cola'"):
        load_task("cola")


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_tasks_have_no_columns_to_name(name):
    with pytest.raises(IsobarError, match="columns of its own"):
        load_task(name, label_column="label")


def test_the_fingerprint_of_images_is_of_their_bytes_and_not_of_their_names():
    def split(cells, labels=(0, 1)):
        return datasets.Dataset.from_dict({"image": cells, "label": list(labels)})

    def cells(*contents, name="a.png"):
        return [{"bytes": content, "path": name} for content in contents]

    names = ("a", "b")
    one = split(cells(b"12", b"3"))
    same = fingerprint(one, one, names)
    assert fingerprint(split(cells(b"12", b"3", name="b.png")), one, names) == same
    others = (split(cells(b"1", b"23")), split(cells(b"3", b"12")), split(cells(b"12", b"3"), (1, 0)))
    assert len({same, *(fingerprint(other, one, names) for other in others)}) == 4


def test_the_fingerprint_of_texts_is_what_it_was():
    """Runs keep it, and a resumed one must find its task again."""
    texts = datasets.Dataset.from_dict({"text": ["ä", "b"], "text_pair": ["c", "d"], "label": [0, 1]})
    assert (
        fingerprint(texts, texts, ("no", "yes")) == "b1e08ed5a8839ad6855b26dbd48370c69d169e7d2f13da2c4e3e84a258b18a4f"
    )


def test_a_part_of_the_validation_set_is_scored_alike_in_every_run():
    task = _task([0] * 900 + [1] * 90 + [2] * 10, 3)
    part = scored_part(task, 100)
    assert [part["label"][:].count(label) for label in range(3)] == [90, 9, 1]
    assert part["text"][:] == scored_part(task, 100)["text"][:]
    for size in (0, 1_000, 2_000):
        assert scored_part(task, size) is task.validation
