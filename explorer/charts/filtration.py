"""Growing discs beside the barcode they make: one slider moves both, in the browser."""

import math
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.style import BEFORE, CHOSEN, CLASS_COLOURS, CUT, DASH, INWARD, NOISE_OPACITY, SPACE, THRESHOLD

BAR = "bar"  # the selection of a bar of dimension 0, and of its edge
LOOP = "loop"  # the selection of a bar of dimension 1
_SIDE = 322  # of the cloud's square, in pixels
_WIDTH, _DIAGRAM = 262, 224  # of the barcodes, and of the diagram's square
_BARS, _LOOPS, _GAUGE = 136, 56, 14  # heights in pixels
_ENDLESS = 11  # pixels for the bar that never ends
_STEPS = 400  # about how many positions the slider has
_NEVER = 1e9  # JSON knows no infinity
_FILLED = BEFORE  # a triangle whose sides are edges


@dataclass(frozen=True, eq=False)
class Growing:
    """What a chart of growing discs shows, as frames.

    Attributes:
        points: ``x``, ``y``, ``begin``, ``end``, ``component``: where a point is, and from which scale to which it is
            in which component (-1: alone).
        pairs: ``length``, ``x``, ``y``, ``x2``, ``y2``: the pairs of points that are no edges of the tree.
        bars: ``bar``, ``length``, ``kind``, ``x``, ``y``, ``x2``, ``y2``: the bars of dimension 0 and their edges.
        loops: ``loop``, ``birth``, ``death``: the bars of dimension 1.
        ends: ``loop``, ``when`` ("begins" or "ends"), ``x``, ``y``, ``x2``, ``y2``: the edges at which a loop does.
        triangles: ``scale``, ``x``, ``y``, ``x2``, ``y2``, ``x3``, ``y3``: triangles that cover what all those cover whose
            sides are edges by then; corners counterclockwise.
        threshold: the length of the shortest feature; NaN without one.
        entropy: of all bars, in nats.
    """

    points: pd.DataFrame
    pairs: pd.DataFrame
    bars: pd.DataFrame
    loops: pd.DataFrame
    ends: pd.DataFrame
    triangles: pd.DataFrame
    threshold: float
    entropy: float


def slider_scale(longest: float) -> tuple[float, float]:
    """Return where the slider ends, a little beyond `longest`, and its step, a round number."""
    reach = 1.06 * longest if longest > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(reach / _STEPS))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= reach / _STEPS)
    return math.ceil(reach / step) * step, step


def growing(shown: Growing, *, start: float | None = None, description: str = "") -> alt.HConcatChart:
    """Return the cloud with its discs on the left; bars, loops, diagram and entropy on the right.

    Args:
        shown: what there is to see.
        start: the scale that the slider starts at; just below the threshold by default.
        description: for screen readers.
    """
    bars, loops = shown.bars, shown.loops
    lengths = bars["length"].to_numpy(dtype=float)
    top = max(lengths.max(initial=0), loops["death"].max() if len(loops) else 0)
    end, step = slider_scale(top)
    grid = np.arange(round(end / step) + 1) * step
    start = grid[np.abs(grid - _first(shown) if start is None else grid - start).argmin()]
    alive = (lengths[None, :] > grid[:, None] + 1e-12).sum(1) + 1
    turning = (
        (loops["birth"].to_numpy(float)[None] <= grid[:, None]) & (loops["death"].to_numpy(float)[None] > grid[:, None])
    ).sum(1)

    params = [
        alt.param(
            name="e",
            value=_round(start),
            bind=alt.binding_range(min=0, max=_round(end), step=_round(step), name="scale e"),
        ),
        # As text, because Altair copies a list number by number dozens of times on its way into a chart.
        alt.param(name="components", expr=f"split('{','.join(map(str, alive))}', ',')"),
        alt.param(name="loops", expr=f"split('{','.join(map(str, turning))}', ',')"),
        alt.param(name="now", expr=f"round(e / {_round(step)})"),
    ]
    picked, turned = _marked(BAR, len(bars)), _marked(LOOP, len(loops))
    cloud = _cloud(shown, picked, turned, step)
    # Altair copies what lies deep in a chart dozens of times: no more levels than it takes.
    barcodes = alt.vconcat(
        _barcode(bars, picked, end, shown.threshold), _loops(loops, turned, end), _gauge(shown), spacing=12
    )
    return alt.hconcat(
        cloud,
        barcodes,
        _diagram(bars, loops, picked, turned, end, shown.threshold),
        spacing=24,
        autosize=alt.AutoSizeParams(type="pad"),
        padding={"left": 0, "right": 4, "top": 2, "bottom": 2},
        params=[param.param for param in params],
        description=description,
        usermeta={"embedOptions": {"renderer": "svg"}},
    )


def _marked(name: str, count: int) -> alt.Parameter:
    """A selection of one bar or loop by its number: by a click, or from a list, which the keyboard reaches."""
    numbers = range(1, count + 1)
    # Tuples, because Altair copies a list number by number dozens of times on its way into a chart.
    chooser = alt.binding_select(options=(None, *numbers), labels=("none", *map(str, numbers)), name=f"mark {name}")
    return alt.selection_point(name=name, fields=[name], empty=False, toggle=False, on="click", bind=chooser)


def _first(shown: Growing) -> float:
    """A scale at which there is something to see: most noise has merged, no feature has."""
    noise = shown.bars.loc[shown.bars["kind"] == "noise", "length"]
    if len(noise):
        return float(noise.iloc[len(noise) // 12])
    return 0.6 * float(shown.bars["length"].min()) if len(shown.bars) else 0.0


def frame_of(points: np.ndarray, margin: float = 0.0) -> tuple[np.ndarray, float]:
    """Return the middle of points (n, 2), and how far a square around it must reach to hold them and a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2
    return (low + high) / 2, max(1.2 * half, half + margin) or 1.0


def square_axes(centre: np.ndarray, reach: float) -> dict[str, alt.X | alt.Y]:
    """Return two axes of one scale, for a picture as wide as it is high."""
    return {
        name: channel(
            f"{name}:Q",
            title=name,
            scale=alt.Scale(domain=[float(c - reach), float(c + reach)], nice=False),
            axis=alt.Axis(grid=False, tickCount=5, titlePadding=6, labelPadding=4),
        )
        for name, channel, c in (("x", alt.X, centre[0]), ("y", alt.Y, centre[1]))
    }


def gap(count: int) -> float:
    """Return which share of a bar's place stays empty, so that `count` of them can be told apart."""
    return 0.15 if count <= 40 else 0.0


def _cloud(shown, picked, turned, step) -> alt.LayerChart:
    centre, reach = frame_of(shown.points[["x", "y"]].to_numpy(float), margin=float(shown.bars["length"].mean()) / 2)
    axes = square_axes(centre, reach)
    unit = _SIDE / (2 * reach)  # pixels
    component = alt.Color("colour:N", scale=None)
    points = shown.points.assign(
        end=shown.points["end"].clip(upper=_NEVER), colour=[_component_colour(c) for c in shown.points["component"]]
    ).drop(columns="component")
    now = alt.Chart(points).transform_filter("datum.begin <= e && e < datum.end")
    # Vega's circle of size s has the diameter sqrt(s): a disc of diameter e, to scale.
    discs = now.mark_circle(
        clip=True, opacity=0.17, tooltip=None, size=alt.ExprRef(f"pow(e * {unit:.6g}, 2)"), aria=False
    ).encode(**axes, color=component)
    dots = now.mark_circle(size=30, opacity=1, aria=False).encode(
        **axes, color=component, tooltip=[alt.Tooltip("x:Q", format=".3~g"), alt.Tooltip("y:Q", format=".3~g")]
    )
    paths = {"invalid": "break-paths-show-path-domains", "clip": True, "aria": False, "tooltip": None}
    filled = (
        _appearing(shown.triangles.rename(columns={"scale": "length"}), step)
        .mark_line(fill=_FILLED, fillOpacity=0.3, strokeWidth=0, **paths)
        .encode(**axes, order=alt.Order("row:Q"))
    )
    threads = (
        _appearing(shown.pairs, step)
        .mark_line(color=BEFORE, strokeWidth=0.8, opacity=0.5, **paths)
        .encode(**axes, order=alt.Order("row:Q"))
    )
    tree = (
        alt.Chart(shown.bars)
        .mark_rule(cursor="pointer", strokeCap="round")
        .encode(
            **axes,
            x2=alt.X2("x2:Q"),
            y2=alt.Y2("y2:Q"),
            color=alt.ColorValue(**alt.when(picked).then(alt.value(CHOSEN)).otherwise(alt.value(SPACE))),
            opacity=alt.OpacityValue(
                **alt.when(picked)
                .then(alt.value(1))
                .when("datum.length <= e")
                .then(alt.value(1))
                .otherwise(alt.value(0))
            ),
            size=alt.SizeValue(**alt.when(picked).then(alt.value(5)).otherwise(alt.value(2.4))),
            tooltip=_bar_tooltip(),
        )
        .add_params(picked)
    )
    turns = (
        alt.Chart(shown.ends)
        .transform_filter(turned)
        .mark_rule(color=CHOSEN, strokeCap="round", aria=False)
        .encode(
            **axes,
            x2=alt.X2("x2:Q"),
            y2=alt.Y2("y2:Q"),
            size=alt.condition("datum.when == 'begins'", alt.value(5), alt.value(2)),
            tooltip=[alt.Tooltip("loop:Q", title="loop"), alt.Tooltip("when:N", title="here it")],
        )
    )
    said = alt.ExprRef(
        "components[now] + (components[now] == 1 ? ' component, ' : ' components, ')"
        " + loops[now] + (loops[now] == 1 ? ' loop' : ' loops')"
    )
    return alt.layer(discs, filled, threads, tree, turns, dots).properties(
        width=_SIDE, height=_SIDE, title=alt.Title(said, anchor="start", frame="group", offset=8, fontSize=17)
    )


def _appearing(shapes: pd.DataFrame, step: float) -> alt.Chart:
    """Return one broken line through the corners of all shapes whose ``length`` the slider has reached.

    A row of its data is a position of the slider, as text: Streamlit sends tables as Arrow, whose lists are none in the browser.
    """
    corners = {
        axis: shapes[[name for name in shapes if name.startswith(axis)]].to_numpy(dtype=float).tolist() for axis in "xy"
    }
    frame = pd.DataFrame(
        {
            "step": np.ceil(shapes["length"].to_numpy(float) / step - 1e-9).astype(int),
            **{f"{axis}s": [f"{','.join(map(str, row))}," for row in rows] for axis, rows in corners.items()},
        }
    )
    return (
        alt.Chart(frame.groupby("step", as_index=False).agg(",".join))
        .transform_filter("datum.step <= now")
        .transform_calculate(x="split(datum.xs, ',')", y="split(datum.ys, ',')")
        .transform_flatten(["x", "y"])
        .transform_calculate(x="datum.x ? +datum.x : null", y="datum.y ? +datum.y : null")
        .transform_window(row="row_number()")
    )


def _barcode(bars, picked, end, threshold) -> alt.LayerChart:
    count = max(len(bars), 1)
    blocks = (
        alt.Chart(bars)
        .transform_calculate(zero="0", top="datum.bar - 1", bottom=f"datum.bar - {gap(len(bars))}")
        .mark_rect(cursor="pointer", color=SPACE, stroke=None)
        .encode(
            x=alt.X(
                "zero:Q",
                title=None,
                scale=alt.Scale(domain=[0, end], nice=False),
                axis=alt.Axis(grid=False, labels=False, tickCount=6),
            ),
            x2=alt.X2("length:Q"),
            y=alt.Y(
                "top:Q",
                title="bars",
                scale=alt.Scale(domain=[count, -count * _ENDLESS / (_BARS - _ENDLESS)], nice=False),
                axis=alt.Axis(grid=False, values=[], titlePadding=12),
            ),
            y2=alt.Y2("bottom:Q"),
            fill=alt.FillValue(**alt.when(picked).then(alt.value(CHOSEN)).otherwise(alt.value(SPACE))),
            opacity=alt.OpacityValue(
                **alt.when(picked)
                .then(alt.value(1))
                .when("datum.kind == 'feature'")
                .then(alt.value(1))
                .otherwise(alt.value(NOISE_OPACITY))
            ),
            tooltip=_bar_tooltip(),
        )
        .add_params(picked)
    )
    # Where it never ends there is no end to draw: it runs out of the picture.
    none = alt.Chart(alt.InlineData(values=[{}]))
    endless = none.mark_text(align="right", baseline="top", fontSize=10).encode(
        x=alt.XValue(_WIDTH - 2), y=alt.YValue(0), text=alt.TextValue("never ends →")
    )
    middle = _ENDLESS / 2
    line = none.mark_rule(color=SPACE, strokeWidth=2, aria=False).encode(
        x=alt.XValue(0), x2=alt.X2Value(_WIDTH - 84), y=alt.YValue(middle), y2=alt.Y2Value(middle)
    )
    layers = [blocks, *_threshold(threshold, "x"), endless, line, _cut()]
    return alt.layer(*layers).properties(
        width=_WIDTH, height=_BARS, title=_title(f"Bars: {len(bars)}, and one that never ends")
    )


def _threshold(threshold: float, axis: str) -> list[alt.Chart]:
    """The dashed line, where there is a threshold."""
    if threshold != threshold:
        return []
    return [
        alt.Chart(alt.InlineData(values=[{"threshold": threshold}]))
        .mark_rule(strokeDash=DASH, strokeWidth=1.5, color=THRESHOLD)
        .encode(**{axis: "threshold:Q"}, tooltip=alt.Tooltip("threshold:Q", format=".3~g", title="threshold"))
    ]


def _loops(loops, turned, end) -> alt.LayerChart:
    blocks = (
        alt.Chart(loops)
        .transform_calculate(top="datum.loop - 1", bottom=f"datum.loop - {gap(len(loops))}")
        .mark_rect(cursor="pointer", stroke=None)
        .encode(
            x=alt.X(
                "birth:Q",
                title="scale e (Euclidean distance)",
                scale=alt.Scale(domain=[0, end], nice=False),
                axis=alt.Axis(grid=False, tickCount=6, titlePadding=6, labelPadding=4, labelFlush=INWARD),
            ),
            x2=alt.X2("death:Q"),
            y=alt.Y(
                "top:Q",
                title="loops",
                scale=alt.Scale(domain=[max(len(loops), 4), 0], nice=False),
                axis=alt.Axis(grid=False, values=[], titlePadding=12),
            ),
            y2=alt.Y2("bottom:Q"),
            fill=alt.FillValue(**alt.when(turned).then(alt.value(CHOSEN)).otherwise(alt.value(CLASS_COLOURS[0]))),
            tooltip=_loop_tooltip(),
        )
        .add_params(turned)
    )
    said = f"Loops: {len(loops)}, from closing to being filled" if len(loops) else "Loops: none closes"
    return alt.layer(blocks, _cut()).properties(width=_WIDTH, height=_LOOPS, title=_title(said))


def _diagram(bars, loops, picked, turned, end, threshold) -> alt.LayerChart:
    """Each bar as a point: where it begins, and where it ends; the farther from the diagonal, the longer."""
    x = alt.X(
        "birth:Q",
        title="begins at e",
        scale=alt.Scale(domain=[0, end], nice=False, padding=5),
        axis=alt.Axis(grid=False, tickCount=4, titlePadding=6, labelPadding=4),
    )
    y = alt.Y(
        "death:Q",
        title="ends at e",
        scale=alt.Scale(domain=[0, end], nice=False, padding=5),
        axis=alt.Axis(grid=False, tickCount=4, titlePadding=6, labelPadding=4),
    )
    one = alt.Chart(alt.InlineData(values=[{}])).transform_calculate(zero="0", end=str(end), e="e")
    diagonal = one.mark_rule(color=BEFORE, strokeWidth=1.2, aria=False).encode(
        **{channel: alt.value(at) for channel, at in (("x", 0), ("y", _DIAGRAM), ("x2", _DIAGRAM), ("y2", 0))}
    )
    now = one.mark_rule(color=CUT, strokeWidth=2, strokeCap="square", aria=False)
    alive = [
        now.encode(x=alt.X("zero:Q"), x2=alt.X2("e:Q"), y=alt.Y("e:Q")),
        now.encode(x=alt.X("e:Q"), y=alt.Y("e:Q"), y2=alt.Y2("end:Q")),
    ]
    ended = pd.concat([bars[["bar", "length", "kind"]].assign(birth=0.0, death=bars["length"]), loops])
    # One mark for both, because one that is not marked has nothing under the other's name, and nothing is chosen there too.
    marked = alt.when(picked & "isValid(datum.bar)" | turned & "isValid(datum.loop)")
    both = (
        alt.Chart(ended)
        .transform_calculate(what="isValid(datum.bar) ? 'bar ' + datum.bar : 'loop ' + datum.loop")
        .mark_point(cursor="pointer", filled=True, size=46)
        .encode(
            x=x,
            y=y,
            color=alt.ColorValue(
                **marked.then(alt.value(CHOSEN))
                .when("isValid(datum.bar)")
                .then(alt.value(SPACE))
                .otherwise(alt.value(CLASS_COLOURS[0]))
            ),
            shape=alt.ShapeValue(
                **alt.when("isValid(datum.bar)").then(alt.value("circle")).otherwise(alt.value("square"))
            ),
            opacity=alt.OpacityValue(
                **marked.then(alt.value(1))
                .when("datum.kind == 'noise'")
                .then(alt.value(NOISE_OPACITY))
                .otherwise(alt.value(1))
            ),
            tooltip=[
                alt.Tooltip("what:N", title="this is"),
                alt.Tooltip("birth:Q", format=".3~g", title="begins at"),
                alt.Tooltip("death:Q", format=".3~g", title="ends at"),
            ],
        )
        .add_params(picked, turned)
    )
    endless = (
        alt.Chart(alt.InlineData(values=[{"birth": 0, "death": end, "what": "the bar that never ends"}]))
        .mark_point(shape="triangle-up", filled=True, color=SPACE, size=60, opacity=1)
        .encode(x=x, y=y, tooltip=alt.Tooltip("what:N", title="this is"))
    )
    sign = endless.mark_text(align="left", dx=7, fontSize=14).encode(text=alt.TextValue("∞"))
    return alt.layer(diagonal, *_threshold(threshold, "y"), *alive, both, endless, sign).properties(
        width=_DIAGRAM, height=_DIAGRAM, title=_title("The same as a diagram")
    )


def _gauge(shown: Growing) -> alt.LayerChart:
    most = math.log(len(shown.bars)) if len(shown.bars) > 1 else 0.0
    frame = pd.DataFrame({"entropy": [shown.entropy], "most": [most], "zero": [0.0]})
    x = alt.X(
        "zero:Q",
        title=None,
        scale=alt.Scale(domain=[0, most or 1], nice=False),
        axis=alt.Axis(grid=False, values=[0, most], format=".3~f", labelPadding=4, tickCount=2),
    )
    base = alt.Chart(frame).encode(
        x=x,
        tooltip=[
            alt.Tooltip("entropy:Q", format=".3~g", title="entropy, nats"),
            alt.Tooltip("most:Q", format=".3~g", title="at most"),
        ],
    )
    track = base.mark_rect(color=BEFORE, opacity=0.3).encode(x2=alt.X2("most:Q"))
    fill = base.mark_rect(color=SPACE).encode(x2=alt.X2("entropy:Q"))
    part = shown.entropy / most if most else 1.0
    # Of what is less than all, as it reads beside, all is not said.
    share = (
        f" ({part:.1%})" if f"{part:.0%}" == "100%" and f"{shown.entropy:.3f}" != f"{most:.3f}" else f" ({part:.0%})"
    )
    share = share if most else ""
    said = [
        f"Entropy of all bars: {shown.entropy:.3f} of at most",
        f"ln {len(shown.bars)} = {most:.3f} nats{share}",
    ]
    return alt.layer(track, fill).properties(width=_WIDTH, height=_GAUGE, title=_title(said))


def _title(text: str | list[str]) -> alt.Title:
    return alt.Title(text, anchor="start", frame="group", offset=8, fontSize=13)


def _cut() -> alt.Chart:
    return (
        alt.Chart(alt.InlineData(values=[{}]))
        .transform_calculate(cut="e")
        .mark_rule(color=CUT, strokeWidth=2, aria=False)
        .encode(x=alt.X("cut:Q"))
    )


def _bar_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("bar:Q", title="bar"),
        alt.Tooltip("kind:N", title="kind"),
        alt.Tooltip("length:Q", format=".3~g", title="length"),
    ]


def _loop_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("loop:Q", title="loop"),
        alt.Tooltip("birth:Q", format=".3~g", title="begins at"),
        alt.Tooltip("death:Q", format=".3~g", title="ends at"),
    ]


def _component_colour(component: int) -> str:
    return BEFORE if component < 0 else CLASS_COLOURS[component % len(CLASS_COLOURS)]


def _round(value: float) -> float:
    return float(f"{value:.10g}")
