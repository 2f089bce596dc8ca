"""Figures for a paper: before, after and the baseline in one panel, as wide as a column, on white, as SVG and PDF.

A pixel of the chart is a point (1/72 inch) of the page, so that letters keep the size that they are given here.
"""

import re
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.style import BEFORE, DASH, DOTS, INWARD, LIGHT, NOISE_OPACITY, REFERENCE, SPACE, config

WIDTHS = {"one column, 84 mm": 84.0, "one and a half, 129 mm": 129.0, "two columns, 174 mm": 174.0}
"""What journals mostly ask for, in millimetres."""
SIDES = ("before", "after", "baseline")
COLOURS = {"before": BEFORE, "after": SPACE, "baseline": "#B07D00"}
# Filled ones, and seven: with eight colours no two of 56 classes look alike.
_SHAPES = ("circle", "triangle-up", "square", "diamond", "cross", "triangle-down", "triangle-right")
_POINT = 25.4 / 72  # millimetres
_LETTERS = 7  # points
_LETTER = 4.2  # points: how wide a letter is, at most on average
_SYMBOL = 22  # points: of a legend's entry besides its name
_THIN = 0.1  # points: what lies closer can't be told apart on paper
_SIZE = re.compile(r'<svg [^>]*?\bwidth="(?P<w>[\d.]+)" height="(?P<h>[\d.]+)"')


def paper_barcodes(frame: pd.DataFrame, *, width: float, height: int = 72) -> alt.FacetChart:
    """Return the barcodes of each class, a row, on each side, a column, all on one axis.

    Bars of one kind that end within the same tenth of a point are drawn as one.

    Args:
        frame: ``side``, ``class``, ``rank`` from 1, ``length``, ``kind`` ("feature" or "noise"), ``threshold``; the bars of
            a class on a side together, longest first.
        width: of the whole, in millimetres.
        height: of a row, in points.
    """
    sides, classes = _there(frame), list(dict.fromkeys(frame["class"]))
    most = int(frame["rank"].max())
    base = alt.Chart().transform_calculate(zero="0", look="datum.side + ' ' + datum.kind")
    bars = base.mark_rect(stroke=None, aria=False).encode(
        x=alt.X(
            "zero:Q",
            title="length of the bar",
            scale=alt.Scale(domain=[0, float(frame["length"].max()) * 1.02 or 1.0], nice=False),
            axis=alt.Axis(grid=False, tickCount=4, labelFlush=INWARD),
        ),
        x2=alt.X2("length:Q"),
        y=alt.Y(
            "top:Q",
            title="bars",
            scale=alt.Scale(type="sqrt", domain=[most, 0], nice=False),
            axis=alt.Axis(grid=False, values=[1, most], format="d"),
        ),
        y2=alt.Y2("rank:Q"),
        fill=alt.Fill(
            "look:N",
            scale=alt.Scale(
                domain=[f"{side} {kind}" for side in sides for kind in ("feature", "noise")],
                range=[colour for side in sides for colour in (COLOURS[side], _pale(COLOURS[side]))],
            ),
            legend=None,
        ),
    )
    rule = (
        base.transform_filter("datum.top == 0")
        .mark_rule(strokeDash=DASH, strokeWidth=0.8, color="black")
        .encode(x=alt.X("threshold:Q"))
    )
    drawn = _told_apart(frame, height / most**0.5)
    return alt.layer(bars, rule, data=drawn).properties(width=_each(width, len(sides), 46), height=height).facet(
        column=alt.Column("side:N", sort=list(sides), title=None),
        row=alt.Row("class:N", sort=classes, title=None, header=alt.Header(labelLimit=height)),
        spacing=6,
    )  # fmt: skip


def paper_cloud(frame: pd.DataFrame, *, colours: Mapping[str, str], width: float) -> alt.FacetChart:
    """Return the points of each side, a square each; classes have colours and shapes.

    Args:
        frame: ``side``, ``class``, ``x``, ``y``.
        colours: of the classes by name.
        width: of the whole, in millimetres.
    """
    sides, classes = _there(frame), [name for name in colours if name in set(frame["class"])]
    side = _each(width, len(sides), 8)
    extent = max(float(frame[["x", "y"]].abs().to_numpy().max()) * 1.05, 1e-9)
    scale = alt.Scale(domain=[-extent, extent], nice=False)
    whole = width / _POINT
    name = min(max(map(len, classes)) * _LETTER, whole - _SYMBOL)
    legend = alt.Legend(
        title=None,
        orient="bottom",
        symbolOpacity=1.0,
        symbolLimit=len(classes),
        labelLimit=name,
        # In as many rows as it takes: what is wider than the page is made smaller with all that is in it.
        columns=max(int(whole // (name + _SYMBOL)), 1),
    )
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=7, opacity=1, aria=False)
        .encode(
            x=alt.X("x:Q", scale=scale, axis=None),
            y=alt.Y("y:Q", scale=scale, axis=None),
            color=alt.Color(
                "class:N",
                scale=alt.Scale(domain=classes, range=[colours[name] for name in classes]),
                legend=legend,
            ),
            shape=alt.Shape(
                "class:N",
                scale=alt.Scale(domain=classes, range=[_SHAPES[i % len(_SHAPES)] for i in range(len(classes))]),
                legend=legend,
            ),
        )
    )
    framed = points.properties(width=side, height=side, view=alt.ViewConfig(stroke=LIGHT.line))
    return framed.facet(column=alt.Column("side:N", sort=list(sides), title=None), spacing=4)


def paper_spectrum(frame: pd.DataFrame, *, dimensions: int, width: float) -> alt.LayerChart:
    """Return the share of the squared length that each direction holds; dotted: equal shares.

    Args:
        frame: ``side``, ``direction`` from 1, ``share``.
        dimensions: of the space.
        width: of the whole, in millimetres.
    """
    frame = frame[frame["share"] > 1e-6]
    sides = _there(frame)
    lines = (
        alt.Chart(frame)
        .mark_line()
        .encode(
            x=alt.X("direction:Q", title="direction, strongest first", scale=alt.Scale(type="log", nice=False)),
            y=alt.Y(
                "share:Q",
                title="share of the squared length",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(format="~%", values=[1, 0.1, 0.01, 0.001, 0.0001, 0.00001]),
            ),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=list(sides), range=[COLOURS[side] for side in sides]),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
            # Width too says which is which, in print without colours.
            strokeWidth=alt.StrokeWidthValue(
                **alt.when("datum.side == 'after'").then(alt.value(2.2)).otherwise(alt.value(1.0))
            ),
        )
    )
    equal = (
        alt.Chart(alt.InlineData(values=[{"share": 1 / max(dimensions, 1)}]))
        .mark_rule(strokeDash=DOTS, strokeWidth=1.2, color=REFERENCE, strokeCap="round")
        .encode(y=alt.Y("share:Q"))
    )
    points = width / _POINT
    return (lines + equal).properties(width=points - 46, height=min(0.62 * points, 180))


def svg(chart: alt.TopLevelMixin, width: float) -> str:
    """Return the chart as SVG that is `width` millimetres wide."""
    drawn, (w, h) = _drawn(chart)
    return drawn.replace(
        f'width="{w}" height="{h}"', f'width="{width:g}mm" height="{width * float(h) / float(w):.2f}mm"', 1
    )


def pdf(chart: alt.TopLevelMixin, width: float) -> bytes:
    """Return the chart as PDF that is `width` millimetres wide; its letters are letters, and can be searched."""
    import vl_convert

    drawn, (w, h) = _drawn(chart)
    points = width / _POINT
    return vl_convert.svg_to_pdf(
        drawn.replace(
            f'width="{w}" height="{h}"', f'width="{points:.3f}" height="{points * float(h) / float(w):.3f}"', 1
        )
    )


def _drawn(chart: alt.TopLevelMixin) -> tuple[str, tuple[str, str]]:
    """Return the chart as SVG, and its width and height in points as they stand there."""
    import vl_convert  # takes its time to start, and is only needed when somebody asks

    small = {"labelFontSize": _LETTERS, "titleFontSize": _LETTERS}
    looks = config(LIGHT)
    looks |= {
        "autosize": {"type": "pad", "contains": "padding"},
        "padding": 2,
        "font": "Helvetica, Arial, sans-serif",
        "axis": looks["axis"]
        | small
        | {"titlePadding": 3, "tickSize": 3, "labelPadding": 2, "domainWidth": 0.6, "tickWidth": 0.6},
        "legend": looks["legend"] | small | {"symbolSize": 24, "offset": 3, "columnPadding": 8},
        "header": {
            "labelFontSize": _LETTERS + 1,
            "labelFontWeight": "bold",
            "labelColor": LIGHT.text,
            "labelPadding": 3,
        },
    }
    drawn = vl_convert.vegalite_to_svg(chart.to_dict(validate=False), config=looks)
    found = _SIZE.search(drawn)
    return drawn, (found["w"], found["h"])


def _there(frame: pd.DataFrame) -> Sequence[str]:
    known = set(frame["side"])
    return [side for side in SIDES if side in known]


def _told_apart(frame: pd.DataFrame, unit: float) -> pd.DataFrame:
    """Return the bars that are drawn, from ``top`` to ``rank``, where the square root of the rank has this `unit` in points."""
    slices = (np.sqrt(frame["rank"]) * unit / _THIN).astype(int)
    like = frame[["side", "class", "kind"]].assign(slice=slices)
    starts = np.flatnonzero(like.ne(like.shift()).any(axis=1))
    ends = np.append(starts[1:], len(frame)) - 1
    ranks = frame["rank"].to_numpy()
    return frame.iloc[starts].assign(top=ranks[starts] - 1, rank=ranks[ends])


def _pale(colour: str) -> str:
    """Return what `colour` looks like on white where it is noise: without transparency, which printers dislike."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * NOISE_OPACITY):02X}" for part in parts)


def _each(width: float, count: int, beside: int) -> float:
    """Return how wide each of `count` views is, in points, where `beside` is taken by axes."""
    return max((width / _POINT - beside - 6 * (count - 1)) / count, 20.0)
