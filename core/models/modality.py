"""What a model reads, told by its files without loading it."""

import json
from pathlib import Path

from core.models.builtin import BUILT_IN

_OF_IMAGES = {"image_processor_type", "image_mean", "do_resize"}  # settings that only processors of images have
_TOKENIZERS = ("tokenizer*", "vocab*", "*.model")


def modality_of_model(name: str) -> str | None:
    """Return the name of the modality that the model called `name` reads; None where nothing on this machine says so.

    Of a folder its processor says so, or beside a tokenizer the class that config.json names: some read images and texts.
    """
    if name in BUILT_IN:
        return BUILT_IN[name].modality
    try:
        folder = Path(name).expanduser()
        classes = " ".join(_read(folder / "config.json").get("architectures") or ())
        processor = _processor(folder)
        has_tokenizer = any(any(folder.glob(pattern)) for pattern in _TOKENIZERS)
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError):
        return None  # loading it says what is wrong
    if "sampling_rate" in processor:
        return "audio"
    if "ForImageClassification" in classes or (_OF_IMAGES & set(processor) and not has_tokenizer):
        return "image"
    return "text" if has_tokenizer and ("ForSequenceClassification" in classes or not processor) else None


def _processor(folder: Path) -> dict:
    """Return the settings of what makes the model's input, if that is no tokenizer."""
    files = (folder / "preprocessor_config.json", folder / "processor_config.json")
    found = next((_read(file) for file in files if file.exists()), {})
    return {**found, **found.get("image_processor", {}), **found.get("feature_extractor", {})}


def _read(file: Path) -> dict:
    return json.loads(file.read_bytes())
