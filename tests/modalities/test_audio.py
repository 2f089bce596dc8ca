"""Sounds of any rate, length and number of channels become what a model takes."""

import json

import numpy as np
import pytest

from core import IsobarError
from core.modalities import MODALITIES, Cut
from core.modalities.media import decode_sound, sound_cell
from core.models.loading import load_model
from core.tasks.media import media_split
from core.tiny import tiny_checkpoint, tiny_config, tiny_feature_extractor


def tone(rate, seconds, channels=1):
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)
    return np.repeat(samples[:, None], channels, axis=1) if channels > 1 else samples


def rows_of(kind, cells, cut=Cut(), **besides):  # noqa: B008  (frozen)
    processor, config = tiny_feature_extractor(kind), tiny_config(kind, "audio", **besides)
    rows = MODALITIES["audio"].encode(media_split("audio", cells, [0] * len(cells)), processor, config, cut)
    return rows, MODALITIES["audio"].collator(processor, config)


CASES = [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 6)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav2vec2", "whisper", "audio-spectrogram-transformer", "wav2vec2-bert"])
def test_sounds_of_several_rates_and_channels_are_one_batch(kind):
    cells = [sound_cell(tone(rate, 0.5, channels), rate, f"{rate}.wav") for rate, channels in CASES]
    rows, collate = rows_of(kind, cells)
    assert rows.costs.tolist() == [8_000] * 4  # at the model's own rate
    batch = collate([rows[n] for n in range(4)])
    assert len(batch["labels"]) == 4
    first = next(iter(batch.values())).numpy()
    scale = np.abs(first).max()
    assert all(np.abs(values - first[1]).mean() < 0.1 * scale for values in first)  # the same tone


def test_a_batch_is_padded_to_its_longest_and_says_where():
    rows, collate = rows_of("wav2vec2", [sound_cell(tone(16_000, seconds), 16_000, "a.wav") for seconds in (0.5, 0.25)])
    batch = collate([rows[0], rows[1]])
    assert batch["input_values"].shape == (2, 8_000)
    assert batch["attention_mask"].sum(1).tolist() == [8_000, 4_000]
    assert not batch["input_values"][1, 4_000:].any()


def test_what_is_longer_than_asked_for_is_cut():
    rows, _ = rows_of("wav2vec2", [sound_cell(tone(8_000, 2.0), 8_000, "a.wav")], Cut(seconds=0.75))
    assert rows.costs.tolist() == [12_000]
    assert rows[0]["audio"].shape == (12_000,)
    shown = MODALITIES["audio"].preview(sound_cell(tone(8_000, 2.0), 8_000, "a.wav"), Cut(seconds=0.75))
    assert shown.suffix == ".wav"
    assert decode_sound({"bytes": shown.content, "path": "a.wav"}).shape == (12_000,)


@pytest.mark.parametrize(
    ("besides", "least"),
    [
        ({}, 3_280),
        ({"mask_time_prob": 0.0}, 400),
        ({"conv_kernel": [8, 4], "conv_stride": [4, 2], "conv_dim": [8, 8], "mask_time_length": 2}, 28),
    ],
    ids=str,
)
def test_what_is_shorter_than_the_model_takes_goes_on_in_silence(besides, least):
    """A frame of wav2vec2 is of 400 samples, each further one of 320 more; SpecAugment masks ten at once."""
    rows, _ = rows_of("wav2vec2", [sound_cell(np.full(5, 0.5), 16_000, "a.wav")], **besides)
    assert rows.costs.tolist() == [least]
    sound = rows[0]["audio"]
    assert np.allclose(sound[:5], 0.5, atol=1e-4)
    assert not sound[5:].any()
    assert len(sound) == least


def test_a_sound_that_can_t_be_decoded_is_named_before_anything_is_trained():
    with pytest.raises(IsobarError, match=r"broken\.wav is no sound that can be decoded"):
        rows_of("wav2vec2", [sound_cell(tone(8_000, 0.5), 8_000, "a.wav"), {"bytes": b"RIFF", "path": "broken.wav"}])


def test_a_model_without_an_extractor_or_a_rate_is_one_sentence(tmp_path):
    folder = tiny_checkpoint("wav2vec2", tmp_path / "model", "audio")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**settings, "sampling_rate": None}))
    with pytest.raises(IsobarError, match="names no sampling_rate"):
        load_model(str(folder), 2, "audio")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(
        IsobarError, match=r"has no preprocessor_config\.json, which says how sounds become its input"
    ) as caught:
        load_model(str(folder), 2, "audio")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm"])
def test_a_type_of_classifier_that_transformers_itself_refuses_is_one_sentence(kind, tmp_path):
    folder = tiny_checkpoint(kind, tmp_path / "model", "audio")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "add_adapter": True}))
    with pytest.raises(IsobarError, match=r"does not support the use of .* adapters") as caught:
        load_model(str(folder), 2, "audio")
    assert "\n" not in str(caught.value)
