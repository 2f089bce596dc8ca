"""Does geometry predict the score? Many states of one model, each measured and then fine-tuned."""

import math

import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import MEASURES as CATALOGUE
from core.models import BUILT_IN as MODELS
from core.runs import Run, layout
from core.studies.landscape import (
    FILE,
    NOISE,
    Landscape,
    LandscapeSpec,
    read_landscape,
)
from core.studies.predictions import Prediction, predictions, verdict
from core.tasks import BUILT_IN as TASKS
from explorer.charts.predicting import residuals, scatter, states
from explorer.panels import address, data, links
from explorer.panels.estimate import estimate
from explorer.panels.figure import figure
from explorer.panels.studies import Studies
from explorer.panels.words import DASH, meaning, plain

STUDIES = Studies("landscape", layout.LANDSCAPES, FILE, links.LANDSCAPE)
_COLUMNS = ("spearman", "ladder", "given_noise", "off", "pearson")
_HEADS = {
    "spearman": ("Spearman", "Over all points."),
    "ladder": ("On the ladder", "Spearman over the points whose weights hold more or less noise, and no other change."),
    "given_noise": (
        "Given the noise",
        "The partial correlation on the ladder: what the measure says beyond the level of the noise.",
    ),
    "off": (
        "Off the ladder",
        "Spearman over the states that are on no ladder: shuffled, made anew, other models, and as it is.",
    ),
    "pearson": ("Pearson", "Over all points."),
}


@st.cache_data(max_entries=32, show_spinner=False)
def _told(version: tuple, task: str, _found: Landscape) -> tuple[str, list[Prediction]]:
    told = predictions(_found, task)
    return verdict(task, told), told


def _show(run: Run, found: Landscape) -> None:
    if not found.points:  # it was stopped before the first was finished
        return
    version = STUDIES.version(run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        task = address.widget(
            st.selectbox, "Task", found.tasks, key="task", default=found.tasks[0], format_func=data.short
        )
        said, told = _told(version, task, found)
        predictors = [one.name for one in told] or [NOISE]
        by = address.widget(
            st.selectbox,
            "Predictor",
            predictors,
            key="predictor",
            default=predictors[min(1, len(predictors) - 1)],
            format_func=_label,
        )
    st.markdown(plain(said, 900))
    frame = states(found, task, by)
    metric = meaning(next(point["metric"] for point in found.points if point["task"] == task)).label
    if frame.empty:
        st.info(f"{_label(by)} has no value in any of these states.")
    else:
        prediction = next(one for one in told if one.name == by)
        with st.container(border=True):
            figure(
                lambda: scatter(
                    frame,
                    x=_label(by),
                    y=f"{metric} after fine-tuning",
                    title=f"{metric} on {data.short(task)} against {_label(by)} before fine-tuning",
                    description=f"{len(frame)} points. Spearman {_interval(prediction.spearman)}.",
                    logarithmic=by == NOISE,
                ),
                key="landscape",
                of=(version, task, by),
            )
        if by != NOISE and frame["fit"].notna().any():
            with st.expander("What the line leaves", icon=":material/scatter_plot:"):
                figure(
                    lambda: residuals(frame, x=_label(by), y=metric, title="What the line leaves of every score"),
                    key="residuals",
                    of=(version, task, by),
                )
    st.dataframe(
        pd.DataFrame(
            {
                "predictor": _label(one.name),
                "points": one.n,
                **{_HEADS[c][0]: _rounded(getattr(one, c)[0]) for c in _COLUMNS},
                "Interval, given the noise": _bounds(one.given_noise),
            }
            for one in told
        ),
        hide_index=True,
        placeholder=DASH,
        column_config={
            head: st.column_config.NumberColumn(format="%+.2f", help=help_) for head, help_ in _HEADS.values()
        },
    )
    st.caption(
        "Each point is one state of the model: its token states are measured, then it is fine-tuned. Intervals are 95 % bootstraps over "
        "states. A correlation over a ladder of noise says mostly “more noise, worse”: see what is left given the noise, and off the ladder."
    )
    if found.failed:
        with st.expander(f"Did not finish: {len(found.failed)}", icon=":material/info:"):
            for name, why in found.failed.items():
                st.caption(f"{plain(name, 80)}: {plain(why, 300)}")


def _label(name: str) -> str:
    return CATALOGUE[name].label if name in CATALOGUE else name.capitalize()


def _rounded(value: float) -> float | None:
    """Round to what is shown, as sentences do: rounded to more digits first, 0.4646 would be 0.465 and then 0.47. Zero has no minus."""
    return round(value, 2) + 0.0 if math.isfinite(value) else None


def _bounds(value: tuple[float, float, float]) -> str:
    return (
        f"{_rounded(value[1]):+.2f} to {_rounded(value[2]):+.2f}"
        if math.isfinite(value[1]) and math.isfinite(value[2])
        else "–"
    )


def _interval(value: tuple[float, float, float]) -> str:
    return f"{value[0]:+.2f}, {_bounds(value)}" if math.isfinite(value[0]) else "undefined"


def _form() -> None:
    st.subheader("Does geometry predict the score?", anchor=False)
    runs, fields = data.models(), LandscapeSpec.model_fields
    with st.container(border=True, gap="medium"):
        model = address.widget(
            st.selectbox,
            "Model",
            list(dict.fromkeys([*MODELS, *runs, address.read("model", "minilm")])),
            format_func=lambda path: runs.get(path, path),
            accept_new_options=True,
            key="landscape_model",
            at="model",
            default="minilm",
        )
        tasks = address.widget(
            st.multiselect,
            "Tasks",
            [name for name in TASKS if name not in ("digits", "tones")],
            default=["grammar"],
            accept_new_options=True,
            key="landscape_tasks",
            at="tasks",
        )
        weights = address.widget(
            st.multiselect,
            "States",
            list(fields["weights"].default),
            default=list(fields["weights"].default),
            accept_new_options=True,
            format_func=_state,
            key="landscape_weights",
            at="weights",
        )
        st.caption("Changes of the weights: noise is the ladder; the others are on none.")
        also = address.widget(
            st.multiselect,
            "Other models beside it",
            list(runs),
            default=[],
            format_func=lambda path: runs.get(path, path),
            accept_new_options=True,
            key="landscape_also",
            at="also",
        )
        numbers = (
            ("seeds", "Seeds", 1, 100, fields["seeds"].default),
            ("sentences", "Sentences measured", 2, 100_000, fields["sentences"].default),
            ("steps", "Steps of each fine-tuning", 1, 100_000, 100),
        )
        with st.container(horizontal=True, gap="medium"):
            seeds, sentences, steps = (
                address.widget(
                    st.number_input, label, key=f"landscape_{at}", at=at, default=value, min_value=low, max_value=high
                )
                for at, label, low, high, value in numbers
            )
    given = {
        "model": model,
        "tasks": tasks,
        "weights": weights,
        "also": also,
        "seeds": seeds,
        "sentences": sentences,
        "train": {"max_steps": steps, "snapshots": 2, "evaluations": 1, "save_model": False},
    }
    try:
        spec, problem = LandscapeSpec.parse(given, "the form"), ""
    except IsobarError as error:
        spec, problem = None, str(error)
    if problem:
        st.error(plain(problem, 300), icon=":material/error:")
    asked = st.button(
        "Start", type="primary", icon=":material/landscape:", disabled=spec is None, on_click=address.catch_up
    )
    if asked and spec is not None:
        STUDIES.start(spec)
    if spec is not None:
        cells = spec.cells()
        st.caption(
            f"{len(cells):,} runs, one after the other. Each: {estimate(cells[0]).words} Measuring its tokens comes on top. It can be "
            "stopped and gone on with; `isobar landscape --processes` runs several at a time."
        )


def _state(change: str) -> str:
    return change or "as it is"


STUDIES.page(_form, read_landscape, _show)
