"""What a page of HTML needs that shows charts without a network: Vega, the charts' descriptions, and the theme's colours."""

import json
from collections.abc import Callable, Mapping
from functools import cache

import altair as alt

from explorer.charts.style import DARK, LIGHT, config
from explorer.panels.figure import spec_of


def parts(charts: Mapping[str, Callable[[], alt.TopLevelMixin] | dict]) -> dict[str, str]:
    """Return what a template needs to draw `charts`, by their names: ``charts``, ``configs``, ``vega``, and each theme's colours.

    A chart is what makes it, or what the page itself will make one of.
    """
    colours = {
        f"{name}_{part}": getattr(theme, part)
        for name, theme in (("light", LIGHT), ("dark", DARK))
        for part in ("background", "panel", "text", "line", "accent")
    }
    return {
        **colours,
        "charts": as_json({key: make if isinstance(make, dict) else description(make) for key, make in charts.items()}),
        "configs": as_json({"light": config(LIGHT), "dark": config(DARK)}),
        "vega": _vega(),
    }


def as_json(value: object) -> str:
    """Return `value` as JSON that may stand in a script element."""
    # Inside of a script element "<" could end it; inside of a JSON string it can be written so.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def description(make: Callable[[], alt.TopLevelMixin]) -> dict:
    """Return the description of the chart that `make` returns; its colours come from the page."""
    spec = spec_of(make)
    spec.pop("config", None)
    return spec


@cache
def _vega() -> str:
    import vl_convert  # takes its time to start

    return vl_convert.javascript_bundle().replace("</script", "<\\/script")
