"""Images: decoded when they are asked for, resized and normalized by the model's own processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import IsobarError
from core.modalities.base import Collate, Cut, Modality, Preview, Rows, decoded
from core.modalities.media import decode_image, name_of

if TYPE_CHECKING:
    from datasets import Dataset

_PREVIEW = 512  # pixels of the longer side: more than a page shows


class Image(Modality):
    """Images, each of any size."""

    name = "image"
    one, many = "image", "images"
    columns = ("image",)
    auto = "AutoModelForImageClassification"
    usual = ("vit", "dinov2", "swin", "convnext", "resnet")
    refused = {  # noqa: RUF012
        "pp_lcnet": "has a classifier that hands out no scores in this version of transformers, and a processor that needs torchvision",
        "shieldgemma2": "reads images only beside a text that asks about them",
    }

    def types(self) -> Mapping[str, Any]:
        """Return the types of models that `auto` maps to a classifier."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

        return MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

    def check(self, name: str, config) -> None:
        """Raise an IsobarError where the model takes other than three channels."""
        vision = getattr(config, "vision_config", config)
        channels = getattr(vision, "num_channels", 3)
        if channels != 3:
            raise IsobarError(
                f"The model {name!r} ({config.model_type}) takes images of {channels} channels; images are read as RGB, which has 3."
            )

    def load_processor(self, name: str, source, config, **options):
        """Return the image processor, in its form that needs no torchvision."""
        from transformers import AutoImageProcessor

        return AutoImageProcessor.from_pretrained(source, config=config, backend="pil", **options)

    def encode(self, data: Dataset, processor, config, cut: Cut) -> Rows:
        """Return the images in `data` (columns image, label), decoded when they are asked for; all cost the same."""
        import numpy as np

        return Rows(decoded(data, "image", decode_image), np.ones(len(data), dtype=np.int64))

    def collator(self, processor, config) -> Collate:
        """Return what makes pixels of images."""

        def collate(rows):
            import torch

            batch = dict(processor(images=[row["image"] for row in rows], return_tensors="pt"))
            return {**batch, "labels": torch.tensor([row["labels"] for row in rows])}

        return collate

    def told(self, data: Dataset) -> dict[str, list]:
        """Return the images' names."""
        return {"text": [name_of(cell, "an image") for cell in data["image"]]}

    def preview(self, cell: Mapping, cut: Cut) -> Preview:
        """Return the image as PNG; a large one is made smaller."""
        from io import BytesIO

        image, file = decode_image(cell), BytesIO()
        image.thumbnail((_PREVIEW, _PREVIEW))
        image.save(file, "PNG")
        return Preview(".png", file.getvalue())
