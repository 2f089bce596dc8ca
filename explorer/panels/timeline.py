"""The view "Timeline": cloud, barcodes and measures through training, under one slider that the browser moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import ClassShape, aligned_axes
from core.runs import Run, Snapshot
from explorer.charts.style import class_colours
from explorer.charts.timeline import BAR, MOMENT, film_bars, film_measures, film_points, timeline
from explorer.panels import address, cards, classes, data
from explorer.panels.figure import figure
from explorer.panels.texts import show as show_example
from explorer.panels.texts import texts_of
from explorer.panels.words import meaning, plain

_MOST_FRAMES = 40
_MOST_POINTS = 400
_MOST_BARS = 400  # of all classes together
CLASSES = 3  # with more than this, the bars of one at a time
_TOOLTIP = 90
EXPLAINED = (
    "Move the slider, or give it the focus and press the arrow keys. Each snapshot is drawn along its own principal "
    "axes, turned to fit the next one (orthogonal Procrustes), so that what moves is the cloud."
)
_LABELS = {
    "anisotropy_1_within": "Within classes",
    "between_share": "Share between",
    "anisotropy_1_centered": "centered",
    "anisotropy_1": "uncentered",
    "isoscore": "IsoScore",
    cards.ENTROPY: "Entropy",
}


@dataclass(frozen=True)
class Film:
    """What of the snapshots is shown: their steps, where the points are, their classes and measures, frame by frame."""

    steps: list[int]
    places: list[np.ndarray]
    shapes: list[list[ClassShape]]
    measures: list[dict[str, float]]
    labels: np.ndarray


@st.fragment
def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    steps = thinned(run.steps)
    try:
        versions = tuple(data.snapshot_version(run, step) for step in steps)
        film = _film(str(run.path), tuple(steps), versions)
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    if film is None or len(film.steps) < 2:
        st.info(
            "A timeline needs two snapshots that can be read; this run has fewer.", icon=":material/hourglass_empty:"
        )
        return
    names = classes.names_of(run, before, after)
    chosen = classes.pick(names, whole=CLASSES)
    wanted = _step(film.steps)
    tree = address.read("tree", False)
    scores = _evaluated(run, cards.headline(run))
    with st.container(border=True, key="timeline"):
        event = figure(
            lambda: drawn(run, film, names=names, chosen=chosen, at=film.steps.index(wanted), tree=tree),
            key="timeline-film",
            about=(run.name,),
            of=(versions, tuple(chosen), wanted, tree, tuple(scores.items())),
            on_select="rerun",
            selection_mode=[BAR, MOMENT],
        )
    picked = (event["selection"].get(MOMENT) if event else None) or [{}]
    step = picked[0].get("step")
    if step in film.steps and step != wanted:
        address.write({"step": str(step)})
        st.rerun(scope="fragment")
    _joined(event, run, texts_of(run, len(film.labels)))
    st.caption(
        f"{EXPLAINED} Click a bar or an edge: the two {data.modality(run).many} that it joins stand here. Click a point of the lower row: "
        f"the address leads to that step. {left_out(run, film, chosen)}"
    )


def drawn(
    run: Run, film: Film, *, names: dict[int, str], chosen: Sequence[int], at: int, tree: bool = False
) -> alt.VConcatChart:
    """Return the chart of `film`, standing at frame `at`.

    Args:
        run: whose it is.
        film: of `film_of`.
        names: of all classes by label.
        chosen: the labels of the classes whose bars are drawn.
        at: the frame.
        tree: whether the spanning trees are drawn at first.
    """
    texts, rows = texts_of(run, len(film.labels)), _rows(film)
    metric = cards.headline(run)
    points = film_points(
        [places[rows] for places in film.places],
        [names.get(int(k), f"class {k}") for k in film.labels[rows]],
        None if texts is None else [str(text)[:_TOOLTIP] for text in texts.iloc[rows]],
        data.modality(run).one,
    )
    bars = film_bars(film.places, [[s for s in some if s.label in chosen] for some in film.shapes], _most(chosen))
    return timeline(
        points,
        bars,
        film_measures(
            film.steps,
            film.measures,
            {metric: meaning(metric).label, **_LABELS},
            evaluated={metric: _evaluated(run, metric)},
        ),
        steps=film.steps,
        at=at,
        colours=class_colours(names),
        extent=max(float(np.abs(places).max()) for places in film.places) * 1.05 or 1.0,
        longest=max((max(row) for row in bars["length"]), default=1.0) * 1.02 or 1.0,
        tree=tree,
        kind=data.modality(run).one,
        description=f"Cloud, barcodes and measures at {len(film.steps)} snapshots, of steps {film.steps[0]:,} to "
        f"{film.steps[-1]:,}; a slider chooses one.",
    )


def _rows(film: Film) -> np.ndarray:
    """Return which of the points are drawn."""
    rows = np.arange(len(film.labels))
    if len(rows) > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_POINTS, replace=False))
    return rows


def _most(chosen: Sequence[int]) -> int:
    """Return how many bars of each class are drawn."""
    return max(_MOST_BARS // max(len(chosen), 1), 1)


def thinned(steps: list[int], most: int = _MOST_FRAMES) -> list[int]:
    """Return at most `most` of `steps`, evenly spread, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[index] for index in np.linspace(0, len(steps) - 1, most).round().astype(int)]


def _step(steps: list[int]) -> int:
    """Return the step that the address names or the one next to it; the last by default."""
    wanted = address.read("step", "")
    return min(steps, key=lambda step: abs(step - int(wanted))) if wanted.isdecimal() else steps[-1]


def _joined(event, run: Run, texts: pd.Series | None) -> None:
    """Say which two examples the clicked bar joined at the step where it was clicked."""
    chosen = (event["selection"].get(BAR) if event else None) or []
    if not chosen or "row" not in chosen[0]:
        return
    bar = chosen[0]
    st.markdown(f"**Bar {int(bar['rank'])}** of {plain(bar['class'])} joins")
    for column, row in zip(st.columns(2), (int(bar["row"]), int(bar["other"])), strict=True):
        with column, st.container(border=True):
            show_example(run, texts, row)


def left_out(run: Run, film: Film, chosen: Sequence[int]) -> str:
    """Say what is left out."""
    said = []
    if len(film.steps) < len(run.steps):
        said.append(f"{len(film.steps)} of {len(run.steps):,} snapshots are shown.")
    if len(film.labels) > _MOST_POINTS:
        said.append(f"{_MOST_POINTS:,} of {data.modality(run).counted(len(film.labels))}, drawn at random, are shown.")
    longest = max((len(s.lengths) for s in film.shapes[-1] if s.label in chosen), default=0)
    if longest > _most(chosen):
        said.append(f"The {_most(chosen):,} longest of {longest:,} bars of a class are shown.")
    return " ".join(said)


def _evaluated(run: Run, metric: str) -> dict[int, float]:
    """Return the metric by the steps at which it was evaluated."""
    return {row.get("step", 0): (row.get("metrics") or {}).get(metric) for row in run.rows("evaluation")}


# A resumed run writes snapshots anew, so that their versions are a part of the key. Only what is drawn is kept.
@st.cache_resource(max_entries=8, show_spinner="Reading the snapshots")
def _film(path: str, steps: tuple[int, ...], versions: tuple) -> Film | None:
    return film_of(Run(Path(path)), steps)


def film_of(run: Run, steps: Sequence[int]) -> Film | None:
    """Return what is shown of the snapshots of `steps` that can be read, or None.

    Raises:
        IsobarError: there are no principal axes.
    """
    read = [found for step in steps if (found := run.snapshot(step)) is not None]
    read = [found for found in read if found.embeddings.shape[0] == read[-1].embeddings.shape[0]]
    if not read:
        return None
    # From the last to the first: the end, which one comes to see, stands in its own axes.
    places = aligned_axes([found.embeddings for found in reversed(read)], 2).coordinates[::-1]
    return Film(
        steps=[found.step for found in read],
        places=places,
        shapes=[found.classes for found in read],
        measures=[_numbers(found) for found in read],
        labels=read[-1].labels,
    )


def _numbers(found: Snapshot) -> dict[str, float]:
    return cards.numbers({**found.measures, "classes": {str(s.label): s.summary() for s in found.classes}})
