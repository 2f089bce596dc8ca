"""A folder that peft has saved is read with its base: what comes out is what peft itself computes."""

import json

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from core import IsobarError, inspect_checkpoint, train
from core.models import adapters
from core.models.loading import load_model

pytestmark = pytest.mark.slow

TEXT = "the red stone near the old mill"


def adapted(base, folder, auto=AutoModelForSequenceClassification, **options):
    """Save an adapter with random weights for `base`; return the model that peft computes with."""
    torch.manual_seed(1)
    wanted = {"num_labels": 2} if auto is AutoModelForSequenceClassification else {}
    model = get_peft_model(
        auto.from_pretrained(base, **wanted), LoraConfig(r=2, target_modules=["query", "value"], **options)
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return model.eval()


@pytest.fixture
def base(tiny_model, tmp_path):
    import shutil

    shutil.copytree(tiny_model, tmp_path / "base")
    return tmp_path / "base"


def named(folder, base):
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": base}))


def same(loaded, peft):
    batch = loaded.processor(TEXT, return_tensors="pt")
    with torch.no_grad():
        ours = loaded.model(**batch, output_hidden_states=True)
        theirs = peft(**batch, output_hidden_states=True)
    torch.testing.assert_close(ours.hidden_states[-1], theirs.hidden_states[-1], atol=1e-5, rtol=1e-4)
    return ours


@pytest.mark.parametrize("how", ["absolute", "beside", "inside"])
def test_adapter_base_and_head_are_read(how, base, tmp_path):
    folder = tmp_path / "adapter"
    peft = adapted(base, folder, task_type="SEQ_CLS", modules_to_save=["classifier"])
    named(folder, {"absolute": str(base), "beside": "base", "inside": "../base"}[how])
    loaded = load_model(str(folder), num_labels=2)
    ours = same(loaded, peft)
    assert not [name for name in loaded.made_anew if name.startswith("classifier")]
    assert "merged into its base" in loaded.notes[0]
    assert "changes nothing" not in loaded.notes[0]
    assert not any("lora" in name for name, _ in loaded.model.named_parameters())
    plain = load_model(str(base), num_labels=2).model(
        **loaded.processor(TEXT, return_tensors="pt"), output_hidden_states=True
    )
    assert (plain.hidden_states[-1] - ours.hidden_states[-1]).abs().max() > 1e-3


def test_an_adapter_of_the_encoder_alone_is_read(base, tmp_path):
    peft = adapted(base, tmp_path / "adapter", AutoModel, task_type="FEATURE_EXTRACTION")
    same(load_model(str(tmp_path / "adapter"), num_labels=2), peft)


def test_an_adapter_of_the_built_in_model_is_read(tmp_path):
    from core.models import BUILT_IN

    peft = adapted(BUILT_IN["minilm"].path(), tmp_path / "adapter", AutoModel)
    named(tmp_path / "adapter", "minilm")
    same(load_model(str(tmp_path / "adapter"), num_labels=2), peft)


def test_a_head_of_another_number_of_classes_is_made_anew(base, tmp_path):
    peft = adapted(base, tmp_path / "adapter", task_type="SEQ_CLS", modules_to_save=["classifier"])
    loaded = load_model(str(tmp_path / "adapter"), num_labels=5)
    same(loaded, peft)
    assert not loaded.trained_head
    assert loaded.model.config.num_labels == 5


def test_it_is_trained_on_and_inspected_as_the_merged_model(base, tiny_spec, tmp_path):
    adapted(base, tmp_path / "adapter")
    spec = tiny_spec.model_copy(update={"model": str(tmp_path / "adapter"), "max_steps": 2, "snapshots": 2})
    run = train(spec, tmp_path / "run")
    assert run.events["text"].str.contains("merged into its base").any()
    begun = inspect_checkpoint(spec.model, spec.task, spec=spec)
    np.testing.assert_allclose(begun.embeddings, run.before.embeddings, atol=1e-5)


def test_what_can_not_be_read_is_one_sentence(base, tmp_path, monkeypatch):
    folder = tmp_path / "adapter"
    adapted(base, folder)
    file = folder / "adapter_config.json"
    named(folder, str(folder))
    with pytest.raises(IsobarError, match="names its own folder"):
        load_model(str(folder), num_labels=2)
    named(folder, None)
    with pytest.raises(IsobarError, match="names no base_model_name_or_path"):
        load_model(str(folder), num_labels=2)
    named(folder, "./nowhere/at/all")
    with pytest.raises(IsobarError, match=r"There is no model '\./nowhere/at/all'"):
        load_model(str(folder), num_labels=2)
    named(folder, str(base))
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(IsobarError, match=r"needs the package peft: pip install"):
        load_model(str(folder), num_labels=2)
    monkeypatch.undo()
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(IsobarError, match="pickled weights can run code"):
        load_model(str(folder), num_labels=2)
    file.write_text("[")
    with pytest.raises(IsobarError, match="names no base"):
        load_model(str(folder), num_labels=2)


def test_an_adapter_for_another_model_is_not_left_out_silently(base, tmp_path):
    from core.tiny import tiny_checkpoint

    adapted(base, tmp_path / "adapter")
    named(tmp_path / "adapter", str(tiny_checkpoint("distilbert", tmp_path / "other")))
    with pytest.raises(IsobarError, match=r"not for a distilbert of this kind: it has 4 of 4 parts"):
        load_model(str(tmp_path / "adapter"), num_labels=2)
