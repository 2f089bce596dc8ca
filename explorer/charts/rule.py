"""How the rule for features walks over the bars: where the sum of all bars begins to grow."""

import altair as alt
import pandas as pd

from explorer.charts.style import BEFORE, CHOSEN, DOTS, REFERENCE, SPACE, legend, title

_HEIGHT = 260


def rule(steps: pd.DataFrame, *, description: str = "") -> alt.LayerChart:
    """Return the ratio C_i of each step, a line for each walk; it ends at the ringed one.

    Args:
        steps: ``walk`` from 1, ``i``, ``bar`` and ``neutral``, the lengths of what is replaced last and by what, ``total``, ``ratio``, and ``stop``,
            whether the walk ends there.
        description: for screen readers.
    """
    last = steps["walk"].max()
    shown = steps.assign(which=["the last walk" if walk == last else "walks before" for walk in steps["walk"]])
    base = alt.Chart(shown).encode(
        x=alt.X(
            "i:Q",
            title="i, how many bars are replaced",
            scale=alt.Scale(domain=[0.5, float(steps["i"].max()) + 0.5], nice=False),
            axis=alt.Axis(format="d", tickMinStep=1, tickCount=8, grid=False),
        ),
        y=alt.Y(
            "ratio:Q",
            title="C",
            scale=alt.Scale(zero=False, nice=False, padding=16),
            axis=alt.Axis(tickCount=4, format=".4~f"),
        ),
        color=alt.Color(
            "which:N",
            title=None,
            scale=alt.Scale(domain=["the last walk", "walks before"], range=[SPACE, BEFORE]),
            legend=legend(symbolType="stroke") if last > 1 else None,
        ),
        detail=alt.Detail("walk:N"),
        tooltip=[
            alt.Tooltip("walk:Q", title="walk"),
            alt.Tooltip("i:Q"),
            alt.Tooltip("bar:Q", format=".3~g", title="the bar it takes in"),
            alt.Tooltip("neutral:Q", format=".3~g", title="neutral length"),
            alt.Tooltip("total:Q", format=".4~f", title="sum of all bars"),
            alt.Tooltip("ratio:Q", format=".4f", title="C"),
        ],
    )
    one = (
        alt.Chart(alt.InlineData(values=[{"one": 1}]))
        .mark_rule(color=REFERENCE, strokeDash=DOTS, strokeWidth=2, aria=False)
        .encode(y=alt.Y("one:Q"))
    )
    lines = base.mark_line(strokeWidth=1.6)
    dots = base.mark_circle(size=36, opacity=1)
    stops = (
        base.transform_filter("datum.stop")
        .mark_point(size=190, strokeWidth=2, filled=False)
        .encode(color=alt.ColorValue(CHOSEN))
    )
    return alt.layer(one, lines, dots, stops).properties(
        height=_HEIGHT, title=title("C, step by step"), description=description
    )
