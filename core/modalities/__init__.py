"""What an example is: a text, an image or a sound, each through one protocol."""

from core.modalities.audio import Audio
from core.modalities.base import Collate, Cut, Modality, Preview, Rows
from core.modalities.image import Image
from core.modalities.text import Text

MODALITIES: dict[str, Modality] = {modality.name: modality for modality in (Text(), Image(), Audio())}

__all__ = ["MODALITIES", "Collate", "Cut", "Modality", "Preview", "Rows"]
