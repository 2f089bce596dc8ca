import json
import os
import threading

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from core import IsobarError, load_run, train
from core.errors import RunFailedError
from core.regularizers import PersistentEntropyLoss
from core.revision import code_revision
from core.training.loss import RegularizedTrainer
from core.training.spec import RunSpec
from core.training.terms import Terms


@pytest.fixture(scope="module")
def finished(tiny_model, tiny_task, tmp_path_factory):
    spec = RunSpec(
        model=str(tiny_model), task=str(tiny_task), batch_size=16, max_steps=6, learning_rate=1e-3,
        probe_per_class=8, snapshots=3, log_every=2, device="cpu",
    )  # fmt: skip
    return train(spec, tmp_path_factory.mktemp("runs") / "run")


@pytest.mark.slow
def test_a_run_leaves_a_whole_directory(finished):
    assert finished.state == "finished"
    assert finished.problems == []
    assert finished.steps == [0, 3, 6]
    assert [row["step"] for row in finished.rows("step")] == [1, 2, 4, 6]
    assert [row["step"] for row in finished.rows("evaluation")] == [0, 3, 6]
    assert [row["step"] for row in finished.rows("probe")] == [0, 3, 6]
    last = finished.rows("probe")[-1]["measures"]
    assert (
        last["anisotropy_1_within"]
        == finished.report["after"]["anisotropy_1_within"]
        == finished.after.measures["anisotropy_1_within"]
    )
    assert {p.name for p in finished.path.iterdir()} == {
        ".lock", "spec.yaml", "record.yaml", "status.json", "events.jsonl", "snapshots", "probe.parquet", "report.json", "model",
    }  # fmt: skip
    assert RunSpec.from_yaml(finished.path / "spec.yaml").max_steps == 6
    record = finished.record
    assert len(record["task"]["fingerprint"]) == 64
    assert record["device"] == finished.status["device"]
    assert record["revision"] == code_revision()
    assert record["versions"]["torch"] == torch.__version__


def test_every_logged_step_says_what_the_regularizer_saw(finished):
    row = finished.rows("step")[-1]
    assert row["regularizer"] < 0  # minus an entropy
    assert row["task_loss"] > 0
    assert 0 < row["regularizer_seconds"] < row["step_seconds"]
    for label in ("0", "1"):
        seen = row["classes"][label]
        assert 0 <= seen["relative_entropy"] <= 1 + 1e-6
        assert 1 <= seen["features"] <= seen["bars"] <= 15
    assert row["skipped"] == 0


@pytest.mark.slow
def test_of_a_large_validation_set_a_part_is_scored_and_that_is_said(finished, tiny_spec, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        RegularizedTrainer, "evaluate", lambda self, *_, real=RegularizedTrainer.evaluate, **__: seen.append(len(self.eval_dataset)) or real(self)
    )  # fmt: skip
    run = train(tiny_spec.model_copy(update={"validation_size": 10, "max_steps": 1, "snapshots": 2}), tmp_path / "run")
    assert set(seen) == {10}
    said = [row["text"] for row in run.rows("note")]
    assert "Of 32 validation texts a stratified 10 are scored; validation_size says how many." in said
    assert list(run.probe["row"]) == list(finished.probe["row"])  # which is of all of them
    assert not any("are scored" in row["text"] for row in finished.rows("note"))


def test_the_report_is_what_the_snapshots_and_evaluations_say(finished):
    report = finished.report
    assert report["metric"] in report["after"]
    for side, snapshot in (("before", finished.before), ("after", finished.after)):
        assert report[side]["isoscore"] == pytest.approx(snapshot.measures["isoscore"])
        for shape in snapshot.classes:
            assert report[side]["classes"][shape.name]["entropy"] == pytest.approx(shape.entropy)
    for name, change in report["difference"].items():
        assert change == pytest.approx(report["after"][name] - report["before"][name])


def test_snapshots_and_report_tell_every_layer(finished):
    for side, snapshot in (("before", finished.before), ("after", finished.after)):
        assert len(snapshot.layers) == 3  # input embeddings, two layers
        assert snapshot.layers[-1] == snapshot.measures
        assert snapshot.layers[0].keys() == snapshot.measures.keys()
        assert finished.report[side]["layers"] == snapshot.layers
    assert finished.before.layers[1] != finished.after.layers[1]
    assert "layers" not in finished.report["difference"]


def test_the_saved_model_loads_with_transformers_alone_and_gives_the_last_snapshot(finished):
    from transformers import AutoTokenizer

    folder = finished.path / "model"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = finished.probe["text"][3]
    with torch.no_grad():
        states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[-1]
    np.testing.assert_allclose(states[0, 0].numpy(), finished.after.embeddings[3], atol=1e-4)


def test_the_probe_set_is_row_for_row_the_snapshots(finished):
    assert len(finished.probe) == len(finished.after.embeddings) == 16
    assert (finished.probe["label"].to_numpy() == finished.after.labels).all()


@pytest.mark.slow
def test_equal_seeds_give_equal_runs_and_a_baseline_starts_from_the_same_space(tiny_spec, tmp_path):
    first = train(tiny_spec, tmp_path / "a")
    again = train(tiny_spec, tmp_path / "b")
    plain = train(tiny_spec.baseline(), tmp_path / "c")
    np.testing.assert_array_equal(first.after.embeddings, again.after.embeddings)
    np.testing.assert_array_equal(first.before.embeddings, plain.before.embeddings)
    assert not np.array_equal(first.after.embeddings, plain.after.embeddings)
    assert plain.rows("step")[-1]["regularizer"] is None
    assert plain.rows("step")[-1]["classes"]["0"]["bars"] > 0  # seen, though not regularized


@pytest.mark.slow
def test_weight_zero_is_the_baseline(tiny_spec, tmp_path):
    zero = train(tiny_spec.model_copy(update={"persistent-entropy.weight": 0.0}), tmp_path / "zero")
    plain = train(tiny_spec.baseline(), tmp_path / "plain")
    np.testing.assert_allclose(zero.after.embeddings, plain.after.embeddings, atol=1e-5)


def test_the_loss_is_the_task_loss_plus_the_regularizer(tiny_spec, tiny_model, tmp_path):
    from transformers import TrainingArguments

    from core.models.loading import load_model
    from core.models.pooling import pool

    loaded = load_model(str(tiny_model), 2)
    loaded.model.train()
    for module in loaded.model.modules():  # the same forward pass twice
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch = dict(loaded.processor([f"word {i} " * (1 + i % 3) for i in range(12)], padding=True, return_tensors="pt"))
    batch["labels"] = torch.arange(12) % 2
    loss = PersistentEntropyLoss(weight=0.7)
    trainer = RegularizedTrainer(
        spec=tiny_spec.model_copy(update={"persistent-entropy.weight": 0.7}), task_metrics=("mcc",), pooling="cls", model=loaded.model,
        args=TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none"),
    )  # fmt: skip
    total = trainer.compute_loss(loaded.model, dict(batch))
    outputs = loaded.model(**batch, output_hidden_states=True)
    expected = outputs.loss + loss(pool(outputs.hidden_states[-1], batch["attention_mask"]), batch["labels"])
    torch.testing.assert_close(total, expected)


RIVALS = ("istar", "cosine", "persistent-entropy+istar+cosine")


@pytest.mark.slow
@pytest.mark.parametrize("names", RIVALS)
def test_every_regularizer_is_logged_for_itself(tiny_spec, tmp_path, names):
    regularizer = names.replace("istar", "istar(weight=0.5)")
    spec = tiny_spec.model_copy(update={"regularizer": regularizer, "max_steps": 4})
    run = train(spec, tmp_path / "run")
    assert run.state == "finished"
    for row in run.rows("step"):
        assert set(row["regularizers"]) == set(row["regularizers_seconds"]) == set(names.split("+"))
        assert row["regularizer"] == pytest.approx(sum(row["regularizers"].values()))
        assert 0 < row["regularizer_seconds"] == pytest.approx(sum(row["regularizers_seconds"].values()))
        assert row["classes"]["0"]["bars"] > 0  # seen, though maybe not regularized
    row = run.rows("step")[0]  # of one step only
    if "istar" in names:
        assert row["regularizers"]["istar"] == pytest.approx(0.5 * (1 - row["istar"]["isoscore"]))
    if "cosine" in names:
        assert row["regularizers"]["cosine"] == pytest.approx(row["cosine"]["mean_cosine"])


def test_istar_sees_the_token_states_of_the_layers_it_is_given(tiny_spec, tiny_model, tmp_path):
    from transformers import TrainingArguments

    from core.models.loading import load_model
    from core.regularizers import IStarLoss

    loaded = load_model(str(tiny_model), 2)
    loaded.model.train()
    for module in loaded.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch = dict(loaded.processor([f"word {i} " * (1 + i % 3) for i in range(12)], padding=True, return_tensors="pt"))
    batch["labels"] = torch.arange(12) % 2
    outputs = loaded.model(**batch, output_hidden_states=True)
    there = batch["attention_mask"].bool()
    assert not there.all()
    for layers, chosen, padding in (
        ("all", (1, 2), False), ("1", (1,), False), ("-1", (2,), False), ("0", (0,), False), ("all", (1, 2), True),
    ):  # fmt: skip
        states = torch.cat([outputs.hidden_states[k][there | padding] for k in chosen])
        loss = IStarLoss(weight=2.0, zeta=0.1)
        trainer = RegularizedTrainer(
            spec=tiny_spec.model_copy(update={"regularizer": "istar", "istar.layers": layers, "istar.padding": padding}),
            task_metrics=("mcc",), pooling="cls", model=loaded.model,
            args=TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none"),
        )  # fmt: skip
        trainer.terms.modules["istar"] = loss
        expected = outputs.loss + loss(states, torch.zeros(len(states), dtype=torch.int64))
        torch.testing.assert_close(trainer.compute_loss(loaded.model, dict(batch)), expected)


@pytest.mark.slow
def test_a_rival_of_weight_zero_is_the_baseline(tiny_spec, tmp_path):
    """That its forward passes over a sample, too, leave the training's random state as it was."""
    rivals = {"regularizer": "istar(weight=0) + cosine(weight=0)", "epochs": 2, "max_steps": 0}
    zero = train(tiny_spec.model_copy(update=rivals), tmp_path / "zero")
    plain = train(tiny_spec.model_copy(update={**rivals, "regularizer": "none"}), tmp_path / "plain")
    np.testing.assert_allclose(zero.after.embeddings, plain.after.embeddings, atol=1e-5)


@pytest.mark.slow
def test_a_resumed_istar_run_ends_where_an_unbroken_one_does(tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"regularizer": "istar(weight=5)", "learning_rate": 5e-3})
    whole = train(spec, tmp_path / "whole")

    def stop_at_two(phase, done, total):  # in the middle of an epoch, of which there are one and a half
        if phase == "training" and done == 2:
            load_run(tmp_path / "broken").request_stop()

    train(spec, tmp_path / "broken", progress=stop_at_two)
    resumed = train(spec, tmp_path / "broken", resume=True)
    np.testing.assert_allclose(resumed.after.embeddings, whole.after.embeddings, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"pooling": "mean"}, {"pooling": "last"}, {"layer": 1}, {"precision": "bf16"},
     *({"regularizer": f"persistent-entropy({settings})"} for settings in (
         "scope=global", "relative=true", "cohesion=0.5", "cohesion=-0.05", "selection=all", "selection=longest, longest=3",
         "selection=random",
     ))],
    ids=str,
)  # fmt: skip
def test_every_option_of_the_regularizer_trains(tiny_spec, tmp_path, options):
    run = train(tiny_spec.model_copy(update={**options, "max_steps": 2, "snapshots": 2}), tmp_path / "run")
    assert run.state == "finished"
    assert np.isfinite(run.after.embeddings).all()


@pytest.mark.slow
def test_a_stop_file_ends_the_run_and_resume_finishes_it(tiny_spec, tmp_path):
    path = tmp_path / "run"
    spec = tiny_spec.model_copy(update={"max_steps": 40, "log_every": 1, "snapshots": 5})

    def stop_at_ten(phase, done, total):
        if phase == "training" and done == 10:
            load_run(path).request_stop()

    run = train(spec, path, progress=stop_at_ten)
    assert run.state == "stopped"
    assert run.problems == []
    assert run.steps == [0, 10]
    assert run.report["after"]["isoscore"] == pytest.approx(run.after.measures["isoscore"])

    run = train(spec, path, resume=True)
    assert run.state == "finished"
    assert run.problems == []
    assert [row["step"] for row in run.rows("step")] == list(range(1, 41))
    assert run.report["before"]["isoscore"] == pytest.approx(run.before.measures["isoscore"])
    assert not list(path.glob("checkpoint-*"))


def stopped_at(step, spec, path):
    """A run that is asked to stop after `step` steps, and does."""

    def ask(phase, done, total):
        if phase == "training" and done == step:
            load_run(path).request_stop()

    run = train(spec, path, progress=ask)
    assert run.state == "stopped"
    return run


ACCUMULATED = {"batch_size": 8, "accumulation": 2, "accumulated_cloud": True}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"persistent-entropy.memory": 6}, {"persistent-entropy.selection": "random"}, ACCUMULATED], ids=str
)
def test_a_resumed_run_ends_where_an_unbroken_one_does(tiny_spec, tmp_path, options):
    spec = tiny_spec.model_copy(update={**options, "persistent-entropy.weight": 5.0, "learning_rate": 5e-3})
    whole = train(spec, tmp_path / "whole")
    stopped_at(4, spec, tmp_path / "broken")
    resumed = train(spec, tmp_path / "broken", resume=True)
    np.testing.assert_allclose(resumed.after.embeddings, whole.after.embeddings, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("step", [3, 6])  # evaluations and snapshots are due there; 6 is the last
def test_a_run_stopped_where_an_evaluation_was_due_makes_up_for_it(tiny_spec, tmp_path, step):
    broken = stopped_at(step, tiny_spec, tmp_path / "run")
    assert [row["step"] for row in broken.rows("evaluation")] == [s for s in (0, 3, 6) if s < step]
    (broken.path / "snapshots" / f"step_{step:06d}.safetensors").unlink(missing_ok=True)  # as if cut off, too
    run = train(tiny_spec, broken.path, resume=True)
    assert run.state == "finished"
    assert run.steps == [0, 3, 6]
    assert [row["step"] for row in run.rows("step")] == [1, 2, 4, 6]
    assert [row["step"] for row in run.rows("evaluation")] == [0, 3, 6]
    assert run.report["metric"] in run.report["after"]
    assert (run.path / "model").is_dir()


@pytest.mark.slow
def test_a_resumed_run_with_an_undefined_measure_comes_to_its_end(tiny_spec, tmp_path):
    """All [CLS] vectors of the input embeddings are equal, so that nothing varies there."""
    spec = tiny_spec.model_copy(update={"layer": 0})
    stopped_at(4, spec, tmp_path / "run")
    run = train(spec, tmp_path / "run", resume=True)
    assert run.state == "finished"
    assert run.report["before"]["isoscore"] is None
    assert run.report["difference"]["isoscore"] is None


@pytest.mark.slow
def test_a_run_goes_on_only_as_it_began(tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"log_every": 1})
    broken = stopped_at(4, spec, tmp_path / "run")
    begun = (broken.path / "spec.yaml").read_text()
    other = {"regularizer": "persistent-entropy(weight=2)", "seed": 5}
    said = r"was begun with regularizer persistent-entropy, seed 0, not regularizer persistent-entropy\(weight=2\), seed 5;"
    with pytest.raises(IsobarError, match=said):
        train(spec.model_copy(update=other), broken.path, resume=True)
    assert (broken.path / "spec.yaml").read_text() == begun
    assert load_run(broken.path).state == "stopped"
    run = train(spec.model_copy(update={"save_model": False, "log_every": 2}), broken.path, resume=True)
    assert run.state == "finished"
    assert not (run.path / "model").exists()


@pytest.mark.slow
def test_a_finished_run_is_not_resumed(finished):
    with pytest.raises(IsobarError, match="has finished"):
        train(RunSpec.from_yaml(finished.path / "spec.yaml"), finished.path, resume=True)
    assert load_run(finished.path).steps == [0, 3, 6]


@pytest.mark.slow
def test_a_run_that_fails_underway_says_so_and_keeps_what_it_had(tiny_spec, tmp_path, monkeypatch):
    def explode(self, *_):
        raise RuntimeError("boom")

    monkeypatch.setattr(Terms, "stats", explode)
    with pytest.raises(RunFailedError, match="boom"):
        train(tiny_spec, tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert run.state == "failed"
    assert "boom" in run.status["error"]
    assert run.before is not None
    assert "Traceback" in run.log()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "minlm"}, "minilm"),
        ({"task": "gramar"}, "grammar"),
        ({"layer": 9}, "no layer 9"),
        ({"regularizer": "istar(layers=7)"}, "no layer 7"),
        ({"text_column": "txt"}, "txt"),
    ],
)
def test_a_wrong_request_leaves_nothing_behind(tiny_spec, tmp_path, change, words):
    with pytest.raises(IsobarError, match=words):
        train(tiny_spec.model_copy(update=change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_too_small_to_probe_is_one_sentence(tiny_spec, tiny_task, tmp_path):
    folder = tmp_path / "rare"
    folder.mkdir()
    (folder / "train.csv").write_text((tiny_task / "train.csv").read_text())
    rows = (tiny_task / "validation.csv").read_text().splitlines()
    (folder / "validation.csv").write_text("\n".join([rows[0], *rows[1:17], *rows[17:20]]))
    with pytest.raises(IsobarError, match=r"has 3 examples in .* at least 4 of each class") as caught:
        train(tiny_spec.model_copy(update={"task": str(folder)}), tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_an_interrupt_stops_cleanly(tiny_spec, tmp_path):
    def interrupt(phase, done, total):
        if phase == "training" and done == 3:
            os.kill(os.getpid(), 15)

    assert threading.current_thread() is threading.main_thread()
    run = train(tiny_spec.model_copy(update={"max_steps": 50}), tmp_path / "run", progress=interrupt)
    assert run.state == "stopped"
    assert json.loads((run.path / "status.json").read_text())["step"] == 3


@pytest.mark.slow
def test_a_setting_without_effect_is_told(tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"regularizer": "persistent-entropy(longest=3)", "max_steps": 1})
    said = [row["text"] for row in train(spec, tmp_path / "run").rows("note")]
    assert any(text.startswith("persistent-entropy.longest is 3, which has no effect") for text in said)
