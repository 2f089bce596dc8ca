"""What a tokenizer is, and what is none."""

import shutil

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from core import IsobarError, RunSpec, inspect_checkpoint, train
from core.models.loading import load_model
from core.tiny import tiny_checkpoint, tiny_task


def without_tokenizer(folder):
    for file in folder.glob("*"):
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    return folder


@pytest.mark.parametrize(
    "kind", ["bert", "roberta", "xlm-roberta", "mpnet", "esm", "gpt2", "llama", "xlnet", "qwen2", "mt5", "ctrl"]
)
def test_a_folder_without_a_tokenizer_is_refused(kind, tmp_path):
    folder = without_tokenizer(tiny_checkpoint(kind, tmp_path / "model"))
    with pytest.raises(IsobarError, match=r"has no tokenizer: tokenizer\.json .*is missing") as caught:
        load_model(str(folder), num_labels=2)
    assert "\n" not in str(caught.value)


def test_nothing_is_made_where_there_is_no_tokenizer(tmp_path):
    folder = without_tokenizer(tiny_checkpoint("bert", tmp_path / "model"))
    task = tiny_task(tmp_path / "task", "text")
    with pytest.raises(IsobarError, match="no tokenizer"):
        train(RunSpec(model=str(folder), task=str(task)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tokenizers_settings_without_its_words_are_none(tiny_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "tokenizer.json").unlink()
    assert (folder / "tokenizer_config.json").exists()
    with pytest.raises(IsobarError, match=r"no tokenizer: tokenizer\.json or vocab\.txt is missing"):
        load_model(str(folder), num_labels=2)


@pytest.mark.parametrize("kind", ["canine", "perceiver"])
def test_who_reads_characters_needs_no_file(kind, tmp_path):
    folder = without_tokenizer(tiny_checkpoint(kind, tmp_path / "model"))
    loaded = load_model(str(folder), num_labels=2)
    assert loaded.processor.get_vocab.__self__ is loaded.processor
    assert len(loaded.processor("ab")["input_ids"]) == 4


def test_bytes_need_no_file(tmp_path):
    from transformers import ByT5Tokenizer

    folder = without_tokenizer(tiny_checkpoint("t5", tmp_path / "model", vocab_size=384))
    ByT5Tokenizer().save_pretrained(folder)
    assert not any(folder.glob("vocab*"))
    assert load_model(str(folder), num_labels=2).processor("ab")["input_ids"] == [100, 101, 1]


def word_tokenizer(words, unknown="[UNK]", **special):
    known = {word: number for number, word in enumerate(("[PAD]", "[UNK]", *words))}
    fast = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=fast, pad_token="[PAD]", unk_token=unknown, **special)


@pytest.mark.parametrize("words", [("le", "la", "chat"), ("ㄱ", "ㄴ", "the")])
def test_a_vocabulary_of_another_language_is_refused_before_anything_is_made(words, tmp_path):
    folder = without_tokenizer(tiny_checkpoint("bert", tmp_path / "model"))
    word_tokenizer(words).save_pretrained(folder)
    task = tmp_path / "task.csv"
    rows = [f"{noun} stands near old mills and behind hills,{k % 2}" for k in range(20) for noun in ("stone", "river")]
    task.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    spec = RunSpec(model=str(folder), task=str(task), probe_per_class=4)
    with pytest.raises(IsobarError, match=r"does not know these texts: 64 of their 64 pieces are unknown"):
        inspect_checkpoint(spec.model, spec.task, spec=spec)
    with pytest.raises(IsobarError, match="does not know these texts"):
        train(spec, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_vocabulary_that_leaves_all_out_is_refused(tmp_path):
    folder = without_tokenizer(tiny_checkpoint("gpt2", tmp_path / "model"))
    fast = Tokenizer(models.BPE({"<s>": 0, "ж": 1, "щ": 2}, []))  # no unknown token: what it lacks is left out
    PreTrainedTokenizerFast(tokenizer_object=fast, pad_token="<s>", eos_token="<s>").save_pretrained(folder)
    task = tiny_task(tmp_path / "task", "text")
    with pytest.raises(IsobarError, match="all that they hold is unknown"):
        inspect_checkpoint(str(folder), str(task))
