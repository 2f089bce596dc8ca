"""Puts charts on the page; a chart that was drawn once is not made again while what it shows is the same.

Streamlit's own menu of a chart has full screen, PNG and the data as a table; what saves it as SVG and CSV stands beside.
"""

import warnings
from collections.abc import Callable

import altair as alt
import pandas as pd
import streamlit as st
from altair.utils.schemapi import debug_mode

from core.table_files import csv_of
from explorer.charts.style import tables, vector

HINT = "Point at a chart: above it stand PNG, table and full screen, at its lower right SVG and CSV."


def figure(
    make: Callable[[], alt.TopLevelMixin],
    *,
    key: str,
    of: tuple,
    about: tuple = (),
    dressed: Callable[[dict], dict] | None = None,
    **options,
):
    """Show the chart that `make` returns, and what saves it; returns what is selected in it.

    Args:
        make: makes the chart.
        key: the chart's own name on the page, and of the files it is saved as.
        of: everything that decides what the chart shows, such as a snapshot's version and the class.
        about: what, where it changes, leaves nothing of what was selected.
        dressed: what the description of the chart goes through before it is shown, such as `projected`.
        options: of `st.vega_lite_chart`, for instance ``on_select``.
    """
    spec = _spec(key, of, make)
    spec = dressed(spec) if dressed else spec
    with st.container(key=f"figure-{key}", gap=None):
        event = st.vega_lite_chart(spec, key=name_of(key, about), width="stretch", **options)
        _save(spec, key)
    return event


def name_of(key: str, about: tuple = ()) -> str:
    """Return the name under which the session holds what is selected in the chart `key` that is `about` this."""
    return "-".join(map(str, (key, *about)))


def _save(spec: dict, key: str) -> None:
    """Offer the chart as SVG, and each of its tables as CSV; both are made only when they are asked for."""
    found = tables(spec)
    with (
        st.container(key=f"save-{key}", width="content"),
        st.popover("Save", type="tertiary", help="Save this chart as SVG or CSV"),
    ):
        _button("SVG", lambda: vector(spec).encode(), f"{key}.svg", "image/svg+xml")
        for number, rows in enumerate(found, 1):
            last = f"-{number}" if len(found) > 1 else ""
            label = "CSV" if len(found) == 1 else f"CSV: {', '.join(list(rows[0])[:3])}"
            _button(label, lambda rows=rows: _csv(rows), f"{key}{last}.csv", "text/csv")


def _button(label: str, content: Callable[[], bytes], file: str, mime: str) -> None:
    st.download_button(label, content, file, mime, key=f"file-{file}", on_click="ignore", width="stretch")


def _csv(rows: list[dict]) -> bytes:
    return csv_of(pd.DataFrame(rows)).encode()


# Altair takes its time to check and copy a chart; the description that it ends up with is small.
@st.cache_data(max_entries=512, show_spinner=False)
def _spec(key: str, of: tuple, _make: Callable) -> dict:
    return spec_of(_make)


def spec_of(make: Callable[[], alt.TopLevelMixin]) -> dict:
    """Return the description of the chart that `make` returns."""
    # Altair checks each part as it is made, and the whole again; the tests check every chart.
    with warnings.catch_warnings(), debug_mode(False):
        # One selection in two views is what links them; Altair does the right thing and warns of it.
        warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
        return make().to_dict(validate=False)
