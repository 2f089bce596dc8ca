"""Images of any size and colour become what a model takes."""

import json

import numpy as np
import pytest
from PIL import Image

from core import IsobarError
from core.modalities import MODALITIES, Cut
from core.modalities.media import image_cell
from core.models.loading import load_model
from core.tasks.media import media_split
from core.tiny import tiny_checkpoint, tiny_image_processor

SIZES = [(1, 1), (1, 100), (100, 1), (33, 20), (640, 480)]


def split_of(*images):
    cells = [image_cell(image, f"{number}.png") for number, image in enumerate(images)]
    return media_split("image", cells, [number % 2 for number in range(len(cells))])


def batch_of(processor, data):
    modality = MODALITIES["image"]
    rows = modality.encode(data, processor, None, Cut())
    return modality.collator(processor, None)([rows[number] for number in range(len(rows))])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vit", "convnext", "clip", "levit", "textnet", "siglip2", "imagegpt"])
def test_images_of_odd_sizes_fit_into_one_batch(kind):
    batch = batch_of(tiny_image_processor(kind), split_of(*[Image.new("RGB", size, "red") for size in SIZES]))
    values = next(iter(batch.values()))
    assert len(values) == len(SIZES)
    assert batch["labels"].tolist() == [0, 1, 0, 1, 0]


def test_an_image_that_the_processor_fails_on_is_named():
    """Donut's scales an image to fit into a square: so narrow a one has no pixel left."""
    with pytest.raises(
        IsobarError, match=r"processor can't read 1\.png, an image of 1 x 100 pixels \(ValueError"
    ) as caught:
        batch_of(tiny_image_processor("donut-swin"), split_of(Image.new("RGB", (20, 20)), Image.new("RGB", (1, 100))))
    assert "\n" not in str(caught.value)


def test_where_a_processor_keeps_proportions_it_is_given_the_central_square():
    wide = Image.new("RGB", (40, 20), "black")
    wide.paste("white", (10, 0, 30, 20))
    high = wide.transpose(Image.Transpose.ROTATE_90)
    processor = tiny_image_processor("textnet")
    white = processor(images=Image.new("RGB", (20, 20), "white"), return_tensors="pt")["pixel_values"][0]
    for pixels in batch_of(processor, split_of(wide, high))["pixel_values"]:
        np.testing.assert_array_equal(pixels, white)


def test_a_batch_is_what_the_processor_makes_of_each():
    draw = np.random.RandomState(0)
    images = [Image.fromarray(draw.randint(0, 256, (20 + n, 30, 3), dtype=np.uint8)) for n in range(3)]
    processor = tiny_image_processor("vit")
    batch = batch_of(processor, split_of(*images))
    for pixels, image in zip(batch["pixel_values"], images, strict=True):
        np.testing.assert_array_equal(pixels, processor(images=image, return_tensors="pt")["pixel_values"][0])


def test_grey_images_are_read_by_models_of_colour():
    grey = Image.new("L", (8, 8), 77)
    batch = batch_of(tiny_image_processor("vit"), split_of(grey, grey.convert("RGB")))
    np.testing.assert_array_equal(*batch["pixel_values"])


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_model_of_other_than_three_channels_is_refused_in_a_sentence(kind, tmp_path):
    folder = tiny_checkpoint(kind, tmp_path / kind, "image", num_channels=1)
    with pytest.raises(IsobarError, match=rf"\({kind}\) takes images of 1 channels; images are read as RGB"):
        load_model(str(folder), 2, "image")


def test_a_model_without_a_processor_is_one_sentence(tmp_path):
    folder = tiny_checkpoint("vit", tmp_path / "vit", "image")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(
        IsobarError, match=r"has no preprocessor_config\.json, which says how images become its input"
    ) as caught:
        load_model(str(folder), 2, "image")
    assert "\n" not in str(caught.value)


def test_a_processor_for_another_size_than_the_model_s_is_one_sentence(tmp_path):
    from core import RunSpec, inspect_checkpoint
    from core.tiny import tiny_task

    folder = tiny_checkpoint("vit", tmp_path / "vit", "image")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    settings["size"] = {"height": 48, "width": 48}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    task = tiny_task(tmp_path / "task", "image")
    with pytest.raises(IsobarError, match=r"\(vit\) can't read what its tokenizer or processor makes") as caught:
        inspect_checkpoint(str(folder), str(task), spec=RunSpec(probe_per_class=8, device="cpu"))
    assert "\n" not in str(caught.value)


def test_large_images_are_shown_smaller():
    from io import BytesIO

    shown = MODALITIES["image"].preview(image_cell(Image.new("RGB", (2000, 1000), "red"), "a.png"), Cut())
    assert shown.suffix == ".png"
    assert Image.open(BytesIO(shown.content)).size == (512, 256)


@pytest.mark.parametrize(
    ("size", "shown"), [((8, 8), (64, 64)), ((63, 20), (126, 40)), ((64, 1), (64, 1)), ((1, 1), (64, 64))]
)
def test_small_images_are_shown_larger_by_whole_pixels(size, shown):
    from io import BytesIO

    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.open(BytesIO(MODALITIES["image"].preview(image_cell(Image.fromarray(noise), "a.png"), Cut()).content))
    assert image.size == shown
    times = shown[0] // size[0]
    assert np.array_equal(np.asarray(image), noise.repeat(times, 0).repeat(times, 1))
