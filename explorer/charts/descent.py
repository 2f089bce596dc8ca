"""Gradient descent on the regularizer as one can play it: cloud, bars and entropy move with one slider, in the browser."""

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from explorer.charts.filtration import frame_of, gap, square_axes
from explorer.charts.style import BEFORE, CLASS_COLOURS, CUT, INWARD, NOISE_OPACITY, SPACE, legend

SERIES = {"all bars": SPACE, "features": CLASS_COLOURS[1]}
_SIDE = 242  # of each of the three pictures, in pixels


@dataclass(frozen=True, eq=False)
class Descent:
    """What a chart of gradient descent shows, in t + 1 clouds of n points.

    Attributes:
        path: (t + 1, n, 2), where the points are.
        bars: n - 1 rows, of the bar of that ``rank``; each has t + 1 numbers, joined by commas: ``lengths``, and of its edge ``xs``, ``ys``,
            ``xs2``, ``ys2``.
        longest: the longest bar of all clouds.
        kept: (t + 1,) how many bars are features.
        entropy: ``step``, ``series`` ("all bars", "features"), ``nats``, ``share`` of the maximum.
    """

    path: np.ndarray
    bars: pd.DataFrame
    longest: float
    kept: np.ndarray
    entropy: pd.DataFrame


def descent(shown: Descent, *, start: int = 0, description: str = "") -> alt.HConcatChart:
    """Return cloud, bars and entropy side by side; the slider starts at step `start`."""
    last = len(shown.path) - 1
    shares = {
        name: ",".join(f"{share:.3f}" for share in rows["share"]) for name, rows in shown.entropy.groupby("series")
    }
    params = [
        alt.param(name="step", value=start, bind=alt.binding_range(min=0, max=last, step=1, name="step")),
        alt.param(name="kept", expr=f"split('{','.join(map(str, shown.kept))}', ',')"),
        *(alt.param(name=name.replace(" ", "_"), expr=f"split('{found}', ',')") for name, found in shares.items()),
    ]
    return alt.hconcat(
        _cloud(shown, last),
        _bars(shown),
        _entropy(shown, last),
        spacing=22,
        autosize=alt.AutoSizeParams(type="pad"),
        padding={"left": 0, "right": 4, "top": 2, "bottom": 2},
        params=[param.param for param in params],
        description=description,
        usermeta={"embedOptions": {"renderer": "svg"}},
    ).resolve_scale(color="independent")


def _cloud(shown: Descent, last: int) -> alt.LayerChart:
    axes = square_axes(*frame_of(shown.path.reshape(-1, 2)))
    moving = pd.DataFrame({"xs": joined(shown.path[..., 0].T), "ys": joined(shown.path[..., 1].T)})
    begin = pd.DataFrame(shown.path[0], columns=["x", "y"])
    hollow = alt.Chart(begin).mark_point(filled=False, color=BEFORE, size=30, strokeWidth=1.2, opacity=0.9, aria=False)
    tree = (
        alt.Chart(shown.bars)
        .transform_calculate(**_split("xs", "ys", "xs2", "ys2"))
        .transform_calculate(**_at_step(x="xs", y="ys", x2="xs2", y2="ys2"))
        .mark_rule(color=SPACE, aria=False)
        .encode(
            **axes,
            x2=alt.X2("x2:Q"),
            y2=alt.Y2("y2:Q"),
            opacity=_kind(),
            size=alt.condition(_FEATURE, alt.value(3), alt.value(2)),
        )
    )
    filled = (
        alt.Chart(moving)
        .transform_calculate(**_split("xs", "ys"))
        .transform_calculate(**_at_step(x="xs", y="ys"))
        .mark_circle(color=SPACE, size=34, opacity=1, aria=False)
        .encode(**axes)
    )
    return alt.layer(hollow.encode(**axes), tree, filled).properties(
        width=_SIDE, height=_SIDE, title=_title(f"'Step ' + step + ' of {last}'")
    )


def _bars(shown: Descent) -> alt.Chart:
    longest = 1.04 * shown.longest or 1.0
    count = len(shown.bars)
    return (
        alt.Chart(shown.bars[["rank", "lengths"]])
        .transform_calculate(
            zero="0",
            top="datum.rank - 1",
            bottom=f"datum.rank - {gap(count)}",
            **_split("lengths"),
        )
        .transform_calculate(**_at_step(now="lengths"))
        .mark_rect(color=SPACE, stroke=None, aria=False)
        .encode(
            x=alt.X(
                "zero:Q",
                title="length of the bar",
                scale=alt.Scale(domain=[0, longest], nice=False),
                axis=alt.Axis(grid=False, tickCount=5, titlePadding=6, labelPadding=4, labelFlush=INWARD),
            ),
            x2=alt.X2("now:Q"),
            y=alt.Y(
                "top:Q",
                title="bars",
                scale=alt.Scale(domain=[max(count, 1), 0], nice=False),
                axis=alt.Axis(grid=False, values=[], titlePadding=12),
            ),
            y2=alt.Y2("bottom:Q"),
            opacity=_kind(),
            tooltip=[alt.Tooltip("rank:Q", title="bar"), alt.Tooltip("now:Q", title="length", format=".3~g")],
        )
        .properties(
            width=_SIDE,
            height=_SIDE,
            title=_title(
                f"kept[step] + (kept[step] == 1 ? ' feature, ' : ' features, ') + ({count} - kept[step]) + ' noise'"
            ),
        )
    )


def _entropy(shown: Descent, last: int) -> alt.LayerChart:
    x = alt.X(
        "step:Q",
        title="gradient step",
        scale=alt.Scale(domain=[0, last], nice=False),
        axis=alt.Axis(grid=False, tickCount=4, format="d", titlePadding=6, labelPadding=4, labelFlush=INWARD),
    )
    low = float(shown.entropy["share"].min())
    y = alt.Y(
        "share:Q",
        title="entropy, share of its maximum",
        scale=alt.Scale(domain=[np.floor(low * 10 - 1e-9) / 10 if low < 1 else 0.9, 1], nice=False),
        axis=alt.Axis(tickCount=5, format="%", titlePadding=6, labelPadding=4, labelFlush=False),
    )
    base = alt.Chart(shown.entropy).encode(
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(domain=list(SERIES), range=list(SERIES.values())),
            legend=legend(symbolType="stroke"),
        )
    )
    tooltip = [
        alt.Tooltip("series:N", title="of"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("nats:Q", format=".3f"),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    lines = base.mark_line(strokeWidth=2.4, clip=True).encode(x=x, y=y)
    dots = base.transform_filter("datum.step == step").mark_circle(size=80, opacity=1).encode(x=x, y=y, tooltip=tooltip)
    now = (
        alt.Chart(alt.InlineData(values=[{}]))
        .transform_calculate(now="step")
        .mark_rule(color=CUT, strokeWidth=2, aria=False)
        .encode(x=alt.X("now:Q"))
    )
    return alt.layer(now, lines, dots).properties(
        width=_SIDE,
        height=_SIDE,
        title=_title(
            "'Entropy: all bars ' + format(all_bars[step], '.0%') + ', features ' + format(features[step], '.0%')",
            offset=2,  # the axis' own "100%" reaches 6 pixels above it
        ),
    )


def joined(rows: np.ndarray) -> list[str]:
    """Return each row of numbers (m, t) as text: Streamlit sends tables as Arrow, whose lists are none in the browser."""
    return [",".join(f"{value + 0.0:.15g}" for value in row) for row in rows.tolist()]


def _split(*names: str) -> dict[str, str]:
    """Take the joined numbers apart: once, as this does not depend on the slider."""
    return {f"{name}_": f"split(datum.{name}, ',')" for name in names}


def _at_step(**names: str) -> dict[str, str]:
    return {name: f"toNumber(datum.{of}_[step])" for name, of in names.items()}


_FEATURE = "datum.rank <= kept[step]"


def _kind() -> alt.Opacity:
    return alt.condition(_FEATURE, alt.value(1.0), alt.value(NOISE_OPACITY))


def _title(expression: str, offset: int = 8) -> alt.Title:
    return alt.Title(alt.ExprRef(expression), anchor="start", frame="group", offset=offset, fontSize=13)
