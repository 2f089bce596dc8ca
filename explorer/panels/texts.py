"""The probe set's examples, as the pages show them: a text as it is, an image as a thumbnail, a sound as a player."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path

import pandas as pd
import streamlit as st
from PIL import Image

from core.file_version import FileVersion, file_version
from core.runs import Run
from explorer.panels import data
from explorer.panels.words import plain

_LONGEST_CELL = 1000  # characters: more would only make a table slow
_LONGEST_TEXT = 400
_THUMBNAIL = 96  # pixels
_LARGE = 8_000  # bytes of an image, beyond which it is made smaller
_TYPES = {".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".wav": "audio/wav", ".mp3": "audio/mpeg"}
"""What previews can be; of another kind an example is shown by its name."""
_STILL = ".png"  # of which a large one is made a thumbnail; others may move


def texts_of(run: Run, count: int | None = None) -> pd.Series | None:
    """Return the probe set's texts, the second after the first where there are two, or the names of its images or sounds.

    None where they can't be read, or are not `count`: then they are not those of the embeddings.
    """
    probe = data.probe(run)
    if "text" not in probe or count not in (None, len(probe)):
        return None
    if "text_pair" in probe:
        return probe["text"].astype(str) + "  ‖  " + probe["text_pair"].astype(str)
    return probe["text"].astype(str)


def text_at(run: Run, texts: pd.Series | None, row: int) -> str:
    """Return the text of a row, or which one it is that is not there."""
    known = texts is not None and 0 <= row < len(texts)
    return texts.iloc[row] if known else f"{data.modality(run).one.capitalize()} {row} (not stored)"


def cells(run: Run, texts: pd.Series | None, rows: Iterable[int]) -> list[str]:
    """Return the texts of `rows` as cells of a table: each in one line."""
    return [" ".join(text_at(run, texts, row)[:_LONGEST_CELL].split()) for row in rows]


def show(run: Run, texts: pd.Series | None, row: int) -> None:
    """Draw the example of a row."""
    file, name = run.preview(row), text_at(run, texts, row)
    if file is None or file.suffix not in _TYPES:
        st.text(name)
    elif _is_image(file):
        st.image(file, width=_THUMBNAIL, caption=plain(name, _LONGEST_TEXT))
    else:
        st.audio(file)
        st.caption(plain(name, _LONGEST_TEXT))


def embedded(run: Run, row: int) -> str:
    """Return as an attribute of an element of HTML the whole image or sound of a row; nothing where there is none."""
    content = data_uri(run.preview(row))
    return f'src="{content}"' if content else ""


def markup(
    run: Run,
    texts: pd.Series | None,
    row: int,
    *,
    longest: int = _LONGEST_TEXT,
    source: Callable[[Run, int], str] = embedded,
) -> str:
    """Return the example of a row as HTML; a text is cut to `longest` characters.

    `source` returns the attribute that says where the image or the sound of a row is, by default itself, or nothing.
    """
    name = " ".join(text_at(run, texts, row).split())
    name = escape(name if len(name) <= longest else name[: longest - 1] + "…")
    file, there = run.preview(row), source(run, row)
    if file is None or not there:
        return f'<div dir="auto" style="overflow-wrap:anywhere">{name}</div>'
    if _is_image(file):
        shown = f'<img {there} alt="{name}" style="max-width:{_THUMBNAIL}px;max-height:{_THUMBNAIL}px">'
    else:
        shown = f'<audio controls preload="none" {there} style="height:2.2rem;max-width:100%"></audio>'
    return f'<div>{shown}<div style="font-size:.8rem;opacity:.75;overflow-wrap:anywhere">{name}</div></div>'


def thumbnails(run: Run, rows: Iterable[int]) -> list[str] | None:
    """Return the images of `rows` for a column of a table, or None where the examples are none."""
    files = [run.preview(int(row)) for row in rows]
    if not any(file is not None and _is_image(file) for file in files):
        return None
    return [data_uri(file) for file in files]


def unplayed(run: Run, rows: Iterable[int]) -> str:
    """Return where the sounds of `rows` can be heard, since no column of a table plays one; nothing where they are none."""
    files = [file for row in rows if (file := run.preview(int(row))) is not None and file.suffix in _TYPES]
    if not files or any(map(_is_image, files)):
        return ""
    return "A table plays no sounds, so they stand here by name; a click on a bar, under Barcodes, plays the two that it joins."


def data_uri(file: Path | None) -> str:
    """Return the content of an image's or a sound's `file` as an address, or nothing where it can't be read.

    A photograph is made a thumbnail of a few kB, since a page may hold a thousand of them.
    """
    if file is None or file.suffix not in _TYPES:
        return ""
    try:
        return _image(file_version(file)) if _is_image(file) else _address(_TYPES[file.suffix], file.read_bytes())
    except OSError:
        return ""


@lru_cache(maxsize=4096)  # a page with a table of images asks for all of them at each click
def _image(of: FileVersion) -> str:
    name, _, size = of
    if size <= _LARGE or Path(name).suffix != _STILL:
        return _address(_TYPES[Path(name).suffix], Path(name).read_bytes())
    with Image.open(name) as image, BytesIO() as small:
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        image.convert("RGB").save(small, "JPEG", quality=85)
        return _address("image/jpeg", small.getvalue())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _is_image(file: Path) -> bool:
    return _TYPES.get(file.suffix, "").startswith("image/")
