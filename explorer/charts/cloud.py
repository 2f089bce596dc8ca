"""The probe set in a plane or turned in space: before and after side by side, in one view that one brush covers."""

import json
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.geometry import ClassShape
from explorer.charts.style import BEFORE, CHOSEN, LENGTH, WRONG, example_tooltip, legend, rounded

BRUSH = "brush"  # the names under which a page learns what was brushed, and what was clicked
PICKED = "picked"
SIDES = ("before", "after")
COLOURINGS = ("class", "prediction", "error")
# Each begins with a word joiner, which shows as nothing: a class may be called "right" too, and has a colour of its own.
RIGHT, ERROR, NONE = "\u2060right", "\u2060wrong", "\u2060no prediction"
_GAP = 2.2  # from the middle of one panel to that of the other, in extents
_PALE = 0.12
_ANGLES = {"turn": (-180, 180, 30), "tilt": (-90, 90, 20)}  # in degrees: from, to, at first
_RADIANS = 0.017453292519943295


def cloud_points(
    sides: Mapping[str, tuple[np.ndarray, np.ndarray]],
    labels: np.ndarray,
    names: Mapping[int, str],
    texts=None,
    kind: str = "text",
) -> pd.DataFrame:
    """Return one row a point, with what is known of it on each side.

    Args:
        sides: of "before" and "after", or one of them, the coordinates (n, 2) or (n, 3) and the predicted labels (n,).
        labels: (n,), the points' classes.
        names: of the classes by label; a prediction without one is called "no prediction".
        texts: (n,), shown when a point is pointed at.
        kind: what they are called: an image has a name.

    Returns:
        n rows: ``row``, ``class``, and of each side ``SIDE_x``, ``SIDE_y``, in space ``SIDE_z``, and ``SIDE_prediction``; the text
        under `kind` where known.
    """
    frame = pd.DataFrame({"row": np.arange(len(labels)), "class": [names.get(int(k), NONE) for k in labels]})
    for side, (coordinates, predictions) in sides.items():
        for axis, values in zip("xyz", rounded(coordinates).T, strict=False):
            frame[f"{side}_{axis}"] = values
        frame[f"{side}_prediction"] = [names.get(int(k), NONE) for k in predictions]
    return frame if texts is None else frame.assign(**{kind: list(texts)})


def tree_edges(sides: Mapping[str, tuple[np.ndarray, Sequence[ClassShape]]]) -> pd.DataFrame:
    """Return the edges of the spanning trees of the classes: ``side``, ``class``, ``bar``, ``length``, ``x``, ``y``, ``x2``, ``y2``.

    `sides` holds, of each side, the coordinates (n, 2) of all points and the classes whose edges are rows of them; of (n, 3)
    there are ``z`` and ``z2`` too.
    """
    drawn = {side: (rounded(coordinates), shapes) for side, (coordinates, shapes) in sides.items()}
    frames = [
        pd.DataFrame(
            {
                "side": side,
                "class": shape.called,
                "bar": np.arange(1, len(shape.lengths) + 1),
                "length": rounded(shape.lengths),
                **_ends(coordinates, shape.edges),
            }
        )
        for side, (coordinates, shapes) in drawn.items()
        for shape in shapes
    ]
    columns = ["side", "class", "bar", "length", "x", "y", "x2", "y2"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def stars(sides: Mapping[str, tuple[np.ndarray, int, np.ndarray]]) -> pd.DataFrame:
    """Return the lines from a point to its nearest: ``side``, ``row`` and ``rank`` of the neighbour, ``x``, ``y``, ``x2``, ``y2``.

    `sides` holds, of each side, the coordinates (n, 2) or (n, 3) of all points, a row, and the rows (k,) of its neighbours.
    """
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "side": side,
                    "row": near,
                    "rank": np.arange(1, len(near) + 1),
                    **_ends(rounded(coordinates), np.column_stack([np.full(len(near), row), near])),
                }
            )
            for side, (coordinates, row, near) in sides.items()
        ],
        ignore_index=True,
    )


def _ends(coordinates: np.ndarray, edges: np.ndarray) -> dict[str, np.ndarray]:
    ends = coordinates[edges]  # (m, 2 ends, axes)
    return {
        f"{axis}{end}": ends[:, at, i]
        for at, end in enumerate(("", "2"))
        for i, axis in zip(range(ends.shape[2]), "xyz")
    }


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
    axes: tuple[str, str] | None = ("first principal axis", "second"),
    colouring: str = "class",
    tree: bool = False,
    controls: bool = True,
    marks: pd.DataFrame | None = None,
    kind: str = "text",
    titles: Mapping[str, str] | None = None,
    description: str = "",
    height: int = 430,
) -> alt.LayerChart:
    """Return the points of each side, hollow before and filled after.

    What is brushed on one side stands out on both. Points in space are turned by two sliders, and not brushed.

    Args:
        frame: of `cloud_points`.
        edges: of `tree_edges`, with as many axes.
        colours: of the classes by name.
        extent: how far the axes of a side reach from 0.
        axes: their titles; None where places mean nothing by themselves.
        colouring: what colour means, one of `COLOURINGS`.
        tree: whether the spanning trees are drawn.
        controls: whether the chart has a choice of the colouring and a switch for the trees, which act in the browser.
        marks: of `stars`: a point that was picked and its neighbours.
        kind: the column with the points' texts.
        titles: of the sides, where they are called otherwise than "before" and "after".
        description: for screen readers.
        height: in pixels.
    """
    called = {side: side for side in SIDES} | dict(titles or {})
    shifts = _shifts(frame, extent)
    in_space = any(f"{side}_z" in frame for side in shifts)
    scale_x = alt.Scale(domain=[-extent, max(shifts.values()) + extent], nice=False)
    ticks = _ticks(extent)
    unit = ticks[1] - ticks[0]
    label = f"format(round((datum.value - SHIFT) / {unit}) * {unit}, '.3~r')"
    past_gap = f"datum.value > {_GAP / 2 * extent}"
    axis_x = (
        None
        if axes is None or in_space
        else alt.Axis(
            values=[tick + shift for shift in shifts.values() for tick in ticks],
            labelExpr=f"{past_gap} ? {label.replace('SHIFT', str(_GAP * extent))} : {label.replace('SHIFT', '0')}",
            grid=False,
        )
    )
    x = alt.X("px:Q", title=axes[0] if axis_x else None, scale=scale_x, axis=axis_x)
    scale_y = alt.Scale(domain=[-extent, extent], nice=False)
    y = alt.Y(
        "py:Q",
        title=axes[1] if axis_x else None,
        scale=scale_y,
        axis=alt.Axis(values=ticks, labelExpr=label.replace("SHIFT", "0"), grid=False) if axis_x else None,
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
    if in_space:
        params += [
            alt.param(name=name, value=value, bind=alt.binding_range(min=low, max=high, step=1, name=f"{name} "))
            for name, (low, high, value) in _ANGLES.items()
        ]
    brush = alt.selection_interval(name=BRUSH, encodings=["x", "y"], empty=True)
    picked = alt.selection_point(name=PICKED, fields=["row"], on="click", empty=False)
    brushed = " || ".join(
        f"(inrange(datum.{side}_x + {shift}, {BRUSH}.px) && inrange(datum.{side}_y, {BRUSH}.py))"
        for side, shift in shifts.items()
    )
    stands_out = "true" if in_space else f"!isValid({BRUSH}.px) || {brushed}"
    layers = [_tree(edges[edges["side"] == side], shift, x, y, palette, in_space) for side, shift in shifts.items()]
    if marks is not None:
        layers += [_lines(marks[marks["side"] == side], shift, x, y, in_space) for side, shift in shifts.items()]
    for side, shift in shifts.items():
        prediction = f"datum.{side}_prediction"
        tooltip = [
            *([example_tooltip(kind)] if kind in frame else []),
            alt.Tooltip("class:N"),
            alt.Tooltip(f"{side}_prediction:N", title=f"predicted {called[side]}" if len(shifts) > 1 else "predicted"),
        ]
        points = (
            alt.Chart(frame)
            .transform_calculate(
                **_placed(shift, in_space, f"datum.{side}_{{}}"),
                key=f"colour == 'class' ? datum.class : colour == 'prediction' ? {prediction} :"
                f" {prediction} == '{NONE}' ? '{NONE}' : {prediction} == datum.class ? '{RIGHT}' : '{ERROR}'",
            )
            .mark_point(filled=side == "after", size=34, strokeWidth=1.3, cursor="pointer")
            .encode(
                x=x,
                y=y,
                color=colour,
                # Shape too says what is wrong, for those who see no colours.
                shape=alt.ShapeValue(
                    **alt.when(f"datum.key == '{ERROR}'").then(alt.value("triangle-up")).otherwise(alt.value("circle"))
                ),
                opacity=alt.OpacityValue(**alt.when(stands_out).then(alt.value(0.85)).otherwise(alt.value(_PALE))),
                tooltip=tooltip,
            )
        )
        first = side == next(iter(shifts))
        layers.append(points.add_params(picked, *([brush] if first and not in_space else [])))
    if marks is not None:
        layers += [
            ring
            for side, shift in shifts.items()
            for ring in _rings(marks[marks["side"] == side], shift, x, y, in_space)
        ]
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
        .encode(x=x, y=y, text=alt.Text("side:N"))
    )
    chart = alt.layer(*layers).add_params(*params).properties(height=height, description=description)
    return chart.properties(usermeta={"shifts": shifts})  # what tells a brush's listener on which side a place is


def _placed(shift: float, in_space: bool, of: str, to: str = "") -> dict[str, str]:
    """Return how a place on the page follows from coordinates: `of` names these where it has the axis in place of ``{}``."""
    x, y = of.format("x" + to), of.format("y" + to)
    if in_space:
        z = of.format("z" + to)
        turn, tilt = (f"{name} * {_RADIANS}" for name in _ANGLES)
        depth = f"({z} * cos({turn}) - {x} * sin({turn}))"
        x, y = f"{x} * cos({turn}) + {z} * sin({turn})", f"{y} * cos({tilt}) - {depth} * sin({tilt})"
    return {f"px{to}": f"{x} + {shift}", f"py{to}": y}


def _both_ends(edges: pd.DataFrame, shift: float, in_space: bool) -> alt.Chart:
    places = _placed(shift, in_space, "datum.{}") | _placed(shift, in_space, "datum.{}", "2")
    return alt.Chart(edges).transform_calculate(**places)


def _tree(
    edges: pd.DataFrame, shift: float, x: alt.X, y: alt.Y, palette: Mapping[str, str], in_space: bool
) -> alt.Chart:
    names = list(palette)  # the same for both sides, in whatever order their edges come
    return (
        _both_ends(edges, shift, in_space)
        .transform_filter("tree")
        .mark_rule(strokeWidth=1, opacity=0.5)
        .encode(
            x=x,
            y=y,
            x2=alt.X2("px2:Q"),
            y2=alt.Y2("py2:Q"),
            stroke=alt.Stroke("class:N", scale=alt.Scale(domain=names, range=list(palette.values())), legend=None),
            tooltip=["class:N", alt.Tooltip("bar:Q"), alt.Tooltip("length:Q", format=LENGTH)],
        )
    )


def _lines(marks: pd.DataFrame, shift: float, x: alt.X, y: alt.Y, in_space: bool) -> alt.Chart:
    """Return the lines from a point to its neighbours."""
    lines = _both_ends(marks, shift, in_space).mark_rule(color=CHOSEN, strokeWidth=1, opacity=0.6)
    return lines.encode(x=x, y=y, x2=alt.X2("px2:Q"), y2=alt.Y2("py2:Q"))


def _rings(marks: pd.DataFrame, shift: float, x: alt.X, y: alt.Y, in_space: bool) -> tuple[alt.Chart, alt.Chart]:
    """Return rings about the neighbours, and a larger one about the point itself."""
    base = _both_ends(marks, shift, in_space)
    style = {"filled": False, "color": CHOSEN, "tooltip": None}
    there_x, there_y = x.copy(), y.copy()
    there_x["shorthand"], there_y["shorthand"] = "px2:Q", "py2:Q"
    near = base.mark_point(size=90, strokeWidth=1.3, **style).encode(x=there_x, y=there_y)
    itself = base.transform_filter("datum.rank == 1").mark_point(size=170, strokeWidth=3, **style).encode(x=x, y=y)
    return near, itself


def _shifts(frame: pd.DataFrame, extent: float) -> dict[str, float]:
    """How far to the right each side that is there is drawn."""
    there = [side for side in SIDES if f"{side}_x" in frame]
    return {side: index * _GAP * extent for index, side in enumerate(there)}


def _ticks(extent: float) -> list[float]:
    """Five round numbers about 0, or three."""
    step = 10 ** np.floor(np.log10(extent / 2)) if extent > 0 else 1.0
    step *= max(m for m in (1, 2, 5) if m * step <= extent / 1.5)
    return [float(k * step) for k in range(-int(extent / step), int(extent / step) + 1)]
