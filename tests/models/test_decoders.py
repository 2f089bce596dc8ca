"""Decoders: their last token has seen the whole text, their first none of it."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
)

from core import IsobarError, inspect_checkpoint, train
from core.modalities import Cut
from core.models import BUILT_IN
from core.models.embedding import encode
from core.models.loading import load_model
from core.models.pooling import pool
from core.tiny import tiny_config

CONFIGS = {
    "gpt2": (GPT2Model, GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=64, vocab_size=30522)),
    "llama": (
        LlamaModel,
        LlamaConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=64, vocab_size=30522,
        ),
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=CONFIGS)
def decoder(request, tmp_path_factory):
    """A folder with a decoder of random weights."""
    folder = tmp_path_factory.mktemp("decoders") / request.param
    kind, config = CONFIGS[request.param]
    torch.manual_seed(0)
    kind(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(BUILT_IN["minilm"].path()).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_decoder_is_trained_and_inspected_by_its_last_token(decoder, tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"model": str(decoder)})
    run = train(spec, tmp_path / "run")
    assert run.state == "finished"
    assert run.record["pooling"] == "last"
    assert run.rows("step")[-1]["regularizer"] < 0
    found = inspect_checkpoint(str(run.path / "model"), spec.task, spec=spec)
    np.testing.assert_allclose(found.embeddings, run.after.embeddings, atol=1e-4)


@pytest.mark.slow
def test_the_first_token_of_a_decoder_is_refused(decoder, tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"model": str(decoder), "pooling": "cls"})
    with pytest.raises(IsobarError, match=r"decoder .* choose pooling last or mean"):
        train(spec, tmp_path / "run")
    with pytest.raises(IsobarError, match=r"choose pooling last or mean"):
        inspect_checkpoint(str(decoder), spec.task, spec=spec)
    assert not (tmp_path / "run").exists()


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "blue", "very", "stone", "river", "old"]
TEXTS = ["the red stone", "the old river the blue stone the very old river", "blue", "[UNK]", "very old unheard"]


def save_decoder(kind, folder, padding, appends, side):
    """Write a random classifier whose tokenizer pads with the end token, its own, or says nothing of it, and may append the end token."""
    fast = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    if appends:
        end = [("[SEP]", WORDS.index("[SEP]"))]
        fast.post_processor = processors.TemplateProcessing(single="$A [SEP]", special_tokens=end)
    PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token=padding, unk_token="[UNK]", eos_token="[SEP]", padding_side=side
    ).save_pretrained(folder)
    config = tiny_config(kind)
    config.architectures, config.pad_token_id = [], padding and WORDS.index(padding)
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)


EVERY_WAY = [
    (padding, appends, side)
    for padding in ("[SEP]", "[PAD]", None)
    for appends in (True, False)
    for side in ("right", "left")
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "padding", "appends", "side"),
    [
        *(("llama", *way) for way in EVERY_WAY),
        *((kind, None, True, "right") for kind in ("gpt2", "opt", "bloom", "qwen3")),
    ],
    ids=str,
)
def test_last_is_the_state_that_the_head_reads(kind, padding, appends, side, tmp_path):
    save_decoder(kind, tmp_path, padding, appends, side)
    loaded = load_model(str(tmp_path), num_labels=2)
    rows, collate = (
        loaded.encode(Dataset.from_dict({"text": TEXTS, "label": [0] * len(TEXTS)}), Cut()),
        loaded.collator(),
    )
    encoded = encode(loaded.model, collate, rows, pooling="last", batch_size=len(TEXTS))
    with torch.no_grad():
        scores = loaded.model.score(torch.from_numpy(encoded.embeddings)).numpy()
    np.testing.assert_allclose(scores, encoded.logits, atol=1e-5)
    if padding is None and appends:  # the end token counts: nobody has said that it is padding
        batch = collate(list(rows))
        batch.pop("labels")
        with torch.no_grad():
            output = loaded.model(**batch, output_hidden_states=True)
            pooled = pool(output.hidden_states[-1], batch["attention_mask"], "last")
            torch.testing.assert_close(loaded.model.score(pooled), output.logits, atol=1e-5, rtol=0)


def test_the_padding_that_a_configuration_names_is_taken(tmp_path):
    save_decoder("llama", tmp_path, None, appends=False, side="right")
    config = tiny_config("llama")
    config.pad_token_id = WORDS.index("[MASK]")
    config.save_pretrained(tmp_path)
    assert load_model(str(tmp_path), num_labels=2).processor.pad_token == "[MASK]"
