"""A run as lists show it: what is said of it, and whether that is what somebody looks for."""

import re
from collections.abc import Iterable

from core.errors import IsobarError
from explorer.panels import data
from explorer.panels.words import STATES, signed

_LOOK_INTO = 200  # of how many of the newest runs more is read than their names


def title(row: data.Row) -> str:
    """Return what the run is of."""
    return f"{row.task} · {row.model}"


def details(row: data.Row) -> list[str]:
    """Return what else is shown of the run: its method, its seed, how it stands or what it changed."""
    said = [row.method, "sample" if row.name in data.samples() else f"seed {row.seed}"]
    if row.state != "finished":
        return [*said, STATES[row.state][2]]
    return said if row.change is None else [*said, f"anisotropy {signed(row.change, 2)}"]


def found(names: Iterable[str], wanted: str) -> list[str]:
    """Return those of `names`, newest first, in whose name or entry all words of `wanted` are; a number has to stand alone."""
    words = wanted.lower().split()
    return [name for place, name in enumerate(names) if not words or _holds(name, words, place < _LOOK_INTO)]


def _holds(name: str, words: list[str], look_into: bool) -> bool:
    text = name.lower()
    if look_into:
        try:
            row = data.row(data.find(name))
            text = " ".join([text, title(row), *details(row), STATES[row.state][2]]).lower()
        except IsobarError:  # gone meanwhile
            pass
    # The date in a name is no place for a lone number.
    numbers = set(re.findall(r"\d+", text.partition("_")[2] or text))
    return all(word in numbers if word.isdigit() else word in text for word in words)
