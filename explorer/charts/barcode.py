"""Barcodes: one bar a merge of two components, features solid, noise pale, the threshold dashed."""

import altair as alt
import pandas as pd

from core.geometry import ClassShape
from explorer.charts.style import BEFORE, CHOSEN, INWARD, LARGE, LENGTH, NOISE_OPACITY, rounded, threshold_rule

SELECTION = "bar"  # the name under which a page learns which bar was clicked
KINDS = ("feature", "noise")
_TEXT_LENGTH = 90


def bars(shape: ClassShape, texts: pd.Series | None = None) -> pd.DataFrame:
    """Return the bars of one class, longest first.

    Args:
        shape: the class, with m bars.
        texts: the probe set's texts, row for row with the embeddings that the edges point at.

    Returns:
        m rows: ``rank`` from 1, ``length``, ``kind`` ("feature" or "noise"), and, with `texts`, the beginnings of the
        two texts that the bar's edge joins, ``joins`` and ``with``.
    """
    frame = pd.DataFrame(
        {
            "rank": range(1, len(shape.lengths) + 1),
            "length": shape.lengths,
            "kind": [KINDS[0] if is_feature else KINDS[1] for is_feature in shape.features],
        }
    )
    if texts is not None and len(texts) and len(shape.edges) and shape.edges.max() < len(texts):
        beginnings = [_beginning(text) for text in texts]
        for name, end in (("joins", 0), ("with", 1)):
            frame[name] = [beginnings[row] for row in shape.edges[:, end]]
    return frame


def barcode(
    frame: pd.DataFrame,
    *,
    title: str,
    longest: float,
    most: int,
    threshold: float | None,
    colour: str = BEFORE,
    description: str = "",
    height: int = LARGE,
) -> alt.LayerChart:
    """Return the barcode of `bars(...)`; a click on a bar marks it.

    Args:
        frame: the bars.
        title: which side this is, "Before" or "After".
        longest: where the axis of lengths ends; the same for two barcodes that are to be compared.
        most: for how many bars there is room; the same for two that are to be compared.
        threshold: the length of the shortest feature, or None.
        colour: of the bars; the default means *before*.
        description: for screen readers.
        height: in pixels.
    """
    texts = [alt.Tooltip(f"{name}:N", title=name) for name in ("joins", "with") if name in frame]
    picked = alt.selection_point(name=SELECTION, fields=["rank"], empty=False, toggle=False)
    chart = (
        alt.Chart(frame.assign(length=rounded(frame["length"].to_numpy(), 6)))
        .mark_rect(stroke=None, cursor="pointer")
        .encode(
            fill=alt.FillValue(**alt.when(picked).then(alt.value(CHOSEN)).otherwise(alt.value(colour))),
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
                # Square roots: the few long bars are tall enough to be seen and clicked, the many short ones still fit.
                scale=alt.Scale(type="sqrt", domain=[most, 0], nice=False),
                axis=alt.Axis(grid=False, values=_ticks(most), format="d", labelOverlap=False),
            ),
            y2=alt.Y2("bottom:Q"),
            opacity=alt.Opacity(
                "kind:O",
                title=None,
                sort=list(KINDS),
                scale=alt.Scale(domain=list(KINDS), range=[1.0, NOISE_OPACITY]),
                legend=alt.Legend(
                    orient="none",
                    direction="horizontal",
                    legendX=0,
                    legendY=-24,
                    symbolType="square",
                    symbolFillColor=colour,
                    symbolStrokeWidth=0,
                    symbolSize=90,
                ),
            ),
            tooltip=[
                alt.Tooltip("rank:Q", title="bar"),
                alt.Tooltip("kind:N", title="kind"),
                alt.Tooltip("length:Q", format=LENGTH, title="length"),
                *texts,
            ],
        )
        .transform_calculate(zero="0", top="datum.rank - 1", bottom="datum.rank - (datum.rank < 20 ? 0.15 : 0)")
        .add_params(picked)
    )
    layers = [chart] if threshold is None or threshold != threshold else [chart, threshold_rule(threshold)]
    return alt.layer(*layers).properties(
        title=alt.Title(title, anchor="start", offset=30), height=height, description=description
    )


def _ticks(most: int) -> list[int]:
    return [*(k for k in (1, 5, 20, 50, 100, 200, 500, 1000, 2000, 5000) if k <= 0.7 * most), most]


def _beginning(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _TEXT_LENGTH else line[: _TEXT_LENGTH - 1] + "…"
