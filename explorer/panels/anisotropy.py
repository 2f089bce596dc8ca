"""The view "Anisotropy": how the variance is spread over directions, of all examples and class by class."""

from collections.abc import Callable, Mapping

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.geometry import cosine_shares, isotropic_cosine_shares, outlier_dimensions, singular_values
from core.geometry.cloud import as_cloud
from core.geometry.labels import as_classes
from core.geometry.measures.spectrum import OUTLIER_FACTOR
from core.runs import Run, Snapshot
from explorer.charts.cosines import cosine_histogram, cosines
from explorer.charts.layers import depths, layer_profile
from explorer.charts.spectrum import SIDES, cumulative, dumbbells, shares, spectrum
from explorer.charts.style import MEDIUM, SPACE, class_colour
from explorer.panels import address, data
from explorer.panels.figure import figure
from explorer.panels.words import DASH, meaning, number, plain

NO_OUTLIERS = f"No dimension's variance exceeds {OUTLIER_FACTOR:g} times the mean variance."
WITHIN, CENTERED = "within classes", "centered"
ABOUT = {WITHIN: "anisotropy_1_within", CENTERED: "anisotropy_1_centered", "uncentered": "anisotropy_1"}
"""What the directions are about, each class's mean, that of all, or the origin, and the measure of the strongest one."""


def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    sides = {name: side for name, side in (("before", before), ("after", after)) if side is not None}
    about = pick(sides)
    if about is None:
        return
    found = drawn(run, sides, about=about)
    of = (*(side and side.version for side in (before, after)), about)
    names = list(found)
    for start in range(0, len(names), 2):
        row = names[start : start + 2]
        for column, name in zip(st.columns(len(row), gap="small"), row, strict=True):
            with column, st.container(border=True, height="stretch"):
                figure(found[name], key=name, of=of)
    _outliers(before, after)
    st.caption(f"Grey is before, green after. {explained(about)} {plain(alone(about, sides), 300)}")


def pick(sides: Mapping[str, Snapshot]) -> str | None:
    """Draw the choice of what directions are about, and return it; None, and a sentence, where it has nothing to show."""
    about = address.widget(
        st.segmented_control,
        "Measured about",
        list(ABOUT),
        key="about",
        default=first(sides),
        required=True,
        label_visibility="collapsed",
    )
    if about == WITHIN and (sentence := _nothing_within(sides)):
        st.info(sentence, icon=":material/category:")
        return None
    return about


def first(sides: Mapping[str, Snapshot]) -> str:
    """Return what directions are about where nobody chose: each class's mean if there are classes with a spread."""
    return CENTERED if _nothing_within(sides) else WITHIN


def _nothing_within(sides: Mapping[str, Snapshot]) -> str:
    """Return why the classes have no directions to show within them; empty where they have."""
    if any(len(np.unique(side.labels)) < 2 for side in sides.values()):
        return "There are no classes to look within: no labels, or one for all. Centered shows all about their mean."
    if not all(as_classes(side.embeddings, side.labels).within.x.any() for side in sides.values()):
        return (
            "No class has a spread to look at: its points coincide or stand alone. Centered shows all about their mean."
        )
    return ""


def explained(about: str) -> str:
    """Return what the charts' dotted lines and the measure behind them mean."""
    return f"Dotted: what it would be if all directions held equal shares. {meaning(ABOUT[about]).definition}"


def alone(about: str, sides: Mapping[str, Snapshot]) -> str:
    """Return which classes have no part in what is shown within classes, as a sentence; empty where all have."""
    single = {shape.label: shape.name for side in sides.values() for shape in side.classes if shape.points == 1}
    if about != WITHIN or not single:
        return ""
    names = ", ".join(name or f"class {label}" for label, name in sorted(single.items()))
    return f"A class of one point has no spread, and no part in this: {names}."


def drawn(
    run: Run, sides: Mapping[str, Snapshot], *, about: str, colours: Mapping[str, str] = SIDES
) -> dict[str, Callable[[], alt.LayerChart]]:
    """Return what makes each chart of the view, by its name: the spectrum's two, the cosines', the layers', the classes'.

    Args:
        run: whose they are.
        sides: "before" and "after", or what else `colours` names.
        about: one of `ABOUT`; within classes there must be something, as `first` finds.
        colours: of each side.
    """
    measure, label = ABOUT[about], meaning(ABOUT[about]).label
    frame = shares_of(sides, about)
    dimensions = next(iter(sides.values())).embeddings.shape[1]
    strongest = {name: number(float(frame.loc[frame["side"] == name, "share"].iloc[0])) for name in sides}
    said = ", ".join(f"{name} {share}" for name, share in strongest.items())
    shown = {name: colours[name] for name in colours if name in sides}
    found = {
        "spectrum": lambda: spectrum(
            frame,
            dimensions=dimensions,
            colours=shown,
            description=f"Share of the squared length that each principal direction holds. The strongest: {said}.",
        ),
        "cumulative": lambda: cumulative(
            frame,
            dimensions=dimensions,
            colours=shown,
            description=f"Share that the strongest directions hold together. The first alone: {said}.",
        ),
    }
    counted = {name: _cosines(side.version, side) for name, side in sides.items()}
    means = ", ".join(f"{name} {number(side.measures.get('mean_cosine'))}" for name, side in sides.items())
    many = data.modality(run).many
    found["cosines"] = lambda: cosine_histogram(
        cosines(counted),
        reference=cosines({"isotropic": isotropic_cosine_shares(dimensions)}),
        colours=shown,
        many=many,
        description=f"Histogram of the cosines of all pairs of {many}. Their mean: {means}.",
    )
    profiles = {name: side.layers for name, side in sides.items() if side.layers}
    if profiles:
        # Runs of earlier versions did not measure their layers within classes.
        known = all(measure in of_layer for layers in profiles.values() for of_layer in layers)
        of_layers = measure if known else ABOUT[CENTERED]
        found["layers"] = lambda: layer_profile(
            depths(profiles, of_layers),
            title=f"{meaning(of_layers).label} of each layer",
            value="share",
            colours=shown,
            domain=(0.0, 1.0),
            height=MEDIUM,
            description=f"{meaning(of_layers).label} layer by layer, input embeddings first.",
        )
    if not {"before", "after"} <= set(sides):
        return found
    rows = _by_class(about, sides["before"], sides["after"], f"all {many}")
    found["by-class"] = lambda: dumbbells(
        rows.drop(columns="colour"),
        value=f"{label}: share of the strongest direction",
        title=f"All {many} and each class: before hollow, after filled",
        colours=dict(zip(rows["name"], rows["colour"], strict=True)),
        order=list(rows["name"]),
        description="; ".join(
            f"{row.name}: {number(row.before)} before, {number(row.after)} after"
            for row in rows.itertuples(index=False)
        ),
    )
    return found


def _outliers(before: Snapshot | None, after: Snapshot | None) -> None:
    """List the outlier dimensions of each side, with the variance of each on both."""
    sides = {name: side for name, side in (("before", before), ("after", after)) if side}
    counts, frame = outliers(sides)
    about = meaning("outlier_dimensions")
    st.markdown(f"**{about.label}: {counts}**", help=about.definition)
    if frame.empty:
        st.caption(NO_OUTLIERS)
        return
    times = {name: st.column_config.NumberColumn(f"{name}, times the mean variance", format="%.1f") for name in sides}
    st.dataframe(
        frame, hide_index=True, placeholder=DASH, height=min(300, 38 + 35 * len(frame)), column_config=times,
        alt="Outlier dimensions and their variances",
    )  # fmt: skip


def outliers(sides: Mapping[str, Snapshot]) -> tuple[str, pd.DataFrame]:
    """Return how many outlier dimensions each side has, and a row for each.

    A row has the ``dimension`` and, under each side's name, its variance in multiples of the side's mean variance.
    """
    clouds = {name: as_cloud(side.embeddings) for name, side in sides.items()}
    variances = {
        name: cloud.column_variances / (cloud.column_variances.mean() or 1.0) for name, cloud in clouds.items()
    }
    found = {name: outlier_dimensions(cloud).tolist() for name, cloud in clouds.items()}
    rows = list(dict.fromkeys(row for side in found.values() for row in side))
    frame = pd.DataFrame({"dimension": rows, **{name: shares[rows] for name, shares in variances.items()}})
    return " → ".join(str(len(rows)) for rows in found.values()), frame


# `of` are the snapshots' versions: a resumed run writes snapshots anew.
@st.cache_data(max_entries=64, show_spinner=False)
def _cosines(of: tuple, _side: Snapshot):
    return cosine_shares(_side.embeddings)


def shares_of(sides: Mapping[str, Snapshot], about: str) -> pd.DataFrame:
    """Return `explorer.charts.spectrum.shares` of each of `sides`, about what `about`, one of `ABOUT`, says."""
    return _shares((*((name, side.version) for name, side in sides.items()), about), dict(sides))


@st.cache_data(max_entries=64, show_spinner=False)
def _shares(of: tuple, _sides: dict[str, Snapshot]) -> pd.DataFrame:
    about, found = of[-1], {}
    for name, side in _sides.items():
        cloud = as_classes(side.embeddings, side.labels).within if about == WITHIN else side.embeddings
        found[name] = singular_values(cloud, center=about != "uncentered")
    return shares(found)


def _by_class(about: str, before: Snapshot, after: Snapshot, of_all: str) -> pd.DataFrame:
    """Return the strongest direction's share of all, and of each class by itself: about its own mean, but for uncentered."""
    whole, measure = ABOUT[about], ABOUT[CENTERED if about == WITHIN else about]
    new = {shape.label: shape for shape in after.classes}
    rows = [{"name": of_all, "before": before.measures.get(whole), "after": after.measures.get(whole), "colour": SPACE}]
    for shape in before.classes:
        if shape.label in new:
            rows.append(
                {
                    "name": shape.called,
                    "before": shape.measures.get(measure),
                    "after": new[shape.label].measures.get(measure),
                    "colour": class_colour(shape.label),
                }
            )
    return pd.DataFrame(rows)
