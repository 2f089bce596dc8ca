"""How alike the directions of two examples are: the histogram of the cosines of all pairs."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.style import BEFORE, DOTS, MEDIUM, REFERENCE, SPACE, legend, title

_COLOURS = {"before": BEFORE, "after": SPACE}
_MIDDLE = "(datum.low + datum.high) / 2"  # a step of the line spans its bin


def cosines(shares: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return a histogram a side, one row a bin.

    Args:
        shares: of each side, what share of the pairs falls into each of equal parts of [-1, 1], as
            :func:`core.geometry.cosine_shares` counts them.

    Returns:
        ``side``, ``low``, ``high`` (the bin's ends) and ``share``, between 0 and 1.
    """
    frames = []
    for side, counted in shares.items():
        ends = np.linspace(-1.0, 1.0, len(counted) + 1).round(4)
        frames.append(
            pd.DataFrame({"side": side, "low": ends[:-1], "high": ends[1:], "share": np.asarray(counted).round(6)})
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["side", "low", "high", "share"])


def cosine_histogram(
    frame: pd.DataFrame,
    *,
    reference: pd.DataFrame | None = None,
    colours: Mapping[str, str] = _COLOURS,
    many: str = "texts",
    description: str = "",
    height: int = MEDIUM,
) -> alt.LayerChart:
    """Return how often two examples have which cosine; all pairs of each side together are 100 %.

    Args:
        frame: of `cosines`, with the sides that `colours` names.
        reference: of `cosines` too, with what an isotropic cloud would show: drawn dotted.
        colours: of each side, in the order of the legend; by default grey *before* and green *after*.
        many: what examples are called.
        description: for screen readers.
        height: in pixels.
    """
    tooltip = [
        alt.Tooltip("side:N"),
        alt.Tooltip("low:Q", format=".3f", title="cosine from"),
        alt.Tooltip("high:Q", format=".3f", title="to"),
        alt.Tooltip("share:Q", format=".2%", title="share of pairs"),
    ]
    x = alt.X(
        "middle:Q",
        title=f"cosine of two {many}",
        scale=alt.Scale(domain=[-1, 1], nice=False),
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1], grid=False, labelFlush=False),
    )
    y = alt.Y(
        "share:Q",
        title="share of all pairs",
        stack=None,
        scale=alt.Scale(zero=True),
        axis=alt.Axis(format="~%", tickCount=5, labelFlush=False),
    )
    shown = [side for side in colours if side in set(frame["side"])] or list(colours)
    base = (
        alt.Chart(frame)
        .transform_calculate(middle=_MIDDLE)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=shown, range=[colours[side] for side in shown]),
                legend=None if len(shown) < 2 else legend(symbolType="stroke", symbolOpacity=1),
            ),
            tooltip=tooltip,
        )
    )
    filled = base.mark_area(interpolate="step", opacity=0.22, line=False)
    line = base.mark_line(interpolate="step", strokeWidth=2)
    layers = [filled, line]
    if reference is not None and len(reference):
        layers.append(
            alt.Chart(reference)
            .transform_calculate(middle=_MIDDLE)
            .mark_line(interpolate="step", strokeDash=DOTS, strokeWidth=2, color=REFERENCE, strokeCap="round")
            .encode(x=x, y=y, tooltip=alt.TooltipValue("isotropic: all directions equally likely"))
        )
    return alt.layer(*layers).properties(title=title(f"Cosine of two {many}"), height=height, description=description)
