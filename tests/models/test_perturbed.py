"""Changes of weights do what they say, to the weights they say, and to no others."""

import pytest
import torch

from core import IsobarError
from core.models.changes import KINDS, Change
from core.models.loading import load_model
from core.models.perturbed import changed, layer_weights, layers_of
from core.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny_checkpoint("bert", tmp_path_factory.mktemp("bert"), "text"))


def weights_of(folder, change="", seed=5):  # 0 made the checkpoint
    torch.manual_seed(7)
    loaded = load_model(folder, 2)
    if change:
        changed(loaded, Change.parse(change), seed)
    return {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}


def touched(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_published_noise_is_added_to_the_weights_of_the_layers_alone(folder):
    before, after = weights_of(folder), weights_of(folder, "noise(0.25)")
    names = touched(before, after)
    assert names == {name for name in before if ".encoder.layer." in name and name.endswith(".weight")}
    assert any("LayerNorm" in name for name in names)
    noise = torch.cat([((after[name] - 0.75 * before[name]) / 0.25).flatten() for name in sorted(names)])
    assert noise.mean().abs() < 4 / len(noise) ** 0.5
    assert noise.std() == pytest.approx(1.0, abs=4 / len(noise) ** 0.5)


def test_relative_noise_keeps_each_tensors_size_on_average(folder):
    before, after = weights_of(folder), weights_of(folder, "relative-noise(1)")
    for name in touched(before, after):
        if before[name].ndim == 2:
            assert after[name].std() == pytest.approx(float(before[name].std()), rel=0.2)
    name = "bert.encoder.layer.0.output.LayerNorm.weight"  # all ones: no deviation, no noise
    assert torch.equal(before[name], after[name])


def test_shuffling_keeps_the_numbers(folder):
    before, after = weights_of(folder), weights_of(folder, "shuffled(1)")
    assert touched(before, after)
    for name in touched(before, after):
        assert torch.equal(before[name].flatten().sort().values, after[name].flatten().sort().values)
    half = weights_of(folder, "shuffled(0.5)")
    name = "bert.encoder.layer.0.intermediate.dense.weight"
    assert 0.35 < (before[name] != half[name]).float().mean() <= 0.5


def test_the_last_layers_are_as_transformers_makes_them(folder):
    before, after = weights_of(folder), weights_of(folder, "last-layers(1)")
    names = touched(before, after)
    assert names
    assert all(".encoder.layer.1." in name for name in names)
    assert touched(after, weights_of(folder, "untrained")).isdisjoint(names)  # the same draw, so the same numbers


def test_nothing_is_left_of_an_untrained_one(folder):
    before, after = weights_of(folder), weights_of(folder, "untrained")
    matrices = {name for name, tensor in before.items() if tensor.ndim == 2 and tensor.is_floating_point()}
    assert matrices <= touched(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["noise(0.5)", "relative-noise(0.5)", "shuffled(1)", "last-layers(2)", "untrained"])
def test_the_seed_decides_and_torchs_generator_is_left_alone(folder, change):
    one, again, other = (weights_of(folder, change, seed) for seed in (1, 1, 2))
    assert not touched(one, again)
    assert touched(one, other)
    loaded = load_model(folder, 2)
    state = torch.get_rng_state()
    changed(loaded, Change.parse(change), 3)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize("change", ["noise(0)", "relative-noise(0)", "shuffled(0)"])
def test_an_amount_of_0_changes_nothing(folder, change):
    assert not touched(weights_of(folder), weights_of(folder, change))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "modality"), [("gpt2", "text"), ("t5", "text"), ("vit", "image"), ("wav2vec2", "audio")]
)
def test_other_architectures_have_layers_too(kind, modality, tmp_path):
    loaded = load_model(str(tiny_checkpoint(kind, tmp_path, modality)), 2, modality)
    assert len(layers_of(loaded.model)) == 2
    assert layer_weights(loaded.model)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nose(0.1)", "noise"),
        ("noise", "needs share, from 0 to 1"),
        ("noise(2)", "needs share, from 0 to 1"),
        ("noise(much)", "needs share"),
        ("noise(nan)", "needs share"),
        ("last-layers(1.5)", "needs layers, from 1"),
        ("untrained(1)", "takes no number"),
    ],
)
def test_what_can_not_be_read_is_one_sentence(text, said):
    with pytest.raises(IsobarError, match=said):
        Change.parse(text)


def test_more_layers_than_there_are_is_one_sentence(folder):
    with pytest.raises(IsobarError, match="has 2 layers; 3 of them"):
        weights_of(folder, "last-layers(3)")


@pytest.mark.parametrize(
    "text", ["", "noise(0.05)", "last-layers(2)", "untrained", *[f"{k}(1)" for k in list(KINDS)[:3]]]
)
def test_a_change_is_written_as_it_is_read(text):
    assert str(Change.parse(text) or "") == text
