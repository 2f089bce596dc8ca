"""What an example is: a text, an image or a sound, each through one protocol."""

from core.modalities.base import Cut, Modality, Rows
from core.modalities.text import Text

MODALITIES: dict[str, Modality] = {modality.name: modality for modality in (Text(),)}

__all__ = ["MODALITIES", "Cut", "Modality", "Rows"]
