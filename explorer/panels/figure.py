"""Puts charts on the page; a chart that was drawn once is not made again while what it shows is the same."""

import warnings
from collections.abc import Callable

import altair as alt
import streamlit as st


def figure(make: Callable[[], alt.TopLevelMixin], *, key: str, of: tuple, **options):
    """Show the chart that `make` returns.

    Args:
        make: makes the chart.
        key: the chart's own name on the page.
        of: everything that decides what the chart shows, such as run, step and class.
        options: of `st.vega_lite_chart`, for instance ``on_select``.
    """
    return st.vega_lite_chart(_spec(key, of, make), key=key, width="stretch", **options)


# Altair takes its time to check and copy a chart; the description that it ends up with is small.
@st.cache_data(max_entries=512, show_spinner=False)
def _spec(key: str, of: tuple, _make: Callable) -> dict:
    with warnings.catch_warnings():
        # One selection in two views is what links them; Altair does the right thing and warns of it.
        warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
        return _make().to_dict()
