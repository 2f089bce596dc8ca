"""The odd ones among the text classifiers: each as a tiny random checkpoint, judged by the architecture's own functions."""

import numpy as np
import pytest
import torch
from transformers import AlbertTokenizer, FNetTokenizer, FunnelTokenizer, LayoutLMv3Tokenizer, XLNetTokenizer

from core import IsobarError, RunSpec, inspect_checkpoint, train
from core.every_type import WORKS, try_type
from core.modalities import Cut
from core.models.loading import load_model
from core.models.pooling import HeadInput, pool, view
from core.models.states import read_states
from core.tiny import tiny_checkpoint, tiny_task

ODD = {
    "bart": ("encoder-decoder", "last"),
    "canine": ("characters and molecules", "head"),
    "fnet": ("plain", "cls"),
    "funnel": ("shortened layers", "cls"),
    "gemma3": ("plain", "last"),
    "gpt2": ("plain", "last"),
    "modernvbert": ("plain", "cls"),
    "perceiver": ("latents", "head"),
    "reformer": ("without gradient", "head"),
    "t5": ("encoder-decoder", "last"),
    "t5gemma": ("decoder of an encoder-decoder", "last"),
    "xlnet": ("plain", "last"),
}
TEXTS = ["the red stone", "the very very blue cloud near the old mill behind the hill", "red"]


@pytest.fixture(scope="module")
def loaded_of(tmp_path_factory):
    """Return a function that loads a tiny checkpoint of a type, with a head of two classes."""

    def load(kind, **besides):
        folder = tmp_path_factory.mktemp("odd") / kind
        torch.manual_seed(0)
        return load_model(str(tiny_checkpoint(kind, folder, **besides)), 2)

    return load


def batch_of(loaded, texts=TEXTS, pairs=None):
    from datasets import Dataset

    columns = {"text": list(texts), **({"text_pair": list(pairs)} if pairs else {}), "label": [0] * len(texts)}
    batch = loaded.collator()(list(loaded.encode(Dataset.from_dict(columns), Cut(tokens=64))))
    return {name: value for name, value in batch.items() if name != "labels"}


@torch.no_grad()
def run(loaded, batch):
    model = loaded.model.eval()
    output = model(**batch, output_hidden_states=True)
    return output, read_states(model, output, batch)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_type_is_inspected_and_trained(kind, tmp_path):
    row = try_type(kind, tmp_path)
    assert (row["verdict"], row["why"]) == (WORKS, "")
    assert (row["states"], row["pooling"]) == ODD[kind]


SCORES = {
    "gpt2": lambda model, vector: model.score(vector),
    "mistral": lambda model, vector: model.score(vector),
    "gemma3": lambda model, vector: model.score(vector),
    "t5gemma": lambda model, vector: model.score(vector),
    "bart": lambda model, vector: model.classification_head(vector),
    "t5": lambda model, vector: model.classification_head(vector),
    "xlnet": lambda model, vector: model.logits_proj(torch.tanh(model.sequence_summary.summary(vector))),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SCORES)
def test_the_last_state_is_the_one_that_is_scored(kind, loaded_of):
    """Where the padding is the end token (gpt2, mistral) and each text ends with one, too."""
    loaded = loaded_of(kind)
    if kind in ("gpt2", "mistral"):
        loaded.model.config.pad_token_id = loaded.processor.eos_token_id
        loaded.processor.pad_token = loaded.processor.eos_token
    output, states = run(loaded, batch_of(loaded))
    vectors = pool(states.layers[-1], states.masks[-1], "last", states.ends[-1])
    torch.testing.assert_close(SCORES[kind](loaded.model, vectors), output.logits, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [(9, 4, 2), (12, 7, 3), (8, 8, 1), (5, 2, 1)], ids=str)
def test_shortened_layers_have_the_model_s_own_masks(lengths, loaded_of):
    loaded = loaded_of("funnel")
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    batch = {"input_ids": 5 + mask, "attention_mask": mask}
    _, states = run(loaded, batch)
    own = [mask.float()]
    for states_of in states.layers[1:]:
        if states_of.shape[1] != own[-1].shape[1]:
            structure = loaded.model.funnel.encoder.attention_structure
            own.append(structure.pool_tensor(own[-1], mode="min"))
    distinct = [states.masks[0]] + [b for a, b in zip(states.masks, states.masks[1:]) if a is not b]
    assert [tuple(m.shape) for m in states.masks] == [tuple(s.shape[:2]) for s in states.layers]
    assert len(distinct) == len(own)
    for ours, theirs in zip(distinct, own):
        assert torch.equal(ours, theirs.bool())


@pytest.mark.slow
def test_molecules_have_the_model_s_own_mask(loaded_of):
    loaded = loaded_of("canine")
    batch = batch_of(loaded)
    _, states = run(loaded, batch)
    own = loaded.model.canine._downsample_attention_mask(batch["attention_mask"], loaded.model.config.downsampling_rate)
    short = [mask for mask, layer in zip(states.masks, states.layers) if layer.shape[1] == own.shape[1]]
    assert short
    assert all(torch.equal(mask, own.bool()) for mask in short)
    assert [m.shape for m in states.masks] == [s.shape[:2] for s in states.layers]


def test_an_encoder_decoder_s_layers_are_both_models(loaded_of):
    loaded = loaded_of("bart")
    output, states = run(loaded, batch_of(loaded))
    assert len(states.layers) == 1 + 2 + 2
    assert torch.equal(states.layers[2], output.encoder_last_hidden_state)
    assert torch.equal(states.layers[-1], output.decoder_hidden_states[-1])


AUTO = {
    "bert": ({}, "cls"),
    "modernbert": ({"classifier_pooling": "mean"}, "mean"),
    "eurobert": ({"classifier_pooling": "late"}, "head"),
    "roberta": ({}, "cls"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", AUTO)
def test_auto_is_what_the_classifier_reads(kind, loaded_of):
    besides, rule = AUTO[kind]
    loaded = loaded_of(kind, **besides)
    batch = batch_of(loaded)
    before = torch.get_rng_state()
    assert view(loaded.model.train(), batch).pooling == rule
    assert loaded.model.training
    assert torch.equal(before, torch.get_rng_state())
    assert all(p.grad is None for p in loaded.model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "eurobert", "gpt2", "perceiver"])
def test_what_the_head_reads_gives_the_scores(kind, loaded_of):
    loaded = loaded_of(kind)
    head = HeadInput(loaded.model)
    output, states = run(loaded, batch_of(loaded))
    vectors = head.vectors(states)
    head.remove()
    linear = [m for m in loaded.model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == 2][-1]
    torch.testing.assert_close(linear(vectors), output.logits, rtol=1e-5, atol=1e-6)


def spec_of(model, tmp_path, **settings):
    short = {"batch_size": 8, "max_steps": 2, "probe_per_class": 8, "snapshots": 2, "evaluations": 1, "log_every": 1}
    files = {"model": str(model), "task": str(tiny_task(tmp_path / "task"))}
    return RunSpec(**{**files, **short, "device": "cpu", "save_model": False, **settings})


@pytest.mark.slow
def test_a_term_without_gradient_is_refused_by_name(tmp_path):
    model = tiny_checkpoint("reformer", tmp_path / "model")
    with pytest.raises(IsobarError, match="regularizer persistent-entropy can't act on layer -1"):
        train(spec_of(model, tmp_path, pooling="cls"), tmp_path / "run")
    with pytest.raises(IsobarError, match="regularizer istar can't act on all layers"):
        train(spec_of(model, tmp_path, regularizer="istar(layers=all)"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    found = inspect_checkpoint(str(model), spec=(spec := spec_of(model, tmp_path, pooling="cls")), task=spec.task)
    assert np.isfinite(found.embeddings).all()


@pytest.mark.slow
def test_layer_drop_is_switched_off_and_told(tmp_path):
    model = tiny_checkpoint("opt", tmp_path / "model", layerdrop=0.9)
    run = train(spec_of(model, tmp_path, layer=1, max_steps=4), tmp_path / "run")
    assert run.state == "finished"
    assert any("LayerDrop is off" in note["text"] for note in run.rows("note"))


def test_a_type_that_can_t_be_read_is_refused_before_anything_loads(tmp_path):
    model = tiny_checkpoint("tapas", tmp_path / "tapas")  # with weights that could not be opened
    with pytest.raises(IsobarError, match=r"\(tapas\) reads tables"):
        load_model(str(model), 2)
    model = tiny_checkpoint("xmod", tmp_path / "xmod")
    config = (model / "config.json").read_text().replace('"en_XX"', "null", 1)
    (model / "config.json").write_text(config if '"default_language": null' in config else "{}")
    with pytest.raises(IsobarError, match=r"set default_language"):
        load_model(str(model), 2)


@pytest.mark.slow
def test_auto_says_what_it_chose_and_is_cls_for_bert(tiny_spec, tmp_path):
    assert tiny_spec.pooling == "auto"
    auto = train(tiny_spec, tmp_path / "auto")
    cls = train(tiny_spec.model_copy(update={"pooling": "cls"}), tmp_path / "cls")
    assert auto.record["pooling"] == "cls"
    (row,) = auto.rows("pooling")
    assert (row["asked"], row["pooling"], row["states"]) == ("auto", "cls", "plain")
    np.testing.assert_array_equal(auto.after.embeddings, cls.after.embeddings)
    head = train(tiny_spec.model_copy(update={"pooling": "head"}), tmp_path / "head")
    assert head.rows("step")[-1]["regularizer"] < 0
    assert np.abs(head.before.embeddings).max() <= 1  # BERT's head reads a tanh
    assert not np.array_equal(head.before.embeddings, cls.before.embeddings)


PIECES = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<cls>", "<sep>", "▁the", "▁red", "▁stone"]
TOKENIZERS = {
    "albert": (AlbertTokenizer, [0, 0, 0, 0, 1, 1, 1]),
    "fnet": (FNetTokenizer, [0, 0, 0, 0, 1, 1, 1]),
    "funnel": (FunnelTokenizer, [2, 0, 0, 0, 1, 1, 1]),
    "xlnet": (XLNetTokenizer, [0, 0, 0, 1, 1, 1, 2]),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_pairs_have_segments_and_a_mask_where_the_tokenizer_leaves_them_out(kind, tmp_path):
    make, segments = TOKENIZERS[kind]
    folder = tiny_checkpoint(kind, tmp_path / kind)
    (folder / "tokenizer.json").unlink()
    words = [word.lstrip("▁") for word in PIECES]
    pieces = [(piece, -1.0) for piece in PIECES]
    make(vocab={w: n for n, w in enumerate(words)} if kind == "funnel" else pieces).save_pretrained(folder)
    loaded = load_model(str(folder), 2)
    batch = batch_of(loaded, ["the red", "red"], ["the stone", "stone"])
    assert batch["token_type_ids"][0, -7 if kind == "xlnet" else 0 :][:7].tolist() == segments
    assert batch["attention_mask"].sum(1).tolist() == [7, 5]
    assert batch["attention_mask"].dtype == torch.long
    if kind == "xlnet":  # its head reads the last position
        assert batch["attention_mask"][:, -1].all()


def test_a_tokenizer_that_wants_more_than_texts_is_refused(tmp_path):
    folder = tiny_checkpoint("layoutlmv3", tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    letters = {
        letter: n
        for n, letter in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *"abcdefghijklmnopqrstuvwxyz"])
    }
    LayoutLMv3Tokenizer(vocab=letters, merges=[]).save_pretrained(folder)
    with pytest.raises(IsobarError, match="can't read texts alone"):
        load_model(str(folder), 2)
