"""The view "Barcodes": class by class, before beside after, on one axis."""

from collections.abc import Sequence
from contextlib import nullcontext
from html import escape

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.geometry import ClassShape
from core.runs import Run, Snapshot
from explorer.charts.barcode import barcode, bars
from explorer.charts.linked import SELECTION, barcode_and_tree, edges, selections
from explorer.charts.plane import common_plane
from explorer.charts.style import BEFORE, class_colour, rounded
from explorer.panels import address, classes, data
from explorer.panels.figure import figure
from explorer.panels.texts import show as show_example
from explorer.panels.texts import texts_of
from explorer.panels.words import DASH, FIVE, length, number

_ROW_BY_ROW = 3  # with more classes than this, one at a time
_POINT_TEXT = 90
ROOM = 1_000  # bars, the longest, of one barcode: more can't be told apart
BOTH = ("Before", "After")


def show(run: Run, *snapshots: Snapshot | None, titles: tuple[str, ...] = BOTH) -> None:
    """Draw the view of one side or of two, `titles` saying which they are; two share their axes."""
    labels = sorted({shape.label for side in snapshots if side for shape in side.classes})
    names = {label: _name(label, *snapshots) for label in labels}
    if not labels:
        st.info("No class has a barcode yet.", icon=":material/hourglass_empty:")
        return
    chosen = picked(names)
    sides = [{s.label: s for s in side.classes} if side else {} for side in snapshots]
    shown = [side[label] for side in sides for label in chosen if label in side]
    longest = max((float(s.lengths[0]) for s in shown if len(s.lengths)), default=1.0) * 1.02 or 1.0
    texts = texts_of(run)
    of = tuple(side and side.version for side in snapshots)
    beside = len(titles) == 1 < len(chosen)  # of one side alone, two classes stand beside each other
    columns = st.columns(2, gap="small") if beside else []
    for index, label in enumerate(chosen):
        shapes = [side.get(label) for side in sides]
        if len(chosen) == 1:
            _linked_row(run, of, label, names[label], titles, shapes, snapshots, longest, texts)
            continue
        with columns[index % 2] if beside else st.container():
            _row(run, of, label, names[label], titles, shapes, longest, texts)
    with st.popover("How to read this", type="tertiary", icon=":material/help:"):
        st.markdown(
            "Let balls grow around the embeddings of one class. At first each embedding is a component of its own; "
            "whenever two components meet, one of them ends. A **bar** is as long as the distance at which that "
            "happens, so *n* embeddings have *n* − 1 bars: the edges of their minimum spanning tree.\n\n"
            "Bars that stand out are **features** (solid), the rest is **noise** (pale). The **threshold** (dashed) is "
            "the length of the shortest feature. Where no bar stands out, it is drawn all the same: "
            f"{FIVE}\n\n"
            "**Entropy** is highest when all bars are equally long. "
            "Bars are drawn taller the longer they are, so that the few long ones can be seen."
        )


def _name(label: int, *sides: Snapshot | None) -> str:
    found = (s.name for side in sides if side for s in side.classes if s.label == label and s.name)
    return next(found, f"class {label}")


def picked(names: dict[int, str]) -> list[int]:
    """Draw the choice of a class, of all where they are few, and return the labels that were chosen."""
    return classes.pick(names, whole=_ROW_BY_ROW)


@st.fragment
def _row(
    run: Run,
    of: tuple,
    label: int,
    name: str,
    titles: tuple[str, ...],
    shapes: list[ClassShape | None],
    longest: float,
    texts: pd.Series | None,
) -> None:
    colour = class_colour(label)
    most = max((min(len(s.lengths), ROOM) for s in shapes if s), default=1) or 1
    with st.container(border=True, key=f"barcode-{label}"):
        heading(name, colour, shapes)
        for column, side, shape in zip(st.columns(len(titles), gap="medium"), titles, shapes, strict=True):
            with column:
                if shape is None:
                    st.caption(f"{side}: no snapshot yet.")
                elif len(shape.lengths) == 0:
                    st.caption(f"{side}: one embedding alone has no bars.")
                else:
                    say_left_out(shape)
                    event = figure(
                        lambda side=side, shape=shape: barcode(
                            bars(shape, texts).head(ROOM),
                            title=side,
                            longest=longest,
                            most=most,
                            threshold=shape.threshold,
                            colour=BEFORE if side == "Before" else colour,
                            description=description(side, name, shape),
                        ),
                        key=f"barcode-{label}-{side}",
                        about=(run.name,),
                        of=(*of, longest),
                        on_select="rerun",
                        selection_mode=SELECTION,
                    )
                    joined(event, run, shape, texts)


@st.fragment
def _linked_row(
    run: Run,
    of: tuple,
    label: int,
    name: str,
    titles: tuple[str, ...],
    shapes: list[ClassShape | None],
    snapshots: tuple[Snapshot | None, ...],
    longest: float,
    texts: pd.Series | None,
) -> None:
    """One class at a time: barcode over spanning tree, and the two examples that a clicked bar joins."""
    colour = class_colour(label)
    most = max((min(len(s.lengths), ROOM) for s in shapes if s), default=1) or 1
    places = planes(of, (label,) * len(snapshots), snapshots)
    extent = max((float(np.abs(p).max()) for p in places if p is not None and p.size), default=1.0) * 1.05 or 1.0
    with st.container(border=True, key=f"linked-{label}"):
        heading(name, colour, shapes)
        alone = len(titles) == 1  # then there is room for the examples beside the chart
        columns = st.columns([3, 2] if alone else 2, gap="medium")
        sides = zip(columns, titles, shapes, snapshots, places, strict=False)
        for column, side, shape, snapshot, plane in sides:
            with column:
                if shape is None or snapshot is None or plane is None:
                    st.caption(f"{side}: no snapshot yet.")
                    continue
                if len(shape.lengths) < 2:
                    st.caption(f"{side}: fewer than three embeddings make no tree to look at.")
                    continue
                st.caption(selections(shape.lengths, shape.kept))
                say_left_out(shape)
                event = figure(
                    lambda side=side, shape=shape, snapshot=snapshot, plane=plane: linked(
                        shape,
                        snapshot,
                        plane,
                        texts,
                        title=side,
                        longest=longest,
                        most=most,
                        extent=extent,
                        colour=BEFORE if side == "Before" else colour,
                        hollow=side == "Before",
                        kind=data.modality(run).one,
                        description=description(side, name, shape),
                    ),
                    key=f"linked-{label}-{side}",
                    about=(run.name,),
                    of=(*of, longest),
                    on_select="rerun",
                    selection_mode=SELECTION,
                )
            with columns[-1] if alone else column:
                joined(event, run, shape, texts, example=alone)
        if address.widget(st.toggle, "Bars as a table", key="table", default=False):
            st.dataframe(
                _table(titles, shapes, texts),
                hide_index=True,
                placeholder=DASH,
                height=320,
                alt=f"The bars of the class {name}",
            )


def say_left_out(shape: ClassShape) -> None:
    """Say how many of the class's bars are drawn, where these are not all."""
    if len(shape.lengths) > ROOM:
        st.caption(f"The {ROOM:,} longest of {len(shape.lengths):,} bars.")


def linked(
    shape: ClassShape,
    snapshot: Snapshot,
    plane: np.ndarray,
    texts: pd.Series | None,
    *,
    room: int = ROOM,
    kind: str = "",
    **options,
) -> alt.VConcatChart:
    """Return the chart of a class's barcode over its spanning tree.

    Args:
        shape: the class.
        snapshot: it is of.
        plane: (n, 2), where the points of the class are drawn.
        texts: the probe set's.
        room: for how many bars, the longest.
        kind: what an example is called; where it is given, points say their texts.
        options: of `barcode_and_tree`.
    """
    rows = np.flatnonzero(snapshot.labels == shape.label)
    everywhere = np.zeros((len(snapshot.labels), 2))
    everywhere[rows] = plane
    frame = edges(shape, everywhere, texts).head(room)
    if len(frame) < len(shape.lengths):
        rows = np.unique(shape.edges[: len(frame)])
    points = pd.DataFrame(rounded(everywhere)[rows], columns=["x", "y"])
    if kind and texts is not None and len(texts) == len(snapshot.labels):
        points[kind] = [str(text)[:_POINT_TEXT] for text in texts.iloc[rows]]
    return barcode_and_tree(frame, points, features=min(shape.kept, len(frame)), kind=kind, **options)


def bars_table(run: Run, **sides: Snapshot | None) -> pd.DataFrame:
    """Return every bar of every class of the `sides`, with what it joins, as it is saved."""
    texts = texts_of(run)
    frames = [
        bars(shape, texts).assign(side=side, **{"class": shape.name or shape.label})
        for side, snapshot in sides.items()
        for shape in (snapshot.classes if snapshot else [])
    ]
    if not frames:
        return pd.DataFrame()
    frame = pd.concat(frames, ignore_index=True)
    first = ["side", "class"]
    return frame[first + [name for name in frame.columns if name not in first]]


def _table(titles: tuple[str, ...], shapes: list[ClassShape | None], texts: pd.Series | None) -> pd.DataFrame:
    frames = [bars(s, texts).assign(side=side.lower()) for side, s in zip(titles, shapes, strict=True) if s]
    frame = pd.concat(frames, ignore_index=True).rename(columns={"rank": "bar"})
    return frame[["bar", "side", *(name for name in ("kind", "length", "joins", "with") if name in frame)]].sort_values(
        ["bar", "side"], ascending=[True, False]
    )


def joined(event, run: Run, shape: ClassShape, texts: pd.Series | None, *, example: bool = False) -> None:
    """Say which two examples the clicked bar joins, or, as an `example`, the longest."""
    chosen = event["selection"].get(SELECTION) if event else None
    rank = int(chosen[0]["rank"]) if chosen else 0
    hint = st.empty()  # it keeps its place when it goes, so that what stands below is drawn over and not left behind
    if not 1 <= rank <= len(shape.lengths):
        hint.caption(f"Click a bar or an edge: the two {data.modality(run).many} that it joins stand here.")
        if not example:
            return
        rank = 1
    kind = "feature" if shape.features[rank - 1] else "noise"
    st.markdown(f"**Bar {rank}**, {kind}, length {length(float(shape.lengths[rank - 1]))}, joins")
    rows = [int(row) for row in shape.edges[rank - 1]]
    # Thumbnails and players are narrow, texts are not.
    beside = st.columns(2, gap="small") if run.preview(rows[0]) else [nullcontext() for _ in rows]
    for place, row in zip(beside, rows, strict=True):
        with place, st.container(border=True):
            show_example(run, texts, row)


# `of` are the snapshots' versions: a resumed run writes snapshots anew.
@st.cache_data(max_entries=64, show_spinner=False)
def planes(of: tuple, labels: Sequence[int | None], _snapshots: Sequence[Snapshot | None]) -> list[np.ndarray | None]:
    """Return where the points of a class are drawn on each side; `of` is what the snapshots are known by.

    It is one plane for all, or, where their spaces are of different width, one of its own for each. `labels` is the class's
    on each side, None where it isn't there.
    """
    clouds = [s.embeddings[s.labels == label] if s else None for s, label in zip(_snapshots, labels, strict=True)]
    if len({cloud.shape[1] for cloud in clouds if cloud is not None}) > 1:
        return [common_plane([cloud])[0] for cloud in clouds]
    return common_plane(clouds)


def heading(name: str, colour: str, shapes: list[ClassShape | None]) -> None:
    """Draw a class's name and the numbers of its barcodes."""
    st.html(headline(name, colour, shapes))


def headline(name: str, colour: str, shapes: list[ClassShape | None]) -> str:
    """Return a class's name and the numbers of its barcodes as HTML."""
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;align-items:baseline;font-size:.92rem">'
        f'<strong style="font-size:1.1rem"><span style="color:{colour}">■</span> {escape(name)}</strong>'
        f"{''.join(_numbers(shapes))}</div>"
    )


def _numbers(shapes: list[ClassShape | None]) -> list[str]:
    def change(of, written=number) -> str:
        values = [written(of(s)) for s in shapes if s is not None]
        return f"<b>{values[0] if len(set(values)) == 1 else ' → '.join(values)}</b>"

    return [
        f"<span>bars {change(lambda s: len(s.lengths))}</span>",
        f"<span>features {change(lambda s: s.kept)}</span>",
        f"<span>threshold {change(lambda s: s.threshold, length)}</span>",
        f"<span>entropy: features {change(lambda s: s.entropy)} nats, "
        f"all bars {change(lambda s: s.relative_entropy_all)} of maximum</span>",
    ]


def description(side: str, name: str, shape: ClassShape) -> str:
    """Return a class's barcode in words, for those who don't see it."""
    of = f"{side.lower()} training" if side in BOTH else side.lower()
    return (
        f"Barcode of the class {name}, {of}: {len(shape.lengths)} bars, the longest "
        f"{length(float(shape.lengths[0]))}, the shortest {length(float(shape.lengths[-1]))}; {shape.kept} features; "
        f"threshold {length(shape.threshold)}; entropy of the features {number(shape.entropy)} nats."
    )
