"""Who is near whom: an example that was clicked or found by its words, and its nearest on each side."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import nearest_to
from core.runs import Run, Snapshot
from explorer.panels import address, data, texts
from explorer.panels.words import DASH, number, plain

COUNT = 10
_AT = "example"  # in the address
_FOUND = 50  # examples that are listed of a search


@dataclass(frozen=True, eq=False)
class Near:
    """The nearest of an example on one side.

    Attributes:
        row: the example's.
        rows: (k,) the neighbours', the nearest first.
        distances: (k,), Euclidean.
    """

    row: int
    rows: np.ndarray
    distances: np.ndarray


def chosen(run: Run, sides: Mapping[str, Snapshot]) -> dict[str, Near]:
    """Return the neighbours on each side of the example that the address names; empty where it names none that is there."""
    row = address.read(_AT, -1)
    try:
        return {name: _nearest(side.version, row, side) for name, side in sides.items()} if row >= 0 else {}
    except IsobarError:  # a link to an example that this run has not
        return {}


def pick(row: int | None) -> None:
    """Make `row` the example whose neighbours are shown; None shows none."""
    address.write({_AT: None if row is None else str(row)})


def show(
    run: Run,
    sides: Mapping[str, Snapshot],
    near: Mapping[str, Near],
    names: Mapping[int, str],
    titles: Mapping[str, str] | None = None,
) -> None:
    """Draw the search, and the neighbours `near`, of `chosen`; `names` are the classes', `titles` call the sides."""
    kind = data.modality(run)
    labels = next(iter(sides.values())).labels
    known = texts.texts_of(run, len(labels))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        wanted = address.widget(
            st.text_input,
            f"Find {kind.a_one}",
            key="find",
            default=None,
            placeholder=f"Find {kind.a_one} by its words, and see its neighbours",
            label_visibility="collapsed",
            icon=":material/search:",
            disabled=known is None,
        )
        if near:
            st.button("No neighbours", key="no-example", icon=":material/close:", on_click=pick, args=[None])
    if wanted and known is not None:
        _search(run, known, labels, names, str(wanted))
    if not near:
        return
    row = next(iter(near.values())).row
    with st.container(border=True, key="neighbours"):
        st.markdown(f"**The {COUNT} nearest of this {kind.one}**, {plain(names.get(int(labels[row]), DASH))}")
        texts.show(run, known, row)
        if len(near) > 1:
            st.caption(kept(near))
        shared = set.intersection(*(set(found.rows.tolist()) for found in near.values())) if len(near) > 1 else set()
        for column, (side, found) in zip(st.columns(len(near), gap="medium"), near.items(), strict=True):
            with column:
                if len(near) > 1:
                    st.markdown(f"**{plain((titles or {}).get(side, side.capitalize()), 80)}**")
                _table(run, known, found, labels, names, shared, side)


def kept(near: Mapping[str, Near]) -> str:
    """Return in a sentence how many of the neighbours are the same on both sides."""
    one, other = (set(found.rows.tolist()) for found in near.values())
    return f"{len(one & other)} of {len(one)} are the same on both sides."


def search(known: pd.Series, wanted: str) -> np.ndarray:
    """Return the rows of the texts `known` that have all words of `wanted`, in any order and case; those that begin so first."""
    words = wanted.casefold().split()
    folded = known.astype(str).str.casefold()
    hits = np.flatnonzero([all(word in text for word in words) for text in folded])
    start = " ".join(words)
    return hits[np.argsort([not " ".join(folded.iloc[row].split()).startswith(start) for row in hits], kind="stable")]


def _search(run: Run, known: pd.Series, labels: np.ndarray, names: Mapping[int, str], wanted: str) -> None:
    kind = data.modality(run)
    hits = search(known, wanted)
    if not len(hits):
        st.caption(f"None of the {kind.counted(len(known))} has the words {plain(wanted, 100)}.")
        return
    listed = hits[:_FOUND]
    key = f"found-{wanted}"
    st.dataframe(
        _frame(run, known, listed, labels, names),
        key=key,
        hide_index=True,
        height=min(220, 38 + 35 * len(listed)),
        placeholder=DASH,
        on_select=lambda: _listed(key, listed),
        selection_mode="single-row",
        column_config=_columns(kind.one),
        alt=f"The {kind.many} that have these words: pick one",
    )
    more = f"The first {_FOUND} of {len(hits):,} are listed. " if len(hits) > _FOUND else ""
    st.caption(f"{more}Pick one, and its neighbours are marked above and listed below.")


def _listed(key: str, rows: np.ndarray) -> None:
    picked = st.session_state[key]["selection"]["rows"]
    if picked:
        pick(int(rows[picked[0]]))


def _frame(run: Run, known: pd.Series | None, rows: np.ndarray, labels: np.ndarray, names: Mapping[int, str]):
    frame = pd.DataFrame(
        {"text": texts.cells(run, known, rows), "class": [names.get(int(labels[row]), "") for row in rows]}
    )
    if (images := texts.thumbnails(run, rows)) is not None:
        frame.insert(0, "image", images)
    return frame


def _table(
    run: Run,
    known: pd.Series | None,
    found: Near,
    labels: np.ndarray,
    names: Mapping[int, str],
    shared: set[int],
    side: str,
) -> None:
    kind = data.modality(run)
    frame = _frame(run, known, found.rows, labels, names)
    frame["distance"] = [number(float(value)) for value in found.distances]
    if shared:
        frame.insert(0, "both", ["✓" if int(row) in shared else "" for row in found.rows])
    st.dataframe(
        frame,
        key=f"nearest-{side}",
        hide_index=True,
        placeholder=DASH,
        column_config=_columns(kind.one) | {"text": st.column_config.TextColumn(kind.one, width=230)},
        alt=f"The nearest {kind.many}, {side}",
    )


def _columns(one: str) -> dict:
    return {
        "image": st.column_config.ImageColumn("", width=60),
        "text": st.column_config.TextColumn(one, width="large"),
        "both": st.column_config.TextColumn("both", help="A neighbour on both sides", width=44),
        "class": st.column_config.TextColumn("class", width=95),
        "distance": st.column_config.TextColumn("distance", width=70, help="Euclidean"),
    }


# `of` is the snapshot's version: a resumed run writes snapshots anew.
@st.cache_data(max_entries=128, show_spinner=False)
def _nearest(of: tuple, row: int, _side: Snapshot) -> Near:
    return Near(row, *nearest_to(_side.embeddings, row, COUNT))
