"""The probe set's texts, as the pages show them."""

from collections.abc import Iterable

import pandas as pd

from core.runs import Run
from explorer.panels import data

_LONGEST_CELL = 1000  # characters: more would only make a table slow


def texts_of(run: Run, count: int | None = None) -> pd.Series | None:
    """Return the probe set's texts, the second after the first where there are two.

    None where they can't be read, or are not `count`: then they are not those of the embeddings.
    """
    probe = data.probe(run)
    if "text" not in probe or count not in (None, len(probe)):
        return None
    if "text_pair" in probe:
        return probe["text"].astype(str) + "  ‖  " + probe["text_pair"].astype(str)
    return probe["text"].astype(str)


def text_at(texts: pd.Series | None, row: int) -> str:
    """Return the text of a row, or which one it is that is not there."""
    known = texts is not None and 0 <= row < len(texts)
    return texts.iloc[row] if known else f"Text {row} (not stored)"


def cells(texts: pd.Series | None, rows: Iterable[int]) -> list[str]:
    """Return the texts of `rows` as cells of a table: each in one line."""
    return [" ".join(text_at(texts, row)[:_LONGEST_CELL].split()) for row in rows]
