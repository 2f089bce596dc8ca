"""What a run's classes are called, and the choice of one of them."""

import re

import streamlit as st

from core.runs import Run, Snapshot
from explorer.panels import address, data

ALL = "all classes"
_BUTTONS = 6  # with more choices than this, a list instead of buttons
_PLAIN = re.compile(
    r"[^\W_]([\w '/-]*[^\W_])?"
)  # a button would read Markdown in anything else; a list shows it as it is


def names_of(run: Run, *sides: Snapshot | None) -> dict[int, str]:
    """Return the names of all classes by label: those of the task, and whatever the snapshots hold besides."""
    names = {label: str(name) for label, name in enumerate(data.recorded_task(run).get("label_names") or [])}
    there: dict[int, str] = {}
    for side in sides:
        for shape in side.classes if side else []:
            there[shape.label] = shape.name or there.get(shape.label) or names.get(shape.label) or shape.called
        for label in sorted(set(side.labels.tolist())) if side else []:
            there.setdefault(label, names.get(label) or f"class {label}")
    return dict(sorted(there.items()))


def pick(names: dict[int, str], whole: int) -> list[int]:
    """Draw the choice of a class, of all where there are no more than `whole`, and return the labels that were chosen."""
    if len(names) <= 1:
        return list(names)
    options = [*([ALL] if len(names) <= whole else []), *names.values()]
    few = len(options) <= _BUTTONS and all(map(_PLAIN.fullmatch, options))
    draw, extra = (st.segmented_control, {"required": True}) if few else (st.selectbox, {})
    name = address.widget(
        draw, "Class", options, key="class", default=options[0], label_visibility="collapsed", **extra
    )
    return [label for label, found in names.items() if found == name] or list(names)
