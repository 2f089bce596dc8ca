import errno
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from core import IsobarError
from core.models.convert import convert_checkpoint
from core.models.loading import load_model


@pytest.fixture
def pickled(tiny_model, tmp_path):
    """A checkpoint as people had them before safetensors: pytorch_model.bin, and what a trainer left beside it."""
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    torch.save({"lr": 1.0}, folder / "training_args.bin")
    torch.save({"step": 1}, folder / "optimizer.pt")
    return folder


@pytest.mark.slow
def test_the_tensors_and_the_tokenizer_are_the_same(pickled, tiny_model, tmp_path):
    done = convert_checkpoint(pickled, tmp_path / "new")
    before, after = load_file(tiny_model / "model.safetensors"), load_file(tmp_path / "new" / "model.safetensors")
    assert before.keys() == after.keys()
    assert done.tensors == len(before)
    assert all(torch.equal(before[name], after[name]) for name in before)
    texts = ["a text", "another one"]
    of = [AutoTokenizer.from_pretrained(folder)(texts)["input_ids"] for folder in (tiny_model, tmp_path / "new")]
    assert of[0] == of[1]
    assert not done.notes
    load_model(str(tmp_path / "new"), num_labels=2)
    assert not list((tmp_path / "new").glob("*.bin")) + list((tmp_path / "new").glob("*.pt"))


def test_a_full_disk_leaves_nothing_and_the_next_try_goes(pickled, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)  # of the tokenizer, when the weights are there already
        with pytest.raises(IsobarError, match="is full; free some space or choose another place"):
            convert_checkpoint(pickled, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["pickled"]
    convert_checkpoint(pickled, tmp_path / "new")
    assert (tmp_path / "new" / "tokenizer.json").exists()


def test_folders_are_made_where_they_can_be_and_an_empty_one_is_written_to(pickled, tmp_path):
    with pytest.raises(IsobarError, match="can't be made: Not a directory"):
        convert_checkpoint(pickled, pickled / "config.json" / "deep" / "new")
    convert_checkpoint(pickled, tmp_path / "deep" / "new")
    (tmp_path / "new").mkdir()
    convert_checkpoint(pickled, tmp_path / "new")
    with pytest.raises(IsobarError, match="exists already"):
        convert_checkpoint(pickled, tmp_path / "new")


def test_the_refusal_of_pickled_weights_names_the_command(pickled):
    with pytest.raises(IsobarError, match="isobar convert"):
        load_model(str(pickled), num_labels=2)


def test_weights_in_several_files_become_one(pickled, tiny_model, tmp_path):
    tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    (pickled / "pytorch_model.bin").unlink()
    names, where = list(tensors), {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-{number:05d}-of-00002.bin"
        torch.save({name: tensors[name] for name in part}, pickled / file)
        where |= dict.fromkeys(part, file)
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    assert convert_checkpoint(pickled, tmp_path / "new").tensors == len(names)
    assert load_file(tmp_path / "new" / "model.safetensors").keys() == tensors.keys()
    (pickled / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(IsobarError, match="lacks 1 of 2 files of weights: pytorch_model-00002"):
        convert_checkpoint(pickled, tmp_path / "other")
    where[names[0]] = "../elsewhere.bin"
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    with pytest.raises(IsobarError, match=r"lacks .*elsewhere"):
        convert_checkpoint(pickled, tmp_path / "other")


@pytest.mark.parametrize("inside", ["state_dict", "model_state_dict", "model"])
def test_weights_within_a_larger_dictionary_are_found(pickled, tmp_path, inside):
    tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    (pickled / "pytorch_model.bin").unlink()
    torch.save({inside: {**tensors, "note": "by hand"}, "epoch": 3}, pickled / "last.ckpt")
    done = convert_checkpoint(pickled, tmp_path / "new")
    assert done.tensors == len(tensors)
    assert done.notes == ("What is no tensor was left behind: note.",)


def test_nothing_in_a_file_is_run(pickled, tmp_path):
    class Marker:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    with (pickled / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"weight": Marker()}, file)
    with pytest.raises(IsobarError, match="could run code"):
        convert_checkpoint(pickled, tmp_path / "new")
    torch.save({"weight": Marker()}, pickled / "pytorch_model.bin")
    with pytest.raises(IsobarError, match="could run code"):
        convert_checkpoint(pickled, tmp_path / "new")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_tied_weights_are_written_by_both_names(pickled, tmp_path):
    tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    name = next(name for name in tensors if "word_embeddings" in name)
    tensors["cls.predictions.decoder.weight"] = tensors[name]
    torch.save(tensors, pickled / "pytorch_model.bin")
    convert_checkpoint(pickled, tmp_path / "new")
    loaded = load_model(str(tmp_path / "new"), num_labels=2)
    assert torch.equal(loaded.model.get_input_embeddings().weight, tensors[name])


@pytest.mark.slow
def test_word_embeddings_that_are_a_decoders_output_too_are_not_lost(tmp_path, tiny_model):
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=30522, n_positions=64))
    folder = tmp_path / "old"
    model.config.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")  # lm_head.weight sorts before transformer.wte.weight
    convert_checkpoint(folder, tmp_path / "new")
    loaded = load_model(str(tmp_path / "new"), num_labels=2)
    assert torch.equal(loaded.model.transformer.wte.weight, model.transformer.wte.weight)


def test_a_pattern_makes_a_tokenizer_for_no_words(pickled, tmp_path):
    for file in pickled.glob("tokenizer*"):
        file.unlink()
    (pickled / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "C", "Cl", "c", "(", ")"])
    )
    convert_checkpoint(pickled, tmp_path / "new", pieces=r"Cl|\S")
    read = AutoTokenizer.from_pretrained(tmp_path / "new")
    assert read.convert_ids_to_tokens(read(" C(Cl)cX ")["input_ids"]) == [
        "[CLS]", "C", "(", "Cl", ")", "c", "[UNK]", "[SEP]",
    ]  # fmt: skip
    assert read("C", "c")["input_ids"] == [2, 5, 3, 7, 3]
    assert read.pad_token_id == 0
    with pytest.raises(IsobarError, match="no regular expression"):
        convert_checkpoint(pickled, tmp_path / "other", pieces="(")
    (pickled / "vocab.txt").write_text("C\nN")
    with pytest.raises(IsobarError, match=r"lacks \[PAD\]"):
        convert_checkpoint(pickled, tmp_path / "other", pieces=".")


def _without_type(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["model_type"]
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "options", "sentence"),
    [
        (lambda folder: (folder / "config.json").unlink(), {}, "config.json is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), {}, "can't be read as JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), {}, "should hold a JSON object"),
        (_without_type, {}, "say it with --type"),
        (_without_type, {"model_type": "brt"}, "no model type 'brt'.*bert"),
        (lambda folder: None, {"model_type": "roberta"}, "of the type bert, not roberta"),
        (lambda folder: (folder / "pytorch_model.bin").unlink(), {}, "has no pickled weights"),
        (lambda folder: (folder / "pytorch_model.bin").write_bytes(b""), {}, "can't be read as weights"),
        (lambda folder: (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04 cut"), {}, "can't be read as weights"),
        (lambda folder: torch.save([1.0], folder / "pytorch_model.bin"), {}, "holds a list"),
        (lambda folder: torch.save({"a": 1}, folder / "pytorch_model.bin"), {}, "holds no tensors"),
        (lambda folder: (folder / "vocab.txt").unlink(missing_ok=True), {"pieces": "."}, "no vocab.txt"),
        (lambda folder: None, {"weights": "../pytorch_model.bin"}, "has no file"),
    ],
)
def test_what_cannot_be_converted_is_one_sentence_and_writes_nothing(pickled, tmp_path, spoil, options, sentence):
    spoil(pickled)
    with pytest.raises(IsobarError, match=sentence):
        convert_checkpoint(pickled, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_a_type_that_is_not_said_is_given(pickled, tmp_path):
    _without_type(pickled)
    convert_checkpoint(pickled, tmp_path / "new", model_type="bert")
    assert json.loads((tmp_path / "new" / "config.json").read_text())["model_type"] == "bert"


def test_several_files_of_weights_are_asked_about(pickled, tmp_path):
    (pickled / "pytorch_model.bin").rename(pickled / "a.pt")
    shutil.copy(pickled / "a.pt", pickled / "b.pt")
    with pytest.raises(IsobarError, match=r"a\.pt, b\.pt"):
        convert_checkpoint(pickled, tmp_path / "new")
    assert convert_checkpoint(pickled, tmp_path / "new", weights="b.pt").tensors


def test_a_folder_that_is_there_is_left_alone(pickled, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "thesis.txt").write_text("do not lose me")
    with pytest.raises(IsobarError, match="exists already"):
        convert_checkpoint(pickled, tmp_path / "new")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["thesis.txt"]


def test_a_folder_without_a_tokenizer_is_told(pickled, tmp_path):
    for file in (*pickled.glob("tokenizer*"), *pickled.glob("vocab*"), *pickled.glob("special*")):
        file.unlink()
    (note,) = convert_checkpoint(pickled, tmp_path / "new").notes
    assert note.startswith("No tokenizer lies in")
