"""Colours, sizes and small helpers that all charts share, so that a sign means the same everywhere.

Axes, titles and backgrounds take their colours from the theme of the page that shows a chart. Marks have colours of
their own, which stand out from a light and from a dark background alike (at least 3 : 1, WCAG 2.1, 1.4.11), so that a
chart is the same in the app, in a report and in the README.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt
import numpy as np
from altair.vegalite.v6.schema import channels
from altair.vegalite.v6.schema import core as schema

# Altair fails above 5,000 rows, for the sake of notebooks. Here each chart says how many rows of what can be seen.
alt.data_transformers.disable_max_rows()


def _copied(part: alt.SchemaBase, _memo: dict) -> alt.SchemaBase:
    """Return a copy of a part of a chart, which shares with it what its options are."""
    found = object.__new__(type(part))
    vars(found).update(vars(part), _kwds=dict(part._kwds))
    return found


# Altair copies every part of a chart at each nesting, to the bottom, with the dozens of options that nobody set. These it
# never changes in place, so that copies may share what is in them.
_CHANNELS = [one for one in vars(channels).values() if isinstance(one, type) and issubclass(one, alt.SchemaBase)]
_DATA = (alt.InlineData, alt.NamedData, *schema.Transform.__subclasses__())
for _part in (alt.Axis, alt.Legend, alt.MarkDef, alt.Scale, schema.FacetedEncoding, *_DATA, *_CHANNELS):
    _part.__deepcopy__ = _copied
# It checks selections at each nesting too, whether or not checks are on (`panels.figure.spec_of`).
for _part in (alt.SelectionParameter, alt.TopLevelSelectionParameter, alt.VariableParameter):
    _part.validate = classmethod(lambda *_: None)

# A channel that is a value, or values by condition, is given as its class, such as alt.FillValue(**alt.when(...)...): in a mere
# dictionary Altair looks for the class that it could be, among all of its own, each time.

# Okabe, Ito, "Color Universal Design", 2008; orange, sky blue and yellow darkened until they stand out from white.
CLASS_COLOURS = ("#0072B2", "#D55E00", "#C4709F", "#B07D00", "#3A8FC4", "#8B8B00", "#7A6FC0", "#A8685A")
SPACE = "#009E73"  # the whole probe set, after
BEFORE = "#8A8F98"
CHOSEN = "#D40078"  # a clicked bar and its edge; no class has this colour
WRONG = "#D9362B"  # a prediction that is; its mark has a shape of its own too
THRESHOLD = "#8A8F98"
REFERENCE = "#8A8F98"
CUT = "#7C62E0"  # where a slider cuts through a barcode

LENGTH = ".4~g"
"""How d3 writes a length: in significant digits, since it has the unit of the space."""
NOISE_OPACITY = 0.38
INWARD = 16
"""`labelFlush` of an axis that ends at no round number: the label of a tick that is so few pixels from its end stands before it,
since beyond it half of the number would be cut off."""
DASH = (5, 4)  # the threshold, and nothing else, is dashed so
DOTS = (1, 4)  # a reference, and nothing else, is dotted

SMALL, MEDIUM, LARGE = 260, 330, 330  # heights in pixels, axes and titles included
_WIDTH = 640  # of a chart that is saved, in pixels


@dataclass(frozen=True)
class Theme:
    """What a page's theme gives to a chart outside of the app, as explorer/streamlit.toml does inside of it."""

    background: str
    panel: str
    text: str
    line: str
    accent: str


LIGHT = Theme(background="#FFFFFF", panel="#F3F5F6", text="#1A1F27", line="#D9DDE2", accent="#00785A")
DARK = Theme(background="#12161D", panel="#1C222B", text="#E7EAEE", line="#313946", accent="#2DBE91")


def config(theme: Theme = LIGHT) -> dict:
    """Return the Vega-Lite config that makes a chart look outside of the app as it does inside."""
    return {
        "background": theme.background,
        "autosize": {"type": "fit", "contains": "padding"},
        "font": "sans-serif",
        "view": {"stroke": None},
        "title": {"color": theme.text, "fontSize": 14, "fontWeight": 600, "anchor": "start"},
        "axis": {
            "labelColor": theme.text,
            "titleColor": theme.text,
            "gridColor": theme.line,
            "domainColor": theme.line,
            "tickColor": theme.line,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
        },
        "legend": {"labelColor": theme.text, "titleColor": theme.text, "labelFontSize": 12, "titleFontSize": 12},
        "text": {"color": theme.text},
    }


def tables(spec: dict) -> list[list[dict]]:
    """Return the rows of each data set of more than one row that a chart's `spec` draws, in the order it draws them."""
    named = spec.get("datasets", {})
    return [named[name] for name in dict.fromkeys(_names(spec)) if len(named.get(name, ())) > 1]


def vector(spec: dict, theme: Theme = LIGHT) -> str:
    """Return the chart of `spec` as SVG, as it looks before anybody has touched it."""
    import vl_convert  # takes its time to start, and is only needed when somebody asks

    spec = copy.deepcopy(spec)
    for view in (spec, *spec.get("vconcat", ())):
        view["width"] = _WIDTH
    spec.pop("config", None)
    return vl_convert.vegalite_to_svg(spec, config=config(theme))


def projected(spec: dict) -> dict:
    """Return the chart of `spec` as it is shown to a room: larger type, thicker lines and points."""
    large = _enlarged(spec)
    axes = {"labelFontSize": 15, "titleFontSize": 16, "tickWidth": 2, "domainWidth": 2}
    large["config"] = {**spec.get("config", {}), "axis": axes, "legend": {"labelFontSize": 16}}
    return large


_ENLARGED = {"fontSize": 1.25, "strokeWidth": 1.7, "size": 1.7}


def _enlarged(part, key=""):
    """Return a part of a spec with sizes enlarged: those of text, strokes and marks, whether given as a number or a value."""
    if isinstance(part, list):
        return [_enlarged(one, key) for one in part]
    if isinstance(part, dict):
        inside = key if key in _ENLARGED and "value" in part else ""
        return {
            name: one if name == "datasets" else _enlarged(one, inside if name in ("value", "condition") else name)
            for name, one in part.items()
        }
    number = isinstance(part, int | float) and not isinstance(part, bool)
    return round(part * _ENLARGED[key], 2) if number and key in _ENLARGED else part


def _names(part: object) -> list[str]:
    """Return the names of the data sets in a part of a chart's spec."""
    if isinstance(part, list):
        return [name for one in part for name in _names(one)]
    if not isinstance(part, dict):
        return []
    here = part.get("data")
    own = [here["name"]] if isinstance(here, dict) and "name" in here else []
    return own + [name for key, one in part.items() if key not in ("data", "datasets") for name in _names(one)]


def title(text: str) -> alt.Title:
    """Return a chart's title, close above it."""
    return alt.Title(text, anchor="start", offset=14)


def example_tooltip(kind: str) -> alt.Tooltip:
    """Return the line of a tooltip that says which example a point is, of the column `kind`.

    A line called "image" would be shown as one, fetched from wherever its text says.
    """
    return alt.Tooltip(f"{kind}:N", title="file" if kind == "image" else kind)


def legend(**options) -> alt.Legend:
    """Return a legend in one line below the chart."""
    return alt.Legend(orient="bottom", direction="horizontal", offset=8, padding=0, symbolStrokeWidth=3, **options)


def class_colour(index: int) -> str:
    """Return the colour of the class with this index; after eight classes colours repeat."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_colours(names: Mapping[int, str]) -> dict[str, str]:
    """Return the colour of each class by its name, of `names` by label."""
    return {name: class_colour(label) for label, name in names.items()}


def threshold_rule(threshold: float) -> alt.Chart:
    """Return the threshold's dashed line at `threshold` on the x axis."""
    data = alt.InlineData(values=[{"threshold": threshold}])
    return (
        alt.Chart(data)
        .mark_rule(strokeDash=DASH, strokeWidth=1.5, color=THRESHOLD)
        .encode(x=alt.X("threshold:Q"), tooltip=alt.Tooltip("threshold:Q", format=LENGTH, title="threshold"))
    )


def decimals(extent: float, places: int = 5) -> int:
    """Return to how many decimals numbers up to `extent` are worth drawing, in whatever unit: to `places` of the largest."""
    return min(places - 1 - math.floor(math.log10(extent)), 300) if extent > 0 else places


def rounded(values: np.ndarray, places: int = 5) -> np.ndarray:
    """Return `values` to so many `places` of the largest, as they are drawn."""
    return values.round(decimals(float(np.abs(values).max(initial=0.0)), places))


def step_axis(total_steps: int | None) -> alt.X:
    """Return the x axis of charts over training; its end is fixed, so that a live chart doesn't move sideways."""
    domain = [0, total_steps] if total_steps else alt.Undefined
    return alt.X(
        "step:Q",
        title="optimizer step",
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(format="d", tickCount=4, tickMinStep=1, grid=False, titlePadding=8, labelFlush=INWARD),
    )
