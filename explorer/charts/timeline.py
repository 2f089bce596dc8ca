"""Training as a film: one slider over the snapshots moves the cloud, the barcodes and the measures, in the browser.

A row holds, for one point or bar, the list of its values at all frames; the chart picks the one at the slider's place.
Lists don't survive the way to the browser inside of a table, so there they are text, taken apart once by the chart.
"""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.geometry import ClassShape
from explorer.charts.style import (
    BEFORE,
    CHOSEN,
    DASH,
    INWARD,
    LENGTH,
    NOISE_OPACITY,
    SPACE,
    THRESHOLD,
    example_tooltip,
    legend,
    rounded,
)

BAR, MOMENT = "bar", "moment"  # the names under which a page learns which bar and which step were clicked
_LISTS = ("length", "feature", "i", "j", "x", "y", "x2", "y2")
_PLACES = 4  # of numbers that move: more aren't seen
_UP, _LOW = 330, 110  # heights in pixels
_CLOUD, _BARS = (0.0, 0.47), (0.55, 1.0)  # which part of the width each takes
_CLASS_GAP = 1.22  # from the top of one class's barcode to that of the next, in barcodes
_PANEL_GAP = 1.16  # from the start of one measure's panel to that of the next, in panels


def film_points(
    frames: Sequence[np.ndarray], classes: Sequence[str], texts: Sequence[str] | None = None, kind: str = "text"
) -> pd.DataFrame:
    """Return one row a point: ``class``, ``x`` and ``y``, lists with its place (n, 2) in each of `frames`; the text under `kind`."""
    places = np.stack(frames)  # (frames, n, 2)
    xs, ys = (axis.T.tolist() for axis in np.moveaxis(rounded(places, _PLACES), -1, 0))
    frame = pd.DataFrame({"class": list(classes), "x": xs, "y": ys})
    return frame if texts is None else frame.assign(**{kind: list(texts)})


def film_bars(frames: Sequence[np.ndarray], shapes: Sequence[Sequence[ClassShape]], most: int) -> pd.DataFrame:
    """Return one row a bar of each class that every frame has.

    Args:
        frames: where all points are drawn, (n, 2) each.
        shapes: of each frame, its classes; their edges are rows of all points.
        most: how many of a class's longest bars.

    Returns:
        ``class``, ``panel`` (0 for the first class), ``rank``, and lists over the frames: ``length``, ``feature``,
        ``i`` and ``j`` (the rows that the bar joins), ``x``, ``y``, ``x2``, ``y2`` (where they are drawn).
    """
    places = rounded(np.stack(frames), _PLACES) if len(frames) else []
    of_label = [{shape.label: shape for shape in some} for some in shapes]
    common = [label for label in of_label[0] if all(label in some for some in of_label)] if of_label else []
    tables = []
    for panel, label in enumerate(common):
        of = [some[label] for some in of_label]
        count = min(min(len(shape.lengths) for shape in of), most)
        ends = np.stack([at[shape.edges[:count]] for at, shape in zip(places, of, strict=True)])
        tables.append(
            pd.DataFrame(
                {
                    "class": of[-1].called,
                    "panel": panel,
                    "rank": np.arange(1, count + 1),
                    "length": rounded(np.stack([s.lengths[:count] for s in of]).T, _PLACES).tolist(),
                    "feature": np.stack([s.features[:count].astype(int) for s in of]).T.tolist(),
                    "i": np.stack([s.edges[:count, 0] for s in of]).T.tolist(),
                    "j": np.stack([s.edges[:count, 1] for s in of]).T.tolist(),
                    "x": ends[:, :, 0, 0].T.tolist(),
                    "y": ends[:, :, 0, 1].T.tolist(),
                    "x2": ends[:, :, 1, 0].T.tolist(),
                    "y2": ends[:, :, 1, 1].T.tolist(),
                }
            )
        )
    columns = ["class", "panel", "rank", "length", "feature", "i", "j", "x", "y", "x2", "y2"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def film_measures(
    steps: Sequence[int],
    measures: Sequence[Mapping[str, float]],
    labels: Mapping[str, str],
    evaluated: Mapping[str, Mapping[int, float]] | None = None,
) -> pd.DataFrame:
    """Return what each measure was when: at every frame, and wherever else it was measured.

    Args:
        steps: of the frames.
        measures: of the frames.
        labels: what to call the measures.
        evaluated: of those that were not measured at the frames: by step, what they were.

    Returns:
        ``frame`` (-1 between the frames), ``step``, ``measure``, ``panel``, ``value``, and ``measured``, the step that the
        value is of: of one that was evaluated, the last up to ``step``.
    """
    known = {name: {step: found.get(name) for step, found in zip(steps, measures, strict=True)} for name in labels}
    known |= evaluated or {}
    known = {name: {at: float(v) for at, v in known[name].items() if _is_number(v)} for name in labels}
    rows = []
    for panel, name in enumerate(name for name in labels if known[name]):
        for step in sorted({*steps, *known[name]}):
            measured = step if step in known[name] else max((at for at in known[name] if at < step), default=None)
            if measured is None or (name not in (evaluated or {}) and measured != step):
                continue
            frame = steps.index(step) if step in steps else -1
            value = round(known[name][measured], 4)
            rows.append((frame, step, labels[name], panel, value, measured))
    return pd.DataFrame(rows, columns=["frame", "step", "measure", "panel", "value", "measured"])


def timeline(
    points: pd.DataFrame,
    bars: pd.DataFrame,
    measures: pd.DataFrame,
    *,
    steps: Sequence[int],
    at: int,
    colours: Mapping[str, str],
    extent: float,
    longest: float,
    tree: bool = False,
    kind: str = "text",
    description: str = "",
) -> alt.VConcatChart:
    """Return the film, standing at frame `at`.

    Args:
        points: of `film_points`.
        bars: of `film_bars`.
        measures: of `film_measures`.
        steps: the optimizer steps of the frames; a first step of 0 is *before* and hollow.
        at: the frame it stands at.
        colours: of the classes by name.
        extent: how far the cloud's axes reach from 0.
        longest: where the axis of lengths ends.
        tree: whether the spanning trees are drawn at first.
        kind: the column with the points' texts.
        description: for screen readers.
    """
    params = [
        alt.param(
            name="at",
            value=at,
            bind=alt.binding_range(min=0, max=max(len(steps) - 1, 1), step=1, name="snapshot"),
        ),
        alt.param(name="tree", value=tree, bind=alt.binding_checkbox(name="spanning trees")),
        alt.param(name="steps", value=list(steps)),
    ]
    points, bars = _written(points), _written(bars)
    last = len(steps) - 1
    side = f"(steps[at] == 0 ? ': before training' : at == {last} ? ': after, the last snapshot' : '')"
    said = alt.ExprRef(f"'Step ' + format(steps[at], ',') + {side}")
    picked = alt.selection_point(name=BAR, fields=["class", "rank", "row", "other"], empty=False, toggle=False)
    moment = alt.selection_point(name=MOMENT, fields=["step"], empty=False, toggle=False)
    # All in the constructors: each method that changes a chart copies all that is in it, and this one is large.
    upper = alt.layer(
        _cloud(points, bars, picked, colours, extent, kind, hollow=bool(len(steps)) and steps[0] == 0),
        _barcodes(bars, picked, colours, longest),
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(x="independent", y="independent")),
        height=_UP,
        title=alt.Title(said, anchor="start", offset=10),
    )
    film = alt.vconcat(
        upper,
        _measures(measures, moment, steps),
        spacing=22,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(color="independent", x="independent", y="independent")),
        description=description,
    )
    film.params = [*film.params, *(param.param for param in params)]
    return film


def _cloud(points, bars, picked, colours, extent, kind, hollow) -> alt.LayerChart:
    scale = _colours(colours)
    x = alt.X(
        "px:Q",
        title="first principal axis, aligned",
        scale=alt.Scale(domain=[-extent, extent], nice=False, range=_part(_CLOUD)),
        axis=alt.Axis(grid=False, tickCount=5, orient="bottom"),
    )
    y = alt.Y(
        "py:Q",
        title="second, aligned",
        scale=alt.Scale(domain=[-extent, extent], nice=False),
        axis=alt.Axis(grid=False, tickCount=5, orient="left"),
    )
    # Classes whose barcodes stand beside are named there.
    named = None
    if set(colours) - set(bars["class"]):
        named = legend(symbolType="circle", labelLimit=160, columns=6)
    edges = (
        _bars_now(bars)
        .transform_calculate(px=_now("x"), py=_now("y"), px2=_now("x2"), py2=_now("y2"))
        .mark_rule(cursor="pointer")
        .encode(
            x=x,
            y=y,
            x2=alt.X2("px2:Q"),
            y2=alt.Y2("py2:Q"),
            stroke=alt.when(picked).then(alt.value(CHOSEN)).otherwise(alt.Stroke("class:N", scale=scale, legend=None)),
            opacity=alt.OpacityValue(
                **alt.when(picked).then(alt.value(1.0)).when("tree").then(alt.value(0.55)).otherwise(alt.value(0.0))
            ),
            strokeWidth=alt.StrokeWidthValue(**alt.when(picked).then(alt.value(4)).otherwise(alt.value(1.2))),
            tooltip=_bar_tooltip(),
        )
        .add_params(picked)
    )
    dots = (
        _split(points, "x", "y")
        .transform_calculate(px=_now("x"), py=_now("y"))
        .mark_point(size=30, strokeWidth=1.3, opacity=0.85)
        .encode(
            x=x,
            y=y,
            stroke=alt.Stroke("class:N", title=None, scale=scale, legend=named),
            fill=alt.Fill("class:N", title=None, scale=scale, legend=named),
            fillOpacity=alt.FillOpacityValue(
                **alt.when("at == 0" if hollow else "false").then(alt.value(0)).otherwise(alt.value(1))
            ),
            tooltip=[*([example_tooltip(kind)] if kind in points else []), alt.Tooltip("class:N")],
        )
    )
    return alt.layer(edges, dots)


def _barcodes(bars, picked, colours, longest) -> alt.LayerChart:
    panels = max(int(bars["panel"].max()) + 1, 1) if len(bars) else 1
    most = max(int(bars["rank"].max()), 1) if len(bars) else 1
    scale = _colours(colours)
    end = (panels - 1) * _CLASS_GAP + 1
    x = alt.X(
        "zero:Q",
        title="length (Euclidean distance)",
        scale=alt.Scale(domain=[0, longest], nice=False, range=_part(_BARS)),
        axis=alt.Axis(grid=False, tickCount=5, orient="bottom", labelFlush=INWARD),
    )
    y = alt.Y(
        "top:Q",
        title="bars, longest first",
        scale=alt.Scale(domain=[end, -0.16], nice=False),
        # On the left of the bars, which do not begin where the picture does.
        axis=alt.Axis(
            grid=False,
            labels=False,
            ticks=False,
            domain=False,
            orient="left",
            offset=alt.ExprRef(f"{-_BARS[0]} * width"),
            titlePadding=4,
        ),
    )
    # Square roots: the few long bars are tall enough to be seen and clicked, the many short ones still fit.
    blocks = (
        _bars_now(bars)
        .transform_calculate(
            zero="0",
            top=f"datum.panel * {_CLASS_GAP} + sqrt((datum.rank - 1) / {most})",
            bottom=f"datum.panel * {_CLASS_GAP} + sqrt((datum.rank - (datum.rank < 20 ? 0.15 : 0)) / {most})",
        )
        .mark_rect(cursor="pointer", stroke=None)
        .encode(
            x=x,
            x2=alt.X2("now:Q"),
            y=y,
            y2=alt.Y2("bottom:Q"),
            fill=alt.when(picked).then(alt.value(CHOSEN)).otherwise(alt.Fill("class:N", scale=scale, legend=None)),
            opacity=alt.OpacityValue(
                **alt.when(picked)
                .then(alt.value(1.0))
                .when(f"{_now('feature')} == 1")
                .then(alt.value(1.0))
                .otherwise(alt.value(NOISE_OPACITY))
            ),
            tooltip=_bar_tooltip(),
        )
        .add_params(picked)
    )
    threshold = (
        _split(bars, "length", "feature")
        .transform_filter(f"{_now('feature')} == 1")
        .transform_calculate(now=_now("length"))
        .transform_aggregate(zero="min(now)", groupby=["panel"])
        .transform_calculate(top=f"datum.panel * {_CLASS_GAP}", bottom=f"datum.panel * {_CLASS_GAP} + 1")
        .mark_rule(strokeDash=DASH, strokeWidth=1.5, color=THRESHOLD)
        .encode(x=x, y=y, y2=alt.Y2("bottom:Q"))
    )
    heads = bars.drop_duplicates("panel")[["class", "panel"]] if len(bars) else pd.DataFrame({"class": [], "panel": []})
    names = (
        alt.Chart(heads)
        .transform_calculate(zero="0", top=f"datum.panel * {_CLASS_GAP} - 0.02")
        .mark_text(align="left", baseline="bottom", fontSize=12, fontWeight=600, limit=260)
        .encode(x=x, y=y, text=alt.Text("class:N"), color=alt.Color("class:N", scale=scale, legend=None))
    )
    return alt.layer(blocks, threshold, names)


def _measures(measures: pd.DataFrame, moment, steps: Sequence[int]) -> alt.LayerChart:
    panels = max(int(measures["panel"].max()) + 1, 1) if len(measures) else 1
    first, span = (steps[0] if len(steps) else 0), max((steps[-1] - steps[0]) if len(steps) else 1, 1)
    low, high = (
        (min(0.0, float(measures["value"].min())), max(1.0, float(measures["value"].max())))
        if len(measures)
        else (0.0, 1.0)
    )
    x = alt.X(
        "px:Q",
        title=f"optimizer step, {first:,} to {steps[-1] if len(steps) else 0:,} in each",
        scale=alt.Scale(domain=[0, (panels - 1) * _PANEL_GAP + 1], nice=False, padding=6),
        axis=alt.Axis(grid=False, labels=False, ticks=False, domain=False),
    )
    y = alt.Y("value:Q", title="value", scale=alt.Scale(domain=[low, high]), axis=alt.Axis(tickCount=3, grid=True))
    place = f"datum.panel * {_PANEL_GAP} + (datum.step - {first}) / {span}"
    base = alt.Chart(measures).transform_calculate(px=place).encode(x=x, y=y)
    measured = base.transform_filter("datum.step == datum.measured")
    line = measured.mark_line(strokeWidth=2, color=SPACE).encode(detail=alt.Detail("measure:N"))
    tooltip = ["measure:N", alt.Tooltip("step:Q", format=","), alt.Tooltip("value:Q", format=".3f")]
    dots = measured.mark_point(filled=True, color=SPACE, cursor="pointer", opacity=1).encode(
        size=alt.SizeValue(**alt.when("datum.frame == at").then(alt.value(110)).otherwise(alt.value(24))),
        tooltip=tooltip,
    )
    dots = dots.add_params(moment)
    now = (
        base.transform_filter("datum.frame == at")
        .mark_rule(color=BEFORE, strokeWidth=1)
        .encode(y=alt.YValue(0), y2=alt.Y2Value(_LOW))
    )
    words = (
        alt.Chart(measures)
        .transform_filter("datum.frame == at")
        .transform_calculate(
            px=f"datum.panel * {_PANEL_GAP}",
            said="datum.measure + '\\n' + format(datum.value, '.3f')"
            " + (datum.step == datum.measured ? '' : ', step ' + format(datum.measured, ','))",
        )
        .mark_text(
            align="left",
            baseline="bottom",
            dy=-20,
            fontSize=12,
            fontWeight=600,
            color=SPACE,
            lineBreak="\n",
            limit=alt.ExprRef(f"width / {panels} - 4"),  # a long name is cut before it stands in the next one's place
        )
        .encode(x=x, y=alt.YValue(0), text=alt.Text("said:N"))
    )
    return alt.layer(line, now, dots, words).properties(height=_LOW)


def _bars_now(bars: pd.DataFrame) -> alt.Chart:
    """The bars with what they join at this frame, so that a click says it."""
    return _split(bars, *_LISTS).transform_calculate(row=_now("i"), other=_now("j"), now=_now("length"))


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """The lists of `frame` as text."""
    columns = [name for name in _LISTS if name in frame]
    return frame.assign(**{name: [" ".join(f"{v:.6g}" for v in row) for row in frame[name]] for name in columns})


def _split(frame: pd.DataFrame, *names: str) -> alt.Chart:
    """`frame` with the text of the columns `names` taken apart; it is done once, not at each move of the slider."""
    return alt.Chart(frame).transform_calculate(**{f"{name}_at": f"split(datum.{name}, ' ')" for name in names})


def _now(name: str) -> str:
    """The expression of a row's value at the slider's place."""
    return f"toNumber(datum.{name}_at[at])"


def _bar_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("class:N"),
        alt.Tooltip("rank:Q", title="bar"),
        alt.Tooltip("now:Q", format=LENGTH, title="length"),
    ]


def _colours(colours: Mapping[str, str]) -> alt.Scale:
    return alt.Scale(domain=list(colours), range=list(colours.values()))


def _part(ends: tuple[float, float]) -> list:
    return [alt.ExprRef(f"{end} * width") for end in ends]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))
