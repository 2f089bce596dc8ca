"""Low-rank adapters, gradient checkpointing, and the estimate of memory."""

import gc

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, set_seed

from core import IsobarError, inspect_checkpoint, load_run, train
from core.models.adapters import new_of, with_adapters
from core.models.loading import load_model
from core.tiny import tiny_checkpoint, tiny_task
from core.training.memory import Memory, estimate_memory
from core.training.spec import Lora, RunSpec


@pytest.mark.slow
def test_adapters_are_trained_and_the_saved_model_is_a_plain_one(tiny_spec, tmp_path):
    run = train(tiny_spec.model_copy(update={"lora": "r=4"}), tmp_path / "run")
    assert not np.allclose(run.before.embeddings, run.after.embeddings)
    model = AutoModelForSequenceClassification.from_pretrained(run.path / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(run.path / "model")
    with torch.no_grad():
        states = model(**tokenizer(run.probe["text"][3], return_tensors="pt"), output_hidden_states=True).hidden_states
    np.testing.assert_allclose(states[-1][0, 0].numpy(), run.after.embeddings[3], atol=1e-4)


def test_the_weights_themselves_stay(tiny_model):
    loaded = load_model(str(tiny_model), 2)
    names = {name for name, _ in loaded.model.named_parameters() if "classifier" not in name}
    adapted = with_adapters(loaded.model, r=2)
    trained = [name for name, p in adapted.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name or "classifier" in name for name in trained)
    assert not any(name.removeprefix("base_model.model.") in names for name in trained)


NEW = {
    "bart": ["classification_head.dense", "classification_head.out_proj"],
    "bert": ["classifier", "bert.pooler.dense"],  # the checkpoint is one without a pooler
    "deberta": ["classifier", "pooler.dense"],
    "distilbert": ["classifier", "pre_classifier"],
    "eurobert": ["classifier", "dense"],
    "gpt2": ["score"],
    "modernbert": ["classifier", "head.dense", "head.norm"],
    "xlm": ["sequence_summary.summary"],
    "xlnet": ["logits_proj", "sequence_summary.summary"],
}


def _without_head(kind, folder):
    """Write a tiny random checkpoint of the encoder alone."""
    tiny_checkpoint(kind, folder)
    options = {"add_pooling_layer": False} if kind == "bert" else {}
    AutoModel.from_pretrained(folder, **options).save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NEW)
def test_what_the_checkpoint_has_no_weights_for_is_trained_in_full(kind, tmp_path):
    spec = RunSpec(
        model=_without_head(kind, tmp_path / "model"), task=str(tiny_task(tmp_path / "task")), lora="r=2", batch_size=8,
        learning_rate=0.01, max_steps=4, snapshots=2, probe_per_class=8, device="cpu",
    )  # fmt: skip
    set_seed(spec.seed)
    loaded = load_model(spec.model, 2)
    begun = {name: weight.detach().clone() for name, weight in loaded.model.named_parameters()}
    run = train(spec, tmp_path / "run")
    (told,) = run.rows("adapters")
    assert told["modules"] == NEW[kind]
    assert told["frozen"] == []

    opened = load_model(str(run.path / "model"), 2)
    assert opened.trained_head
    ended = dict(opened.model.named_parameters())
    assert ended.keys() == begun.keys()
    adapted = 0
    for name, weight in begun.items():
        change = (ended[name].detach() - weight).double()
        if name.startswith(tuple(f"{module}." for module in NEW[kind])):
            assert change.any(), f"{name} is new and was not trained"
        elif change.any():  # by an adapter: what is merged is a product of two matrices, 2 wide
            assert torch.linalg.matrix_rank(change, atol=1e-5) <= 2, f"{name} was not frozen"
            adapted += 1
    assert loaded.made_anew <= {name for name in begun if name.startswith(tuple(NEW[kind]))}
    assert adapted > 3
    found = inspect_checkpoint(str(run.path / "model"), spec.task, spec=spec)
    np.testing.assert_allclose(found.embeddings, run.after.embeddings, atol=1e-4)


def test_a_new_weight_beside_trained_parts_is_told_and_frees_no_other(tmp_path):
    """A module can be trained in full only with all that it holds; one with old parts is not, for one new weight."""
    loaded = load_model(str(tiny_checkpoint("vit", tmp_path, "image")), 2, "image")
    new = {"vit.embeddings.cls_token", "vit.layernorm.bias", "classifier.weight"}
    found = new_of(loaded.model, new)
    assert found.modules == ["classifier", "vit.layernorm"]
    assert found.frozen == ["vit.embeddings.cls_token"]
    adapted = with_adapters(loaded.model, r=2, new=found)
    trained = {name for name, p in adapted.named_parameters() if p.requires_grad and "lora_" not in name}
    assert len(trained) == 4


def test_a_model_that_scores_in_its_encoder_has_a_head_all_the_same(tmp_path):
    loaded = load_model(str(tiny_checkpoint("perceiver", tmp_path)), 2)
    assert new_of(loaded.model, ()).modules == ["perceiver.decoder.decoder.final_layer"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "deberta", "deberta-v2"])
def test_a_pooler_that_the_checkpoint_brings_stays_wherever_it_stands(kind, tmp_path):
    loaded = load_model(str(tiny_checkpoint(kind, tmp_path)), 2)
    assert loaded.trained_head
    new = new_of(loaded.model, loaded.made_anew)
    assert new.modules == ["classifier"]
    adapted = with_adapters(loaded.model, r=2, new=new)
    trained = {name for name, weight in adapted.named_parameters() if weight.requires_grad}
    of_pooler = {name for name in trained if "pooler" in name}
    assert of_pooler
    assert all("lora_" in name for name in of_pooler)


@pytest.mark.slow
def test_a_run_with_adapters_is_resumed(tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"lora": "r=4"})

    def stop(phase, done, total):
        if phase == "training" and done == 4:
            load_run(tmp_path / "run").request_stop()

    assert train(spec, tmp_path / "run", progress=stop).state == "stopped"
    assert train(spec, tmp_path / "run", resume=True).state == "finished"
    whole = train(spec, tmp_path / "whole")
    np.testing.assert_allclose(load_run(tmp_path / "run").after.embeddings, whole.after.embeddings, atol=1e-5)


@pytest.mark.parametrize("given", ["8", "r", "r=0", "r=8;alpha=2", "rank=8", "alpha=3", "r=8,dropout=1"])
def test_an_illegible_adapter_is_refused_in_a_sentence(given):
    with pytest.raises(IsobarError, match=r"lora is .* but should be such as r=8"):
        RunSpec.parse({"lora": given})


def test_what_an_adapter_says():
    assert Lora.parse("") is None
    assert Lora.parse("r=8, alpha=4,dropout=0.1") == Lora(r=8, alpha=4, dropout=0.1)


@pytest.mark.slow
def test_checkpointing_changes_nothing_but_time_and_memory(tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"snapshots": 2})
    plain = train(spec, tmp_path / "plain")
    saving = train(spec.model_copy(update={"gradient_checkpointing": True}), tmp_path / "saving")
    np.testing.assert_allclose(saving.after.embeddings, plain.after.embeddings, atol=1e-5)
    (with_all,), (with_few,) = plain.rows("memory"), saving.rows("memory")
    assert with_few["activations"] < 0.7 * with_all["activations"]


class _Net(torch.nn.Module):
    """relu(x W) V: autograd keeps x, the relu's output, and the states that are handed out."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(10, 20, bias=False)
        self.second = torch.nn.Linear(20, 3, bias=False)

    def forward(self, input_ids, output_hidden_states):
        hidden = self.first(input_ids).relu()
        output = self.second(hidden)
        return type("Output", (), {"hidden_states": (hidden, output), "logits": output})


def test_the_estimate_counts_what_is_kept():
    net = _Net()
    net.first.weight.requires_grad_(False)
    memory = estimate_memory(net, {"input_ids": torch.randn(2, 10, requires_grad=True)}, batch_size=8)
    assert memory.weights == 4 * (200 + 60)
    assert memory.gradients == 4 * 60
    assert memory.optimizer == 2 * memory.gradients
    # Of the frozen layer only its weight is needed; relu keeps its output, which the second layer reads too.
    assert memory.activations == 8 * 4 * (20 + 3)
    assert memory.needed < memory.free
    assert str(memory).startswith("about ")


def test_weights_that_are_loaded_already_need_no_free_memory():
    assert Memory(weights=100, gradients=10, optimizer=20, activations=5, free=35).is_enough
    assert not Memory(weights=100, gradients=10, optimizer=20, activations=5, free=34).is_enough


def test_the_estimate_leaves_the_random_state_and_the_mode(tiny_model):
    loaded = load_model(str(tiny_model), 2)
    loaded.model.eval()
    batch = dict(loaded.processor(["one text", "another text"], return_tensors="pt"))
    before = torch.get_rng_state()
    small, large = (estimate_memory(loaded.model, batch, size).activations for size in (2, 20))
    assert large == 10 * small
    assert torch.equal(torch.get_rng_state(), before)
    assert not loaded.model.training


@pytest.mark.slow
def test_nothing_is_left_of_a_run_s_model(tiny_spec, tmp_path):
    def alive():
        gc.collect()
        return sum(isinstance(one, torch.nn.Parameter) for one in gc.get_objects())

    before = alive()
    train(tiny_spec.model_copy(update={"max_steps": 1}), tmp_path / "run")
    assert alive() == before


@pytest.mark.slow
def test_a_run_that_may_not_fit_says_so(tiny_spec, tmp_path, monkeypatch):
    monkeypatch.setattr("core.training.memory._free", lambda device: 1000)
    run = train(tiny_spec.model_copy(update={"max_steps": 1}), tmp_path / "run")
    (note,) = [note["text"] for note in run.rows("note") if "memory" in note["text"].lower()]
    assert "may not be enough" in note
