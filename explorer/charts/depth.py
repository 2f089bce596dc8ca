"""Several models against depth, trained as lines and untrained as bands, and how alike two models' layers are."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from core.studies.layers import LayersStudy
from explorer.charts.style import CLASS_COLOURS, LARGE, SPACE, legend
from explorer.charts.style import title as styled

_COLOURS = (SPACE, *CLASS_COLOURS)


def model_colours(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each model; after nine they repeat."""
    return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}


def by_depth(study: LayersStudy, measure: str, points: str, called: Mapping[str, str]) -> pd.DataFrame:
    """Return one measure of every layer of every model.

    Args:
        study: the study.
        measure: which measure.
        points: examples, tokens, queries or keys.
        called: what each model is called.

    Returns:
        ``model``, ``weights`` (trained or random), ``layer``, ``depth`` (its share of the layers), ``value``, and ``low`` and
        ``high`` over the seeds of random weights.
    """
    frame = pd.DataFrame(study.rows, columns=["model", "weights", "points", "layer", "of", measure])
    frame = frame[(frame["points"] == points) & frame[measure].notna()]
    grouped = frame.groupby(["model", "weights", "layer", "of"], sort=False)[measure]
    found = grouped.agg(value="mean", low="min", high="max").reset_index()
    found["depth"] = found["layer"] / found["of"].clip(lower=1)
    found["weights"] = found["weights"].replace("untrained", "random")
    found["model"] = found["model"].map(called)
    return found.drop(columns="of").sort_values(["model", "weights", "layer"], ignore_index=True)


def depth_lines(
    frame: pd.DataFrame,
    colours: Mapping[str, str],
    *,
    title: str,
    value: str,
    domain: tuple[float, float] | None = None,
    description: str = "",
    height: int = LARGE,
) -> alt.LayerChart:
    """Return one measure against depth: a line for each model, and a band for its architecture with random weights.

    Args:
        frame: of `by_depth`.
        colours: of each model that the frame names.
        title: the chart's.
        value: the y axis's title, with its unit.
        domain: of the y axis, where it is known beforehand.
        description: for screen readers.
        height: in pixels.
    """
    weights = [one for one in ("trained", "random") if one in set(frame["weights"])]
    base = alt.Chart(frame).encode(
        x=alt.X(
            "depth:Q",
            title="depth: 0 is the input embeddings, 1 the last layer",
            scale=alt.Scale(domain=[0, 1], nice=False, padding=8),
            axis=alt.Axis(grid=False, tickCount=5),
        ),
        y=alt.Y(
            "value:Q",
            title=value,
            scale=alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True, nice=True),
            axis=alt.Axis(tickCount=5, labelFlush=False),
        ),
        color=alt.Color(
            "model:N",
            title=None,
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=legend(symbolType="stroke", symbolOpacity=1, labelLimit=260, columns=3),
        ),
        detail=alt.Detail("weights:N"),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("weights:N"),
            alt.Tooltip("layer:Q"),
            alt.Tooltip("value:Q", format=".3f", title=value),
            alt.Tooltip("low:Q", format=".3f"),
            alt.Tooltip("high:Q", format=".3f"),
        ],
    )
    style = alt.StrokeDash(
        "weights:N",
        title=None,
        scale=alt.Scale(domain=weights, range=[[1, 0] if one == "trained" else [2, 3] for one in weights]),
        legend=legend(symbolType="stroke") if len(weights) > 1 else None,
    )
    band = (
        base.transform_filter("datum.weights == 'random'")
        .mark_area(opacity=0.18)
        .encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    return alt.layer(
        band,
        base.mark_line(strokeWidth=2).encode(strokeDash=style),
        base.mark_point(filled=True, opacity=1, size=36),
    ).properties(title=styled(title), height=height, description=description)


def alike(
    table: Sequence[Sequence[float | None]], *, one: str, other: str, title: str, value: str, description: str = ""
) -> alt.LayerChart:
    """Return how alike every layer of one model is to every layer of another, as a heat map with its numbers.

    Args:
        table: layers of one, of each those of the other.
        one: what the first model is called.
        other: what the second is called.
        title: the chart's.
        value: what is shown.
        description: for screen readers.
    """
    rows = [
        {"one": i, "other": j, "value": number}
        for i, line in enumerate(table)
        for j, number in enumerate(line)
        if number is not None
    ]
    frame = pd.DataFrame(rows, columns=["one", "other", "value"])
    base = alt.Chart(frame).encode(
        x=alt.X("other:O", title=f"layer of {other}; 0 is the input embeddings", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("one:O", title=f"layer of {one}", sort="descending"),
        tooltip=[
            alt.Tooltip("one:O", title=one),
            alt.Tooltip("other:O", title=other),
            alt.Tooltip("value:Q", format=".3f", title=value),
        ],
    )
    colour = alt.Color(
        "value:Q",
        title=value,
        scale=alt.Scale(scheme="viridis", domain=[0, 1], clamp=True),
        legend=alt.Legend(orient="right"),
    )
    told = base.mark_text(fontSize=10).encode(
        text=alt.Text("value:Q", format=".2f"),
        color=alt.ColorValue(
            **alt.when("datum.value > 0.6").then(alt.value("#1A1F27")).otherwise(alt.value("#FFFFFF"))
        ),
    )
    height = max(LARGE, 24 * len(table) + 90)
    return alt.layer(base.mark_rect().encode(color=colour), told).properties(
        title=styled(title), height=height, description=description
    )
