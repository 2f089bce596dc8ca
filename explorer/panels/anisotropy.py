"""The view "Anisotropy": how the variance is spread over directions, of all texts and class by class."""

from collections.abc import Callable

import altair as alt
import pandas as pd
import streamlit as st

from core.geometry import singular_values
from core.runs import Run, Snapshot
from explorer.charts.spectrum import cumulative, dumbbells, shares, spectrum
from explorer.charts.style import SPACE, class_colour
from explorer.panels.figure import figure
from explorer.panels.words import meaning, number


def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    about = st.segmented_control(
        "Measured about",
        ["centered", "uncentered"],
        default="centered",
        required=True,
        key="about",
        bind="query-params",
        label_visibility="collapsed",
    )
    center = about != "uncentered"
    found = drawn(run, before, after, center=center)
    of = (str(run.path), *(side and side.step for side in (before, after)), center)
    first, second, *more = found
    for column, name in zip(st.columns(2, gap="small"), (first, second), strict=True):
        with column, st.container(border=True):
            figure(found[name], key=name, of=of)
    for name in more:
        with st.container(border=True):
            figure(found[name], key=name, of=of)
    if before is None or after is None:
        return
    measure = "anisotropy_1_centered" if center else "anisotropy_1"
    st.caption(
        "Grey is before, green after. Dotted: what it would be if all directions held equal shares. "
        f"{meaning(measure).definition}"
    )


def drawn(
    run: Run, before: Snapshot | None, after: Snapshot | None, *, center: bool
) -> dict[str, Callable[[], alt.LayerChart]]:
    """Return what makes each chart of the view, by its name: two of the spectrum, and one of the classes."""
    sides = {name: side for name, side in (("before", before), ("after", after)) if side is not None}
    of = (str(run.path), tuple(side.step for side in sides.values()), center)
    frame = _shares(of, sides)
    dimensions = next(iter(sides.values())).embeddings.shape[1]
    first = {name: number(float(frame.loc[frame["side"] == name, "share"].iloc[0])) for name in sides}
    said = ", ".join(f"{share} {name}" for name, share in first.items())
    found = {
        "spectrum": lambda: spectrum(
            frame,
            dimensions=dimensions,
            description=f"Share of the squared length that each principal direction holds. The strongest: {said}.",
        ),
        "cumulative": lambda: cumulative(
            frame,
            dimensions=dimensions,
            description=f"Share that the strongest directions hold together. The first alone: {said}.",
        ),
    }
    if before is None or after is None:
        return found
    measure = "anisotropy_1_centered" if center else "anisotropy_1"
    rows = _by_class(measure, before, after)
    found["by-class"] = lambda: dumbbells(
        rows.drop(columns="colour"),
        value=f"{meaning(measure).label}: share of the strongest direction",
        title="Anisotropy of all texts and of each class: before hollow, after filled",
        colours=dict(zip(rows["name"], rows["colour"], strict=True)),
        order=list(rows["name"]),
        description="; ".join(
            f"{row.name}: {number(row.before)} before, {number(row.after)} after"
            for row in rows.itertuples(index=False)
        ),
    )
    return found


# Snapshots are known by their run and steps; a trainer never writes one twice.
@st.cache_data(max_entries=64, show_spinner=False)
def _shares(of: tuple, _sides: dict[str, Snapshot]) -> pd.DataFrame:
    center = of[-1]
    return shares({name: singular_values(side.embeddings, center=center) for name, side in _sides.items()})


def _by_class(measure: str, before: Snapshot, after: Snapshot) -> pd.DataFrame:
    new = {shape.label: shape for shape in after.classes}
    rows = [
        {
            "name": "all texts",
            "before": before.measures.get(measure),
            "after": after.measures.get(measure),
            "colour": SPACE,
        }
    ]
    for shape in before.classes:
        if shape.label in new:
            rows.append(
                {
                    "name": shape.name or f"class {shape.label}",
                    "before": shape.measures.get(measure),
                    "after": new[shape.label].measures.get(measure),
                    "colour": class_colour(shape.label),
                }
            )
    return pd.DataFrame(rows)
