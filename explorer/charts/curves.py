"""What flatness costs: one curve a method, from its baseline through its weights."""

import altair as alt
import pandas as pd

from explorer.charts.style import BEFORE, LARGE, legend
from explorer.charts.style import title as styled
from explorer.charts.tradeoff import group_colours


def curves(points: pd.DataFrame, *, x: str, y: str, title: str, height: int = LARGE) -> alt.LayerChart:
    """Return a line for each method through its means, with both intervals and the weights beside the points.

    Args:
        points: ``method``, ``order`` along its curve, ``weight`` as text ("0" is the baseline), ``x``, ``y``, and ``low_x``, ``high_x``,
            ``low_y``, ``high_y``, which may be missing.
        x: the x axis's title.
        y: the y axis's title.
        title: the chart's.
        height: in pixels.
    """
    names = list(dict.fromkeys(points["method"]))
    colour = alt.Color(
        "method:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(group_colours(names).values())),
        legend=legend(labelLimit=260, columns=5),
    )
    scale = alt.Scale(zero=False, nice=True, padding=16)
    across = alt.X("x:Q", title=x, scale=scale, axis=alt.Axis(tickCount=6, grid=False, format=".3~f"))
    up = alt.Y("y:Q", title=y, scale=scale, axis=alt.Axis(tickCount=5, titlePadding=8, format=".3~f"))
    tip = [
        "method:N",
        "weight:N",
        alt.Tooltip("x:Q", title=x, format=".3f"),
        alt.Tooltip("y:Q", title=y, format=".3f"),
    ]
    base = alt.Chart(points).encode(x=across, y=up, color=colour)
    some = base.transform_filter("datum.weight != '0'")
    layers = [
        base.mark_line(strokeWidth=2).encode(order=alt.Order("order:Q")),
        some.mark_rule(opacity=0.45).encode(x=alt.X("low_x:Q"), x2=alt.X2("high_x:Q")),
        some.mark_rule(opacity=0.45).encode(y=alt.Y("low_y:Q"), y2=alt.Y2("high_y:Q")),
        some.mark_point(filled=True, size=70, opacity=1).encode(tooltip=tip),
        base.transform_filter("datum.weight == '0'")
        .mark_point(filled=False, size=90, strokeWidth=2, color=BEFORE)
        .encode(color=alt.ColorValue(BEFORE), tooltip=tip),
        some.mark_text(dx=8, dy=-8, align="left", fontSize=11).encode(text=alt.Text("weight:N")),
    ]
    return alt.layer(*layers).properties(title=styled(title), height=height)
