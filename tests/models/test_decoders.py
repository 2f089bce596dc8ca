"""Decoders: their last token has seen the whole text, their first none of it."""

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2Model, LlamaConfig, LlamaModel

from core import IsobarError, inspect_checkpoint, train
from core.models import BUILT_IN

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


def test_the_first_token_of_a_decoder_is_refused(decoder, tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"model": str(decoder), "pooling": "cls"})
    with pytest.raises(IsobarError, match=r"decoder .* choose pooling last or mean"):
        train(spec, tmp_path / "run")
    with pytest.raises(IsobarError, match=r"choose pooling last or mean"):
        inspect_checkpoint(str(decoder), spec.task, spec=spec)
    assert not (tmp_path / "run").exists()
