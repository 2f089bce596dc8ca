"""Images and sounds, each a file's bytes beside the name that people know it by, decoded where they are needed.

A cell is ``{"bytes": the encoded file, "path": its name}``, as `datasets` keeps an image or a sound that it does not
decode. PIL decodes images, soundfile sounds.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from io import BytesIO
from math import gcd
from typing import TYPE_CHECKING

from core.errors import IsobarError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# Checked before anything is decoded: a file of a few kilobytes can claim gigabytes.
MOST_PIXELS = 100_000_000  # more than cameras give, 300 MB of RGB
MOST_NARROW = 100  # times as wide as high, or as high as wide; one side resized, the other follows
MOST_SECONDS = 600  # no classifier listens so long: wav2vec2's sounds are of seconds, Whisper's of half a minute
MOST_SAMPLES = 60_000_000  # ten minutes of 48 kHz in stereo, 240 MB of float32
RATES = (1_000, 400_000)  # Hz; resampling takes memory by the two rates' ratio

# Not all that PIL knows: to read EPS it runs another program.
_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SUFFIXES = {
    "image": (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"),
    "audio": (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"),
}
"""How the names of files end that are decoded, by modality."""
# What such files begin with; the two kinds of RIFF differ eight bytes on.
_BEGINNINGS = {
    "image": (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6"),
    "audio": (b"fLaC", b"OggS", b"ID3", b"FORM", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
}
_RIFF = {b"WEBP": "image", b"WAVE": "audio"}


def modality_of(content: str | bytes) -> str | None:
    """Return "image" or "audio" by what a file's name ends with or its bytes begin with; None for anything else."""
    if isinstance(content, str):
        name = content.lower()
        return next((modality for modality, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    return next((modality for modality, begin in _BEGINNINGS.items() if content.startswith(begin)), None)


def decode_image(cell: Mapping) -> Image.Image:
    """Return the image in `cell` as RGB, upright, of its own size.

    Transparent parts show white, as on paper; 16-bit grey is scaled to 8 bits; of several frames it is the first.

    Raises:
        IsobarError: the bytes are no image, one without pixels, with more than `MOST_PIXELS` or narrower than
            `MOST_NARROW`, or one of floating point values, whose black and white nobody knows.
    """
    from PIL import Image, ImageOps

    name = name_of(cell, "an image")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of sizes it warns of what is checked here, of odd metadata what matters to nobody
        try:
            image = Image.open(BytesIO(_bytes(cell, name)), formats=_IMAGE_FORMATS)
            _check_size(name, image)
            return _as_rgb(name, ImageOps.exif_transpose(image))
        except IsobarError:
            raise
        except Image.DecompressionBombError as error:
            raise IsobarError(f"{name} claims more than {MOST_PIXELS:,} pixels, the most that are decoded.") from error
        except Exception as error:  # PIL's decoders raise what they like: OSError, SyntaxError, struct.error, ...
            raise IsobarError(f"{name} is no image that can be decoded ({_said(error)}).") from error


def image_cell(image: Image.Image, name: str) -> dict:
    """Return `image` as a cell: a PNG file called `name`."""
    file = BytesIO()
    image.save(file, "PNG")
    return {"bytes": file.getvalue(), "path": name}


def sound_cell(samples: np.ndarray, rate: int, name: str) -> dict:
    """Return `samples` (t,) or (t, channels), in [-1, 1] at `rate` Hz, as a cell: a WAV file of 16 bits called `name`."""
    file = BytesIO()
    _soundfile().write(file, samples, rate, format="WAV", subtype="PCM_16")
    return {"bytes": file.getvalue(), "path": name}


def _check_size(name: str, image: Image.Image) -> None:
    width, height = image.size
    if not width * height:
        raise IsobarError(f"{name} is an image of {width} x {height} pixels; there is nothing to see.")
    if width * height > MOST_PIXELS:
        raise IsobarError(
            f"{name} has {width:,} x {height:,} pixels; {MOST_PIXELS:,} are the most that are decoded, so make it smaller."
        )
    if max(width, height) > MOST_NARROW * min(width, height):
        raise IsobarError(
            f"{name} has {width:,} x {height:,} pixels; one side may be {MOST_NARROW} times the other, so cut it."
        )


def _as_rgb(name: str, image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I;16"):
        import numpy as np

        # PIL itself would cut off all above 255.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise IsobarError(
            f"{name} has pixels of {'32-bit integers' if image.mode == 'I' else 'floating point'}, and what is black "
            "or white among them it doesn't say; save it with 8 or 16 bits a channel."
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def decode_sound(cell: Mapping, rate: int | None = None) -> np.ndarray:
    """Return the sound in `cell` as float32 (t,) at `rate` Hz: channels averaged, resampled by a polyphase filter.

    Without a `rate` it keeps its own.

    Raises:
        IsobarError: the bytes are no sound, one of zero length, longer than `MOST_SECONDS`, at a rate outside `RATES`,
            or with values that are not finite; or soundfile is missing.
    """
    import numpy as np

    name = name_of(cell, "a sound")
    soundfile = _soundfile()
    try:
        with soundfile.SoundFile(BytesIO(_bytes(cell, name))) as file:
            _check_length(name, file.frames, file.samplerate, file.channels)
            samples, own = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        raise IsobarError(f"{name} is no sound that can be decoded ({_said(error)}).") from error
    mono = samples.mean(axis=1, dtype=np.float32)
    if not len(mono):
        raise IsobarError(f"{name} is a sound of zero length; there is nothing to hear.")
    if not np.isfinite(mono).all():
        raise IsobarError(f"{name} has samples that are not finite; write it anew.")
    return mono if rate in (None, own) else _resampled(mono, own, rate)


DECODERS = {"image": decode_image, "audio": decode_sound}
"""What decodes a cell, for each modality whose examples are files."""


def _check_length(name: str, frames: int, rate: int, channels: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise IsobarError(f"{name} has a rate of {rate:,} Hz; sounds have {RATES[0]:,} to {RATES[1]:,}.")
    if frames > MOST_SECONDS * rate or frames * channels > MOST_SAMPLES:
        raise IsobarError(
            f"{name} is {frames / rate:,.0f} seconds long ({channels} {'channel' if channels == 1 else 'channels'} of "
            f"{rate:,} Hz); {MOST_SECONDS} seconds are the most that are decoded, so cut it."
        )


def _resampled(samples: np.ndarray, own: int, rate: int) -> np.ndarray:
    import numpy as np
    from scipy.signal import resample_poly

    common = gcd(own, rate)
    return resample_poly(samples, rate // common, own // common).astype(np.float32)


def name_of(cell: Mapping, what: str) -> str:
    """Return the name of the file in `cell`; where it has none, `what` with its size: ``an image of 12 bytes``."""
    return cell.get("path") or f"{what} of {len(cell.get('bytes') or b''):,} bytes"


def _bytes(cell: Mapping, name: str) -> bytes:
    data = cell.get("bytes")
    if not data:
        raise IsobarError(f"{name} is empty: it holds no bytes.")
    return data


def _soundfile():
    try:
        import soundfile
    except ImportError as error:
        raise IsobarError("Sounds are decoded by soundfile, which is not installed: pip install soundfile") from error
    except OSError as error:  # its wheel for some systems comes without the library
        raise IsobarError(
            f"Sounds are decoded by libsndfile, which is not there ({_said(error)}); install it by the system's own means."
        ) from error
    return soundfile


def _said(error: Exception) -> str:
    said = " ".join(str(error).split())[:160].rstrip(".")
    # A reader in memory has no name, but an address, which tells nobody anything.
    said = said.split(" <_io.BytesIO")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
