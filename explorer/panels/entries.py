"""A run as lists show it: what is said of it, and whether that is what somebody looks for."""

import re
from collections.abc import Iterable

from core.errors import IsobarError
from explorer.panels import data
from explorer.panels.words import STATES, day, meaning, signed

_LOOK_INTO = 200  # of how many of the newest runs more is read than their names


def details(row: data.Row) -> list[str]:
    """Return what else is shown of the run: its method, its seed, when it began, its tags, how it stands."""
    said = [row.method, "sample" if row.name in data.samples() else f"seed {row.seed}", day(row.began)]
    if row.note.name:  # which stands where task and model do
        said = [row.task, row.model, *said]
    said += [f"#{tag}" for tag in row.note.tags]
    return [*filter(None, said), *([] if row.state == "finished" else [STATES[row.state][2]])]


def changed(row: data.Row) -> str:
    """Return what the run changed, in the words of its cards; empty where that isn't known."""
    if row.state != "finished" or row.change is None:
        return ""
    label = meaning("anisotropy_1_within").label
    return f"{label[:1].lower()}{label[1:]} {signed(row.change, 2)}"


def found(names: Iterable[str], wanted: str) -> list[str]:
    """Return those of `names`, newest first, in whose name or entry all words of `wanted` are; a number has to stand alone."""
    words = wanted.lower().split()
    return [name for place, name in enumerate(names) if not words or _holds(name, words, place < _LOOK_INTO)]


def _holds(name: str, words: list[str], look_into: bool) -> bool:
    text, date = name.lower(), ""
    # The date is no place for a lone number, unless a month stands beside that.
    undated = text.partition("_")[2] or text
    if look_into:
        try:
            row = data.row(data.find(name))
            said, date = [row.title, row.note.text, *details(row)], day(row.began).lower()
            text = " ".join([text, *said, changed(row), STATES[row.state][2]]).lower()
            undated = " ".join([undated, *said]).lower().replace(date, "") if date else text
        except IsobarError:  # gone meanwhile
            pass
    month = set(re.findall(r"[^\W\d]+", date))
    numbers = set(re.findall(r"\d+", f"{undated} {date if month & set(words) else ''}"))
    return all(word in numbers if word.isdigit() else word in text for word in words)
