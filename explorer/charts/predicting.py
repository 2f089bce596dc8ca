"""Whether a measure predicts a score: points of many states of a model, the line through them, and what it leaves."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from core.studies.landscape import LADDER, NOISE, Landscape, noise_level
from explorer.charts.style import BEFORE, CLASS_COLOURS, LARGE, REFERENCE, SMALL, legend
from explorer.charts.style import title as styled

KINDS = {
    "as it is": (BEFORE, "diamond"),
    "noise": (CLASS_COLOURS[0], "circle"),
    "relative noise": (CLASS_COLOURS[4], "triangle-up"),
    "layers made anew": (CLASS_COLOURS[1], "square"),
    "shuffled": (CLASS_COLOURS[2], "cross"),
    "untrained": (CLASS_COLOURS[3], "triangle-down"),
    "another model": (CLASS_COLOURS[6], "triangle-right"),
}
"""What was done to the weights: its colour and its shape."""
_OF_CHANGE = {LADDER: "noise", "relative-noise": "relative noise", "last-layers": "layers made anew"}


def states(found: Landscape, task: str, predictor: str) -> pd.DataFrame:
    """Return a row for each point of `task` that has a value: ``kind`` (of :data:`KINDS`), ``weights``, ``seed``, ``x``, ``y``, ``fit`` and ``left``.

    The fit is the least squares line over all of them, and what is left of y behind it; NaN where x does not vary.
    """
    rows = []
    for point in found.points:
        value = noise_level(point) if predictor == NOISE else point.get(predictor)
        if point["task"] != task or value is None or not np.isfinite(value) or not np.isfinite(point["score"]):
            continue
        own = point["model"] == found.spec.get("model")
        name = point["weights"].partition("(")[0]
        kind = (_OF_CHANGE.get(name, name) or "as it is") if own else "another model"
        rows.append(
            {
                "kind": kind,
                "weights": point["weights"] or ("as it is" if own else point["model"]),
                "seed": point["seed"],
                "x": float(value),
                "y": float(point["score"]),
            }
        )
    frame = pd.DataFrame(rows, columns=["kind", "weights", "seed", "x", "y"])
    x, y = frame["x"].to_numpy(float), frame["y"].to_numpy(float)
    spread = ((x - x.mean()) ** 2).sum() if len(x) else 0.0
    slope = ((x - x.mean()) * (y - y.mean())).sum() / spread if spread > 0 else np.nan
    return (
        frame.assign(fit=y.mean() + slope * (x - x.mean()), left=lambda f: f["y"] - f["fit"])
        if len(x)
        else frame.assign(fit=[], left=[])
    )


def scatter(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    title: str,
    description: str = "",
    logarithmic: bool = False,
    height: int = LARGE,
) -> alt.LayerChart:
    """Return the score against the measure: a point for each state and seed, and the line through all of them.

    Args:
        frame: of `states`.
        x: the x axis's title.
        y: the y axis's title.
        title: the chart's.
        description: for screen readers.
        logarithmic: whether the x axis is; of values from 0 on, near 0 it is not.
        height: in pixels.
    """
    kinds = [kind for kind in KINDS if kind in set(frame["kind"])]
    scale = alt.Scale(type="symlog", constant=0.002) if logarithmic else alt.Scale(zero=False, nice=True)
    across = alt.X("x:Q", title=x, scale=scale, axis=alt.Axis(tickCount=6, grid=False))
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=70, opacity=0.85)
        .encode(
            x=across,
            y=alt.Y("y:Q", title=y, scale=alt.Scale(zero=False, nice=True, padding=8)),
            **_looks(kinds),
            tooltip=_tooltip(x, y),
        )
    )
    if logarithmic or not frame["fit"].notna().any():
        return alt.layer(points).properties(title=styled(title), height=height, description=description)
    ends = frame.loc[[frame["x"].idxmin(), frame["x"].idxmax()], ["x", "fit"]]
    line = alt.Chart(ends).mark_line(color=REFERENCE, strokeWidth=1.5).encode(x=across, y=alt.Y("fit:Q"))
    return alt.layer(line, points).properties(title=styled(title), height=height, description=description)


def residuals(
    frame: pd.DataFrame, *, x: str, y: str, title: str, description: str = "", height: int = SMALL
) -> alt.LayerChart:
    """Return what the line leaves of every score, against the measure; as :func:`scatter` takes its arguments."""
    kinds = [kind for kind in KINDS if kind in set(frame["kind"])]
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=60, opacity=0.85)
        .encode(
            x=alt.X("x:Q", title=x, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=6, grid=False)),
            y=alt.Y("left:Q", title=f"{y} less the line", axis=alt.Axis(format="+.2f")),
            **_looks(kinds, legend_there=False),
            tooltip=_tooltip(x, y),
        )
    )
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=REFERENCE).encode(y=alt.Y("zero:Q"))
    return alt.layer(zero, points).properties(title=styled(title), height=height, description=description)


def _looks(kinds: list[str], legend_there: bool = True) -> dict[str, alt.Color | alt.Shape]:
    told: Mapping = {"legend": legend(columns=4, labelLimit=200) if legend_there else None, "title": None}
    return {
        "color": alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[KINDS[kind][0] for kind in kinds]), **told),
        "shape": alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=[KINDS[kind][1] for kind in kinds]), **told),
    }


def _tooltip(x: str, y: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("weights:N"),
        alt.Tooltip("seed:Q"),
        alt.Tooltip("x:Q", format=".4f", title=x),
        alt.Tooltip("y:Q", format=".3f", title=y),
    ]
