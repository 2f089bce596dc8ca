"""A barcode over its spanning tree: a bar is an edge, and what is done to the one shows in the other, in the browser."""

import altair as alt
import numpy as np
import pandas as pd

from core.geometry import ClassShape
from explorer.charts.barcode import SELECTION, bars
from explorer.charts.style import (
    BEFORE,
    CHOSEN,
    DASH,
    INWARD,
    LENGTH,
    NOISE_OPACITY,
    THRESHOLD,
    example_tooltip,
    rounded,
)

_BARS, _TREE = 210, 300  # heights in pixels
_LONGEST = 8  # bars, as many as the selection "longest" takes by default
_SHORT = 10  # characters of a title that leave room for the numbers in the same line
_FEATURE = "datum.rank <= features"


def longest_entropies(lengths: np.ndarray) -> np.ndarray:
    """Return for each k the persistent entropy, in nats, of the k longest bars of `lengths` (m,), longest first."""
    sums = np.cumsum(lengths)
    logs = np.cumsum(lengths * np.log(np.where(lengths > 0, lengths, 1.0)))
    # E = ln L - (sum l ln l) / L,  L = sum l
    safe = np.where(sums > 0, sums, 1.0)
    return np.maximum(np.where(sums > 0, np.log(safe) - logs / safe, 0.0), 0.0)


def selections(lengths: np.ndarray, features: int) -> str:
    """Return in words how many of the bars `lengths` (m,), longest first, each selection takes and what entropy that gives.

    "longest" is the slider's, which may keep any number; here it is the eight that a run takes by default.
    """
    entropies = longest_entropies(lengths)
    taken = {"features": features, "longest": min(_LONGEST, len(lengths)), "all": int((lengths > 0).sum())}
    return " · ".join(f"{name} {k}: {entropies[k - 1]:.3f} nats" for name, k in taken.items() if k > 0)


def edges(shape: ClassShape, points: np.ndarray, texts: pd.Series | None = None) -> pd.DataFrame:
    """Return the bars of one class with the ends of their edges in the plane.

    Args:
        shape: the class, with m bars.
        points: (n, 2), where each row of the whole cloud is drawn.
        texts: the probe set's texts, row for row with the cloud.

    Returns:
        m rows as `bars` makes them, ``row`` and ``other``, which the bar joins, and ``x``, ``y``, ``x2``, ``y2``.
    """
    frame = bars(shape, texts)
    frame["length"] = rounded(shape.lengths, 6)
    points = rounded(points)
    frame["row"], frame["other"] = shape.edges.T
    for name, end, axis in (("x", 0, 0), ("y", 0, 1), ("x2", 1, 0), ("y2", 1, 1)):
        frame[name] = points[shape.edges[:, end], axis]
    return frame


def barcode_and_tree(
    frame: pd.DataFrame,
    points: pd.DataFrame,
    *,
    title: str,
    features: int,
    longest: float,
    most: int,
    extent: float,
    colour: str = BEFORE,
    hollow: bool = False,
    kind: str = "text",
    description: str = "",
) -> alt.VConcatChart:
    """Return the barcode above the spanning tree that it is made of.

    A slider says how many of the longest bars are taken for features; the title says the threshold and the entropy that gives. A
    click on a bar or on an edge marks both.

    Args:
        frame: of `edges`.
        points: ``x``, ``y`` of each point, and its text, under `kind`, where it is known.
        title: which side this is; a long one stands in a line of its own.
        features: how many bars are features; where the slider starts.
        longest: where the axis of lengths ends.
        most: for how many bars there is room.
        extent: how far the tree's axes reach from 0. These three are the same for charts that are to be compared.
        colour: of bars, edges and points.
        hollow: whether the points are, as those of *before* are.
        kind: the column with the points' texts: an image has a name there.
        description: for screen readers.
    """
    lengths = frame["length"].to_numpy(dtype=float)
    slider = alt.param(
        name="features",
        value=max(features, 1),
        bind=alt.binding_range(min=1, max=max(len(frame), 2), step=1, name="features "),
    )
    # As text, because Altair copies a list number by number dozens of times on its way into a chart.
    constants = [
        alt.param(name=name, expr=f"split('{','.join(map(str, values))}', ',')")
        for name, values in (("lengths", lengths), ("entropies", longest_entropies(lengths).round(6)))
    ]
    picked = alt.selection_point(name=SELECTION, fields=["rank"], empty=False, toggle=False)
    numbers = (
        "features + (features > 1 ? ' features' : ' feature') + ', threshold '"
        f" + format(toNumber(lengths[features - 1]), '{LENGTH}')"
        " + ', entropy ' + format(toNumber(entropies[features - 1]), '.3f') + ' nats'"
    )
    said = alt.ExprRef(f"['{title}', {numbers}]" if len(title) > _SHORT else f"'{title}: ' + {numbers}")
    opacity = alt.OpacityValue(
        **alt.when(picked).then(alt.value(1.0)).when(_FEATURE).then(alt.value(1.0)).otherwise(alt.value(NOISE_OPACITY))
    )
    fill = alt.FillValue(**alt.when(picked).then(alt.value(CHOSEN)).otherwise(alt.value(colour)))
    texts = [alt.Tooltip(f"{name}:N", title=name) for name in ("joins", "with") if name in frame]
    tooltip = [
        alt.Tooltip("rank:Q", title="bar"),
        alt.Tooltip("kind:N", title="kind"),
        alt.Tooltip("length:Q", format=LENGTH, title="length"),
        *texts,
    ]
    base = alt.Chart(frame).transform_calculate(
        zero="0", top="datum.rank - 1", bottom="datum.rank - (datum.rank < 20 ? 0.15 : 0)"
    )
    blocks = base.mark_rect(cursor="pointer").encode(
        x=alt.X(
            "zero:Q",
            title="length of the bar (Euclidean distance)",
            scale=alt.Scale(domain=[0, longest], nice=False),
            axis=alt.Axis(grid=False, tickCount=6, labelFlush=INWARD),
        ),
        x2=alt.X2("length:Q"),
        y=alt.Y(
            "top:Q",
            title="bars, longest first",
            scale=alt.Scale(type="sqrt", domain=[most, 0], nice=False),
            axis=alt.Axis(grid=False, values=[1, most], format="d"),
        ),
        y2=alt.Y2("bottom:Q"),
        fill=fill,
        opacity=opacity,
        tooltip=tooltip,
    )
    threshold = (
        base.transform_filter("datum.rank == features")
        .mark_rule(strokeDash=DASH, strokeWidth=1.5, color=THRESHOLD)
        .encode(x=alt.X("length:Q"))
    )
    axes = {"scale": alt.Scale(domain=[-extent, extent], nice=False), "axis": alt.Axis(grid=False, tickCount=5)}
    tree = base.mark_rule(cursor="pointer").encode(
        x=alt.X("x:Q", title="first principal axis of the class", **axes),
        y=alt.Y("y:Q", title="second", **axes),
        x2=alt.X2("x2:Q"),
        y2=alt.Y2("y2:Q"),
        color=fill,
        opacity=opacity,
        size=alt.SizeValue(
            **alt.when(picked).then(alt.value(5)).when(_FEATURE).then(alt.value(3)).otherwise(alt.value(1.5))
        ),
        tooltip=tooltip,
    )
    dots = (
        alt.Chart(points)
        .mark_point(filled=not hollow, color=colour, size=26, strokeWidth=1.3, opacity=1)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), tooltip=[example_tooltip(kind)] if kind in points else alt.Undefined)
    )
    upper = alt.layer(blocks, threshold).properties(height=_BARS, title=alt.Title(said, anchor="start", offset=12))
    lower = alt.layer(tree, dots).properties(height=_TREE)
    # The width is the column's, axes included; without this Streamlit would make the plots that wide, and axes stick out.
    fitted = alt.AutoSizeParams(type="fit-x", contains="padding")
    chart = alt.vconcat(upper, lower, spacing=16, autosize=fitted)
    return chart.add_params(slider, picked, *constants).properties(description=description)
