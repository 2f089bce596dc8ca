"""Queries and keys are those that the attention works with."""

import pytest
import torch

from core.modalities import Cut
from core.models.attention import watched_attention
from core.models.loading import load_model
from core.models.states import read_states
from core.tasks import load_task
from core.tiny import tiny_checkpoint

pytestmark = pytest.mark.slow


def shown(kind, folder, modality="text", task="grammar"):
    loaded = load_model(str(tiny_checkpoint(kind, folder, modality)), 2, modality)
    data = load_task(task).train.select(range(4))
    rows = loaded.encode(data, Cut(tokens=16))
    batch = {k: v for k, v in loaded.collator()([rows[i] for i in range(4)]).items() if k != "labels"}
    with torch.no_grad(), watched_attention(loaded.model) as found:
        states = read_states(loaded.model, loaded.model(**batch, output_hidden_states=True), batch)
        return loaded.model, states, found.take(states), found


def test_they_are_the_projections_of_the_layer_below(tmp_path):
    model, states, (queries, keys), found = shown("bert", tmp_path)
    for number, block in enumerate(model.bert.encoder.layer):
        torch.testing.assert_close(queries[number], block.attention.self.query(states.layers[number]))
        torch.testing.assert_close(keys[number], block.attention.self.key(states.layers[number]))
    assert not found.queries
    assert not found.keys


@pytest.mark.parametrize("kind", ["roberta", "distilbert", "mpnet", "llama", "gpt2", "modernbert", "albert"])
def test_architectures_that_show_them(kind, tmp_path):
    _, states, (queries, keys), _ = shown(kind, tmp_path)
    assert len(queries) == len(keys) == len(states.layers) - 1


def test_gpt_2s_are_the_first_two_thirds_of_what_it_projects(tmp_path):
    model, states, (queries, keys), _ = shown("gpt2", tmp_path)
    block = model.transformer.h[0]
    query, key, _ = block.attn.c_attn(block.ln_1(states.layers[0])).chunk(3, -1)
    torch.testing.assert_close(queries[0], query)
    torch.testing.assert_close(keys[0], key)


@pytest.mark.parametrize("kind", ["t5", "bart", "gpt_neox", "xlnet", "fnet"])
def test_where_they_are_not_one_of_each_a_layer_there_are_none(kind, tmp_path):
    assert shown(kind, tmp_path)[2] is None


def test_images_have_them_too(tmp_path):
    _, states, (queries, _), _ = shown("vit", tmp_path, "image", "digits")
    assert queries[0].shape[:2] == states.layers[1].shape[:2]
