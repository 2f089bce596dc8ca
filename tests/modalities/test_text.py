"""What a tokenizer is, and what is none."""

import shutil

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from core import IsobarError, RunSpec, inspect_checkpoint, train
from core.modalities import Cut
from core.modalities.text import most_positions
from core.models.loading import load_model
from core.tiny import tiny_checkpoint, tiny_task


def without_tokenizer(folder):
    for file in folder.glob("*"):
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    return folder


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_third_of_unknown_pieces_is_said_with_its_share(tmp_path):
    folder = without_tokenizer(tiny_checkpoint("bert", tmp_path / "model"))
    word_tokenizer(["stands", "near", "old", "mills", "stone"]).save_pretrained(folder)
    task = tmp_path / "task.csv"
    rows = [f"{noun} stands near old,{k % 2}" for k in range(20) for noun in ("stone", "river")]
    rows += [f"what is this,{k % 2}" for k in range(20)]
    task.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    spec = RunSpec(model=str(folder), task=str(task), probe_per_class=500, max_steps=1, device="cpu", snapshots=2)
    found = inspect_checkpoint(spec.model, spec.task, spec=spec)
    (note,) = [note for note in found.notes if "unknown to the tokenizer" in note]
    data = found.probe["text"].str.split()
    known = {"stands", "near", "old", "mills", "stone"}
    share = sum(word not in known for words in data for word in words) / sum(map(len, data))
    assert 0.1 < share < 0.9
    assert f"{share:.0%} are unknown" in note
    whole = sum(known.isdisjoint(words) for words in data)
    assert f"{whole} of {len(data)} consist of nothing else" in note
    run = train(spec, tmp_path / "run")
    assert any("training texts' word pieces 3" in row["text"] for row in run.rows("note"))
    assert any("unknown to the tokenizer" in note for note in run.record["task"]["notes"])


def test_a_vocabulary_that_leaves_all_out_is_refused(tmp_path):
    folder = without_tokenizer(tiny_checkpoint("gpt2", tmp_path / "model"))
    fast = Tokenizer(models.BPE({"<s>": 0, "ж": 1, "щ": 2}, []))  # no unknown token: what it lacks is left out
    PreTrainedTokenizerFast(tokenizer_object=fast, pad_token="<s>", eos_token="<s>").save_pretrained(folder)
    task = tiny_task(tmp_path / "task", "text")
    with pytest.raises(IsobarError, match="all that they hold is unknown"):
        inspect_checkpoint(str(folder), str(task))


OFFSET = {
    **dict.fromkeys(
        ("roberta", "xlm-roberta", "camembert", "longformer", "esm", "ibert", "luke", "data2vec-text", "xmod"), 1
    ),
    "mpnet": 2,  # whose padding token is 1, whatever its configuration says
    **dict.fromkeys(("bert", "bart", "opt", "gpt2", "distilbert", "mpt", "ctrl", "yoso"), 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", OFFSET)
def test_a_long_text_is_cut_to_the_positions_that_there_are(kind, tmp_path):
    folder = tiny_checkpoint(kind, tmp_path / "model")
    loaded = load_model(str(folder), num_labels=2)
    loaded.processor.model_max_length = 10_000
    loaded.modality.fit(loaded.processor, loaded.model)
    assert most_positions(loaded.model) == 64 - OFFSET[kind]
    data = Dataset.from_dict({"text": ["the red stone " * 100], "label": [0]})
    batch = loaded.collator()(list(loaded.encode(data, Cut())))
    assert batch["attention_mask"].sum() == 64 - OFFSET[kind]
    batch.pop("labels")
    assert torch.isfinite(loaded.model(**batch).logits).all()


def test_the_padding_tokens_number_shifts_the_positions(tmp_path):
    folder = tiny_checkpoint("roberta", tmp_path / "model", pad_token_id=1)
    assert most_positions(load_model(str(folder), num_labels=2).model) == 62


def test_no_limit_is_none(tmp_path):
    assert most_positions(load_model(str(tiny_checkpoint("xlnet", tmp_path / "model")), num_labels=2).model) is None
