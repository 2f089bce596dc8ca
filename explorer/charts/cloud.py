"""The probe set in a plane: before and after side by side on the same axes, in one view that one brush covers."""

import json
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.geometry import ClassShape
from explorer.charts.style import BEFORE, WRONG, legend

BRUSH = "brush"  # the name under which a page learns what was brushed
SIDES = ("before", "after")
COLOURINGS = ("class", "prediction", "error")
# Each begins with a word joiner, which shows as nothing: a class may be called "right" too, and has a colour of its own.
RIGHT, ERROR, NONE = "\u2060right", "\u2060wrong", "\u2060no prediction"
_GAP = 2.2  # from the middle of one panel to that of the other, in extents
_PALE = 0.12


def cloud_points(
    sides: Mapping[str, tuple[np.ndarray, np.ndarray]],
    labels: np.ndarray,
    names: Mapping[int, str],
    texts=None,
    kind: str = "text",
) -> pd.DataFrame:
    """Return one row a point, with what is known of it on each side.

    Args:
        sides: of "before" and "after", or one of them, the coordinates (n, 2) and the predicted labels (n,).
        labels: (n,), the points' classes.
        names: of the classes by label; a prediction without one is called "no prediction".
        texts: (n,), shown when a point is pointed at.
        kind: what they are called: an image has a name.

    Returns:
        n rows: ``row``, ``class``, and of each side ``SIDE_x``, ``SIDE_y``, ``SIDE_prediction``; the text under `kind` where known.
    """
    frame = pd.DataFrame({"row": np.arange(len(labels)), "class": [names.get(int(k), NONE) for k in labels]})
    for side, (coordinates, predictions) in sides.items():
        frame[f"{side}_x"], frame[f"{side}_y"] = coordinates[:, 0].round(4), coordinates[:, 1].round(4)
        frame[f"{side}_prediction"] = [names.get(int(k), NONE) for k in predictions]
    return frame if texts is None else frame.assign(**{kind: list(texts)})


def tree_edges(sides: Mapping[str, tuple[np.ndarray, Sequence[ClassShape]]]) -> pd.DataFrame:
    """Return the edges of the spanning trees of the classes: ``side``, ``class``, ``length``, ``x``, ``y``, ``x2``, ``y2``.

    `sides` holds, of each side, the coordinates (n, 2) of all points and the classes whose edges are rows of them.
    """
    frames = []
    for side, (coordinates, shapes) in sides.items():
        for shape in shapes:
            ends = coordinates[shape.edges].round(4)  # (m, 2 ends, 2 axes)
            frames.append(
                pd.DataFrame(
                    {
                        "side": side,
                        "class": shape.name or f"class {shape.label}",
                        "bar": np.arange(1, len(shape.lengths) + 1),
                        "length": shape.lengths.round(4),
                        "x": ends[:, 0, 0],
                        "y": ends[:, 0, 1],
                        "x2": ends[:, 1, 0],
                        "y2": ends[:, 1, 1],
                    }
                )
            )
    columns = ["side", "class", "bar", "length", "x", "y", "x2", "y2"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def in_brush(frame: pd.DataFrame, brush: Mapping[str, Sequence[float]], extent: float) -> pd.Series:
    """Return which points of `frame` lie, on the side that was brushed, within the ranges ``px`` and ``py`` of `brush`."""
    inside = pd.Series(False, index=frame.index)
    for side, shift in _shifts(frame, extent).items():
        x, y = frame[f"{side}_x"] + shift, frame[f"{side}_y"]
        inside |= x.between(*sorted(brush["px"])) & y.between(*sorted(brush["py"]))
    return inside


def cloud(
    frame: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    colours: Mapping[str, str],
    extent: float,
    axes: tuple[str, str] = ("first principal axis", "second"),
    colouring: str = "class",
    tree: bool = False,
    controls: bool = True,
    kind: str = "text",
    titles: Mapping[str, str] | None = None,
    description: str = "",
    height: int = 430,
) -> alt.LayerChart:
    """Return the points of each side, hollow before and filled after.

    What is brushed on one side stands out on both.

    Args:
        frame: of `cloud_points`.
        edges: of `tree_edges`.
        colours: of the classes by name.
        extent: how far the axes of a side reach from 0.
        axes: their titles.
        colouring: what colour means, one of `COLOURINGS`.
        tree: whether the spanning trees are drawn.
        controls: whether the chart has a choice of the colouring and a switch for the trees, which act in the browser.
        kind: the column with the points' texts.
        titles: of the sides, where they are called otherwise than "before" and "after".
        description: for screen readers.
        height: in pixels.
    """
    called = {side: side for side in SIDES} | dict(titles or {})
    shifts = _shifts(frame, extent)
    scale_x = alt.Scale(domain=[-extent, max(shifts.values()) + extent], nice=False)
    ticks = _ticks(extent)
    unit = ticks[1] - ticks[0]
    label = f"format(round((datum.value - SHIFT) / {unit}) * {unit}, '.3~r')"
    past_gap = f"datum.value > {_GAP / 2 * extent}"
    axis_x = alt.Axis(
        values=[tick + shift for shift in shifts.values() for tick in ticks],
        labelExpr=f"{past_gap} ? {label.replace('SHIFT', str(_GAP * extent))} : {label.replace('SHIFT', '0')}",
        grid=False,
    )
    x = alt.X("px:Q", title=axes[0], scale=scale_x, axis=axis_x)
    scale_y = alt.Scale(domain=[-extent, extent], nice=False)
    y = alt.Y(
        "py:Q",
        title=axes[1],
        scale=scale_y,
        axis=alt.Axis(values=ticks, labelExpr=label.replace("SHIFT", "0"), grid=False),
    )
    missing = any((frame[f"{side}_prediction"] == NONE).any() for side in shifts)
    names = [*colours, *([NONE] if missing else [])]
    judged = [RIGHT, ERROR, *([NONE] if missing else [])]
    domain = [*names, RIGHT, ERROR]
    palette = {**colours, NONE: BEFORE, RIGHT: BEFORE, ERROR: WRONG}
    colour = alt.Color(
        "key:N",
        title=None,
        scale=alt.Scale(domain=domain, range=[palette[name] for name in domain]),
        legend=legend(
            values=alt.ExprRef(f"colour == 'error' ? {json.dumps(judged)} : {json.dumps(names)}"),
            symbolType="circle",
            symbolFillColor={"expr": "null"},
            labelLimit=160,
            columns=6,
        ),
    )
    params = [
        alt.param(
            name="colour",
            value=colouring if colouring in COLOURINGS else COLOURINGS[0],
            **({"bind": alt.binding_radio(options=list(COLOURINGS), name="colour by")} if controls else {}),
        ),
        alt.param(
            name="tree", value=tree, **({"bind": alt.binding_checkbox(name="spanning trees")} if controls else {})
        ),
    ]
    brush = alt.selection_interval(name=BRUSH, encodings=["x", "y"], empty=True)
    brushed = " || ".join(
        f"(inrange(datum.{side}_x + {shift}, {BRUSH}.px) && inrange(datum.{side}_y, {BRUSH}.py))"
        for side, shift in shifts.items()
    )
    stands_out = f"!isValid({BRUSH}.px) || {brushed}"
    layers = [_tree(edges[edges["side"] == side], shift, x, y, palette) for side, shift in shifts.items()]
    for side, shift in shifts.items():
        prediction = f"datum.{side}_prediction"
        tooltip = [
            *([alt.Tooltip(f"{kind}:N")] if kind in frame else []),
            alt.Tooltip("class:N"),
            alt.Tooltip(f"{side}_prediction:N", title=f"predicted {called[side]}"),
        ]
        points = (
            alt.Chart(frame)
            .transform_calculate(
                px=f"datum.{side}_x + {shift}",
                py=f"datum.{side}_y",
                key=f"colour == 'class' ? datum.class : colour == 'prediction' ? {prediction} :"
                f" {prediction} == '{NONE}' ? '{NONE}' : {prediction} == datum.class ? '{RIGHT}' : '{ERROR}'",
            )
            .mark_point(filled=side == "after", size=34, strokeWidth=1.3)
            .encode(
                x=x,
                y=y,
                color=colour,
                # Shape too says what is wrong, for those who see no colours.
                shape=alt.when(f"datum.key == '{ERROR}'").then(alt.value("triangle-up")).otherwise(alt.value("circle")),
                opacity=alt.when(stands_out).then(alt.value(0.85)).otherwise(alt.value(_PALE)),
                tooltip=tooltip,
            )
        )
        layers.append(points.add_params(brush) if side == next(iter(shifts)) else points)
    heads = pd.DataFrame(
        {
            "px": list(shifts.values()),
            "py": extent,
            "side": [called[side] if titles else side.capitalize() for side in shifts],
        }
    )
    layers.append(
        alt.Chart(heads)
        .mark_text(baseline="top", fontSize=14, fontWeight=600, color=BEFORE, dy=2)
        .encode(x=x, y=y, text="side:N")
    )
    chart = alt.layer(*layers).add_params(*params).properties(height=height, description=description)
    return chart.properties(usermeta={"shifts": shifts})  # what tells a brush's listener on which side a place is


def _tree(edges: pd.DataFrame, shift: float, x: alt.X, y: alt.Y, palette: Mapping[str, str]) -> alt.Chart:
    names = list(palette)  # the same for both sides, in whatever order their edges come
    return (
        alt.Chart(edges)
        .transform_filter("tree")
        .transform_calculate(px=f"datum.x + {shift}", py="datum.y", px2=f"datum.x2 + {shift}")
        .mark_rule(strokeWidth=1, opacity=0.5)
        .encode(
            x=x,
            y=y,
            x2="px2:Q",
            y2="y2:Q",
            stroke=alt.Stroke("class:N", scale=alt.Scale(domain=names, range=list(palette.values())), legend=None),
            tooltip=["class:N", alt.Tooltip("bar:Q"), alt.Tooltip("length:Q", format=".3f")],
        )
    )


def _shifts(frame: pd.DataFrame, extent: float) -> dict[str, float]:
    """How far to the right each side that is there is drawn."""
    there = [side for side in SIDES if f"{side}_x" in frame]
    return {side: round(index * _GAP * extent, 6) for index, side in enumerate(there)}


def _ticks(extent: float) -> list[float]:
    """Five round numbers about 0, or three."""
    step = 10 ** np.floor(np.log10(extent / 2)) if extent > 0 else 1.0
    step *= max(m for m in (1, 2, 5) if m * step <= extent / 1.5)
    return [float(k * step) for k in range(-int(extent / step), int(extent / step) + 1)]
