"""Regularizers beside the losses of sentence-transformers: their loss stays, the term is added once, each text is encoded once."""

import copy
import json
import logging
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import TrainerCallback

from core import IsobarError, KoLeoLoss, PersistentEntropyLoss, ProbeCallback, RegularizedLoss, load_run, regularized

library = pytest.importorskip("sentence_transformers")
losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")

THINGS = ("stone", "river", "cloud", "field", "house", "bridge", "garden", "window")
COLUMNS = (
    [f"the red {thing} by the road" for thing in THINGS],
    [f"there is a {thing}, it is red and by the road" for thing in THINGS],
    [f"a blue {thing}" for thing in THINGS],
)
SCORES = [0.9, 0.1, 0.7, 0.3, 1.0, 0.0, 0.6, 0.4]


@pytest.fixture(scope="module")
def sentences(tiny_model):
    """A SentenceTransformer without dropout, in float64."""
    torch.manual_seed(0)
    model = library.SentenceTransformer(str(tiny_model), device="cpu").double().train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def tokens(model, count, rows=slice(None)):
    return [model.preprocess(column[rows]) for column in COLUMNS[:count]]


def softmax(model):
    torch.manual_seed(1)
    return losses.SoftmaxLoss(model, 32, 3).double()


def ranking(model):
    return losses.MultipleNegativesRankingLoss(model)


def cached(model):
    return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=3)


class Concatenating(torch.nn.Module):
    """A loss of somebody's own, around a model that it calls otherwise."""

    def __init__(self, model):
        super().__init__()
        self.encoder = model

    def forward(self, sentence_features, labels):
        one, other = (self.encoder(features)["sentence_embedding"] for features in sentence_features)
        return (one - other).square().mean()


INNER = {
    "ranking": (ranking, 2),
    "ranking with negatives": (ranking, 3),
    "cosine": (losses.CosineSimilarityLoss, 2),
    "cosent": (losses.CoSENTLoss, 2),
    "triplet": (losses.TripletLoss, 3),
    "softmax": (softmax, 2),
    "batch triplet": (losses.BatchHardTripletLoss, 1),
    "guided": (lambda model: losses.GISTEmbedLoss(model, copy.deepcopy(model).eval()), 2),
    "margin": (lambda model: losses.MegaBatchMarginLoss(model, use_mini_batched_version=False), 2),
    "parts": (losses.GlobalOrthogonalRegularizationLoss, 2),
    "own": (Concatenating, 2),
    "matryoshka": (lambda model: losses.MatryoshkaLoss(model, ranking(model), [16, 8]), 3),
    "layers": (lambda model: losses.AdaptiveLayerLoss(model, ranking(model)), 3),
    "both": (lambda model: losses.Matryoshka2dLoss(model, ranking(model), [32, 8]), 2),
    "cached": (cached, 3),
    "cached margin": (lambda model: losses.MegaBatchMarginLoss(model, mini_batch_size=3), 2),
    "cached guided": (
        lambda model: losses.CachedGISTEmbedLoss(model, copy.deepcopy(model).eval(), mini_batch_size=3),
        2,
    ),
    "cached matryoshka": (lambda model: losses.MatryoshkaLoss(model, cached(model), [32, 8]), 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("inner", INNER)
def test_the_parts_and_their_gradient_are_those_of_two_backward_passes(sentences, inner):
    make, count = INNER[inner]
    labels = torch.arange(8) % 2 if inner in ("softmax", "batch triplet") else torch.tensor(SCORES, dtype=torch.double)

    def gradients(loss):
        found = {name: p.grad.clone() for name, p in loss.named_parameters() if p.grad is not None}
        loss.zero_grad()
        return found

    alone = make(sentences)
    torch.manual_seed(2)
    random.seed(2)
    theirs = alone(tokens(sentences, count), labels)
    theirs = theirs if isinstance(theirs, dict) else {"task_loss": theirs}
    sum(theirs.values()).backward()
    regularizer = PersistentEntropyLoss(weight=0.3, selection="all")
    clouds = [sentences(column)["sentence_embedding"] for column in tokens(sentences, count)]
    ours = sum(regularizer(cloud, torch.zeros(8, dtype=torch.long)) for cloud in clouds) / count
    ours.backward()
    expected = gradients(alone)

    runs = []
    handle = sentences[0].register_forward_hook(lambda *_: runs.append(1))
    loss = RegularizedLoss(make(sentences), "persistent-entropy(weight=0.3, selection=all)")
    torch.manual_seed(2)
    random.seed(2)
    before = set(vars(loss.loss))
    parts = loss(tokens(sentences, count), labels)
    sum(parts.values()).backward()
    handle.remove()
    assert parts.keys() == {*theirs, "regularizer/persistent-entropy"}
    for name, value in theirs.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(parts["regularizer/persistent-entropy"], ours, rtol=1e-9, atol=1e-12)
    found = {name.removeprefix("loss."): value for name, value in gradients(loss).items()}
    assert found.keys() == expected.keys()
    assert any(value.abs().max() > 1e-4 for value in found.values())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-9, msg=name)
    assert set(vars(loss.loss)) == before
    assert not sentences[-1]._forward_hooks
    if not inner.startswith(("cached", "layers", "both", "guided")):
        assert len(runs) == min(count, 2)  # with negatives theirs runs the columns after the first at once


@pytest.mark.slow
def test_the_gradient_by_finite_differences(sentences):
    loss = RegularizedLoss(cached(sentences), "koleo(weight=0.5) + uniformity(weight=0.2)")
    weight = sentences[0].model.embeddings.word_embeddings.weight
    batch = tokens(sentences, 2)
    row = int(batch[0]["input_ids"][0, 2])

    def value():
        return float(sum(loss(tokens(sentences, 2)).values()))

    sum(loss(batch).values()).backward()
    gradient = weight.grad[row, :4].clone()
    loss.zero_grad()
    with torch.no_grad():
        found = []
        for k in range(4):
            weight[row, k] += 1e-5
            above = value()
            weight[row, k] -= 2e-5
            found.append((above - value()) / 2e-5)
            weight[row, k] += 1e-5
    assert gradient.abs().max() > 1e-4
    np.testing.assert_allclose(found, gradient, rtol=1e-5, atol=1e-8)


def test_a_text_and_its_positive_are_not_in_one_cloud(sentences):
    """Equal columns: in one cloud each text's nearest neighbour would be itself, and KoLeo's value without bound."""
    loss = RegularizedLoss(ranking(sentences), "koleo(weight=1)")
    column = tokens(sentences, 1)[0]
    value = loss([dict(column), dict(column)])["regularizer/koleo"]
    cloud = sentences(dict(column))["sentence_embedding"]
    expected = KoLeoLoss(weight=1)(cloud, torch.zeros(8, dtype=torch.long))
    torch.testing.assert_close(value, expected)


def test_in_evaluation_it_is_their_loss(sentences):
    loss, batch = RegularizedLoss(ranking(sentences), "koleo"), tokens(sentences, 2)
    sentences.eval()
    try:
        assert torch.equal(loss(batch), loss.loss(tokens(sentences, 2), None))
    finally:
        sentences.train()


@pytest.mark.slow
@pytest.mark.parametrize("inner", [ranking, cached])
@pytest.mark.parametrize("rows", [slice(1), slice(2)], ids=["one", "two"])
@pytest.mark.parametrize("named", ["persistent-entropy + koleo + uniformity", "variance-covariance + sigreg + cosine"])
def test_a_batch_with_too_few_texts_is_said_once_and_stays_finite(sentences, inner, rows, named, caplog):
    loss = RegularizedLoss(inner(sentences), named)
    with caplog.at_level(logging.WARNING, "isobar"):
        for _ in range(2):
            parts = loss(tokens(sentences, 2, rows))
            sum(parts.values()).backward()
    assert all(torch.isfinite(value) for value in parts.values())
    assert all(torch.isfinite(p.grad).all() for p in sentences.parameters() if p.grad is not None)
    loss.zero_grad()
    said = [record.message for record in caplog.records if "persistent-entropy" in record.message]
    assert len(said) == ("persistent-entropy" in named)


@pytest.mark.parametrize("inner", [ranking, cached])
def test_equal_texts_have_finite_terms_and_gradients(sentences, inner):
    loss = RegularizedLoss(
        inner(sentences), "persistent-entropy + koleo + uniformity + variance-covariance + total-persistence"
    )
    parts = loss([sentences.preprocess(["the same text"] * 6) for _ in range(2)])
    sum(parts.values()).backward()
    assert all(torch.isfinite(value) for value in parts.values())
    assert all(torch.isfinite(p.grad).all() for p in sentences.parameters() if p.grad is not None)
    loss.zero_grad()


def test_each_column_remembers_its_own_texts(sentences):
    loss = RegularizedLoss(ranking(sentences), "persistent-entropy(memory=8, selection=all)")
    regularizers = [PersistentEntropyLoss(memory=8, selection="all") for _ in range(2)]
    zeros = torch.zeros(4, dtype=torch.long)
    for rows in (slice(4), slice(4, 8)):
        value = loss(tokens(sentences, 2, rows))["regularizer/persistent-entropy"]
        clouds = [sentences(column)["sentence_embedding"] for column in tokens(sentences, 2, rows)]
        expected = sum(one(cloud, zeros) for one, cloud in zip(regularizers, clouds)) / 2
    torch.testing.assert_close(value, expected)
    assert loss.terms.stats()["classes"]["0"]["bars"] == 7


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda m: RegularizedLoss(ranking(m), "istar"), "states of tokens"),
        (lambda m: RegularizedLoss(ranking(m), "cosine(of=tokens)"), "states of tokens"),
        (lambda m: RegularizedLoss(ranking(m), "koleoo"), "koleo"),
        (lambda m: RegularizedLoss(losses.CoSENTLoss, "koleo"), "a class CoSENTLoss"),
        (lambda m: RegularizedLoss(m, "koleo"), "a SentenceTransformer"),
        (lambda m: RegularizedLoss(losses.ContrastiveTensionLoss(m), "koleo"), "holds 2 SentenceTransformers"),
        (lambda m: RegularizedLoss(torch.nn.MSELoss(), "koleo"), "holds no SentenceTransformer"),
        (lambda m: regularized(library.SentenceTransformerTrainer), "RegularizedLoss"),
    ],
)
def test_what_can_not_be_done_is_refused_in_a_sentence(sentences, make, says):
    with pytest.raises(IsobarError, match=says):
        make(sentences)


@pytest.mark.slow
def test_a_loss_with_two_models_is_told_which_it_trains(sentences):
    inner = losses.ContrastiveTensionLoss(sentences)
    parts = RegularizedLoss(inner, "koleo", model=sentences)(tokens(sentences, 2), torch.tensor(SCORES))
    cloud = sentences(tokens(sentences, 2)[1])["sentence_embedding"]
    torch.testing.assert_close(parts["regularizer/koleo"], KoLeoLoss()(cloud, torch.zeros(8, dtype=torch.long)))


@pytest.mark.slow
@pytest.mark.parametrize("inner", [ranking, cached, losses.CosineSimilarityLoss])
def test_a_model_that_is_not_trained_is_an_error(sentences, inner):
    frozen = copy.deepcopy(sentences).requires_grad_(False)
    loss = RegularizedLoss(inner(frozen), "koleo")
    with pytest.raises(IsobarError, match="reach no weight"):
        loss(tokens(frozen, 2), torch.tensor(SCORES))


@pytest.mark.parametrize("part", [None, cached])
def test_a_loss_that_does_not_run_the_model_is_an_error(sentences, part):
    class Idle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model, self.part = sentences, part and part(sentences)

        def forward(self, features, labels):
            return torch.zeros((), requires_grad=True)

    with pytest.raises(IsobarError, match="runs no model"):
        RegularizedLoss(Idle())(tokens(sentences, 2))


def test_without_the_library_the_extra_is_named(sentences, monkeypatch):
    loss = ranking(sentences)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(IsobarError, match=r"isobar-explorer\[sentence\]"):
        RegularizedLoss(loss)


def test_its_log_does_not_grow_where_nobody_reads_it(sentences):
    loss = RegularizedLoss(ranking(sentences), "koleo")
    for _ in range(3):
        sum(loss(tokens(sentences, 2)).values()).backward()
    loss.zero_grad()
    assert len(loss.terms.log.task_loss) == len(loss.terms.log.regularizers["koleo"]) == 1


def fitted(
    folder, tiny_model, wrap, inner=ranking, resume=None, columns=("anchor", "positive"), callbacks=(), **options
):
    """Train as somebody would, and return the Trainer."""
    torch.manual_seed(0)
    model = library.SentenceTransformer(str(tiny_model), device="cpu")
    data = Dataset.from_dict(dict(zip(columns, [*COLUMNS[:2], [0, 1, 2, 0, 1, 2, 0, 1]])))
    settings = {
        "output_dir": str(folder), "max_steps": 4, "per_device_train_batch_size": 4, "logging_steps": 2, "seed": 3,
        "use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no", "learning_rate": 1e-3,
    }  # fmt: skip
    trainer = library.SentenceTransformerTrainer(
        model=model, loss=wrap(inner(model)), train_dataset=data, eval_dataset=data, callbacks=list(callbacks),
        args=library.SentenceTransformerTrainingArguments(**{**settings, **options}),
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def weights(trainer):
    return trainer.model.state_dict()


def with_term(loss):
    return RegularizedLoss(loss, "persistent-entropy(weight=0.3, selection=all) + koleo")


@pytest.mark.slow
def test_a_training_logs_the_parts_and_leaves_a_plain_folder(tiny_model, tmp_path):
    trainer = fitted(tmp_path / "out", tiny_model, with_term, eval_strategy="steps", eval_steps=4)
    logged = [row for row in trainer.state.log_history if "loss" in row]
    assert [row["step"] for row in logged] == [2, 4]
    for row in logged:
        parts = row["task_loss"], row["regularizer/persistent-entropy"], row["regularizer/koleo"]
        assert row["loss"] == pytest.approx(sum(parts), abs=3e-4)
        assert all(parts)
    bare = trainer.loss.loss
    trainer.loss = bare
    (row,) = [row for row in trainer.state.log_history if "eval_loss" in row]
    assert row["eval_loss"] == pytest.approx(trainer.evaluate()["eval_loss"], rel=1e-5)
    trainer.loss = with_term(bare)
    trainer.save_model(str(tmp_path / "saved"))
    again = library.SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    np.testing.assert_allclose(again.encode(COLUMNS[0]), trainer.model.encode(COLUMNS[0]), atol=1e-6)
    named = {part["type"] for part in json.loads((tmp_path / "saved" / "modules.json").read_text())}
    assert all(name.startswith("sentence_transformers.") for name in named)
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "persistent-entropy(weight=0.3, selection=all) + koleo" in card
    assert "MultipleNegativesRankingLoss" in card
    assert '"scale": 20.0' in card


@pytest.mark.slow
def test_the_baseline_trains_to_the_last_bit_as_their_loss_does(tiny_model, tmp_path):
    plain = weights(fitted(tmp_path, tiny_model, lambda loss: loss))
    baseline = weights(fitted(tmp_path, tiny_model, lambda loss: RegularizedLoss(loss, "none")))
    regular = weights(fitted(tmp_path, tiny_model, with_term))
    assert all(torch.equal(value, baseline[name]) for name, value in plain.items())
    assert not all(torch.equal(value, regular[name]) for name, value in plain.items())


@pytest.mark.slow
@pytest.mark.parametrize("inner", [ranking, cached])
def test_a_resumed_training_ends_where_one_in_one_go_does(tiny_model, tmp_path, inner):
    options = {"save_strategy": "steps", "save_steps": 2, "inner": inner}
    whole = weights(fitted(tmp_path, tiny_model, with_term, **options))
    resumed = weights(fitted(tmp_path, tiny_model, with_term, resume=str(tmp_path / "checkpoint-2"), **options))
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_the_losses_own_weights_are_trained_too(tiny_model, tmp_path):
    before = []

    def wrap(loss):
        before.append(loss.classifier.weight.detach().clone())
        return with_term(loss)

    made = fitted(
        tmp_path, tiny_model, wrap, lambda model: losses.SoftmaxLoss(model, 32, 3), columns=("one", "other", "label")
    )
    assert (made.loss.loss.classifier.weight - before[0]).abs().max() > 1e-3


class Gradients(TrainerCallback):
    """Keeps the gradients that the optimizer is given."""

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        self.found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.slow
@pytest.mark.parametrize("inner", [ranking, cached])
def test_of_accumulated_batches_the_optimizer_has_the_mean(tiny_model, tmp_path, inner):
    batches, gradients = [], Gradients()

    def still(loss):
        loss = with_term(loss)
        for module in loss.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        loss.register_forward_pre_hook(lambda _, given: batches.append(copy.deepcopy(given)))
        return loss

    made = fitted(
        tmp_path, tiny_model, still, inner, max_steps=1, gradient_accumulation_steps=2, max_grad_norm=0,
        learning_rate=0.0, callbacks=[gradients],
    )  # fmt: skip
    made.model.train().zero_grad()
    assert len(batches) == 2
    for features, labels in list(batches):
        (sum(made.loss(features, labels).values()) / 2).backward()
    for name, value in gradients.found.items():
        torch.testing.assert_close(value, made.model.get_parameter(name).grad, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_in_bfloat16_it_trains(tiny_model, tmp_path):
    made = fitted(tmp_path, tiny_model, with_term, bf16=True)
    assert all(np.isfinite(row["regularizer/koleo"]) for row in made.state.log_history if "loss" in row)


@pytest.mark.slow
def test_the_probe_set_is_a_run_with_both_losses(tiny_model, tmp_path):
    from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

    texts = [text for column in COLUMNS for text in column]
    probe = ProbeCallback(texts, run_dir=tmp_path / "run", task="things", snapshots=3)
    torch.manual_seed(0)
    evaluator = EmbeddingSimilarityEvaluator(*COLUMNS[:2], SCORES, name="things")
    made = fitted(tmp_path / "out", tiny_model, with_term, callbacks=[probe], eval_strategy="steps", eval_steps=4)
    made.evaluator = evaluator
    made.evaluate()
    run = load_run(tmp_path / "run")
    assert run.state == "finished"
    assert run.problems == []
    assert run.steps == [0, 2, 4]
    assert run.spec["regularizers"].keys() == {"persistent-entropy", "koleo"}
    assert run.spec["pooling"] == "encode"
    np.testing.assert_allclose(run.after.embeddings, made.model.encode(texts), atol=1e-6)
    assert [shape.points for shape in run.after.classes] == [len(texts)]
    assert [shape.name for shape in run.after.classes] == ["all texts"]
    rows = run.rows("step")
    assert [row["step"] for row in rows] == [2, 4]
    logged = [row for row in made.state.log_history if "loss" in row]
    for row, theirs in zip(rows, logged):
        assert row["task_loss"] == pytest.approx(theirs["task_loss"], abs=1e-3)
        assert row["regularizers"]["koleo"] == pytest.approx(theirs["regularizer/koleo"], abs=1e-3)
        assert row["regularizers_seconds"]["koleo"] > 0
        assert row["classes"]["0"]["bars"] == 3
    assert "things_spearman_cosine" in run.report["after"]


@pytest.mark.slow
def test_a_model_that_the_trainer_makes_anew_has_the_terms_too(tiny_model, tmp_path):
    """As in a search over settings: the loss that it has is given the new model."""
    made = library.SentenceTransformerTrainer(
        model_init=lambda: library.SentenceTransformer(str(tiny_model), device="cpu"),
        loss=lambda model: with_term(ranking(model)),
        train_dataset=Dataset.from_dict(dict(zip(("one", "other"), COLUMNS))),
        callbacks=[ProbeCallback(COLUMNS[0], run_dir=tmp_path / "run", snapshots=2)],
        args=library.SentenceTransformerTrainingArguments(
            str(tmp_path), max_steps=1, use_cpu=True, report_to="none", save_strategy="no"
        ),
    )
    first = made.model
    made.train()
    assert made.model is not first
    assert load_run(tmp_path / "run").spec["regularizers"].keys() == {"persistent-entropy", "koleo"}


@pytest.mark.slow
def test_texts_with_labels_go_by_their_numbers(tiny_model, tmp_path):
    probe = ProbeCallback([*COLUMNS[0], *COLUMNS[2]], [0] * 8 + [1] * 8, run_dir=tmp_path / "run")
    fitted(tmp_path / "out", tiny_model, with_term, callbacks=[probe])
    assert [shape.name for shape in load_run(tmp_path / "run").after.classes] == ["0", "1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pooling": "cls"}, "by its own encode"),
        ({"layer": 1}, "by its own encode"),
        ({"max_length": 8}, "max_seq_length"),
    ],
)
def test_what_encode_decides_is_not_asked_of_the_probe(tiny_model, tmp_path, options, says):
    with pytest.raises(IsobarError, match=says):
        fitted(
            tmp_path, tiny_model, with_term, callbacks=[ProbeCallback(COLUMNS[0], run_dir=tmp_path / "run", **options)]
        )


@pytest.mark.slow
def test_texts_that_encode_cuts_are_counted(tiny_model, tmp_path):
    long = ["a red stone " * 40, *COLUMNS[0]]
    fitted(tmp_path / "out", tiny_model, with_term, callbacks=[ProbeCallback(long, run_dir=tmp_path / "run")])
    assert "1 of 9 texts" in load_run(tmp_path / "run").rows("note")[0]["text"]


@pytest.mark.slow
def test_a_model_without_a_transformer(tmp_path, tiny_model):
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    words = StaticEmbedding(AutoTokenizer.from_pretrained(tiny_model), embedding_dim=16)
    model = library.SentenceTransformer(modules=[words], device="cpu")
    loss = RegularizedLoss(ranking(model), "koleo")
    value = loss([model.preprocess(column) for column in COLUMNS])["regularizer/koleo"]
    clouds = [model(model.preprocess(column))["sentence_embedding"] for column in COLUMNS]
    expected = sum(KoLeoLoss()(cloud, torch.zeros(8, dtype=torch.long)) for cloud in clouds) / 3
    torch.testing.assert_close(value, expected)
    model.save(str(tmp_path / "words"))
    probe = ProbeCallback(COLUMNS[0], run_dir=tmp_path / "run")
    fitted(tmp_path / "out", tmp_path / "words", with_term, callbacks=[probe])
    assert load_run(tmp_path / "run").after.embeddings.shape == (8, 16)


SCRIPT = """
import os
import sys
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses
from core import RegularizedLoss
from tests.training.test_regularized_loss import COLUMNS, SCORES

folder, source, rows = sys.argv[1:]
for name in ("cosine", "cached"):
    model = SentenceTransformer(source, device="cpu")
    data = {"one": COLUMNS[0], "other": COLUMNS[1]}
    if name == "cosine":
        inner, data = losses.CosineSimilarityLoss(model), {**data, "score": SCORES}
    else:
        inner = losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=3, gather_across_devices=True)
    args = SentenceTransformerTrainingArguments(
        f"{folder}/out", max_steps=2, per_device_train_batch_size=int(rows), use_cpu=True, report_to="none",
        save_strategy="no", learning_rate=1e-3, logging_steps=1, ddp_find_unused_parameters=True,
    )
    loss = RegularizedLoss(inner, "persistent-entropy(selection=all) + koleo")
    trainer = SentenceTransformerTrainer(model=model, loss=loss, args=args, train_dataset=Dataset.from_dict(data))
    trainer.train()
    if trainer.is_world_process_zero():
        model.save(f"{folder}/{name}")
os._exit(0)  # not by Python's own end: a late thread of the process group's would ask for its lock, and abort the process
"""


@pytest.mark.slow
def test_two_processes_train_as_one(tiny_model, tmp_path):
    torch.manual_seed(0)
    model = library.SentenceTransformer(
        str(tiny_model), device="cpu", config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    )
    model.save(str(tmp_path / "sober"))
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    for rows, launcher in ((8, []), (4, ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"])):
        folder = tmp_path / str(rows)
        done = subprocess.run(
            [sys.executable, *launcher, str(tmp_path / "train.py"), str(folder), str(tmp_path / "sober"), str(rows)],
            capture_output=True, text=True, cwd=tmp_path, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
    for name in ("cosine", "cached"):
        alone, together = (load_file(tmp_path / rows / name / "model.safetensors") for rows in ("8", "4"))
        start = load_file(tmp_path / "sober" / "model.safetensors")
        assert not torch.equal(alone["embeddings.LayerNorm.weight"], start["embeddings.LayerNorm.weight"])
        for part, values in alone.items():
            torch.testing.assert_close(together[part], values, rtol=1e-3, atol=2e-5, msg=f"{name} {part}")
