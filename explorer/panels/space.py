"""One space by itself: how its variance is spread over directions, how alike its examples are, and its layers."""

from collections.abc import Callable
from functools import partial

import altair as alt
import streamlit as st

from core.geometry import MEASURES
from core.runs import Run, Snapshot
from core.training.stored import is_stored
from explorer.charts.layers import depths, layer_profile
from explorer.charts.style import BEFORE, SPACE
from explorer.panels import anisotropy, data
from explorer.panels.figure import figure
from explorer.panels.words import meaning, number, plain

HERE = "this checkpoint"
UNTOUCHED = "untouched model"
COLOURS = {HERE: SPACE}


def directions(run: Run, snapshot: Snapshot) -> None:
    """Draw the view "Anisotropy"."""
    sides = {HERE: snapshot}
    about = anisotropy.pick(sides)
    if about is None:
        return
    found = anisotropy.drawn(run, sides, about=about, colours=COLOURS)
    of = (snapshot.version, about)
    for column, name in zip(st.columns(2, gap="small"), ("spectrum", "cumulative"), strict=True):
        with column, st.container(border=True):
            figure(found[name], key=name, of=of)
    with st.container(border=True):
        figure(found["cosines"], key="cosines", of=of)
    points, dimensions = snapshot.embeddings.shape
    counted = data.modality(run).counted(points)
    said = f"{anisotropy.explained(about)} {plain(anisotropy.alone(about, sides), 300)}"
    st.caption(f"Green is this checkpoint: {counted}, {dimensions:,} dimensions. {said}")


def layers(run: Run, snapshot: Snapshot) -> None:
    """Draw the view "Layers"."""
    found = profiles(run, snapshot)
    if not found:
        st.info(
            "A file of embeddings has no layers."
            if is_stored(str(data.spec(run).get("model", "")))
            else "The layers of this inspection were not measured: it is of an older version. Inspect again to see them.",
            icon=":material/layers:",
        )
        return
    names = list(found)
    for start in range(0, len(names), 2):
        for column, name in zip(st.columns(2, gap="small"), names[start : start + 2], strict=False):
            with column, st.container(border=True):
                figure(found[name], key=name, of=snapshot.version)
    st.caption(explained(run, snapshot))


def profiles(run: Run, snapshot: Snapshot) -> dict[str, Callable[[], alt.LayerChart]]:
    """Return what makes the chart of each measure against depth, by its name; nothing where no layer was measured."""
    found = snapshot.layers or []
    report = data.report(run)
    isotropic = report.get("isotropic") or {}
    base = (report.get("base") or {}).get("layers") or []
    sides = {HERE: found, **({UNTOUCHED: base} if base else {})}
    return {
        f"layers-{name}": partial(
            _profile,
            name,
            sides,
            colours={**COLOURS, **({UNTOUCHED: BEFORE} if base else {})},
            reference=isotropic.get(name),
            chosen=_chosen(run, snapshot),
        )
        for name in MEASURES
        if any(name in measures for measures in found)
    }


def _profile(name: str, sides: dict, **options) -> alt.LayerChart:
    about = meaning(name)
    values = [number(measures.get(name)) for measures in sides[HERE]]
    return layer_profile(
        depths(sides, name),
        title=about.label,
        value=MEASURES[name].unit or "value",
        domain=(0.0, 1.0) if MEASURES[name].range == (0.0, 1.0) else None,
        description=f"{about.label} layer by layer, input embeddings first: {', '.join(values)}.",
        **options,
    )


def explained(run: Run, snapshot: Snapshot) -> str:
    """Return what the marks in the charts of `profiles` mean."""
    return (
        f"The large point is layer {_chosen(run, snapshot)}, whose states are the embeddings elsewhere. Dotted: an "
        "isotropic Gaussian cloud of as many points and dimensions."
    )


def _chosen(run: Run, snapshot: Snapshot) -> int:
    layer = data.spec(run).get("layer", -1)
    return layer if layer >= 0 else len(snapshot.layers) + layer
