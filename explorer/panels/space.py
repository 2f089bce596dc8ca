"""One space by itself: how its variance is spread over directions, how alike its texts are, and its layers."""

import pandas as pd
import streamlit as st

from core.geometry import MEASURES, cosine_shares, isotropic_cosine_shares, singular_values
from core.runs import Run, Snapshot
from explorer.charts.cosines import cosine_histogram, cosines
from explorer.charts.layers import depths, layer_profile
from explorer.charts.spectrum import cumulative, shares, spectrum
from explorer.charts.style import BEFORE, SPACE
from explorer.panels import data
from explorer.panels.figure import figure
from explorer.panels.words import meaning, number

HERE = "this checkpoint"
UNTOUCHED = "the model that its run began with"
_COLOURS = {HERE: SPACE}


def directions(run: Run, snapshot: Snapshot) -> None:
    """Draw the view "Anisotropy"."""
    about = st.segmented_control(
        "Measured about",
        ["centered", "uncentered"],
        default="centered",
        required=True,
        key="about",
        bind="query-params",
        label_visibility="collapsed",
    )
    of = (str(run.path), snapshot.step, about != "uncentered")
    frame = _shares(of, snapshot)
    points, dimensions = snapshot.embeddings.shape
    first = number(100 * float(frame["share"].iloc[0]), 1)
    options = {"dimensions": dimensions, "colours": _COLOURS}
    left, right = st.columns(2, gap="small")
    with left, st.container(border=True):
        said = f"Share of the squared length that each principal direction holds; the strongest holds {first} %."
        figure(lambda: spectrum(frame, description=said, **options), key="spectrum", of=of)
    with right, st.container(border=True):
        half = int((frame["cumulative"] < 0.5).sum()) + 1
        also = f"Share that the strongest directions hold together; half of all is held by {half} of {dimensions}."
        figure(lambda: cumulative(frame, description=also, **options), key="cumulative", of=of)
    with st.container(border=True):
        counted = _cosines(of, snapshot)
        mean = number(snapshot.measures.get("mean_cosine"))
        figure(
            lambda: cosine_histogram(
                cosines({HERE: counted}),
                reference=cosines({"isotropic": isotropic_cosine_shares(dimensions)}),
                colours=_COLOURS,
                description=f"Histogram of the cosines of all pairs of texts; their mean is {mean}.",
            ),
            key="cosines",
            of=of[:2],
        )
    st.caption(
        f"Green is this checkpoint: {points:,} texts, {dimensions:,} dimensions. Dotted: what it would be if all "
        f"directions held equal shares. {meaning('anisotropy_1_centered' if of[-1] else 'anisotropy_1').definition}"
    )


def layers(run: Run, snapshot: Snapshot) -> None:
    """Draw the view "Layers"."""
    found = getattr(snapshot, "layers", None) or []
    if not found:
        st.info(
            "The layers of this inspection were not measured: it is of an older version. Inspect again to see them.",
            icon=":material/layers:",
        )
        return
    report = data.report(run)
    isotropic = report.get("isotropic") or {}
    base = (report.get("base") or {}).get("layers") or []
    sides = {HERE: found, **({UNTOUCHED: base} if base else {})}
    names = [name for name in MEASURES if any(name in measures for measures in found)]
    layer = data.spec(run).get("layer", -1)
    chosen = layer if layer >= 0 else len(found) + layer
    for start in range(0, len(names), 2):
        for column, name in zip(st.columns(2, gap="small"), names[start : start + 2], strict=False):
            with column, st.container(border=True):
                about = meaning(name)
                values = [number(measures.get(name)) for measures in found]
                bounded = MEASURES[name].range == (0.0, 1.0)
                figure(
                    lambda name=name, about=about, values=values, bounded=bounded: layer_profile(
                        depths(sides, name),
                        title=about.label,
                        value=MEASURES[name].unit or "value",
                        colours={**_COLOURS, **({UNTOUCHED: BEFORE} if base else {})},
                        reference=isotropic.get(name),
                        chosen=chosen,
                        domain=(0.0, 1.0) if bounded else None,
                        description=f"{about.label} layer by layer, input embeddings first: {', '.join(values)}.",
                    ),
                    key=f"layers-{name}",
                    of=(str(run.path), snapshot.step),
                )
    st.caption(
        f"The large point is layer {chosen}, whose states are the embeddings in the other views. Dotted: an isotropic "
        "Gaussian cloud of as many points and dimensions."
    )


# Snapshots are known by their run and step; nobody writes one twice.
@st.cache_data(max_entries=64, show_spinner=False)
def _shares(of: tuple, _snapshot: Snapshot) -> pd.DataFrame:
    return shares({HERE: singular_values(_snapshot.embeddings, center=of[-1])})


@st.cache_data(max_entries=64, show_spinner=False)
def _cosines(of: tuple, _snapshot: Snapshot):
    return cosine_shares(_snapshot.embeddings)
