"""Points of one's own: read from a CSV file, and written into the address so that a reload keeps them."""

import io
import math
import re
import warnings

import numpy as np
import pandas as pd

from core.errors import IsobarError
from explorer.charts.style import decimals

FEWEST, MOST = 3, 150
"""How many points a cloud may have: fewer have no two bars, more can't be followed by eye or drawn at once."""

LARGEST = 1_000_000
"""Bytes of a file."""

_FARTHEST = 1e100  # beyond it squares leave the range of floats


def read_columns(content: bytes) -> pd.DataFrame:
    """Return the columns of a CSV file that hold numbers only; without a header they are called column 1, 2, ...

    Raises:
        IsobarError: the file is empty, too large, no UTF-8 text, no table, or has fewer than two columns of numbers.
    """
    if len(content) > LARGEST:
        raise IsobarError(f"The file has {len(content):,} bytes; up to {LARGEST:,} can be read.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IsobarError(f"The file is not UTF-8 text (line {line}); save it as CSV in UTF-8.") from error
    if not text.strip():
        raise IsobarError("The file is empty; it needs a row of two numbers for each point.")
    first = text.strip().splitlines()[0]
    separator = next((sign for sign in ";\t" if sign in first), ",")  # a comma beside them is in a number: 1,5;2,5
    if separator != ",":
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    header = None if all(_is_number(cell) for cell in text.strip().splitlines()[0].split(separator)) else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # that cells beyond the header were dropped
            table = pd.read_csv(io.StringIO(text), sep=separator, header=header, skipinitialspace=True, index_col=False)
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        said = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise IsobarError(f"The file can't be read as CSV: {said}.") from error
    table.columns = [f"column {k + 1}" if header is None else str(name) for k, name in enumerate(table.columns)]
    numbers = table.loc[:, [pd.api.types.is_numeric_dtype(table[name]) for name in table.columns]].astype(float)
    if numbers.shape[1] < 2:
        found = "one" if numbers.shape[1] else "none"
        raise IsobarError(
            f"The file needs two columns of numbers, one for each coordinate; of its {table.shape[1]} "
            f"{'column' if table.shape[1] == 1 else 'columns'} {found} holds numbers only."
        )
    # The numbers of the rows, as tables are saved with them, have no name: they come last.
    return numbers[sorted(numbers.columns, key=lambda name: name.startswith("Unnamed: "))]


def cloud(numbers: pd.DataFrame, x: str, y: str) -> np.ndarray:
    """Return the first `MOST` points (n, 2) of two columns.

    Raises:
        IsobarError: a cell among them is empty or not finite, or there are fewer than `FEWEST` points.
    """
    points = np.stack([numbers[x].to_numpy(dtype=float), numbers[y].to_numpy(dtype=float)], axis=-1)[:MOST]
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise IsobarError(f"Row {bad[0] + 1} of the points has no number in {x!r} or {y!r}; fill it in or delete it.")
    return checked(points)


def checked(points: np.ndarray) -> np.ndarray:
    """Return `points` (n, 2) as they are.

    Raises:
        IsobarError: there are too few, or they lie farther apart than can be measured.
    """
    if len(points) < FEWEST:
        raise IsobarError(
            f"There {'is' if len(points) == 1 else 'are'} {len(points)} points; it takes {FEWEST} or more."
        )
    if np.abs(points).max() > _FARTHEST:
        raise IsobarError("The points lie too far from 0 to be measured; scale them down.")
    return points


def to_address(points: np.ndarray) -> str:
    """Return points (n, 2) as text for the address, to about five digits of the cloud's extent."""
    extent = float(np.ptp(points, axis=0).max())
    return "~".join("_".join(f"{value + 0.0:.15g}" for value in row) for row in points.round(decimals(extent)).tolist())


def from_address(text: str) -> np.ndarray:
    """Return the points (n, 2) that `to_address` wrote.

    Raises:
        IsobarError: `text` is something else.
    """
    try:
        points = np.array([[float(value) for value in row.split("_")] for row in text.split("~")])
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all() or len(points) > MOST:
            raise ValueError
    except ValueError as error:
        raise IsobarError("The points in this page's address can't be read; choose a file again.") from error
    return checked(points)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
