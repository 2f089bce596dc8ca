"""Weights that did not load under their names are found under others, or are an error: a random encoder is never measured."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model
from transformers import (
    AutoModelForSequenceClassification,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaModel,
    ViTConfig,
    ViTModel,
)

from core import IsobarError, RunSpec, inspect_checkpoint, train
from core.models.loading import load_model

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A whole classifier with its tokenizer, to be spoilt."""
    loaded = load_model(str(tiny_model), num_labels=2)
    loaded.model.save_pretrained(tmp_path / "model")
    loaded.processor.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def weights_of(folder):
    return load_file(folder / "model.safetensors")


def rename(folder, renamed):
    """Save the weights under the names that `renamed` makes of theirs; what it makes None is left out."""
    tensors = {renamed(name): tensor.clone() for name, tensor in weights_of(folder).items()}
    tensors.pop(None, None)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    "prefix",
    ["_orig_mod.", "module.", "model.", "encoder.", "base_model.", "module._orig_mod.", "_forward_module.", "net.0."],
)
def test_what_a_model_was_wrapped_in_is_taken_off_its_weights_names(prefix, folder):
    whole = load_model(str(folder), num_labels=2)
    rename(folder, lambda name: prefix + name)
    loaded = load_model(str(folder), num_labels=2)
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], weight), name
    assert loaded.trained_head
    assert len(loaded.notes) == 1
    assert prefix.rpartition("_orig_mod.")[2] in loaded.notes[0]
    assert whole.notes == ()


def test_an_encoder_alone_that_was_compiled_or_parallel_is_found(folder):
    whole = load_model(str(folder), num_labels=2)
    rename(folder, lambda name: name.replace("bert.encoder.layer.1.", "bert.encoder._orig_mod.layer.1.module."))
    loaded = load_model(str(folder), num_labels=2)
    assert loaded.trained_head
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), whole.model.parameters(), strict=True))


def test_a_head_of_another_class_beside_a_wrapped_encoder_is_left_out(folder):
    whole = load_model(str(folder), num_labels=2)
    rename(folder, lambda name: name.replace("bert.", "encoder."))
    loaded = load_model(str(folder), num_labels=2)
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.bert.parameters(), whole.model.bert.parameters()))
    assert not loaded.trained_head  # whoever wrote the class, may have scored something else by it
    assert "2 beside them" in loaded.notes[0]


def test_an_encoder_that_was_wrapped_by_itself_is_found(folder):
    whole = load_model(str(folder), num_labels=2)
    rename(folder, lambda name: "model.backbone." + name.removeprefix("bert.") if name.startswith("bert.") else None)
    loaded = load_model(str(folder), num_labels=2)
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.bert.parameters(), whole.model.bert.parameters()))
    assert not loaded.trained_head


def test_a_model_with_adapters_saved_as_it_is_is_refused(folder):
    rename(folder, lambda name: "base_model.model." + name.replace("query.weight", "query.base_layer.weight"))
    with pytest.raises(IsobarError, match=r"without 2 of the 39 tensors .*query\.weight"):
        load_model(str(folder), num_labels=2)


@pytest.mark.parametrize("names", [(), ("layer.weight", "layer.bias")])
def test_foreign_and_empty_weights_are_one_sentence_that_counts(names, folder, tiny_task, tmp_path):
    save_file({name: torch.ones(3) for name in names}, folder / "model.safetensors", metadata={"format": "pt"})
    said = r"without 37 of the 39 tensors of its encoder.*bert\.embeddings\.LayerNorm\.bias, .* and 34 more"
    for ask in (
        lambda: inspect_checkpoint(str(folder), str(tiny_task)),
        lambda: train(RunSpec(model=str(folder), task=str(tiny_task)), tmp_path / "run"),
    ):
        with pytest.raises(IsobarError, match=said) as caught:
            ask()
        assert ("is empty" if not names else "layer.bias, layer.weight") in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_one_missing_tensor_is_enough(folder):
    rename(folder, lambda name: None if name.endswith("layer.1.output.dense.weight") else name)
    with pytest.raises(IsobarError, match=r"1 of the 39 .*bert\.encoder\.layer\.1\.output\.dense\.weight\)"):
        load_model(str(folder), num_labels=2)


def test_weights_of_another_size_than_the_configuration_says_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 1000}))
    with pytest.raises(IsobarError, match=r"in another size \(bert\.embeddings\.word_embeddings\.weight\)"):
        load_model(str(folder), num_labels=2)


def test_two_encoders_in_one_file_are_not_chosen_from(folder):
    tensors = weights_of(folder)
    both = {f"{who}.{name}": tensor.clone() for who in ("student", "teacher") for name, tensor in tensors.items()}
    save_file(both, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(IsobarError, match=r"several encoders, named student\., teacher\."):
        load_model(str(folder), num_labels=2)


def test_a_pooler_and_a_head_may_be_missing_and_more_may_be_there(folder):
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    masked = BertForMaskedLM(model.config)
    masked.save_pretrained(folder)  # no pooler, no classifier, but a head of another kind
    loaded = load_model(str(folder), num_labels=2)
    assert loaded.made_anew == {
        *(f"bert.pooler.dense.{kind}" for kind in ("weight", "bias")),
        *(f"classifier.{kind}" for kind in ("weight", "bias")),
    }
    assert loaded.notes == ()


def test_tied_weights_that_are_stored_by_their_other_name_are_found(folder):
    model = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=30522, n_positions=64))
    model.config.save_pretrained(folder)
    save_model(model, folder / "model.safetensors")  # as safetensors does it without transformers
    assert "transformer.wte.weight" not in weights_of(folder)
    loaded = load_model(str(folder), num_labels=2)
    assert torch.equal(loaded.model.transformer.wte.weight, model.transformer.wte.weight)
    assert loaded.notes == ()


def test_weights_in_shards_are_found_under_a_prefix_too(folder):
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    wrapped = {f"module.{name}": weight for name, weight in model.state_dict().items()}
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, state_dict=wrapped, max_shard_size="1MB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    loaded = load_model(str(folder), num_labels=2)
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), model.parameters(), strict=True))


@pytest.mark.parametrize("modality", ["text", "image"])
def test_other_architectures_are_found_under_a_prefix_too(modality, folder):
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    if modality == "text":
        bare = LlamaModel(LlamaConfig(**small, vocab_size=30522, num_key_value_heads=2, pad_token_id=0))
    else:
        from transformers import ViTImageProcessorPil

        bare = ViTModel(ViTConfig(**small, image_size=32, patch_size=8))
        ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    bare.save_pretrained(folder)
    whole = load_model(str(folder), 2, modality)
    rename(folder, lambda name: f"backbone.module.{name}")
    loaded = load_model(str(folder), 2, modality)
    encoder = whole.model.base_model.state_dict()
    assert encoder
    assert all(torch.equal(loaded.model.base_model.state_dict()[name], weight) for name, weight in encoder.items())


def test_training_from_wrapped_weights_says_so(folder, tiny_spec, tmp_path):
    rename(folder, lambda name: f"module.{name}")
    run = train(tiny_spec.model_copy(update={"model": str(folder), "max_steps": 2}), tmp_path / "run")
    assert any("'module.'" in row["text"] for row in run.rows("note"))
    found = inspect_checkpoint(str(folder), tiny_spec.task, spec=tiny_spec)
    assert any("'module.'" in note for note in found.notes)
