import json
import shutil

import pytest
import torch

from core import IsobarError
from core.models import BUILT_IN
from core.models.builtin import BuiltIn
from core.models.loading import load_model


def test_the_built_in_model_loads_without_a_network():
    loaded = load_model("minilm", num_labels=3)
    assert loaded.model.config.num_labels == 3
    assert loaded.model.config.hidden_size == 384
    assert not loaded.trained_head


def test_weights_that_are_not_the_published_ones_are_refused():
    forged = BuiltIn(BUILT_IN["minilm"].package, BUILT_IN["minilm"].folder, "0" * 64, "forged")
    with pytest.raises(IsobarError, match="not the published ones"):
        forged.path()


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(IsobarError, match="pip install no-such-package"):
        BuiltIn("no_such_package", "model", "0" * 64, "absent").path()


@pytest.mark.slow
def test_a_local_folder_loads_and_its_head_is_known_after_training(tiny_model, tmp_path):
    loaded = load_model(str(tiny_model), num_labels=2)
    assert not loaded.trained_head
    loaded.model.save_pretrained(tmp_path / "trained")
    loaded.processor.save_pretrained(tmp_path / "trained")
    assert load_model(str(tmp_path / "trained"), num_labels=2).trained_head
    assert not load_model(str(tmp_path / "trained"), num_labels=5).trained_head


@pytest.mark.slow
def test_decoders_get_a_padding_token(tmp_path, tiny_model):
    from transformers import AutoTokenizer, GPT2Config, GPT2Model

    config = GPT2Config(
        n_embd=32, n_layer=2, n_head=2, vocab_size=30522, n_positions=64, bos_token_id=101, eos_token_id=102
    )
    GPT2Model(config).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.pad_token = None
    tokenizer.eos_token = "[SEP]"
    tokenizer.save_pretrained(tmp_path)
    loaded = load_model(str(tmp_path), num_labels=2)
    batch = loaded.processor(["a b", "a b c d"], padding=True, return_tensors="pt", return_token_type_ids=False)
    assert loaded.model(**batch).logits.shape == (2, 2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("minlm", "minilm"),
        ("google-bert/bert-base-uncased", "hub can't be reached"),
        ("./nowhere", "nor a folder"),
        ("what is this?", "neither built in"),
    ],
)
def test_an_unknown_model_is_one_sentence_that_names_what_there_is(name, words):
    with pytest.raises(IsobarError, match=words) as caught:
        load_model(name, num_labels=2)
    assert "minilm" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_weights_is_one_sentence(tiny_model, tmp_path):
    with pytest.raises(IsobarError, match=r"config\.json is missing"):
        load_model(str(tmp_path), num_labels=2)
    shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(IsobarError, match="no weights"):
        load_model(str(tmp_path), num_labels=2)


def test_pickled_weights_are_refused(tiny_model, tmp_path):
    shutil.copy(tiny_model / "config.json", tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(IsobarError, match="pickled"):
        load_model(str(tmp_path), num_labels=2)


def sharded(tiny_model, folder):
    loaded = load_model(str(tiny_model), num_labels=2)
    loaded.processor.save_pretrained(folder)
    loaded.model.save_pretrained(folder, max_shard_size="1MB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    return loaded.model


@pytest.mark.slow
def test_weights_in_several_files_load(tiny_model, tmp_path):
    model = sharded(tiny_model, tmp_path)
    again = load_model(str(tmp_path), num_labels=2)
    assert again.trained_head
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), model.parameters(), strict=True))


def test_an_index_of_pickled_or_missing_files_is_one_sentence(tiny_model, tmp_path):
    sharded(tiny_model, tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    listed = index.read_text()
    index.write_text(listed.replace("-of-00002.safetensors", "-of-00002.bin").replace("model-0", "pytorch_model-0"))
    with pytest.raises(IsobarError, match=r"names pytorch_model-00001-of-\d+\.bin, which is no safetensors"):
        load_model(str(tmp_path), num_labels=2)
    index.write_text(listed)
    first = next(iter(sorted(tmp_path.glob("*.safetensors"))))
    first.rename(tmp_path / "elsewhere.safetensors")
    with pytest.raises(IsobarError, match=rf"lacks 1 of its \d+ files of weights: {first.name}"):
        load_model(str(tmp_path), num_labels=2)
    index.write_text("{}")
    with pytest.raises(IsobarError, match="lists no weights"):
        load_model(str(tmp_path), num_labels=2)


def test_weights_by_another_name_are_told(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.safetensors")
    with pytest.raises(IsobarError, match=r"if pytorch_model\.safetensors holds its weights, give it that name"):
        load_model(str(tmp_path / "model"), num_labels=2)


@pytest.mark.slow
def test_a_runs_directory_is_its_model_and_a_trainings_names_its_last_checkpoint(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "run" / "model")
    assert load_model(str(tmp_path / "run"), num_labels=2).source == str(tmp_path / "run" / "model")
    for step in (500, 1000):
        shutil.copytree(tiny_model, tmp_path / "training" / f"checkpoint-{step}")
    with pytest.raises(IsobarError, match=r"its last one is .*checkpoint-1000\."):
        load_model(str(tmp_path / "training"), num_labels=2)
    load_model(str(tmp_path / "training" / "checkpoint-500"), num_labels=2)


def test_a_model_that_brings_code_of_its_own_is_refused(tiny_model, tmp_path):
    import json

    folder = tmp_path / "own-code"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(
        model_type="own", auto_map={"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"}
    )
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('this must never run')")
    with pytest.raises(IsobarError, match="code of its own"):
        load_model(str(folder), num_labels=2)


def test_truncated_weights_are_one_sentence(tiny_model, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(tiny_model, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(IsobarError, match="can't be loaded") as caught:
        load_model(str(folder), num_labels=2)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "many", "usual"), [("digits", "images", "vit"), ("tones", "sounds", "wav2vec2")])
def test_examples_that_the_model_does_not_read_are_one_sentence(task, many, usual, tmp_path):
    from core import RunSpec, inspect_checkpoint, train

    sentence = rf"'minilm' \(bert\) reads texts, and no {many}; those that do are tiny-\w+, which is built in, and of types such as {usual}"
    with pytest.raises(IsobarError, match=sentence):
        inspect_checkpoint("minilm", task)
    with pytest.raises(IsobarError, match=sentence):
        train(RunSpec(task=task), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [{"num_attention_heads": 0}, {"num_attention_heads": "two"}, {"hidden_size": None}, {"hidden_dropout_prob": "x"},
     {"hidden_act": "nope"}, {"vocab_size": 10**12}, {"model_type": 3}],
    ids=str,
)  # fmt: skip
def test_a_config_of_wrong_values_is_a_sentence(tiny_model, tmp_path, wrong):
    folder = shutil.copytree(tiny_model, tmp_path / "wrong")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **wrong}))
    with pytest.raises(IsobarError, match="can't be loaded") as caught:
        load_model(str(folder), 2)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 5, 1000, 500_000])
def test_weights_that_were_cut_short_are_a_sentence(tiny_model, tmp_path, size):
    folder = shutil.copytree(tiny_model, tmp_path / "cut")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:size])
    with pytest.raises(IsobarError, match="can't be loaded"):
        load_model(str(folder), 2)
