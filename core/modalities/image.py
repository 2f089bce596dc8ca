"""Images: decoded when they are asked for, resized and normalized by the model's own processor."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from core.errors import IsobarError
from core.modalities.base import Collate, Cut, Modality, Preview, Rows, check_processor_file, decoded, digests, numbered
from core.modalities.media import decode_image, name_of

if TYPE_CHECKING:
    from datasets import Dataset

_NEEDED = {"dinat": "natten", "timm_wrapper": "timm"}  # packages that are not among transformers' own
_PREVIEW = 512  # pixels of the longer side: more than a page shows
_SMALL = 64  # below, pixels are drawn as squares, where a browser would blur them


class Image(Modality):
    """Images, each of any size."""

    name = "image"
    one, many = "image", "images"
    columns = ("image",)
    auto = "AutoModelForImageClassification"
    mapping = "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES"
    usual = ("vit", "dinov2", "swin", "convnext", "resnet")
    refused = {  # noqa: RUF012
        "pp_lcnet": "has a classifier that hands out no scores in this version of transformers, and a processor that needs torchvision",
        "shieldgemma2": "reads images only beside a text that asks about them",
    }

    def check(self, name: str, config) -> None:
        """Raise an IsobarError where the model takes other than three channels, or needs a package that is not there."""
        package = _NEEDED.get(config.model_type)
        if package is not None and find_spec(package) is None:
            raise IsobarError(
                f"The model {name!r} ({config.model_type}) needs the package {package}, which is not installed; "
                f"install it, or choose a model of another type, such as {', '.join(self.usual)}."
            )
        vision = getattr(config, "vision_config", config)
        channels = getattr(vision, "num_channels", 3)
        if channels != 3:
            raise IsobarError(
                f"The model {name!r} ({config.model_type}) takes images of {channels} channels; images are read as RGB, which has 3."
            )

    def load_processor(self, name: str, source, config, **options):
        """Return the image processor, in its form that needs no torchvision."""
        from transformers import AutoImageProcessor

        check_processor_file(name, source, self.many)
        return AutoImageProcessor.from_pretrained(source, config=config, backend="pil", **options)

    def encode(self, data: Dataset, processor, config, cut: Cut) -> Rows:
        """Return the images in `data` (columns image, label), decoded when they are asked for; all cost the same.

        Where the processor would keep their proportions, so that no two fit into one batch, it is their central square.
        """
        import numpy as np

        decode = decode_image if _makes_one_shape(processor) else _central_square
        return Rows(
            decoded(data, "image", decode), np.ones(len(data), dtype=np.int64), numbered(digests(data["image"]))
        )

    def collator(self, processor, config) -> Collate:
        """Return what makes pixels of images."""

        def collate(rows):
            import torch

            try:
                batch = dict(processor(images=[row["image"] for row in rows], return_tensors="pt"))
            except Exception as error:
                raise _named(processor, rows, error) from error
            return {**batch, "labels": torch.tensor([row["labels"] for row in rows])}

        return collate

    def told(self, data: Dataset) -> dict[str, list]:
        """Return the images' names."""
        return {"text": [name_of(cell, "an image") for cell in data["image"]]}

    def preview(self, cell: Mapping, cut: Cut) -> Preview:
        """Return the image as PNG; a large one is made smaller, a small one larger."""
        from io import BytesIO

        from PIL import Image as PILImage

        image, file = decode_image(cell), BytesIO()
        times = -(-_SMALL // max(image.size))
        image = image.resize((image.width * times, image.height * times), PILImage.Resampling.NEAREST)
        image.thumbnail((_PREVIEW, _PREVIEW))
        image.save(file, "PNG")
        return Preview(".png", file.getvalue())


def _makes_one_shape(processor) -> bool:
    """Return whether a wide image becomes as large as a high one."""
    from PIL.Image import new

    made = [processor(images=new("RGB", size), return_tensors="np") for size in ((96, 64), (64, 96))]
    return len({next(iter(values.values())).shape for values in made}) == 1


def _named(processor, rows, error: Exception) -> Exception:
    """Return an IsobarError with the name of the first image that the processor fails on, or `error` if it is none alone."""
    for row in rows:
        try:
            processor(images=row["image"], return_tensors="pt")
        except Exception as own:
            width, height = row["image"].size
            said = " ".join(str(own).split())[:160].rstrip(".")
            return IsobarError(
                f"The model's processor can't read {row['name']}, an image of {width:,} x {height:,} pixels ({type(own).__name__}: {said})."
            )
    return error


def _central_square(cell: Mapping):
    from PIL import ImageOps

    image = decode_image(cell)
    return ImageOps.fit(image, (min(image.size),) * 2)
