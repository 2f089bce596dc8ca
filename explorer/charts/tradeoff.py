"""Is it worth it? Anisotropy against the task metric, and the differences between runs and their baselines."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from explorer.charts.style import BEFORE, CLASS_COLOURS, DOTS, LARGE, REFERENCE, SPACE, legend
from explorer.charts.style import title as styled

BASELINE = "baseline"
# A baseline is to the other runs what before is to after: grey and hollow.
_OTHERS = (SPACE, *CLASS_COLOURS)
_LONG = 24  # characters of a name that leave room for another in a row of the legend


def group_colours(names: list[str]) -> dict[str, str]:
    """Return a colour for each of the groups called `names`, baselines grey; after nine others colours repeat."""
    others = [name for name in names if not name.startswith(BASELINE)]
    colours = {name: _OTHERS[index % len(_OTHERS)] for index, name in enumerate(others)}
    return {name: colours.get(name, BEFORE) for name in names}


def tradeoff(
    points: pd.DataFrame,
    pairs: pd.DataFrame,
    means: pd.DataFrame,
    *,
    x: str,
    y: str,
    title: str,
    description: str = "",
    height: int = LARGE,
) -> alt.LayerChart:
    """Return one point a run, joined to the baseline of its seed, and each group's mean with its intervals.

    Args:
        points: ``group``, ``seed``, ``run``, ``x``, ``y``.
        pairs: ``group``, ``seed``, ``x``, ``y`` of a run, and ``x2``, ``y2`` of its baseline.
        means: ``group``, ``seeds``, ``x``, ``y``, and ``low_x``, ``high_x``, ``low_y``, ``high_y``, which may be missing.
        x: the x axis's title.
        y: the y axis's title.
        title: the chart's.
        description: for screen readers.
        height: in pixels.
    """
    names = list(dict.fromkeys(means["group"]))
    colours = group_colours(names)
    colour = alt.Color(
        "group:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(colours.values())),
        legend=legend(
            labelLimit=260,
            symbolType="circle",
            columns=1 if max(map(len, names), default=0) > _LONG else 3,
            symbolOpacity=1,
        ),
    )
    scale = alt.Scale(zero=False, nice=True, padding=12)
    across = alt.X("x:Q", title=x, scale=scale, axis=alt.Axis(tickCount=6, grid=False, format=".3~f"))
    up = alt.Y("y:Q", title=y, scale=scale, axis=alt.Axis(tickCount=5, titlePadding=8, format=".3~f"))
    run = [
        alt.Tooltip("group:N", title="of"),
        alt.Tooltip("seed:Q", format="d"),
        alt.Tooltip("x:Q", format=".3f", title=x),
        alt.Tooltip("y:Q", format=".3f", title=y),
    ]
    is_baseline = points["group"].str.startswith(BASELINE)
    several = means[means["seeds"] > 1]
    joined = (
        alt.Chart(pairs)
        .mark_rule(strokeWidth=1.2, opacity=0.55)
        .encode(x=across, y=up, x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q"), color=colour)
    )
    dots = {"x": across, "y": up, "color": colour, "tooltip": run}
    hollow = alt.Chart(points[is_baseline]).mark_point(filled=False, size=60, strokeWidth=1.6).encode(**dots)
    filled = alt.Chart(points[~is_baseline]).mark_point(filled=True, size=60, opacity=0.9).encode(**dots)
    many = alt.Chart(several).encode(
        color=colour,
        tooltip=[
            alt.Tooltip("group:N", title="mean of"),
            alt.Tooltip("seeds:Q", format="d"),
            alt.Tooltip("x:Q", format=".3f", title=x),
            alt.Tooltip("y:Q", format=".3f", title=y),
        ],
    )
    wide = many.mark_rule(strokeWidth=3).encode(x=alt.X("low_x:Q", title=x, scale=scale), x2=alt.X2("high_x:Q"), y=up)
    tall = many.mark_rule(strokeWidth=3).encode(
        y=alt.Y("low_y:Q", title=y, scale=scale), y2=alt.Y2("high_y:Q"), x=across
    )
    centre = many.mark_point(shape="diamond", filled=True, size=190, opacity=1).encode(x=across, y=up)
    # A layer of nothing would have no extent.
    layers = [layer for layer in (joined, hollow, filled, wide, tall, centre) if len(layer.data)]
    return alt.layer(*layers).properties(title=styled(title), height=height, description=description)


def differences_height(groups: int) -> int:
    """Return how high the chart of differences of so many groups is, in pixels."""
    return 110 + 34 * groups


def differences(
    seeds: pd.DataFrame,
    means: pd.DataFrame,
    *,
    value: str | list[str],
    title: str,
    colours: Mapping[str, str],
    description: str = "",
) -> alt.LayerChart:
    """Return each group's mean difference from its baseline with its interval, over the differences of the seeds.

    Args:
        seeds: ``group``, ``seed``, ``difference``.
        means: ``group``, ``difference``, ``low``, ``high`` (missing for one seed).
        value: the axis's title, in one line or several.
        title: the chart's.
        colours: of each group, top first.
        description: for screen readers.
    """
    y = alt.Y("group:N", title=None, sort=list(colours), axis=alt.Axis(labelLimit=220, labelFlush=False, grid=False))
    colour = alt.Color("group:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    scale = alt.Scale(zero=True, nice=True, padding=12)
    x = alt.X("difference:Q", title=value, scale=scale, axis=alt.Axis(tickCount=5, format="+.3~f"))
    zero = alt.Chart(alt.InlineData(values=[{"difference": 0}])).mark_rule(
        strokeDash=DOTS, strokeWidth=2, color=REFERENCE, strokeCap="round"
    )
    dots = alt.Chart(seeds).mark_point(filled=True, size=40, opacity=0.45)
    mean = alt.Chart(means).encode(
        y=y,
        color=colour,
        tooltip=[
            alt.Tooltip("group:N", title="of"),
            alt.Tooltip("difference:Q", format="+.3f", title="mean difference"),
            alt.Tooltip("low:Q", format="+.3f", title="interval from"),
            alt.Tooltip("high:Q", format="+.3f", title="to"),
        ],
    )
    interval = (
        mean.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=3)
        .encode(x=alt.X("low:Q", title=value, scale=scale), x2=alt.X2("high:Q"))
    )
    layers = [
        zero.encode(x=x, tooltip=alt.TooltipValue("no difference from the baseline")),
        *([interval] if means["low"].notna().any() else []),
        dots.encode(
            x=x,
            y=y,
            color=colour,
            tooltip=[alt.Tooltip("seed:Q", format="d"), alt.Tooltip("difference:Q", format="+.3f")],
        ),
        mean.mark_point(shape="diamond", filled=True, size=190, opacity=1).encode(x=x),
    ]
    return alt.layer(*layers).properties(
        title=styled(title), height=differences_height(len(colours)), description=description
    )
