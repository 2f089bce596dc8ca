"""What happened step by step: losses, entropies, features, measures of the probe set, time."""

import math

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.style import SMALL, legend, step_axis
from explorer.charts.style import title as styled

_NAMED = 8  # series in the legend: the others are named where one points at them
_ROW = 18  # of the legend, in pixels
_MOST_ROWS = 4_000  # of a chart: more than it has pixels for, and fewer than Altair refuses


def history(
    frame: pd.DataFrame,
    *,
    title: str,
    value: str,
    colours: dict[str, str],
    total_steps: int | None = None,
    domain: tuple[float, float] | None = None,
    points: bool = False,
    zero: bool = False,
    digits: str = ".3f",
    description: str = "",
    height: int = SMALL,
) -> alt.LayerChart:
    """Return one line a series over the optimizer steps.

    Args:
        frame: ``step``, ``series``, ``value``; no rows draw the empty axes.
        title: the chart's.
        value: the y axis's title, with its unit.
        colours: of each series, in the order of the legend.
        total_steps: where the x axis ends.
        domain: of the y axis, where it is known beforehand.
        points: whether each value is marked: for what is measured a few times only.
        zero: whether the y axis holds 0.
        digits: d3 format of the values in tooltips.
        description: for screen readers.
        height: in pixels, of few series; the legend of more comes on top.
    """
    frame = thinned(frame)
    rows = math.ceil(min(len(colours), _NAMED) / 2)  # of the legend
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=zero, nice=True)
    base = alt.Chart(frame if len(frame) else pd.DataFrame({"step": [], "series": [], "value": []})).encode(
        x=step_axis(total_steps),
        y=alt.Y("value:Q", title=value, scale=scale, axis=alt.Axis(tickCount=4, labelFlush=False, titlePadding=8)),
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=None
            if len(colours) < 2
            else legend(
                labelLimit=78, symbolType="stroke", symbolLimit=_NAMED, **({"columns": 2} if len(colours) > 3 else {})
            ),
        ),
        tooltip=[
            alt.Tooltip("series:N", title="of"),
            alt.Tooltip("step:Q", format="d"),
            alt.Tooltip("value:Q", format=digits),
        ],
    )
    line = base.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=50, filled=True) if points else False)
    # A wide invisible line makes a thin one easy to point at.
    touch = base.mark_line(strokeWidth=12, opacity=0)
    return alt.layer(line, touch).properties(
        title=styled(title), height=height + _ROW * max(rows - 2, 0), description=description
    )


def thinned(frame: pd.DataFrame, most: int = _MOST_ROWS) -> pd.DataFrame:
    """Return the rows of a `frame` of series over steps that can be told apart when it is drawn, about `most`.

    Of each series that is longer than its share the steps are cut into equal parts, and of each the lowest and the highest
    value stay, so that no peak is lost; and the first and the last row.
    """
    if len(frame) <= most:
        return frame
    series = [rows for _, rows in frame.groupby("series", sort=False)]
    share = max(most // len(series), 4)
    return pd.concat([rows if len(rows) <= share else _extremes(rows, share // 2 - 1) for rows in series])


def _extremes(rows: pd.DataFrame, parts: int) -> pd.DataFrame:
    values = rows["value"].to_numpy(dtype=float)
    kept = {0, len(rows) - 1}
    for part in np.array_split(np.arange(len(rows)), parts):
        known = part[np.isfinite(values[part])]
        if len(known):
            kept |= {int(known[values[known].argmin()]), int(known[values[known].argmax()])}
    return rows.iloc[sorted(kept)]
