"""Image and audio classifiers: each as a tiny random checkpoint, judged by the architecture's own functions."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from core import IsobarError, PersistentEntropyLoss
from core.every_type import REFUSAL, TYPES, WORKS, heading, try_type, try_types
from core.modalities import Cut
from core.modalities.media import sound_cell
from core.models.embedding import encode
from core.models.loading import load_model
from core.models.pooling import pool, view
from core.models.states import read_states
from core.tasks import load_task
from core.tasks.media import media_split
from core.tiny import tiny_checkpoint, tiny_task
from core.training.memory import estimate_memory
from core.training.probe import view_of

pytestmark = pytest.mark.slow

ODD = {
    ("image", "cvt"): ("grid", "head"),
    ("image", "imagegpt"): ("grid", "mean"),
    ("image", "levit"): ("grid", "mean"),
    ("image", "perceiver"): ("latents", "head"),
    ("image", "siglip2"): ("grid", "head"),
    ("image", "textnet"): ("grid", "mean"),
    ("audio", "audio-spectrogram-transformer"): ("patches", "head"),
    ("audio", "sew"): ("frames", "head"),
    ("audio", "wav2vec2-bert"): ("frames", "mean"),
    ("audio", "whisper"): ("frames", "mean"),
}


@pytest.mark.parametrize(("modality", "kind"), ODD)
def test_an_odd_type_is_inspected_and_trained(modality, kind, tmp_path):
    row = try_type(kind, tmp_path, modality)
    assert (row["verdict"], row["why"]) == (WORKS, "")
    assert (row["states"], row["pooling"]) == ODD[modality, kind]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("pp_lcnet", "hands out no scores"),
        ("shieldgemma2", "beside a text"),
        ("timm_wrapper", "needs the package timm"),
    ],
)
def test_a_type_that_can_t_be_used_is_refused_before_anything_loads(kind, sentence, tmp_path, monkeypatch):
    monkeypatch.setattr("core.modalities.image.find_spec", lambda package: None)
    row = try_type(kind, tmp_path, "image")
    assert row["verdict"] == REFUSAL
    assert sentence in row["why"]


def test_the_table_s_heading_counts_what_works_by_modality():
    told = []
    rows = try_types([("audio", "whisper"), ("image", "pp_lcnet"), ("image", "vit")], lambda *at: told.append(at))
    assert told[-1] == ("trying", 3, 3)
    assert [row["verdict"] for row in rows] == [WORKS, REFUSAL, WORKS]
    assert "1 of 1 types of audio classifiers, 1 of 2 types of image classifiers" in heading(rows)
    assert {modality for modality, _ in TYPES} == {"text", "image", "audio"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that makes a tiny checkpoint of a type and loads it, with a head of two classes."""

    def make(kind, modality, **besides):
        folder = tmp_path_factory.mktemp("made") / kind
        return load_model(str(tiny_checkpoint(kind, folder, modality, **besides)), 2, modality)

    return make


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    return {name: load_task(tiny_task(tmp_path_factory.mktemp("task") / name, name)) for name in ("image", "audio")}


def sounds_of(*lengths):
    """Noise of so many samples at 16 kHz."""
    draw = np.random.RandomState(0)
    cells = [sound_cell(draw.uniform(-0.5, 0.5, length), 16_000, f"{length}.wav") for length in lengths]
    return media_split("audio", cells, [n % 2 for n in range(len(cells))])


def batch_of(loaded, examples, count=4):
    rows = loaded.encode(examples, Cut())
    batch = loaded.collator()([rows[n] for n in range(min(count, len(rows)))])
    return {name: value for name, value in batch.items() if name != "labels"}


@torch.no_grad()
def run(loaded, batch):
    model = loaded.model.eval()
    output = model(**batch, output_hidden_states=True)
    return output, read_states(model, output, batch)


# What each architecture computes of the vector that auto finds: the scores themselves.
HEADS = {
    ("image", "vit"): ("cls", lambda model, vector: model.classifier(model.vit.layernorm(vector))),
    ("image", "resnet"): ("mean", lambda model, vector: model.classifier(vector)),
    ("image", "convnext"): ("mean", lambda model, vector: model.classifier(model.convnext.layernorm(vector))),
    ("image", "hiera"): ("mean", lambda model, vector: model.classifier(model.hiera.pooler.layernorm(vector))),
    ("image", "swin"): ("head", lambda model, vector: model.classifier(vector)),
    ("image", "dinov2"): ("head", lambda model, vector: model.classifier(vector)),
    ("audio", "wav2vec2"): ("mean", lambda model, vector: model.classifier(model.projector(vector))),
    ("audio", "hubert"): ("mean", lambda model, vector: model.classifier(model.projector(vector))),
    ("audio", "whisper"): ("mean", lambda model, vector: model.classifier(model.projector(vector))),
    ("audio", "audio-spectrogram-transformer"): ("head", lambda model, vector: model.classifier.dense(vector)),
    ("audio", "wav2vec2-conformer"): ("head", lambda model, vector: model.classifier(vector)),
}


@pytest.mark.parametrize(("modality", "kind"), HEADS)
def test_auto_finds_what_the_scores_are_made_of(modality, kind, made, tasks):
    """Of vit, hiera and others the head norms what it reads; a norm of each state is part of the scores, not of the pooling."""
    loaded = made(kind, modality)
    rule, scores = HEADS[modality, kind]
    rows = loaded.encode(tasks[modality].train, Cut())
    seen = view_of(loaded.model, loaded.collator(), rows, "auto")
    assert seen.pooling == rule
    found = encode(loaded.model, loaded.collator(), rows, pooling=rule, batch_size=4, unpadded=seen.padding)
    with torch.no_grad():
        made_of_them = scores(loaded.model, torch.from_numpy(found.embeddings))
    np.testing.assert_allclose(made_of_them.numpy(), found.logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
def test_frames_have_the_model_s_own_mask(kind, made):
    loaded = made(kind, "audio")
    batch = batch_of(loaded, sounds_of(9_000, 5_000, 4_000, 3_500))
    _, states = run(loaded, batch)
    own = loaded.model._get_feature_vector_attention_mask(states.layers[0].shape[1], batch["attention_mask"])
    assert own.sum(1).tolist() == [(n - 80) // 320 for n in (9_000, 5_000, 4_000, 3_500)]
    assert all(torch.equal(mask, own.bool()) for mask in states.masks)
    assert [mask.shape for mask in states.masks] == [layer.shape[:2] for layer in states.layers]


def test_squeezed_frames_have_the_model_s_own_mask(made):
    loaded = made("sew", "audio")
    batch = batch_of(loaded, sounds_of(9_000, 5_000, 4_000, 3_500))
    _, states = run(loaded, batch)
    frames = loaded.model.sew.feature_extractor(batch["input_values"]).shape[-1]
    own = loaded.model._get_feature_vector_attention_mask(frames, batch["attention_mask"]).float()
    squeezed = functional.max_pool1d(own[:, None], loaded.model.config.squeeze_factor)[:, 0].bool()
    assert all(torch.equal(mask, squeezed) for mask in states.masks)


LAYER_NORMED = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}


@pytest.mark.parametrize(("norms", "matters"), [(LAYER_NORMED, False), ({"feat_extract_norm": "group"}, True)], ids=str)
def test_whether_padding_changes_an_embedding_is_found_and_then_nothing_is_padded(norms, matters, made):
    loaded = made("wav2vec2", "audio", **norms)
    rows, collate = loaded.encode(sounds_of(9_000, 5_000, 5_000, 4_000), Cut()), loaded.collator()
    seen = view_of(loaded.model, collate, rows, "mean")
    assert seen.padding == matters
    alone = encode(loaded.model, collate, rows, pooling="mean", batch_size=1).embeddings
    beside = encode(loaded.model, collate, rows, pooling="mean", batch_size=4).embeddings
    apart = encode(loaded.model, collate, rows, pooling="mean", batch_size=4, unpadded=True).embeddings
    np.testing.assert_allclose(apart, alone, rtol=1e-4, atol=1e-5)
    assert (np.abs(beside - alone).max() > 1e-3) == matters


def test_an_extractor_that_gives_no_mask_leaves_padding_in_and_that_is_found(made):
    """As wav2vec2-base's: its classifier takes the mean of all frames there are."""
    loaded = made("wav2vec2", "audio", feat_extract_norm="layer")
    loaded.processor.return_attention_mask = False
    rows, collate = loaded.encode(sounds_of(9_000, 5_000, 4_000), Cut()), loaded.collator()
    assert collate([rows[0], rows[1]]).keys() == {"input_values", "labels"}
    seen = view_of(loaded.model, collate, rows, "auto")
    assert (seen.pooling, seen.padding) == ("mean", True)
    alone = encode(loaded.model, collate, rows, pooling="mean", batch_size=1).embeddings
    apart = encode(loaded.model, collate, rows, pooling="mean", unpadded=True).embeddings
    np.testing.assert_allclose(apart, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("besides", "frames"), [({}, 10), ({"mask_time_prob": 0.0}, 1), ({"apply_spec_augment": False}, 1)], ids=str
)
@pytest.mark.parametrize("kind", ["wav2vec2", "wav2vec2-bert"])
def test_a_sound_of_one_sample_goes_on_in_silence(kind, besides, frames, made):
    """To be trained on, it must be as long as a mask of SpecAugment, where that is on."""
    loaded = made(kind, "audio", **besides)
    batch = batch_of(loaded, sounds_of(1))
    _, states = run(loaded, batch)
    assert states.masks[-1].shape == (1, frames)
    assert states.masks[-1].all()
    assert torch.isfinite(loaded.model.train()(**batch).logits).all()


REFUSED = [("image", "resnet", "cls", "places of the image"), ("image", "vit", "last", "patches of an image"), ("audio", "wav2vec2", "cls", "moments of the sound")]  # fmt: skip


@pytest.mark.parametrize(("modality", "kind", "pooling", "they"), REFUSED)
def test_a_place_like_any_other_is_no_embedding(modality, kind, pooling, they, made, tasks):
    loaded = made(kind, modality)
    with pytest.raises(IsobarError, match=f"states are {they}.*there is no {pooling}; choose pooling"):
        view(loaded.model, batch_of(loaded, tasks[modality].train), pooling)


@pytest.mark.parametrize("kind", ["resnet", "swin"])
def test_a_regularizer_on_an_early_layer_of_a_grid_reaches_the_weights_before_it(kind, made, tasks):
    """The derivative by one weight of the stem, against central differences."""
    loaded = made(kind, "image")
    model = loaded.model.double().eval()
    rows = loaded.encode(tasks["image"].train, Cut())
    batch = loaded.collator()([rows[n] for n in range(len(rows))])
    labels = batch.pop("labels")
    batch = {name: value.double() for name, value in batch.items()}
    weight = next(p for p in model.parameters() if p.ndim == 4)

    def term(shift=0.0):
        weight.data[0, 0, 0, 0] += shift
        states = read_states(model, model(**batch, output_hidden_states=True), batch)
        value = PersistentEntropyLoss(weight=1.0)(pool(states.layers[1], states.masks[1], "mean"), labels)
        weight.data[0, 0, 0, 0] -= shift
        return value

    (gradient,) = torch.autograd.grad(term(), weight)
    slope = (term(1e-6) - term(-1e-6)).item() / 2e-6
    assert slope != 0
    assert float(gradient[0, 0, 0, 0]) == pytest.approx(slope, rel=1e-4)


def test_places_of_a_grid_are_rows_of_a_sequence(made, tasks):
    loaded = made("resnet", "image")
    output, states = run(loaded, batch_of(loaded, tasks["image"].train))
    for grid, layer, mask in zip(output.hidden_states, states.layers, states.masks, strict=True):
        _, channels, height, width = grid.shape
        assert layer.shape == (4, height * width, channels)
        assert torch.equal(layer[1, width // 2], grid[1, :, 0, width // 2])
        assert mask.all()


def test_looking_at_a_model_changes_neither_its_running_means_nor_what_is_drawn(made, tasks):
    loaded = made("resnet", "image")
    model = loaded.model.train()
    rows, collate = loaded.encode(tasks["image"].train, Cut()), loaded.collator()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch_state = torch.get_rng_state()
    view_of(model, collate, rows, "auto")
    encode(model, collate, rows, pooling="mean")
    estimate_memory(model, collate([rows[0], rows[1]]), 8)
    assert model.training
    assert torch.equal(torch_state, torch.get_rng_state())
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    sounds = made("wav2vec2", "audio")  # whose masks of SpecAugment NumPy draws
    rows = sounds.encode(tasks["audio"].train, Cut())
    numpy_state = np.random.get_state()[1].copy()
    estimate_memory(sounds.model, sounds.collator()([rows[0], rows[1]]), 8)
    assert np.array_equal(numpy_state, np.random.get_state()[1])


def test_a_head_with_a_teacher_is_loaded_as_one_that_can_be_trained(made, tmp_path):
    from transformers import AutoConfig, DeiTForImageClassificationWithTeacher

    folder = tiny_checkpoint("deit", tmp_path / "deit", "image")
    DeiTForImageClassificationWithTeacher(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    loaded = load_model(str(folder), 2, "image")
    assert type(loaded.model).__name__ == "DeiTForImageClassification"
    assert not loaded.trained_head
