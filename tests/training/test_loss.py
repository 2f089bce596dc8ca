"""The term in the Trainer: of one batch, and of all batches of a step as one cloud."""

import copy
import json
import os
import subprocess
import sys

import pytest
import torch
from transformers import TrainingArguments

from core import PersistentEntropyLoss
from core.models.loading import load_model
from core.training.fit import train
from core.training.loss import RegularizedTrainer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loaded(tiny_model):
    torch.manual_seed(0)
    return load_model(str(tiny_model), 2)


def batches_of(loaded, sizes, seed=0):
    """Batches of texts of several lengths, padded each for itself, and all of them as one."""
    generator = torch.Generator().manual_seed(seed)
    texts = [
        " ".join(f"word {int(k)}" for k in torch.randint(50, (1 + i % 4,), generator=generator))
        for i in range(sum(sizes))
    ]
    labels = torch.arange(len(texts)) % 2

    def batch(rows):
        return {
            **loaded.processor([texts[i] for i in rows], padding=True, return_tensors="pt"),
            "labels": labels[list(rows)],
        }

    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [batch(range(s, s + n)) for s, n in zip(starts, sizes)], batch(range(len(texts)))


def step(loaded, spec, batches, tmp_path, *, dropout, pooling="cls"):
    """Return the trainer after one optimizer step's forward and backward passes, and the gradients."""
    model = copy.deepcopy(loaded.model).double().train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    arguments = TrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, report_to="none", gradient_accumulation_steps=len(batches),
    )  # fmt: skip
    trainer = RegularizedTrainer(
        spec=spec,
        task_metrics=("mcc",),
        pooling=pooling,
        model=model,
        args=arguments,
    )
    samples, _ = trainer.get_batch_samples(iter(batches), len(batches), torch.device("cpu"))
    trainer.current_gradient_accumulation_steps = len(samples)
    loss = sum(trainer.training_step(model, dict(batch)) for batch in samples)
    return trainer, loss, {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


COMBINATIONS = (
    "persistent-entropy",
    "persistent-entropy(cohesion=-0.05)",
    "persistent-entropy(weight=0.3) + koleo",
    "istar(layers=all) + cosine(of=tokens)",
    "repulsion + total-persistence",
)


@pytest.mark.parametrize("regularizer", COMBINATIONS)
@pytest.mark.parametrize("sizes", [(8, 8, 8), (6, 9, 3)], ids=str)
def test_an_accumulated_cloud_is_one_large_batch(loaded, tiny_spec, tmp_path, regularizer, sizes):
    """Value and gradients, dropout off, in float64. Of unequal batches the task loss is another mean, so the values alone compare."""
    spec = tiny_spec.model_copy(update={"regularizer": regularizer, "accumulation": 3, "accumulated_cloud": True})
    batches, whole = batches_of(loaded, sizes)
    trainer, _, ours = step(loaded, spec, batches, tmp_path, dropout=0.0)
    one, _, expected = step(loaded, spec, [whole], tmp_path, dropout=0.0)
    for part in spec.regularizers:
        torch.testing.assert_close(
            trainer.terms.log.regularizers[part], one.terms.log.regularizers[part], rtol=1e-6, atol=1e-9
        )
    if len(set(sizes)) == 1:
        assert ours.keys() == expected.keys()
        for key in ours:
            torch.testing.assert_close(ours[key], expected[key], rtol=1e-6, atol=1e-9)


def test_unequal_batches_of_a_step_have_the_gradient_of_their_mean_task_loss_and_one_term(loaded, tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"accumulation": 3, "accumulated_cloud": True, "persistent-entropy.weight": 2.0})
    batches, _ = batches_of(loaded, (6, 9, 3))
    _, _, ours = step(loaded, spec, batches, tmp_path, dropout=0.0)
    model = copy.deepcopy(loaded.model).double().eval()
    outputs = [model(**batch, output_hidden_states=True) for batch in batches]
    cloud = torch.cat([output.hidden_states[-1][:, 0] for output in outputs])
    term = PersistentEntropyLoss(weight=2.0)(cloud, torch.cat([batch["labels"] for batch in batches]))
    (sum(output.loss for output in outputs) / 3 + term).backward()
    for name, weight in model.named_parameters():
        if weight.grad is not None:
            torch.testing.assert_close(ours[name], weight.grad, rtol=1e-6, atol=1e-9)


def test_batches_of_a_step_weigh_their_loss_and_their_terms_alike(loaded, tiny_spec, tmp_path):
    """Two equal batches of a step are one of them: gradient of the loss plus gradient of the term, once."""
    (batch,), _ = batches_of(loaded, (12,))
    _, _, one = step(loaded, tiny_spec, [batch], tmp_path, dropout=0.0)
    spec = tiny_spec.model_copy(update={"accumulation": 2})
    _, _, two = step(loaded, spec, [batch, dict(batch)], tmp_path, dropout=0.0)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-6, atol=1e-9)


def test_the_second_pass_repeats_the_firsts_dropout(loaded, tiny_spec, tmp_path):
    """By finite differences: with dropout on, the gradient is that of the loss that the same draws give."""
    spec = tiny_spec.model_copy(update={"accumulation": 2, "accumulated_cloud": True, "persistent-entropy.weight": 5.0})
    batches, _ = batches_of(loaded, (8, 8))

    def run(shift):
        torch.manual_seed(3)
        moved = copy.deepcopy(loaded)
        moved.model.double()
        with torch.no_grad():
            next(p for n, p in moved.model.named_parameters() if n.endswith("layer.1.output.dense.weight"))[0, 0] += (
                shift
            )
        trainer, _, gradients = step(moved, spec, batches, tmp_path, dropout=0.3)
        task = sum(trainer.terms.log.task_loss) / 2
        term = trainer.terms.log.regularizers["persistent-entropy"][0]
        return float(task + term), gradients, torch.get_rng_state()

    _, gradients, state = run(0.0)
    slope = (run(1e-5)[0] - run(-1e-5)[0]) / 2e-5
    found = next(g for n, g in gradients.items() if n.endswith("layer.1.output.dense.weight"))[0, 0]
    assert float(found) == pytest.approx(slope, rel=1e-4)
    assert torch.equal(state, run(0.0)[2])


def test_a_baseline_logs_the_accumulated_cloud_too(loaded, tiny_spec, tmp_path):
    batches, _ = batches_of(loaded, (8, 8))
    settings = {"accumulation": 2, "accumulated_cloud": True}
    plain, _, gradients = step(
        loaded, tiny_spec.model_copy(update={**settings, "regularizer": "none"}), batches, tmp_path, dropout=0.0
    )
    with_term, _, _ = step(loaded, tiny_spec.model_copy(update=settings), batches, tmp_path, dropout=0.0)
    assert plain.terms.stats()["classes"]["0"]["bars"] == 7
    assert plain.terms.stats()["classes"].keys() == with_term.terms.stats()["classes"].keys()
    assert "persistent-entropy" not in plain.terms.log.regularizers
    _, _, alone = step(
        loaded, tiny_spec.model_copy(update={"regularizer": "none", "accumulation": 2}), batches, tmp_path, dropout=0.0
    )
    for key in alone:
        torch.testing.assert_close(gradients[key], alone[key])


def test_a_run_with_an_accumulated_cloud(tiny_spec, tmp_path):
    settings = {"batch_size": 4, "accumulation": 4, "accumulated_cloud": True, "max_steps": 4, "regularizer": "persistent-entropy+koleo"}  # fmt: skip
    run = train(tiny_spec.model_copy(update=settings), tmp_path / "run")
    assert run.state == "finished"
    last = run.rows("step")[-1]
    assert sum(row["bars"] + 1 for row in last["classes"].values()) == 16
    assert {"persistent-entropy", "koleo"} == last["regularizers"].keys()
    assert last["step_seconds"] > last["regularizer_seconds"]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_schedules(tiny_spec, tmp_path, schedule):
    run = train(
        tiny_spec.model_copy(update={"schedule": schedule, "warmup": 0.0, "log_every": 1, "max_steps": 6}),
        tmp_path / "run",
    )
    rates = [row["learning_rate"] / tiny_spec.learning_rate for row in run.rows("step")]
    done = torch.arange(1, 7) / 6
    expected = {
        "linear": 1 - done,
        "cosine": 0.5 * (1 + torch.cos(torch.pi * done)),
        "constant": torch.ones(6),
    }[schedule]
    assert rates == pytest.approx(expected.tolist(), abs=1e-6)


def test_what_decays(loaded, tiny_spec, tmp_path):
    def names(decayed):
        spec = tiny_spec.model_copy(update={"decayed": decayed})
        trainer = RegularizedTrainer(
            spec=spec, task_metrics=("mcc",), pooling="cls", model=loaded.model,
            args=TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none"),
        )  # fmt: skip
        return set(trainer.get_decay_parameter_names(loaded.model))

    matrices, linear = names("matrices"), names("linear")
    assert linear < matrices
    assert matrices - linear == {name for name in matrices if "embeddings" in name}
    assert all(name.endswith("weight") for name in linear)


def test_clipping_is_a_setting(tiny_spec, tmp_path):
    """A tiny norm all but stops training by SGD-like steps; none leaves the gradient whole. Both are told in the spec."""
    losses = {}
    for norm in (0.0, 1.0, 1e-9):
        settings = {"max_grad_norm": norm, "persistent-entropy.weight": 50.0}
        run = train(tiny_spec.model_copy(update=settings), tmp_path / str(norm))
        losses[norm] = [row["task_loss"] for row in run.rows("step")]
        assert run.spec["max_grad_norm"] == norm
    assert losses[0.0] != losses[1.0]
    assert losses[1e-9] != losses[1.0]


_PEAKS = """
import json, os, sys, torch, resource
from transformers import BertConfig, BertForSequenceClassification, TrainingArguments
from core import RunSpec
from core.training.loss import RegularizedTrainer
def train(accumulation, batch):
    torch.manual_seed(0)
    model = BertForSequenceClassification(BertConfig(hidden_size=128, num_hidden_layers=8, num_attention_heads=4, intermediate_size=512, vocab_size=1000))
    spec = RunSpec(accumulation=accumulation, accumulated_cloud=accumulation > 1, batch_size=batch)
    trainer = RegularizedTrainer(spec=spec, task_metrics=("mcc",), pooling="cls", model=model, args=TrainingArguments(output_dir=sys.argv[1], use_cpu=True, report_to="none", gradient_accumulation_steps=accumulation))
    def batches():
        while True:
            ids = torch.randint(5, 1000, (batch, 128))
            yield {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.arange(batch) % 2}
    for _ in range(2):
        samples, _ = trainer.get_batch_samples(batches(), accumulation, torch.device("cpu"))
        trainer.current_gradient_accumulation_steps = len(samples)
        for sample in samples:
            trainer.training_step(model, sample)
for sizes in json.loads(sys.argv[2]):
    if os.fork() == 0:  # the libraries are read once; the peak is the child's
        train(*sizes)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_an_accumulated_cloud_needs_the_memory_of_one_batch(tmp_path):
    """Peak of the whole process, its libraries and weights off: 8 x 8 texts within 1.2 of 8, where 64 at once take several times as much."""
    sizes = [(1, 2), (1, 8), (8, 8), (1, 64)]
    done = subprocess.run(
        [sys.executable, "-c", _PEAKS, str(tmp_path), json.dumps(sizes)], capture_output=True, text=True, check=True
    )
    floor, one, accumulated, large = map(int, done.stdout.split())
    assert (
        accumulated - floor <= 1.2 * (one - floor) + 8_000
    )  # kilobytes: what an allocator keeps differs by as much from run to run
    assert large - floor > 3 * (one - floor)
