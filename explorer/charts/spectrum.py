"""How the variance is spread over directions: shares, cumulative shares, and anisotropy class by class."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.style import BEFORE, DOTS, MEDIUM, REFERENCE, SPACE, legend
from explorer.charts.style import title as styled

_MOST_DIRECTIONS = 600  # of each side; on the axis, a logarithmic one, they are as dense as the eye sees
SIDES = {"before": BEFORE, "after": SPACE}


def shares(values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return what share of the squared length each direction holds.

    Args:
        values: the singular values (m,) of each side, such as "before" and "after", largest first.

    Returns:
        ``side``, ``direction`` from 1, ``share`` and ``cumulative``, both between 0 and 1; of very many directions some.
    """
    frames = []
    for side, singular in values.items():
        squares = np.asarray(singular, dtype=float) ** 2
        total = squares.sum() or 1.0
        seen = _seen(len(squares))
        frames.append(
            pd.DataFrame(
                {
                    "side": side,
                    "direction": seen + 1,
                    "share": (squares / total)[seen].round(7),
                    "cumulative": (squares.cumsum() / total)[seen].round(6),
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["side", "direction", "share"])


def _seen(directions: int) -> np.ndarray:
    """Return which of so many directions are drawn: the first ones all, the first and the last of them always."""
    if directions <= _MOST_DIRECTIONS:
        return np.arange(directions)
    return np.unique(np.geomspace(1, directions, _MOST_DIRECTIONS).round().astype(int)) - 1


def spectrum(
    frame: pd.DataFrame,
    *,
    dimensions: int,
    colours: Mapping[str, str] = SIDES,
    description: str = "",
    height: int = MEDIUM,
) -> alt.LayerChart:
    """Return the share of each direction, on logarithmic axes; dotted: equal shares of `dimensions` directions."""
    frame = frame[frame["share"] > 1e-6]
    chart = _lines(frame, colours).encode(
        x=_direction(frame),
        y=alt.Y(
            "share:Q",
            title="share",
            scale=alt.Scale(type="log", nice=False),
            axis=alt.Axis(format="~%", values=[1, 0.1, 0.01, 0.001, 0.0001, 0.00001], labelFlush=False),
        ),
        tooltip=_tooltip("share"),
    )
    equal = (
        alt.Chart(alt.InlineData(values=[{"share": 1 / max(dimensions, 1)}]))
        .mark_rule(strokeDash=DOTS, strokeWidth=2, color=REFERENCE, strokeCap="round")
        .encode(y=alt.Y("share:Q"), tooltip=alt.TooltipValue(f"equal shares of {dimensions} directions"))
    )
    return (chart + equal).properties(title=styled("Share of each direction"), height=height, description=description)


def cumulative(
    frame: pd.DataFrame,
    *,
    dimensions: int,
    colours: Mapping[str, str] = SIDES,
    description: str = "",
    height: int = MEDIUM,
) -> alt.LayerChart:
    """Return the share that the strongest directions hold together; dotted: equal shares of `dimensions` directions."""
    chart = _lines(frame, colours).encode(
        x=_direction(frame),
        y=alt.Y(
            "cumulative:Q",
            title="share held together",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5, labelFlush=False),
        ),
        tooltip=_tooltip("cumulative"),
    )
    last = int(frame["direction"].max()) if len(frame) else 1
    steps = np.unique(np.geomspace(1, last, 40).round().astype(int))
    even = pd.DataFrame({"direction": steps, "cumulative": np.minimum(steps / max(dimensions, 1), 1)})
    equal = (
        alt.Chart(even)
        .mark_line(strokeDash=DOTS, strokeWidth=2, color=REFERENCE, strokeCap="round")
        .encode(
            x=alt.X("direction:Q"),
            y=alt.Y("cumulative:Q"),
            tooltip=alt.TooltipValue(f"equal shares of {dimensions} directions"),
        )
    )
    return (chart + equal).properties(
        title=styled("Share of the strongest directions"), height=height, description=description
    )


def dumbbells(
    frame: pd.DataFrame, *, value: str, title: str, colours: Mapping[str, str], order: list[str], description: str = ""
) -> alt.LayerChart:
    """Return before (hollow) and after (filled) of each row, joined by a line.

    Args:
        frame: ``name``, ``before``, ``after``.
        value: the axis's title.
        title: the chart's.
        colours: of each name.
        order: the names, top first.
        description: for screen readers.
    """
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=180, labelFlush=False, grid=False))
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    x = {"scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(tickCount=6, format=".1f")}
    tooltip = [
        alt.Tooltip("name:N", title="of"),
        alt.Tooltip("before:Q", format=".3f"),
        alt.Tooltip("after:Q", format=".3f"),
    ]
    base = alt.Chart(frame).encode(y=y, color=colour, tooltip=tooltip)
    line = base.mark_rule(strokeWidth=2).encode(x=alt.X("before:Q", title=value, **x), x2=alt.X2("after:Q"))
    hollow = base.mark_point(filled=False, size=110, strokeWidth=2).encode(x=alt.X("before:Q", title=value, **x))
    filled = base.mark_point(filled=True, size=120, opacity=1).encode(x=alt.X("after:Q", title=value, **x))
    return alt.layer(line, hollow, filled).properties(
        title=styled(title), height=120 + 34 * len(frame), description=description
    )


def _lines(frame: pd.DataFrame, colours: Mapping[str, str]) -> alt.Chart:
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2.2, interpolate="linear")
        .encode(
            color=alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=legend(symbolType="stroke") if len(colours) > 1 else None,
            )
        )
    )


def _direction(frame: pd.DataFrame) -> alt.X:
    last = int(frame["direction"].max()) if len(frame) else 1
    return alt.X(
        "direction:Q",
        title="direction, strongest first",
        scale=alt.Scale(type="log", domain=[1, max(last, 2)], nice=False),
        axis=alt.Axis(values=[v for v in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if v <= last], grid=False),
    )


def _tooltip(field: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("side:N"),
        alt.Tooltip("direction:Q"),
        alt.Tooltip(f"{field}:Q", format=".2%", title="share" if field == "share" else "held together"),
    ]
