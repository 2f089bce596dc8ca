"""The view "Figure": before, after and the baseline in one panel for a paper, with its caption and its numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import own_axes
from core.runs import Run, Snapshot
from core.table_files import csv_of
from explorer.charts import paper
from explorer.charts.barcode import bars
from explorer.charts.style import class_colours
from explorer.panels import address, anisotropy, cards, classes, data
from explorer.panels.words import meaning, number, plain

_MOST_CLASSES = 6  # rows of barcodes on a page
_MOST_POINTS = 2_000  # of a side: of more, most lie under others


@dataclass(frozen=True)
class Drawing:
    """A figure, not drawn yet.

    Attributes:
        chart: makes it.
        frame: its numbers.
        caption: what it shows.
    """

    chart: Callable[[], alt.TopLevelMixin]
    frame: pd.DataFrame
    caption: str


def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    baseline = data.baseline_of(run)
    sides = {"before": before, "after": after, "baseline": data.after(baseline) if baseline else None}
    sides = {name: side for name, side in sides.items() if side is not None}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        what = address.widget(
            st.segmented_control, "Figure", list(_FIGURES), key="figure", default="barcodes", required=True,
            label_visibility="collapsed", format_func=str.capitalize,
        )  # fmt: skip
        wide = address.widget(
            st.selectbox, "Width", list(paper.WIDTHS), key="width", default=next(iter(paper.WIDTHS)), width=240,
            label_visibility="collapsed",
        )  # fmt: skip
    width = paper.WIDTHS[wide]
    try:
        found = drawing(what, run, sides, baseline, width)
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    of = (what, width, data.run_stamp(run), *((name, side.version) for name, side in sides.items()))
    with st.container(border=True, key="paper"):
        st.image(_svg(of, found.chart, width), width=round(width / 25.4 * 96 * 1.5))
    st.code(found.caption, language=None, wrap_lines=True)
    name = file_name(run, what)
    with st.container(horizontal=True, gap="small"):
        for label, make, suffix, kind in (
            ("PDF", lambda: paper.pdf(found.chart(), width), "pdf", "application/pdf"),
            ("SVG", lambda: _svg(of, found.chart, width).encode(), "svg", "image/svg+xml"),
            ("Numbers, CSV", lambda: csv_of(found.frame).encode(), "csv", "text/csv"),
            ("Caption", lambda: f"{found.caption}\n".encode(), "txt", "text/plain"),
        ):
            st.download_button(
                label,
                make,
                f"{name}.{suffix}",
                kind,
                key=f"paper-{suffix}",
                icon=":material/download:",
                on_click="ignore",
            )
    st.caption(
        "Here it is up to half again as large as on paper. Letters are 7 points, and stay letters in PDF and SVG."
    )


def drawing(what: str, run: Run, sides: dict[str, Snapshot], baseline: Run | None, width: float) -> Drawing:
    """Return the figure `what` of `sides`, "before", "after" and "baseline", those that there are.

    Raises:
        IsobarError: there is nothing to draw.
    """
    if not sides:
        raise IsobarError("There is no snapshot to draw yet.")
    frame, chart, caption = _FIGURES[what](run, sides, width)
    return Drawing(chart, frame, f"{caption} {_about(run, sides, baseline)}")


def file_name(run: Run, what: str) -> str:
    """Return what the figure's files are called."""
    row = data.row(run)
    words = (row.task, row.model, row.method, f"s{row.seed}", what)
    return "_".join("-".join("".join(c if c.isalnum() else " " for c in str(word)).split()) for word in words)


def _barcodes(run: Run, sides: dict[str, Snapshot], width: float):
    names = classes.names_of(run, *sides.values())
    shown = list(names)[:_MOST_CLASSES]
    frames = [
        bars(shape).assign(**{"side": side, "class": names[shape.label], "threshold": shape.threshold})
        for side, snapshot in sides.items()
        for shape in snapshot.classes
        if shape.label in shown and len(shape.lengths)
    ]
    if not frames:
        raise IsobarError("No class has bars: each has one point.")
    frame = pd.concat(frames, ignore_index=True)[["side", "class", "rank", "length", "kind", "threshold"]]
    left = f" The first {len(shown)} of {len(names)} classes." if len(names) > len(shown) else ""
    caption = (
        "Persistence barcodes (dimension 0, Vietoris-Rips, Euclidean) of the embeddings of each class, longest bar first; the "
        f"axis of bars is that of square roots. Dark: features; pale: noise; dashed: threshold.{left}"
    )
    return frame, partial(paper.paper_barcodes, frame, width=width), caption


def _cloud(run: Run, sides: dict[str, Snapshot], width: float):
    names = classes.names_of(run, *sides.values())
    counts = {len(side.labels) for side in sides.values()}
    if len(counts) > 1:  # a baseline of another probe set
        sides = {name: side for name, side in sides.items() if name != "baseline"}
    found = own_axes([side.embeddings for side in sides.values()], 2)
    frame = pd.concat(
        [
            pd.DataFrame({"side": name, "class": [names[int(k)] for k in side.labels], "x": xy[:, 0], "y": xy[:, 1]})
            for (name, side), xy in zip(sides.items(), found.coordinates, strict=True)
        ],
        ignore_index=True,
    ).round(5)
    held = ", ".join(f"{name} {number(100 * float(share.sum()), 1)} %" for name, share in zip(sides, found.shares))
    whole, seen = len(frame) // len(sides), frame
    if whole > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(whole, _MOST_POINTS, replace=False))
        seen = frame.iloc[np.concatenate([rows + start for start in range(0, len(frame), whole)])]
    caption = (
        "Embeddings along their own first two principal axes, each at root mean square 1 and turned to the one on its left "
        f"(orthogonal Procrustes). Variance shown: {held}."
        + (f" {_MOST_POINTS:,} of {whole:,} points, drawn at random." if whole > _MOST_POINTS else "")
    )
    return frame, partial(paper.paper_cloud, seen, colours=class_colours(names), width=width), caption


def _spectrum(run: Run, sides: dict[str, Snapshot], width: float):
    about = anisotropy.first(sides)
    frame = anisotropy.shares_of(sides, about)
    dimensions = next(iter(sides.values())).embeddings.shape[1]
    strongest = ", ".join(
        f"{name} {number(float(frame.loc[frame['side'] == name, 'share'].iloc[0]))}" for name in sides
    )
    caption = (
        f"Share of the squared length that each principal direction holds, {about}. {meaning(anisotropy.ABOUT[about]).label}: "
        f"{strongest}. Dotted: equal shares of {dimensions} directions."
    )
    return frame, partial(paper.paper_spectrum, frame, dimensions=dimensions, width=width), caption


_FIGURES = {"barcodes": _barcodes, "cloud": _cloud, "spectrum": _spectrum}


def _about(run: Run, sides: dict[str, Snapshot], baseline: Run | None) -> str:
    """Return of what model, task and training the figure is."""
    row, metric = data.row(run), cards.headline(run)
    examples = data.modality(run).counted(len(next(iter(sides.values())).labels))
    weighed = ", ".join(
        f"{name.rpartition('.')[2].replace('_', ' ')} {value:g}" for name, value in data.weights(data.spec(run)).items()
    )
    trained = f"fine-tuned with {data.regularized(data.spec(run))}" + (f" ({weighed})" if weighed else "")
    steps = {name: side.step for name, side in sides.items() if name != "before"}
    told = [f"{_line(row.model)} on {_line(row.task)}, seed {row.seed}; {examples}."]
    if "after" in sides:
        told.append(f"After: {trained}, step {steps['after']:,}.")
    if "baseline" in sides:
        told.append(f"Baseline: the same without a regularizer, step {steps['baseline']:,}.")
    scores = {
        "after": cards.sides(run)[1].get(metric),
        "baseline": cards.sides(baseline)[1].get(metric) if baseline else None,
    }
    said = ", ".join(f"{name} {number(value)}" for name, value in scores.items() if value is not None)
    if said:
        told.append(f"{meaning(metric).label}: {said}.")
    return " ".join([*told, f"Isobar {version('isobar-explorer')}."])


def _line(text: object) -> str:
    return " ".join(str(text).split())


@st.cache_data(max_entries=16, show_spinner=False)
def _svg(of: tuple, _chart: Callable[[], alt.TopLevelMixin], width: float) -> str:
    return paper.svg(_chart(), width)
