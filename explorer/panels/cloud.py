"""The view "Cloud": the probe set along its principal axes, before and after, and the examples that one brushes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import Projection, common_axes
from core.modalities import Modality
from core.runs import Run, Snapshot
from explorer.charts.cloud import BRUSH, COLOURINGS, cloud, cloud_points, in_brush, tree_edges
from explorer.charts.style import class_colours
from explorer.panels import address, classes, data
from explorer.panels.figure import figure
from explorer.panels.texts import cells, texts_of, thumbnails, unplayed
from explorer.panels.words import DASH, number, plain

_MOST_POINTS = 1200
_MOST_EDGES = 1500  # of a side
_TOOLTIP = 90  # characters of a text
_AXES = {"1 and 2": (0, 1), "1 and 3": (0, 2), "2 and 3": (1, 2)}
_ORDINALS = ("first", "second", "third")


@dataclass(frozen=True)
class Shown:
    """What of a run's clouds is drawn.

    Attributes:
        points: of `cloud_points`, of the chosen classes and no more than can be drawn.
        edges: of `tree_edges`, the longest of them.
        whole: how many points the chosen classes have.
        shares: of each side, the share of its variance along the two axes that are drawn.
        names: of all classes by label.
        chosen: the labels of those that are drawn.
        texts: the probe set's, where they belong to these points.
        kind: what they are.
        axes: which principal axes are drawn.
        extent: how far the axes of a side reach from 0.
    """

    points: pd.DataFrame
    edges: pd.DataFrame
    whole: int
    shares: dict[str, float]
    names: dict[int, str]
    chosen: Sequence[int]
    texts: pd.Series | None
    kind: Modality
    axes: tuple[int, int]
    extent: float

    def chart(
        self,
        *,
        colouring: str = COLOURINGS[0],
        tree: bool = False,
        controls: bool = True,
        titles: Mapping[str, str] | None = None,
    ) -> alt.LayerChart:
        """Return the chart with this colouring, and with the spanning trees or without; `controls` of its own change both.

        `titles` call the sides.
        """
        return cloud(
            self.points,
            self.edges,
            colours=class_colours(self.names),
            extent=self.extent,
            axes=tuple(f"{_ORDINALS[axis]} principal axis" for axis in self.axes),
            colouring=colouring,
            tree=tree,
            controls=controls,
            titles=titles,
            kind=self.kind.one,
            description=f"{len(self.points)} {self.kind.many} along two principal axes, {' and '.join(self.shares)} training, "
            f"of the classes {', '.join(self.names[label] for label in self.chosen)}.",
        )

    def said(self) -> str:
        """Return what is seen, and what is left out."""
        held = "; ".join(f"{name}, {number(100 * share, 1)} % of the variance" for name, share in self.shares.items())
        count = len(self.points)
        drawn = (
            f"{count:,} of {self.whole:,} {self.kind.many}, drawn at random, are shown. " if self.whole > count else ""
        )
        return (
            f"{drawn}Hollow is before, filled after, each about its own mean; both on the principal axes of the two "
            f"together, which hold: {held}. Drag over points: their {self.kind.many} stand below, and they stand out on both sides."
        )


def prepared(
    run: Run,
    sides: dict[str, Snapshot],
    chosen: Sequence[int],
    names: dict[int, str],
    axes: tuple[int, int] = (0, 1),
    projection: Projection | None = None,
) -> Shown:
    """Return what is drawn of the classes `chosen` of `names` on each of `sides`, "before", "after" or both.

    It is along the principal axes of all sides together, or as a `projection` has it.

    Raises:
        IsobarError: there are no principal axes.
    """
    projection = projection or _projection(tuple(side.version for side in sides.values()), list(sides.values()))
    coordinates = [full[:, list(axes)] for full in projection.coordinates]
    labels = next(iter(sides.values())).labels
    texts = texts_of(run, len(labels))
    points = cloud_points(
        {name: (xy, side.predictions) for (name, side), xy in zip(sides.items(), coordinates, strict=True)},
        labels,
        names,
        None if texts is None else [str(text)[:_TOOLTIP] for text in texts],
        data.modality(run).one,
    )
    kept = np.flatnonzero(np.isin(labels, chosen))
    whole = len(kept)
    if whole > _MOST_POINTS:
        kept = np.sort(np.random.default_rng(0).choice(kept, _MOST_POINTS, replace=False))
    edges = tree_edges(
        {
            name: (xy, [shape for shape in side.classes if shape.label in chosen])
            for (name, side), xy in zip(sides.items(), coordinates, strict=True)
        }
    )
    return Shown(
        points=points.iloc[kept],
        edges=edges.sort_values("length", ascending=False).groupby("side").head(_MOST_EDGES),
        whole=whole,
        shares={name: float(share[list(axes)].sum()) for name, share in zip(sides, projection.shares, strict=True)},
        names=names,
        chosen=chosen,
        texts=texts,
        kind=data.modality(run),
        axes=axes,
        extent=max((float(np.abs(xy).max()) for xy in coordinates if xy.size), default=1.0) * 1.05 or 1.0,
    )


@st.fragment
def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    sides = {name: side for name, side in (("before", before), ("after", after)) if side is not None}
    names = classes.names_of(run, *sides.values())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = classes.pick(names, whole=len(names))
        picked = address.widget(
            st.segmented_control, "Principal axes", list(_AXES), key="axes", default="1 and 2", required=True,
            label_visibility="collapsed", help="Which principal axes are drawn",
        )  # fmt: skip
        colouring = address.widget(
            st.segmented_control, "Colour by", COLOURINGS, key="colour", default=COLOURINGS[0], required=True,
            label_visibility="collapsed", help="What colour means",
        )  # fmt: skip
        tree = address.widget(st.toggle, "Spanning trees", key="tree", default=False)
    try:
        shown = prepared(run, sides, chosen, names, _AXES[picked])
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    with st.container(border=True):
        event = figure(
            lambda: shown.chart(colouring=colouring, tree=tree, controls=False),
            key="cloud",
            about=(picked, *chosen),
            of=(
                *(side and side.version for side in (before, after)),
                tuple(chosen),
                picked,
                colouring,
                tree,
            ),
            on_select="rerun",
            selection_mode=BRUSH,
        )
    st.caption(shown.said())
    brushed(event, run, shown)


def brushed(event, run: Run, shown: Shown) -> None:
    """List the brushed examples."""
    # It keeps its place when there is nothing to list, so that no list of before is left.
    place, brush = st.empty(), (event["selection"].get(BRUSH) if event else None) or {}
    if {"px", "py"} <= set(brush):
        with place.container():
            _table(brush, run, shown)


def _table(brush: dict, run: Run, shown: Shown) -> None:
    """List the brushed examples."""
    found = shown.points[in_brush(shown.points, brush, shown.extent)]
    st.markdown(f"**{shown.kind.counted(len(found))}**")
    if found.empty:
        return
    frame = pd.DataFrame({"text": cells(run, shown.texts, found["row"]), "class": found["class"]})
    if (images := thumbnails(run, found["row"])) is not None:
        frame.insert(0, "image", images)
    for side in ("before", "after"):
        if f"{side}_prediction" in found:
            frame[f"predicted {side}"] = found[f"{side}_prediction"]
    st.dataframe(
        frame, hide_index=True, placeholder=DASH, height=min(320, 38 + 35 * len(frame)), alt=f"The {shown.kind.many} that were brushed",
        column_config={
            "image": st.column_config.ImageColumn("", width=60),
            "text": st.column_config.TextColumn(shown.kind.one, width="large"),
        },
    )  # fmt: skip
    if said := unplayed(run, found["row"]):
        st.caption(said)


# `of` are the snapshots' versions: a resumed run writes snapshots anew.
@st.cache_data(max_entries=16, show_spinner=False)
def _projection(of: tuple, _sides: list[Snapshot]) -> Projection:
    return common_axes([side.embeddings for side in _sides], 3)
