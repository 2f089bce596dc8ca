"""Where a space stands among known ones: how narrow the cone is, and how many directions are in use."""

import altair as alt
import pandas as pd

from explorer.charts.style import DOTS, MEDIUM, REFERENCE, SPACE, legend
from explorer.charts.style import title as styled

_SHAPES = {
    "healthy": "circle",
    "random weights": "square",
    "fine-tuned": "triangle-up",
    "collapsed": "cross",
    "isotropic cloud": "diamond",
}


def standing_plane(
    rows: pd.DataFrame, here: pd.DataFrame, *, cone: float, few: float, description: str = "", height: int = MEDIUM
) -> alt.LayerChart:
    """Return known spaces, grey and hollow, and the one in question, filled, by mean cosine and directions in use.

    Args:
        rows: ``name``, ``kind``, ``mean_cosine``, ``directions`` of the known ones.
        here: ``name``, ``mean_cosine``, ``directions``.
        cone: the mean cosine where a cone begins, dotted.
        few: where few directions end, dotted.
        description: for screen readers.
        height: in pixels.
    """
    low = min(0.0, *here["mean_cosine"], *rows["mean_cosine"])
    x = alt.X(
        "mean_cosine:Q",
        title="mean cosine of two examples: 0 in all directions, 1 a point",
        scale=alt.Scale(domain=[low, 1.0], nice=False, padding=10),
        axis=alt.Axis(tickCount=6, grid=False, format=".1f"),
    )
    y = alt.Y(
        "directions:Q",
        title="directions in use",
        scale=alt.Scale(type="log", domain=[0.9, 1.3 * max(*rows["directions"], *here["directions"])], nice=False),
        axis=alt.Axis(values=[1, 3, 10, 30, 100, 300, 1000], grid=True, format="d"),
    )
    tooltip = [
        alt.Tooltip("name:N"),
        alt.Tooltip("mean_cosine:Q", format=".3f", title="mean cosine"),
        alt.Tooltip("directions:Q", format=".1f"),
    ]
    known = alt.Chart(rows).encode(x=x, y=y, tooltip=tooltip)
    dots = known.mark_point(size=70, strokeWidth=1.8, color=REFERENCE, filled=False).encode(
        shape=alt.Shape(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=list(_SHAPES), range=list(_SHAPES.values())),
            legend=legend(symbolStrokeColor=REFERENCE, symbolSize=70, columns=3),
        )
    )
    own = alt.Chart(here).encode(x=x, y=y, tooltip=tooltip)
    point = own.mark_point(size=190, filled=True, opacity=1, color=SPACE, shape="circle")
    word = own.mark_text(align="left", dx=12, fontSize=12, fontWeight=600, color=SPACE).encode(text=alt.Text("name:N"))
    dotted = {"strokeDash": DOTS, "strokeWidth": 2, "color": REFERENCE, "strokeCap": "round"}
    lines = [
        alt.Chart(alt.InlineData(values=[{"mean_cosine": cone}])).mark_rule(**dotted).encode(x=alt.X("mean_cosine:Q")),
        alt.Chart(alt.InlineData(values=[{"directions": few}])).mark_rule(**dotted).encode(y=alt.Y("directions:Q")),
    ]
    return alt.layer(*lines, dots, point, word).properties(
        title=styled("Among spaces that are known"), height=height, description=description
    )
