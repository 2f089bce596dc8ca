"""Files to pixels and samples: what decodes, what is made of odd channels and rates, and one sentence for what doesn't."""

import struct
import sys
import wave
import zlib
from io import BytesIO

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageCms

from core.errors import IsobarError
from core.modalities.media import decode_image, decode_sound, image_cell, sound_cell

RANDOM = np.random.RandomState(0)


def _image(image, kind="PNG", name="a.png", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return {"bytes": file.getvalue(), "path": name}


def _sound(samples, rate, kind="WAV", name="a.wav", **options):
    file = BytesIO()
    soundfile.write(file, samples, rate, format=kind, **options)
    return {"bytes": file.getvalue(), "path": name}


def _sine(hertz, rate, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def _with_size(png: bytes, width: int, height: int) -> bytes:
    """Return the PNG with another size in its header."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_an_image_is_decoded_to_its_pixels(kind):
    pixels = RANDOM.randint(0, 256, (5, 7, 3), dtype=np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode_image(_image(Image.fromarray(pixels), kind, **options))
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), pixels)


def test_grey_of_8_and_of_16_bits_is_the_same_grey():
    grey = RANDOM.randint(0, 256, (4, 6), dtype=np.uint8)
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    assert wide.mode == "I;16"
    for cell in (_image(Image.fromarray(grey)), _image(wide), _image(wide, "TIFF")):
        assert np.array_equal(np.asarray(decode_image(cell)), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB"])
def test_every_way_to_write_colours_is_read_as_rgb(mode):
    """Of what it is converted to and back by PIL, an image's black and white stay."""
    image = Image.new("RGB", (2, 1), "white")
    image.putpixel((0, 0), (0, 0, 0))
    if mode == "LAB":
        image = ImageCms.profileToProfile(
            image, *[ImageCms.createProfile(of) for of in ("sRGB", "LAB")], outputMode=mode
        )
    kind = "JPEG" if mode == "CMYK" else "TIFF" if mode in ("YCbCr", "LAB") else "PNG"
    decoded = np.asarray(decode_image(_image(image.convert(mode), kind))).astype(int)
    assert decoded.shape == (1, 2, 3)
    assert decoded[0, 0].max() <= 4
    assert decoded[0, 1].min() >= 251


def test_an_image_of_one_pixel_is_an_image():
    assert decode_image(_image(Image.new("1", (1, 1), 1))).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_shows_white(mode):
    image = Image.new("RGBA", (3, 2), (0, 0, 0, 0))
    image.putpixel((1, 1), (0, 0, 0, 255))
    options = {}
    if mode == "P":
        image, options = Image.new("P", (3, 2), 1), {"transparency": 1}
        image.putpalette([0, 0, 0, 0, 0, 0])
        image.putpixel((1, 1), 0)
    elif mode != "RGBA":
        image = image.convert(mode)
    cell = _image(image, "TIFF" if mode == "PA" else "PNG", **options)
    expected = np.full((2, 3, 3), 255)
    expected[1, 1] = 0
    assert np.array_equal(np.asarray(decode_image(cell)), expected)


def test_a_photo_is_turned_upright():
    photo = Image.new("RGB", (4, 2))
    photo.putpixel((3, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    upright = decode_image(_image(photo, exif=exif))
    assert upright.size == (2, 4)
    assert upright.getpixel((1, 3)) == (255, 255, 255)


def test_of_several_frames_it_is_the_first():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    cell = _image(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(cell).getpixel((0, 0)) == (255, 0, 0)


NOISE = _image(Image.fromarray(RANDOM.randint(0, 256, (40, 40, 3), dtype=np.uint8)), name="noise.png")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "broken.png is empty"),
        (b"no image", "broken.png is no image that can be decoded"),
        (NOISE["bytes"][:500], "broken.png is no image that can be decoded"),
        (_with_size(NOISE["bytes"], 30_000, 30_000), "broken.png claims more than 100,000,000 pixels"),
        (_with_size(NOISE["bytes"], 10_001, 10_000), "broken.png has 10,001 x 10,000 pixels"),
        (
            _image(Image.new("L", (1, 101)))["bytes"],
            "broken.png has 1 x 101 pixels; one side may be 100 times the other",
        ),
        (_with_size(NOISE["bytes"], 0, 40), "broken.png is no image that can be decoded"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "broken.png is no image that can be decoded"),
        (_image(Image.new("F", (2, 2)), "TIFF")["bytes"], "broken.png has pixels of floating point"),
        (_image(Image.new("I", (2, 2)), "TIFF")["bytes"], "broken.png has pixels of 32-bit integers"),
    ],
)
def test_a_bad_image_is_one_sentence_with_its_name(data, sentence):
    with pytest.raises(IsobarError, match=sentence) as caught:
        decode_image({"bytes": data, "path": "broken.png"})
    assert "\n" not in str(caught.value)
    assert " 0x" not in str(caught.value)


def test_a_cell_without_a_name_is_known_by_its_size():
    with pytest.raises(IsobarError, match="an image of 8 bytes is no image"):
        decode_image({"bytes": b"no image", "path": None})


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_sound_is_decoded_to_its_samples(kind):
    samples = RANDOM.randint(-(2**15), 2**15, 500).astype(np.int16)
    decoded = decode_sound(_sound(samples, 16_000, kind), 16_000)
    assert decoded.dtype == np.float32
    assert np.array_equal(decoded * 2**15, samples)


def test_it_reads_what_the_standard_library_writes():
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(np.array([[1000, 3000], [-4000, 0]], "<i2").tobytes())
    decoded = decode_sound({"bytes": file.getvalue(), "path": "a.wav"}, 8_000)
    assert np.array_equal(decoded * 2**15, [2000, -2000])  # the mean of the channels


@pytest.mark.parametrize("own", [8_000, 22_050, 44_100, 48_000, 11_111])
def test_resampled_a_sine_is_the_same_sine(own):
    decoded = decode_sound(_sound(_sine(440, own), own, subtype="FLOAT"), 16_000)
    expected = _sine(440, 16_000)
    assert len(decoded) == len(expected)
    # Where a sound begins and ends, the filter sees the silence around it.
    assert np.abs(decoded - expected)[400:-400].max() < 0.01


def test_what_is_above_half_the_new_rate_is_filtered_and_not_folded_back():
    assert np.abs(decode_sound(_sound(0.5 * _sine(6_000, 16_000), 16_000), 8_000)[200:-200]).max() < 0.01


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ({"bytes": b"", "path": "a.wav"}, "a.wav is empty"),
        ({"bytes": b"RIFFno sound", "path": "a.wav"}, "a.wav is no sound that can be decoded"),
        ({"bytes": _sound(_sine(440, 8_000), 8_000, "FLAC")["bytes"][:900], "path": "a.flac"}, "a.flac is no sound"),
        (_sound(np.zeros(0), 8_000), "a.wav is a sound of zero length"),
        (_sound(np.zeros(601_000, np.int16), 1_000), "a.wav is 601 seconds long"),
        (_sound(np.zeros(10), 999), "a.wav has a rate of 999 Hz"),
        (_sound(np.zeros(10), 2_000_000), "a.wav has a rate of 2,000,000 Hz"),
        (_sound(np.array([0, np.nan]), 8_000, subtype="FLOAT"), "a.wav has samples that are not finite"),
    ],
)
def test_a_bad_sound_is_one_sentence_with_its_name(cell, sentence):
    with pytest.raises(IsobarError, match=sentence) as caught:
        decode_sound(cell, 16_000)
    assert "\n" not in str(caught.value)
    assert " 0x" not in str(caught.value)


def test_without_soundfile_the_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(IsobarError, match="pip install soundfile"):
        decode_sound({"bytes": b"RIFF", "path": "a.wav"}, 16_000)


def test_cells_made_here_decode_to_what_they_were_made_of():
    pixels = RANDOM.randint(0, 256, (8, 8), dtype=np.uint8)
    image = image_cell(Image.fromarray(pixels), "digit.png")
    assert image["path"] == "digit.png"
    assert np.array_equal(np.asarray(decode_image(image))[..., 0], pixels)
    sound = sound_cell(_sine(440, 8_000), 8_000, "tone.wav")
    assert np.abs(decode_sound(sound, 8_000) - _sine(440, 8_000)).max() <= 2**-15
