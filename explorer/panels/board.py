"""A board to draw points on: their bars, features, entropy and loops follow in the browser, at once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st

from explorer.panels import points

_HERE = Path(__file__).parent
_KEY = "board"
_SHOW = """
export default function ({ parentElement, data, setStateValue }) {
  // What the server shows is older than what the hand has done where it has not heard the last of it.
  const place = parentElement.querySelector(".place");
  place.turn = Math.max(place.turn || 0, data.turn);
  place.show ||= makeBoard(place, {
    fewest: data.fewest, most: data.most, changed: (points) => setStateValue("drawn", { points, turn: ++place.turn }),
  });
  if (data.turn === place.turn) place.show(data.points);
}
"""


def show(cloud: np.ndarray, drawn: Callable[[np.ndarray], None]) -> None:
    """Draw the board with the points of `cloud` (n, 2), which may be none; `drawn` is told those that a person makes of it."""

    def heard() -> None:
        drawn(np.array(st.session_state[_KEY]["drawn"]["points"], dtype=float).reshape(-1, 2))

    turn = ((st.session_state.get(_KEY) or {}).get("drawn") or {}).get("turn", 0)
    data = {"points": cloud.tolist(), "turn": turn, "fewest": points.FEWEST, "most": points.MOST}
    _component()(key=_KEY, data=data, on_drawn_change=heard)


def script() -> str:
    """Return what draws a board in any page, `makeBoard`, as JavaScript."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("barcode.js", "board.js"))


def style() -> str:
    """Return the board's style sheet."""
    return (_HERE / "board.css").read_text(encoding="utf-8")


@cache
def _component() -> Callable:
    return st.components.v2.component(
        "isobar-board", html='<div class="place"></div>', css=style(), js=script() + _SHOW
    )
