"""A checkpoint's outputs and a task's classes: matched by name, else by number and with a note, else without a score."""

import datasets
import pytest
import torch

from core import RunSpec, inspect_checkpoint, train
from core.models.loading import load_model
from core.tasks import Task, probe_set
from core.tasks.order import in_order
from core.tasks.task import fingerprint


def _task(*names, rows=40):
    labels = [row % len(names) for row in range(rows)]
    data = datasets.Dataset.from_dict(
        {"text": [f"text {names[label]} {n}" for n, label in enumerate(labels)], "label": labels}
    )
    return Task("x", data, data, names, ("accuracy", "f1"), fingerprint(data, data, names), "here")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "outputs", "found"),
    [
        (("negative", "positive"), ("positive", "negative"), ("positive", "negative")),
        (("contradiction", "entailment", "neutral"), ("ENTAILMENT", "Neutral", "CONTRADICTION"), ("entailment", "neutral", "contradiction")),
        (("entailment", "not_entailment"), ("Not entailment", "Entailment"), ("not_entailment", "entailment")),
        (("0", "1"), ("True", "False"), ("1", "0")),
        (("no", "yes"), ("yes", "no"), ("yes", "no")),
        (("1", "2", "3"), ("3 stars", "2 stars", "1 star"), ("3", "2", "1")),
        (("0", "1", "10", "2"), ("0.0", "1.0", "2.0", "10.0"), ("0", "1", "2", "10")),
        (("-1", "0", "1"), ("1", "0", "-1"), ("1", "0", "-1")),
        (("C", "C#", "C++"), ("C++", "C", "C#"), ("C++", "C", "C#")),
        (("LABEL_0", "LABEL_1", "LABEL_10", "LABEL_2"), ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_10"), ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_10")),
    ],
)  # fmt: skip
def test_classes_go_by_name_in_the_order_of_the_outputs(names, outputs, found):
    task = _task(*names)
    ordered, scored = in_order(task, outputs)
    assert scored
    assert ordered.label_names == found
    for data in (ordered.train, ordered.validation):
        assert list(data["text"]) == list(task.train["text"])
        assert [ordered.label_names[label] for label in data["label"]] == [
            names[label] for label in task.train["label"]
        ]
    assert ordered.fingerprint == task.fingerprint
    assert [ordered.label_names[number] for number in ordered.own_order] == list(names)
    assert any("order of the checkpoint's" in note for note in ordered.notes) == (names != found)


def test_what_is_drawn_and_the_class_of_f1_stay_those_of_the_data():
    task = _task("negative", "positive", rows=200)
    ordered, _ = in_order(task, ("positive", "negative"))
    assert list(probe_set(ordered, 8, seed=1)["text"]) == list(probe_set(task, 8, seed=1)["text"])
    assert task.label_names[task.positive] == ordered.label_names[ordered.positive] == "positive"


@pytest.mark.parametrize(
    ("names", "outputs", "said"),
    [
        (("0", "1"), ("negative", "positive"), "0 is 'negative', 1 is 'positive'"),
        (("0", "1"), ("LABEL_0", "LABEL_1"), ""),
        (("negative", "positive"), ("LABEL_0", "LABEL_1"), "assumed to be the data's in their order: 'negative', 'positive'"),
        (("negative", "positive"), (), ""),
    ],
)  # fmt: skip
def test_without_names_the_order_stands_and_the_note_says_what_is_assumed(names, outputs, said):
    ordered, scored = in_order(_task(*names), outputs)
    assert scored
    assert ordered.label_names == names
    assert said in " ".join(ordered.notes)
    assert bool(ordered.notes) == bool(said)


@pytest.mark.parametrize(
    ("names", "outputs", "said"),
    [
        (("negative", "positive"), ("no", "yes"), "'no', 'yes', the data's 'negative', 'positive'"),
        (("negative", "positive"), ("negative", "Positive", "neutral"), "3 classes apart"),
        (("a", "A"), ("A", "B"), "can't be told by name"),
        (("1", "2"), ("bad", "good"), "can't be told by name"),
        (("negative", "neutral", "positive"), ("negative", "positive"), "the data have 3"),
    ],
)
def test_where_names_do_not_match_there_is_no_score(names, outputs, said):
    task = _task(*names)
    ordered, scored = in_order(task, outputs)
    assert not scored
    assert ordered.train is task.train
    assert said in ordered.notes[-1]


@pytest.fixture
def classifier(tiny_model, tmp_path):
    """Return a function that saves a classifier of "bad" (output 0) and "good", with these names for its outputs.

    Its head reads one number of the first state, which the word at the second place decides.
    """
    loaded = load_model(str(tiny_model), num_labels=2)

    def saved(names, **config):
        model, tokenizer = loaded.model, loaded.processor
        with torch.no_grad():
            states = model.bert(**tokenizer(["bad film", "good film"], return_tensors="pt")).pooler_output
            bad, good = states.double()
            model.classifier.weight[0], model.classifier.weight[1] = 50 * (bad - good), 50 * (good - bad)
            middle = (bad + good) / 2
            model.classifier.bias[0], model.classifier.bias[1] = 50 * (good - bad) @ middle, 50 * (bad - good) @ middle
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: number for number, name in enumerate(names)}
        for name, value in config.items():
            setattr(model.config, name, value)
        folder = tmp_path / "-".join(names)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return saved


def _films(path, labels=("bad", "good"), rows=60):
    path.write_text("text,label\n" + "".join(f"{['bad', 'good'][n % 2]} film,{labels[n % 2]}\n" for n in range(rows)))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("names", [("bad", "good"), ("Bad.", "GOOD")])
@pytest.mark.parametrize("labels", [("bad", "good"), ("good", "bad"), ("0.0", "1.0")])
def test_a_checkpoint_is_scored_by_its_own_names_and_trains_on_from_there(classifier, tmp_path, names, labels):
    model, task = classifier(names), _films(tmp_path / "films.csv", labels)
    right = float(labels[0] != "good")  # the words' names are swapped in the file
    found = inspect_checkpoint(model, task, spec=RunSpec(probe_per_class=4, device="cpu"))
    assert found.metrics == {"accuracy": right, "f1": right}
    spec = RunSpec(model=model, task=task, probe_per_class=4, device="cpu", max_steps=1, learning_rate=1e-9)
    run = train(spec, tmp_path / "run")
    assert run.report["before"]["accuracy"] == right
    again = inspect_checkpoint(str(run.path / "model"), task, spec=RunSpec(probe_per_class=4, device="cpu"))
    assert again.metrics["accuracy"] == right


@pytest.mark.slow
def test_the_order_of_the_outputs_is_kept_through_training(classifier, tmp_path):
    model = load_model(classifier(("bad", "good")), 2).model
    swapped = tmp_path / "swapped"
    with torch.no_grad():
        model.classifier.weight.copy_(model.classifier.weight.flip(0).clone())
        model.classifier.bias.copy_(model.classifier.bias.flip(0).clone())
    model.config.id2label, model.config.label2id = {0: "good", 1: "bad"}, {"good": 0, "bad": 1}
    model.save_pretrained(swapped)
    load_model(str(tmp_path / "bad-good"), 2).processor.save_pretrained(swapped)
    task = _films(tmp_path / "films.csv")
    spec = RunSpec(model=str(swapped), task=task, probe_per_class=4, device="cpu", max_steps=1, learning_rate=1e-9)
    run = train(spec, tmp_path / "run")
    assert (run.report["before"]["accuracy"], run.report["after"]["accuracy"]) == (1.0, 1.0)
    assert run.record["task"]["label_names"] == ["good", "bad"]
    assert load_model(str(run.path / "model"), 2).model.config.id2label == {0: "good", 1: "bad"}


@pytest.mark.slow
def test_classes_of_other_names_are_not_scored(classifier, tmp_path):
    found = inspect_checkpoint(
        classifier(("no", "yes")), _films(tmp_path / "films.csv"), spec=RunSpec(probe_per_class=4, device="cpu")
    )
    assert found.metrics == {}
    assert set(found.predictions) == {-1}
    assert "can't be told by name" in found.notes[-1]


@pytest.mark.slow
def test_a_former_task_s_kind_does_not_decide_for_the_new_one(classifier, tmp_path):
    model = classifier(("bad", "good"), problem_type="multi_label_classification")
    spec = RunSpec(model=model, task=_films(tmp_path / "films.csv"), probe_per_class=4, device="cpu", max_steps=2)
    assert train(spec, tmp_path / "run").state == "finished"
