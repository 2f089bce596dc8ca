"""Colours, sizes and small helpers that all charts share, so that a sign means the same everywhere.

Axes, titles and backgrounds take their colours from the theme of the page that shows a chart. Marks have colours of
their own, which stand out from a light and from a dark background alike (at least 3 : 1, WCAG 2.1, 1.4.11), so that a
chart is the same in the app, in a report and in the README.
"""

import altair as alt

# Okabe, Ito, "Color Universal Design", 2008; orange, sky blue and yellow darkened until they stand out from white.
CLASS_COLOURS = ("#0072B2", "#D55E00", "#C4709F", "#B07D00", "#3A8FC4", "#8B8B00", "#7A6FC0", "#A8685A")
SPACE = "#009E73"  # the whole probe set, after
BEFORE = "#8A8F98"
THRESHOLD = "#8A8F98"
REFERENCE = "#8A8F98"
CHOSEN = "#D40078"  # what was clicked; no class has this colour
CUT = "#7C62E0"  # where a slider cuts through a barcode

NOISE_OPACITY = 0.38
DASH = (5, 4)  # the threshold, and nothing else, is dashed so
DOTS = (1, 4)  # a reference, and nothing else, is dotted

SMALL, MEDIUM, LARGE = 260, 330, 330  # heights in pixels, axes and titles included


def title(text: str) -> alt.Title:
    """Return a chart's title, close above it."""
    return alt.Title(text, anchor="start", offset=14)


def legend(**options) -> alt.Legend:
    """Return a legend in one line below the chart."""
    return alt.Legend(orient="bottom", direction="horizontal", offset=8, padding=0, symbolStrokeWidth=3, **options)


def class_colour(index: int) -> str:
    """Return the colour of the class with this index; after eight classes colours repeat."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_scale(names: list[str]) -> alt.Scale:
    """Return the colour scale of classes called `names`, in the order of their indices."""
    return alt.Scale(domain=names, range=[class_colour(i) for i in range(len(names))])


def threshold_rule(threshold: float) -> alt.Chart:
    """Return the threshold's dashed line at `threshold` on the x axis."""
    data = alt.InlineData(values=[{"threshold": threshold}])
    return (
        alt.Chart(data)
        .mark_rule(strokeDash=DASH, strokeWidth=1.5, color=THRESHOLD)
        .encode(x="threshold:Q", tooltip=alt.Tooltip("threshold:Q", format=".3f", title="threshold"))
    )


def step_axis(total_steps: int | None) -> alt.X:
    """Return the x axis of charts over training; its end is fixed, so that a live chart doesn't move sideways."""
    domain = [0, total_steps] if total_steps else alt.Undefined
    return alt.X(
        "step:Q",
        title="optimizer step",
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(format="d", tickCount=4, tickMinStep=1, grid=False, titlePadding=8),
    )
