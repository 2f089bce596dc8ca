"""Measures against depth: what each layer's states look like, from the input embeddings to the last."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from explorer.charts.style import BEFORE, DOTS, REFERENCE, SMALL, SPACE, legend
from explorer.charts.style import title as styled

_COLOURS = {"before": BEFORE, "after": SPACE}


def depths(sides: Mapping[str, Sequence[Mapping[str, float]]], measure: str) -> pd.DataFrame:
    """Return one measure of each layer.

    Args:
        sides: of each side its layers' measures by name, the input embeddings first.
        measure: which one; layers that lack it make no rows.

    Returns:
        ``side``, ``layer`` from 0 (the input embeddings), ``value``.
    """
    rows = [
        {"side": side, "layer": layer, "value": float(measures[measure])}
        for side, layers in sides.items()
        for layer, measures in enumerate(layers)
        if measures.get(measure) is not None and measures[measure] == measures[measure]
    ]
    return pd.DataFrame(rows, columns=["side", "layer", "value"])


def layer_profile(
    frame: pd.DataFrame,
    *,
    title: str,
    value: str,
    colours: Mapping[str, str] = _COLOURS,
    reference: float | None = None,
    chosen: int | None = None,
    domain: tuple[float, float] | None = None,
    description: str = "",
    height: int = SMALL,
) -> alt.LayerChart:
    """Return one measure against depth, a line a side.

    Args:
        frame: of `depths`, with the sides that `colours` names.
        title: the chart's.
        value: the y axis's title, with its unit.
        colours: of each side, in the order of the legend; by default grey *before* and green *after*.
        reference: what an isotropic cloud would show: drawn dotted.
        chosen: the layer whose states are the embeddings elsewhere on the page: its points are larger.
        domain: of the y axis, where it is known beforehand.
        description: for screen readers.
        height: in pixels.
    """
    last = int(frame["layer"].max()) if len(frame) else 1
    shown = [side for side in colours if side in set(frame["side"])] or list(colours)
    base = alt.Chart(frame.assign(at=["input" if n == 0 else str(n) for n in frame["layer"]])).encode(
        x=alt.X(
            "layer:Q",
            title="layer; 0 is the input embeddings",
            scale=alt.Scale(domain=[0, max(last, 1)], nice=False, padding=8),
            axis=alt.Axis(format="d", tickMinStep=1, tickCount=min(last, 12), grid=False),
        ),
        y=alt.Y(
            "value:Q",
            title=value,
            scale=alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True, nice=True),
            axis=alt.Axis(tickCount=5, labelFlush=False),
        ),
        color=alt.Color(
            "side:N",
            title=None,
            scale=alt.Scale(domain=shown, range=[colours[side] for side in shown]),
            legend=None if len(shown) < 2 else legend(symbolType="stroke"),
        ),
        tooltip=[
            alt.Tooltip("side:N"),
            alt.Tooltip("at:N", title="layer"),
            alt.Tooltip("value:Q", format=".3f", title=value),
        ],
    )
    size = alt.SizeValue(45)
    if chosen is not None:
        size = alt.SizeValue(**alt.when(f"datum.layer == {int(chosen)}").then(alt.value(160)).otherwise(alt.value(45)))
    layers = [base.mark_line(strokeWidth=2), base.mark_point(filled=True, opacity=1).encode(size=size)]
    if reference is not None and reference == reference:
        layers.append(
            alt.Chart(alt.InlineData(values=[{"value": reference}]))
            .mark_rule(strokeDash=DOTS, strokeWidth=2, color=REFERENCE, strokeCap="round")
            .encode(y=alt.Y("value:Q"), tooltip=alt.TooltipValue(f"isotropic Gaussian: {reference:.3f}"))
        )
    return alt.layer(*layers).properties(title=styled(title), height=height, description=description)
