"""Sounds: decoded at the model's rate when they are asked for, and made its input by its own feature extractor."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.errors import IsobarError
from core.modalities.base import Collate, Cut, Modality, Preview, Rows, check_processor_file, decoded, digests, numbered
from core.modalities.media import decode_sound, name_of

if TYPE_CHECKING:
    from datasets import Dataset

_PREVIEW_RATE = 16_000  # Hz: speech and music are known by it, and ten seconds take 320 kB


class Audio(Modality):
    """Sounds of one channel, cut to so many seconds."""

    name = "audio"
    one, many = "sound", "sounds"
    columns = ("audio",)
    auto = "AutoModelForAudioClassification"
    mapping = "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES"
    usual = ("wav2vec2", "hubert", "wavlm", "whisper", "audio-spectrogram-transformer")

    def load_processor(self, name: str, source, config, **options):
        """Return the feature extractor.

        Raises:
            IsobarError: there is none, or it does not say at what rate it takes sounds.
        """
        from transformers import AutoFeatureExtractor

        check_processor_file(name, source, self.many)
        extractor = AutoFeatureExtractor.from_pretrained(source, **options)
        if not getattr(extractor, "sampling_rate", None):
            raise IsobarError(
                f"The feature extractor of the model {name!r} names no sampling_rate, so it reads no sounds."
            )
        return extractor

    def encode(self, data: Dataset, processor, config, cut: Cut) -> Rows:
        """Return the sounds in `data` (columns audio, label), decoded when they are asked for.

        Each is decoded once now: for its length, by which batches are made, and so that one that can't be decoded is
        found before a training has begun. One that is shorter than the model takes goes on in silence.
        """
        import numpy as np

        rate = processor.sampling_rate
        longest, shortest = round(cut.seconds * rate), shortest_sound(processor, config)

        def samples(cell):
            sound = decode_sound(cell, rate)[:longest]
            return np.pad(sound, (0, max(shortest - len(sound), 0)))

        whole = np.array([len(decode_sound(cell, rate)) for cell in data["audio"]], dtype=np.int64)
        costs, share = np.clip(whole, shortest, max(shortest, longest)), np.minimum(1, longest / np.maximum(whole, 1))
        same = numbered(digests(data["audio"]))
        return Rows(decoded(data, "audio", samples), costs, same, share, f"{cut.seconds:g} s (max_seconds)")

    def collator(self, processor, config) -> Collate:
        """Return what makes the model's features of sounds, padded to the longest of a batch, or to what the model takes."""
        # Whisper's and AST's pad to a fixed length of their own.
        own = inspect.signature(type(processor).__call__).parameters.get("padding")
        options = {"padding": True} if own is not None and own.default is False else {}

        def collate(rows):
            import torch

            sounds = [row["audio"] for row in rows]
            batch = dict(processor(sounds, sampling_rate=processor.sampling_rate, return_tensors="pt", **options))
            return {**batch, "labels": torch.tensor([row["labels"] for row in rows])}

        return collate

    def told(self, data: Dataset) -> dict[str, list]:
        """Return the sounds' names."""
        return {"text": [name_of(cell, "a sound") for cell in data["audio"]]}

    def preview(self, cell: Mapping, cut: Cut) -> Preview:
        """Return what is read of the sound, as a 16-bit wav file of one channel."""
        import wave
        from io import BytesIO

        import numpy as np

        sound, file = decode_sound(cell, _PREVIEW_RATE)[: round(cut.seconds * _PREVIEW_RATE)], BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(_PREVIEW_RATE)
            out.writeframes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
        return Preview(".wav", file.getvalue())


def shortest_sound(processor, config) -> int:
    """Return of how many samples a sound must be, so that the model makes a frame of it, or as many as SpecAugment masks at once."""
    frames = 1
    if getattr(config, "apply_spec_augment", hasattr(config, "mask_time_length")) and config.mask_time_prob > 0:
        frames = config.mask_time_length
    if hasattr(config, "conv_kernel"):
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride)):
            frames = (frames - 1) * stride + kernel
        return frames
    # Spectra are of 25 ms each, one every 10 ms; wav2vec2-bert's frames are of several.
    return (2 * (frames * getattr(processor, "stride", 1) - 1) + 5) * processor.sampling_rate // 200
