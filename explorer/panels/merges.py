"""The view "Merges": which examples the longest and the shortest bars of a class finally join."""

from collections.abc import Callable, Iterable
from html import escape

import pandas as pd
import streamlit as st

from core.geometry import ClassShape, Merge, merges
from core.modalities import Modality
from core.runs import Run, Snapshot
from explorer.charts.style import class_colour
from explorer.panels import data
from explorer.panels.barcodes import heading, picked
from explorer.panels.texts import markup, texts_of
from explorer.panels.words import length

Example = Callable[[Run, pd.Series | None, int], str]
_SHOWN = 6
_ACROSS = "display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .8rem"  # thumbnails and players
_OTHERS = 2  # of the smaller group, beside the example that is joined


def show(run: Run, snapshot: Snapshot) -> None:
    """Draw the view."""
    kind = data.modality(run)
    st.caption(explained(kind))
    texts = texts_of(run)
    chosen = picked({shape.label: shape.called for shape in snapshot.classes})
    for shape in snapshot.classes:
        if shape.label not in chosen:
            continue
        colour = class_colour(shape.label)
        with st.container(border=True, key=f"merges-{shape.label}"):
            heading(shape.called, colour, [shape])
            found = _merges((snapshot.version, shape.label), shape)
            if not found:
                st.caption(f"One {kind.one} alone has no bars.")
                continue
            for column, words in zip(st.columns(2, gap="medium"), lists(run, found, colour, texts), strict=True):
                with column:
                    st.html(words)


def explained(kind: Modality) -> str:
    """Return what bars of examples of this `kind` tell."""
    return (
        f"At the end of each bar two groups of {kind.many} become one, where they come closest. Long bars end at what "
        f"lies apart from the rest; short ones at {kind.many} that the model takes for nearly the same."
    )


def lists(
    run: Run, found: list[Merge], colour: str, texts: pd.Series | None, example: Example = markup
) -> tuple[str, str]:
    """Return as HTML the farthest and the nearest of the merges `found`, of `core.geometry.merges`, one or more; `example` makes that of a row."""
    longest = found[0].length or 1.0

    def item(merge: Merge) -> str:
        style = _ACROSS if run.preview(merge.rows[0]) else ""
        return _item(merge, longest, colour, data.modality(run), lambda row: example(run, texts, row), style)

    return (
        _list("Farthest: the longest bars", map(item, found[:_SHOWN])),
        _list("Nearest: the shortest bars", map(item, found[::-1][:_SHOWN])),
    )


# `of` is the snapshot's version and the class: a resumed run writes snapshots anew.
@st.cache_data(max_entries=64, show_spinner=False)
def _merges(of: tuple, _shape: ClassShape) -> list[Merge]:
    return merges(_shape)


def _list(title: str, items: Iterable[str]) -> str:
    return f'<div role="list" aria-label="{escape(title)}"><strong>{escape(title)}</strong>{"".join(items)}</div>'


def _item(merge: Merge, longest: float, colour: str, kind: Modality, example: Callable[[int], str], style: str) -> str:
    (i, j), (a, b) = merge.rows, merge.sizes
    if a > b:  # the smaller group first: it is what the bar is about
        (i, j), (a, b) = (j, i), (b, a)
    others = [row for row in merge.fewer if row != i][:_OTHERS]
    more = len(merge.fewer) - 1 - len(others)
    lines = [
        *(example(row) for row in (i, *others)),
        *([f'<div style="opacity:.75">and {more:,} more</div>'] if more > 0 else []),
    ]
    word = "feature" if merge.feature else "noise"
    joined = f"joins {kind.counted(a)} to {kind.counted(b)}"
    opacity = 1.0 if merge.feature else 0.38
    return (
        '<div role="listitem" style="margin:.7rem 0 1rem">'
        f'<div style="font-size:.85rem"><b>Bar {merge.rank}</b>, {word}, length {length(merge.length)}, {joined}</div>'
        f'<div aria-hidden="true" style="height:7px;margin:.2rem 0 .4rem;width:{100 * merge.length / longest:.1f}%;'
        f'min-width:2px;background:{colour};opacity:{opacity}"></div>'
        f'<div style="{style}">{"".join(lines)}'
        f'<div style="font-size:.8rem;opacity:.75;margin:.15rem 0">with</div>'
        f"{example(j)}</div></div>"
    )
