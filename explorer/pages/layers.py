"""What does depth do to a space? Several models beside each other, trained and untrained, with drift and without."""

from itertools import pairwise

import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import MEASURES as CATALOGUE
from core.models import BUILT_IN as MODELS
from core.runs import Run, layout
from core.studies.layers import (
    ALIKE,
    FILE,
    LESS_DRIFT,
    MEASURES,
    POINTS,
    LayersSpec,
    LayersStudy,
    read_layers,
    verdicts,
)
from core.tasks import BUILT_IN as TASKS
from explorer.charts.depth import alike, by_depth, depth_lines, model_colours
from explorer.panels import address, data, links
from explorer.panels.figure import figure
from explorer.panels.studies import Studies
from explorer.panels.words import DASH, meaning, plain

STUDIES = Studies("layers", layout.LAYERS, FILE, links.LAYERS)
_SHOWN = [name for name in MEASURES if name not in LESS_DRIFT.values()]
_COMPARED = {"linear_cka_debiased": "Linear CKA, debiased", "mutual_knn": "Mutual neighbours"}


def _show(run: Run, study: LayersStudy) -> None:
    if not study.models:  # it was stopped before the first was finished
        return
    called = _called([about["model"] for about in study.models])
    there = [points for points in POINTS if any(row["points"] == points for row in study.rows)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        points = address.widget(
            st.segmented_control,
            "A point is",
            there,
            key="points",
            default=there[-1] if "tokens" not in there else "tokens",
            required=True,
        )
        measure = address.widget(
            st.selectbox,
            "Measure",
            _SHOWN,
            key="measure",
            default=_SHOWN[0],
            format_func=lambda name: CATALOGUE[name].label,
        )
        without = address.widget(
            st.toggle,
            "Take the common mean off",
            key="centered",
            default=False,
            disabled=measure not in LESS_DRIFT,
            help="How much of it is drift: the same measure about the mean of all points. The measures for which this is off don't see where the origin is.",
        )
    shown = LESS_DRIFT[measure] if without and measure in LESS_DRIFT else measure
    for sentence in verdicts(_renamed(study, called), measure, points):
        st.markdown(f"- {plain(sentence, 400)}")
    frame, about = by_depth(study, shown, points, called), CATALOGUE[shown]
    if frame.empty:
        st.info(
            f"{about.label} has no value for {points} here: it is undefined {about.undefined or 'in all of these clouds'}."
        )
    else:
        low, high = about.range
        with st.container(border=True):
            figure(
                lambda: depth_lines(
                    frame,
                    model_colours(list(called.values())),
                    title=f"{about.label} of {points}, layer by layer",
                    value=about.label,
                    domain=(0.0, 1.0) if (low, high) == (0.0, 1.0) and frame["high"].max() > 0.5 else None,
                    description=" ".join(verdicts(study, measure, points)),
                ),
                key="layers",
                of=(STUDIES.version(run), points, shown),
            )
        st.caption(
            f"{meaning(shown).definition} Lines are the models as they are; dotted ones, in bands from least to most, are their architectures "
            "with random weights. What random weights show too, training has not made."
        )
    _compared(run, study, called)
    _told(study, called)


def _compared(run: Run, study: LayersStudy, called: dict[str, str]) -> None:
    if not study.pairs:
        return
    st.subheader("The same examples in two models", anchor=False)
    pairs = {f"{called[pair['one']]} and {called[pair['other']]}": pair for pair in study.pairs}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        which = address.widget(st.selectbox, "Models", list(pairs), key="pair", default=next(iter(pairs)))
        by = address.widget(
            st.segmented_control,
            "Alike by",
            list(ALIKE),
            key="alike",
            default=ALIKE[0],
            format_func=_COMPARED.get,
            required=True,
        )
    pair = pairs[which]
    with st.container(border=True):
        figure(
            lambda: alike(
                pair[by],
                one=called[pair["one"]],
                other=called[pair["other"]],
                title=f"{_COMPARED[by]}, layer by layer, of {pair['examples']:,} examples",
                value=_COMPARED[by],
                description=f"Heat map of {_COMPARED[by]} between the layers of {which}.",
            ),
            key="alike",
            of=(STUDIES.version(run), which, by),
        )


def _told(study: LayersStudy, called: dict[str, str]) -> None:
    with st.expander("What was looked at, and the embedding matrices", icon=":material/table:"):
        facts = ("type", "modality", "task", "pooling", "examples", "parameters")
        rows = [
            {"model": called[about["model"]], **{name: about.get(name) for name in facts}} for about in study.models
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, placeholder=DASH)
        if study.matrices:
            names = ("mean_cosine", "mean_cosine_centered", "mean_vector_share", "isoscore")
            st.dataframe(
                pd.DataFrame(
                    {
                        "model": called[row["model"]],
                        "matrix": row["matrix"],
                        "rows": row["rows"],
                        **{CATALOGUE[name].label: row[name] for name in names},
                    }
                    for row in study.matrices
                ),
                hide_index=True,
                placeholder=DASH,
            )
        for about in study.models:
            for note in about.get("notes") or ():
                st.caption(f"{plain(called[about['model']], 60)}: {plain(note, 300)}")


def _form() -> None:
    st.subheader("What does depth do to a space?", anchor=False)
    runs = data.models()
    with st.container(border=True, gap="medium"):
        models = address.widget(
            st.multiselect,
            "Models",
            [*MODELS, *runs],
            default=["minilm"],
            format_func=lambda path: runs.get(path, path),
            accept_new_options=True,
            key="layers_models",
            at="models",
        )
        st.caption("Built in, a run's model, a local folder or an id on the Hub; several are drawn beside each other.")
        tasks = address.widget(
            st.multiselect,
            "Data",
            list(TASKS),
            default=["grammar"],
            accept_new_options=True,
            key="layers_tasks",
            at="tasks",
        )
        st.caption("Each model reads the first that it can: add digits for a model of images, tones for one of sounds.")
        with st.container(horizontal=True, gap="medium"):
            examples, untrained = (
                address.widget(
                    st.number_input,
                    label,
                    key=f"layers_{at}",
                    at=at,
                    default=LayersSpec.model_fields[at].default,
                    min_value=low,
                    max_value=high,
                )
                for at, label, low, high in (
                    ("examples", "Examples", 4, 1_000_000),
                    ("untrained", "Random weights, how often", 0, 20),
                )
            )
            pooling = address.widget(
                st.selectbox,
                "Pooling",
                ["auto", "cls", "mean", "last"],
                key="layers_pooling",
                at="pooling",
                default="auto",
            )
    try:
        spec = LayersSpec.parse(
            {"models": models, "tasks": tasks, "examples": examples, "untrained": untrained, "pooling": pooling},
            "the form",
        )
        problem = ""
    except IsobarError as error:
        spec, problem = None, str(error)
    if problem:
        st.error(plain(problem, 300), icon=":material/error:")
    asked = st.button(
        "Look", type="primary", icon=":material/layers:", disabled=spec is None, on_click=address.catch_up
    )
    if asked and spec is not None:
        STUDIES.start(spec)
    st.caption("Nothing is trained. Each model is run once as it is, and once for each draw of random weights.")


def _called(models: list[str]) -> dict[str, str]:
    """Return what each model is called: its last name, or all of it where two share one."""
    short = {name: data.models().get(name) or _short(name) for name in models}
    twice = {one for one, other in pairwise(sorted(short.values())) if one == other}
    return {name: name if short[name] in twice else short[name] for name in models}


def _short(name: str) -> str:
    """Return the last part of a path or Hub id; of a run's model the run."""
    return data.short(name.rstrip("/").removesuffix(f"/{layout.MODEL}"))


def _renamed(study: LayersStudy, called: dict[str, str]) -> LayersStudy:
    """Return the study with its models by the names that a person knows."""
    return LayersStudy(
        study.spec,
        [{**about, "model": called[about["model"]]} for about in study.models],
        [{**row, "model": called[row["model"]]} for row in study.rows],
    )


STUDIES.page(_form, read_layers, _show)
