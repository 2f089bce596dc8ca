"""Has it collapsed? The verdict in a sentence, and where the space stands among known ones."""

from collections.abc import Callable
from dataclasses import asdict

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.geometry.verdict import CONE, FEW, NOT_COLLAPSED, Verdict, references, verdict
from core.runs import Snapshot
from explorer.charts.standing import standing_plane
from explorer.panels.figure import figure
from explorer.panels.words import plain

ABOUT = (
    "Grey: models that are known, measured once and shipped with Isobar. Directions in use are the corrected participation "
    "ratio, within classes where there are any of eight examples or more, and the mean cosine is that of pairs: neither depends "
    "on how many examples there are. The first number of the sentence does: it is the effective rank, beside that of an isotropic cloud of as many."
)


def show(snapshot: Snapshot) -> None:
    """Draw the sentence, and below it the picture."""
    found = found_of(snapshot)
    icon = ":material/check_circle:" if found.word == NOT_COLLAPSED else ":material/troubleshoot:"
    st.markdown(f"{icon} **{plain(found.sentence, 500)}**")
    if not np.isfinite(found.standing.directions):
        return
    with st.expander("Beside models that are known", icon=":material/scatter_plot:", expanded=True):
        figure(drawn(found), key="standing", of=(snapshot.version,))
        st.caption(ABOUT)


def drawn(found: Verdict) -> Callable[[], alt.LayerChart]:
    """Return what makes the picture."""
    rows = pd.DataFrame([asdict(row) for row in references()])[["name", "kind", "mean_cosine", "directions"]]
    isotropic = {
        "name": "isotropic cloud",
        "kind": "isotropic cloud",
        "mean_cosine": 0.0,
        "directions": found.standing.d,
    }
    rows = pd.concat([rows, pd.DataFrame([isotropic])], ignore_index=True)
    here = pd.DataFrame([{"name": "this checkpoint", **asdict(found.standing)}])[["name", "mean_cosine", "directions"]]
    return lambda: standing_plane(rows, here, cone=CONE, few=FEW, description=found.sentence)


def found_of(snapshot: Snapshot) -> Verdict:
    """Return the verdict on a space, taken once."""
    return _verdict(snapshot.version, snapshot)


@st.cache_data(max_entries=64, show_spinner=False)
def _verdict(version, _snapshot: Snapshot) -> Verdict:
    labels = _snapshot.labels
    return verdict(_snapshot.embeddings, labels if len(np.unique(labels)) > 1 else None)
