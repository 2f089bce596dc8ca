"""The probe set in somebody else's Trainer: the run that comes of it, and that their training goes on as it would."""

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from core import IsobarError, ProbeCallback, RunSpec, list_runs, load_run, regularized
from core.models.loading import load_model
from core.studies.compare import compare

pytestmark = pytest.mark.slow

TEXTS = [
    f"the {c} {n} {p}" for c in ("red", "blue") for n in ("stone", "river", "cloud", "field") for p in ("here", "there")
]
LABELS = [int(text.startswith("the red")) for text in TEXTS]


def trained(folder, tiny_model, probe, kind=Trainer, fail_at=None, train=True, **options):
    """Train for four steps as somebody would, and return the Trainer."""
    torch.manual_seed(0)
    loaded = load_model(str(tiny_model), 2)
    data = Dataset.from_dict({**loaded.processor(TEXTS), "labels": LABELS})
    args = TrainingArguments(
        output_dir=str(folder / "theirs"), max_steps=4, per_device_train_batch_size=8, logging_steps=2, use_cpu=True,
        report_to="none", disable_tqdm=True, save_strategy="no", eval_strategy="steps", eval_steps=4, seed=3,
    )  # fmt: skip
    trainer = kind(
        model=loaded.model, args=args, train_dataset=data, eval_dataset=data, callbacks=[probe] if probe else [],
        data_collator=DataCollatorWithPadding(loaded.processor), processing_class=loaded.processor,
        compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())}, **options,
    )  # fmt: skip
    if train:
        trainer.train()
    return trainer


@pytest.fixture(scope="module")
def outside(tiny_model, tmp_path_factory):
    """A folder with a regularized run and its baseline in a plain Trainer."""
    folder = tmp_path_factory.mktemp("outside")
    for kind in (Trainer, regularized(Trainer)):
        probe = ProbeCallback(TEXTS, LABELS, task="colours", runs_dir=folder / "runs", label_names=["blue", "red"])
        trained(folder, tiny_model, probe, kind)
    return folder / "runs"


@pytest.fixture
def runs(outside):
    plain, with_term = sorted(list_runs(outside), key=lambda run: len(run.spec["regularizers"]))
    return plain, with_term


def test_it_is_a_run(runs, tiny_model):
    for run in runs:
        assert run.state == "finished"
        assert run.problems == []
        assert run.steps == [0, 1, 2, 3, 4]
        assert run.spec["trained_outside"] is True
        assert run.spec["model"] == str(tiny_model)
        assert (run.spec["batch_size"], run.spec["max_steps"], run.spec["seed"]) == (8, 4, 3)
        assert run.record["pooling"] == "cls"
        assert [row["step"] for row in run.rows("step")] == [2, 4]
        assert run.rows("evaluation")[0]["metrics"].keys() == {"accuracy", "loss"}
        assert run.report["metric"] == "accuracy"
        assert set(run.report["difference"]) >= {"anisotropy_1_within", "isoscore"}
        assert list(run.probe["text"]) == TEXTS
        assert set(run.probe["label_name"]) == {"red", "blue"}
        assert len(run.before.layers) == 3
    plain, with_term = runs
    assert plain.spec["regularizers"] == {}
    assert with_term.spec["regularizers"]["persistent-entropy"]["weight"] == 1.0
    assert with_term.rows("step")[0]["classes"]["0"]["bars"] >= 1
    np.testing.assert_array_equal(plain.before.embeddings, with_term.before.embeddings)
    assert not np.allclose(plain.after.embeddings, with_term.after.embeddings)


def test_the_snapshots_are_what_the_model_gives(tiny_model, tmp_path):
    probe = ProbeCallback(TEXTS, LABELS, run_dir=tmp_path / "run", snapshots=[1])
    trainer = trained(tmp_path, tiny_model, probe)
    run = load_run(tmp_path / "run")
    assert run.steps == [0, 1, 4]
    model, tokenizer = trainer.model.eval(), trainer.processing_class
    with torch.no_grad():
        output = model(**tokenizer(TEXTS, padding=True, return_tensors="pt"), output_hidden_states=True)
    np.testing.assert_allclose(run.after.embeddings, output.hidden_states[-1][:, 0].numpy(), atol=1e-5)
    np.testing.assert_array_equal(run.after.predictions, output.logits.argmax(-1).numpy())


def test_their_training_goes_on_as_it_would_without(tiny_model, tmp_path):
    """To the last bit: dropout is on, and draws the same."""
    without = trained(tmp_path, tiny_model, None).model.state_dict()
    watched = trained(tmp_path, tiny_model, ProbeCallback(TEXTS, LABELS, runs_dir=tmp_path)).model.state_dict()
    assert all(torch.equal(watched[name], value) for name, value in without.items())


def test_compare_sets_it_beside_its_baseline_and_the_settings_can_not_be_run_again(runs):
    found = compare(runs, RunSpec.defaults())
    assert [group.method for group in found.groups] == ["none", "features"]
    assert not any("left out" in note for note in found.notes)
    with pytest.raises(IsobarError, match="trained outside"):
        RunSpec.from_yaml(runs[0].path / "spec.yaml")


def test_texts_without_labels_are_one_cloud(tiny_model, tmp_path):
    trained(tmp_path, tiny_model, ProbeCallback(TEXTS, run_dir=tmp_path / "run"))
    run = load_run(tmp_path / "run")
    assert [shape.points for shape in run.after.classes] == [len(TEXTS)]
    assert "one cloud" in run.rows("note")[0]["text"]


def test_names_as_labels_go_by_the_models_own_where_it_has_them(tiny_model, tmp_path):
    names = ["LABEL_1" if label else "LABEL_0" for label in LABELS]
    trained(tmp_path, tiny_model, ProbeCallback(names and TEXTS, names, run_dir=tmp_path / "run"))
    assert load_run(tmp_path / "run").after.labels.tolist() == LABELS


@pytest.mark.parametrize(
    "names",
    [
        pd.Series(["a"] * 4 + ["b"] * 4),
        pd.Series(["a"] * 4 + ["b"] * 4, dtype="string"),
        pd.Series(["a"] * 4 + ["b"] * 4, dtype="category"),
        np.array(["a"] * 4 + ["b"] * 4, dtype=object),
    ],
    ids=["pandas", "pandas string", "pandas category", "numpy objects"],
)
def test_labels_may_be_objects(names):
    assert ProbeCallback(TEXTS[:8], names)._labels.tolist() == ["a"] * 4 + ["b"] * 4
    numbers = np.array([0, 1] * 4, dtype=object)
    assert ProbeCallback(TEXTS[:8], numbers)._labels.tolist() == [0, 1] * 4


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_labels_that_are_missing_are_told(missing):
    labels = ["a"] * 4 + ["b"] * 3 + [missing]
    for given in (labels, pd.Series(labels), np.array(labels, dtype=object)):
        with pytest.raises(IsobarError, match="Of the 8 labels 1 is missing, first in row 7"):
            ProbeCallback(TEXTS[:8], given)


def test_a_stop_ends_it(tiny_model, tmp_path):
    class Stopping(Trainer):
        def compute_loss(self, *args, **options):
            (tmp_path / "run" / "stop").touch()
            return super().compute_loss(*args, **options)

    trainer = trained(tmp_path, tiny_model, ProbeCallback(TEXTS, LABELS, run_dir=tmp_path / "run"), Stopping)
    assert trainer.state.global_step == 1
    run = load_run(tmp_path / "run")
    assert run.state == "stopped"
    assert run.steps == [0, 1]
    assert run.report["after"]


def test_a_training_that_fails_leaves_a_failed_run(tiny_model, tmp_path):
    class Failing(Trainer):
        def compute_loss(self, *args, **options):
            raise ValueError("their own mistake")

    with pytest.raises(ValueError, match="their own"):
        trained(tmp_path, tiny_model, ProbeCallback(TEXTS, LABELS, run_dir=tmp_path / "run"), regularized(Failing))
    run = load_run(tmp_path / "run")
    assert run.state == "failed"
    assert "their own mistake" in run.status["error"]


def test_an_evaluation_before_and_after_is_the_runs_too(tiny_model, tmp_path):
    probe = ProbeCallback(TEXTS, LABELS, run_dir=tmp_path / "run")
    trainer = trained(tmp_path, tiny_model, probe, train=False)
    trainer.evaluate()
    trainer.train()
    before = load_run(tmp_path / "run").report
    assert "accuracy" in before["before"]
    assert "accuracy" in before["difference"]
    trainer.evaluate()
    assert load_run(tmp_path / "run").report["after"]["loss"] == pytest.approx(trainer.evaluate()["eval_loss"])


def test_what_it_refuses(tiny_model, tmp_path):
    with pytest.raises(IsobarError, match="3 texts"):
        ProbeCallback(TEXTS[:3])
    with pytest.raises(IsobarError, match="each text needs one"):
        ProbeCallback(TEXTS, LABELS[:-1])
    with pytest.raises(IsobarError, match="The class 0 has 1"):
        ProbeCallback(TEXTS, [0] + [1] * 15)
    with pytest.raises(IsobarError, match="as whole numbers"):
        ProbeCallback(TEXTS, np.linspace(0, 1, 16))
    with pytest.raises(IsobarError, match="list of texts"):
        ProbeCallback([{"text": "a"}] * 8)
    with pytest.raises(IsobarError, match="at least 2"):
        ProbeCallback(TEXTS, snapshots=1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "something.txt").touch()
    with pytest.raises(IsobarError, match="exists already"):
        trained(tmp_path, tiny_model, ProbeCallback(TEXTS, LABELS, run_dir=tmp_path / "run"))
    probe = ProbeCallback(TEXTS, LABELS, run_dir=tmp_path / "other")
    trainer = trained(tmp_path, tiny_model, probe, train=False)
    trainer.callback_handler.processing_class = None
    with pytest.raises(IsobarError, match="no tokenizer"):
        trainer.train()
    assert not (tmp_path / "other").exists()


def test_a_second_training_is_not_told_the_scores_of_the_first(tiny_model, tmp_path):
    probe = ProbeCallback(TEXTS, LABELS, task="colours", runs_dir=tmp_path / "runs")
    trainer = trained(tmp_path, tiny_model, probe, train=False)
    trainer.evaluate()  # before the training, whose score it is
    trainer.train()
    first = load_run(probe.run_dir)
    assert {row["step"] for row in first.rows("evaluation")} == {0, 4}
    trainer.args.eval_strategy = "no"
    trainer.train()
    second = load_run(probe.run_dir)
    assert second.path != first.path
    assert second.rows("evaluation") == []
    assert "accuracy" not in second.report["after"]
