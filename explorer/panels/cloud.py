"""The view "Cloud": the probe set in a plane or in space, before and after, the examples that one brushes, and who is near whom."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import Projection, common_axes, own_axes, umap_maps
from core.modalities import Modality
from core.runs import Run, Snapshot
from explorer.charts.cloud import BRUSH, COLOURINGS, PICKED, cloud, cloud_points, in_brush, stars, tree_edges
from explorer.charts.style import class_colours
from explorer.panels import address, atlas, classes, data, neighbours
from explorer.panels.figure import figure, name_of
from explorer.panels.texts import cells, texts_of, thumbnails, unplayed
from explorer.panels.words import DASH, number, plain

_MOST_POINTS = 1200
_MOST_EDGES = 1500  # of a side
_TOOLTIP = 90  # characters of a text
_SPACE, _MAP, _ATLAS = "3-D", "UMAP", "Atlas"
_SEEN = {"1 and 2": (0, 1), "1 and 3": (0, 2), "2 and 3": (1, 2), _SPACE: (0, 1, 2), _MAP: (0, 1)}
"""How a cloud is seen: along which principal axes, or as a map."""
_ORDINALS = ("first", "second", "third")
_ALONE = "This checkpoint"
_EACH = (
    "each along its own principal axes and at the same size (root mean square 1), the right one turned until its points lie "
    "closest to the left one's (orthogonal Procrustes)"
)
_MAPPED = "a UMAP: who is near whom, as well as a plane can show it; how far groups lie apart and how dense they are means nothing"


@dataclass(frozen=True)
class Shown:
    """What of a run's clouds is drawn.

    Attributes:
        points: of `cloud_points`, of the chosen classes and no more than can be drawn.
        edges: of `tree_edges`, the longest of them.
        coordinates: of each side, those of all its points.
        whole: how many points the chosen classes have.
        shares: of each side, the share of its variance along the axes that are drawn; empty of a map.
        own: whether each side is on axes of its own.
        names: of all classes by label.
        chosen: the labels of those that are drawn.
        texts: the probe set's, where they belong to these points.
        kind: what they are.
        axes: which principal axes are drawn.
        extent: how far the axes of a side reach from 0.
    """

    points: pd.DataFrame
    edges: pd.DataFrame
    coordinates: Mapping[str, np.ndarray]
    whole: int
    shares: dict[str, float]
    own: bool
    names: dict[int, str]
    chosen: Sequence[int]
    texts: pd.Series | None
    kind: Modality
    axes: tuple[int, ...]
    extent: float

    @property
    def in_space(self) -> bool:
        """Whether it is turned, and not brushed."""
        return len(self.axes) == 3

    def chart(
        self,
        *,
        colouring: str = COLOURINGS[0],
        tree: bool = False,
        controls: bool = True,
        near: Mapping[str, tuple[int, np.ndarray]] | None = None,
        titles: Mapping[str, str] | None = None,
    ) -> alt.LayerChart:
        """Return the chart with this colouring, and with the spanning trees or without; `controls` of its own change both.

        `near` holds of each side the row of an example and those of its neighbours, which are marked. `titles` call the sides.
        """
        along = [f"{_ORDINALS[axis]} principal axis" for axis in self.axes]
        return cloud(
            self.points,
            self.edges,
            colours=class_colours(self.names),
            extent=self.extent,
            axes=tuple(along[:2]) if self.shares else None,
            colouring=colouring,
            tree=tree,
            controls=controls,
            marks=stars({side: (self.coordinates[side], *of) for side, of in near.items()}) if near else None,
            titles=titles,
            kind=self.kind.one,
            description=f"{len(self.points)} {self.kind.many} {'in' if self.in_space else 'along'} "
            f"{len(self.axes)} {'principal axes' if self.shares else 'dimensions of a UMAP'}, "
            f"{' and '.join(titles.values()) if titles else ' and '.join(self.coordinates) + ' training'}, "
            f"of the classes {', '.join(self.names[label] for label in self.chosen)}.",
        )

    def said(self, titles: Mapping[str, str] | None = None) -> str:
        """Return what is seen, and what is left out; `titles` call the sides."""
        count, two = len(self.points), len(self.coordinates) > 1
        shares = list(self.shares.values())
        said = (
            f"{count:,} of {self.whole:,} {self.kind.many}, drawn at random, are shown. " if self.whole > count else ""
        )
        called = {side: side for side in self.coordinates} | dict(titles or {})
        sides = "Hollow is {}, filled {}, ".format(*called.values()) if two else ""
        if not shares:
            said += f"{sides}{'each ' if two else ''}{_MAPPED}. "
        elif not two:
            said += f"Along its principal axes, which hold {number(100 * shares[0], 1)} % of the variance. "
        else:
            held = "; ".join(
                f"{called[name]}, {number(100 * share, 1)} % of the variance" for name, share in self.shares.items()
            )
            on = _EACH if self.own else "each about its own mean; both on the principal axes of the two together"
            said += f"{sides}{on}, which hold: {held}. "
        both = ", on both sides" if two else ""
        if self.in_space:
            return f"{said}Turn and tilt it by the sliders. Click a point: its neighbours are marked{both}, and listed."
        return (
            f"{said}Drag over points: their {self.kind.many} stand below{', and they stand out on both sides' if two else ''}. "
            f"Click one: its neighbours are marked{both}, and listed."
        )


def prepared(
    run: Run,
    sides: dict[str, Snapshot],
    chosen: Sequence[int],
    names: dict[int, str],
    seen: str = next(iter(_SEEN)),
    own: bool = False,
) -> Shown:
    """Return what is drawn of the classes `chosen` of `names` on each of `sides`, "before", "after" or both, as `seen`.

    It is along the principal axes of all sides together, or of each side's `own`.

    Raises:
        IsobarError: there are no principal axes, or no map.
    """
    axes = _SEEN[seen]
    projection = _projection(
        tuple(side.version for side in sides.values()), seen == _MAP, own, [side.embeddings for side in sides.values()]
    )
    coordinates = {name: full[:, list(axes)] for name, full in zip(sides, projection.coordinates, strict=True)}
    labels = next(iter(sides.values())).labels
    texts = texts_of(run, len(labels))
    points = cloud_points(
        {name: (coordinates[name], side.predictions) for name, side in sides.items()},
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
            name: (coordinates[name], [shape for shape in side.classes if shape.label in chosen])
            for name, side in sides.items()
        }
    )
    # Turned, a point may come to lie as far out as it lies from the middle.
    far = [np.linalg.norm(xyz, axis=1) if len(axes) == 3 else np.abs(xyz) for xyz in coordinates.values() if xyz.size]
    return Shown(
        points=points.iloc[kept],
        edges=edges.sort_values("length", ascending=False).groupby("side").head(_MOST_EDGES),
        coordinates=coordinates,
        whole=whole,
        shares={name: float(share[list(axes)].sum()) for name, share in zip(sides, projection.shares)},
        own=own,
        names=names,
        chosen=chosen,
        texts=texts,
        kind=data.modality(run),
        axes=axes,
        extent=max((float(of.max()) for of in far), default=1.0) * 1.12 or 1.0,
    )


@st.fragment
def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    _view(run, {name: side for name, side in (("before", before), ("after", after)) if side is not None})


@st.fragment
def alone(run: Run, snapshot: Snapshot) -> None:
    """Draw the view of a space that no training came before or after."""
    _view(run, {"after": snapshot}, {"after": _ALONE})


def _view(run: Run, sides: dict[str, Snapshot], titles: dict[str, str] | None = None) -> None:
    names = classes.names_of(run, *sides.values())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = classes.pick(names, whole=len(names))
        seen = address.widget(
            st.segmented_control, "Principal axes", [*_SEEN, *([_ATLAS] if atlas.installed() else [])], key="axes", default="1 and 2", required=True,
            label_visibility="collapsed", help="Which principal axes are drawn: two, or three to turn; or a map by UMAP, or Embedding Atlas where it is installed",
        )  # fmt: skip
        predicted = any((side.predictions >= 0).any() for side in sides.values())
        colouring = COLOURINGS[0] if not predicted else address.widget(
            st.segmented_control, "Colour by", COLOURINGS, key="colour", default=COLOURINGS[0], required=True,
            label_visibility="collapsed", help="What colour means",
        )  # fmt: skip
        own = len(sides) > 1 and address.widget(
            st.toggle, "Own axes", key="own-axes", default=False, disabled=seen == _MAP,
            help="Before and after each on its own principal axes, at the same size: what a side that is but a dot beside the other looks like",
        )  # fmt: skip
        tree = address.widget(st.toggle, "Spanning trees", key="tree", default=False)
    if seen == _ATLAS:
        atlas.show(run)
        return
    drawn(run, sides, chosen, names, seen=seen, own=own, colouring=colouring, tree=tree, titles=titles)


def drawn(
    run: Run,
    sides: dict[str, Snapshot],
    chosen: Sequence[int],
    names: dict[int, str],
    *,
    seen: str = next(iter(_SEEN)),
    own: bool = False,
    colouring: str = COLOURINGS[0],
    tree: bool = False,
    titles: dict[str, str] | None = None,
    key: str = "cloud",
) -> None:
    """Draw the cloud, and below it what is brushed, and the neighbours of the example that is picked."""
    try:
        with st.spinner("Mapping; the first time takes half a minute…") if seen == _MAP else nullcontext():
            shown = prepared(run, sides, chosen, names, seen, own)
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    near, about = neighbours.chosen(run, sides), (run.name, seen, own, *chosen)
    with st.container(border=True):
        event = figure(
            lambda: shown.chart(
                colouring=colouring,
                tree=tree,
                controls=False,
                near={side: (found.row, found.rows) for side, found in near.items()},
                titles=titles,
            ),
            key=key,
            about=about,
            of=(
                *((name, side.version) for name, side in sides.items()),
                tuple(chosen), seen, own, colouring, tree, next((found.row for found in near.values()), None), str(titles),
            ),
            on_select=partial(_clicked, name_of(key, about)),
            selection_mode=[PICKED] if shown.in_space else [BRUSH, PICKED],
        )  # fmt: skip
    st.caption(plain(shown.said(titles), 1_000))
    brushed(event, run, shown, titles)
    neighbours.show(run, sides, near, shown.names, titles)


def _clicked(key: str) -> None:
    """Make the example that was clicked the one whose neighbours are shown."""
    picked = (st.session_state[key]["selection"].get(PICKED) or []) if key in st.session_state else []
    if picked:
        neighbours.pick(int(picked[0]["row"]))


def brushed(event, run: Run, shown: Shown, titles: Mapping[str, str] | None = None) -> None:
    """List the brushed examples; `titles` call the sides."""
    # It keeps its place when there is nothing to list, so that no list of before is left.
    place, brush = st.empty(), (event["selection"].get(BRUSH) if event else None) or {}
    if {"px", "py"} <= set(brush):
        with place.container():
            _table(brush, run, shown, titles)


def _table(brush: dict, run: Run, shown: Shown, titles: Mapping[str, str] | None) -> None:
    """List the brushed examples."""
    found = shown.points[in_brush(shown.points, brush, shown.extent)]
    st.markdown(f"**{shown.kind.counted(len(found))}**")
    if found.empty:
        return
    frame = pd.DataFrame({"text": cells(run, shown.texts, found["row"]), "class": found["class"]})
    if (images := thumbnails(run, found["row"])) is not None:
        frame.insert(0, "image", images)
    for side in shown.coordinates:
        called = f"predicted {(titles or {}).get(side, side)}" if len(shown.coordinates) > 1 else "predicted"
        frame[called] = found[f"{side}_prediction"]
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
@st.cache_data(max_entries=32, show_spinner=False)
def _projection(of: tuple, mapped: bool, own: bool, _clouds: list[np.ndarray]) -> Projection:
    if mapped:
        return Projection(umap_maps(_clouds), [])
    return (own_axes if own else common_axes)(_clouds, 3)
