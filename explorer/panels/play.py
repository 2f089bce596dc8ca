"""A play button beside the sliders of charts: it moves them by itself, in the browser."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import streamlit as st

_PLAY = "export default function ({ data }) { return playAll(data.within); }"


def show(*boxes: str) -> None:
    """Put a play button beside the slider of the chart in each of the containers that have these keys."""
    _component()(key="play", data={"within": ", ".join(f".st-key-{box}" for box in boxes)})


def script() -> str:
    """Return what plays charts in any page, `playAll`, as JavaScript."""
    return Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@cache
def _component() -> Callable:
    return st.components.v2.component("isobar-play", js=f"{script()}\n{_PLAY}")
