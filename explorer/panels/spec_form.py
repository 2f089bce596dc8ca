"""The form of a run: one widget a field of RunSpec, made from the field's own type, limits and description."""

from collections.abc import Callable, Iterable, Mapping

import streamlit as st
import yaml

from core.errors import IsobarError
from core.regularizers.settings import LABELS
from core.runs.settings import OF_REGULARIZER, SETTINGS_OF
from core.training.spec import REGULARIZERS, RunSpec
from explorer.panels.words import plain

FIRST = ("model", "task", "regularizer")
GROUPS = {
    "Regularizer": (*(name for name in OF_REGULARIZER if name in RunSpec.model_fields), "pooling", "layer"),
    "Training": (
        "epochs",
        "max_steps",
        "batch_size",
        "learning_rate",
        "warmup",
        "schedule",
        "weight_decay",
        "decayed",
        "max_grad_norm",
        "accumulation",
        "accumulated_cloud",
        "max_length",
        "precision",
        "device",
        "seed",
    ),
    "Data": ("train_size", "text_column", "text_pair_column", "label_column"),
    "Record": ("probe_per_class", "snapshots", "evaluations", "log_every", "save_model", "report_to"),
}
KEY = "spec_"  # a form of another key is another form, with values of its own


def values(form: str = KEY) -> dict:
    """Return the form's values as they are now: the fields' defaults until somebody changes them."""
    found = {name: st.session_state.get(form + name, field.default) for name, field in RunSpec.model_fields.items()}
    return {**found, "regularizer": _joined(found["regularizer"])}


def fill(settings: Mapping, form: str = KEY) -> None:
    """Put these settings into the form; must come before it is drawn."""
    for name, field in RunSpec.model_fields.items():
        value = settings.get(name, field.default)
        st.session_state[form + name] = _chosen(value) if name == "regularizer" else value


def parsed(form: str = KEY) -> tuple[RunSpec | None, str]:
    """Return the spec that the form describes, or None and the sentence that says what is wrong with it."""
    try:
        return RunSpec.parse({k: _given(k, v) for k, v in values(form).items()}), ""
    except IsobarError as error:
        return None, str(error)


def field(
    name: str,
    problem: str = "",
    *,
    options: Iterable[str] = (),
    label: str | None = None,
    form: str = KEY,
    format_func: Callable[[str], str] = str,
) -> None:
    """Draw the widget of the field `name`, and `problem` under it where it is about this field."""
    about = RunSpec.model_fields[name]
    key, help_ = form + name, about.description
    label = label or name.replace("_", " ")
    if key not in st.session_state:
        st.session_state[key] = _chosen(about.default) if name == "regularizer" else about.default
    kept = {"key": key, "help": help_, "persist_state": "session"}
    choices = RunSpec.choices(name)
    if name == "regularizer":
        st.pills(
            label, REGULARIZERS, selection_mode="multi", format_func=lambda c: LABELS.get(c, c),
            **{**kept, "help": "What is added to the task loss: one, several, or none for a baseline."},
        )  # fmt: skip
        if not st.session_state[key]:
            st.caption("None: a baseline.")
    elif choices:
        st.selectbox(label, choices, **kept)
    elif options:
        known = list(dict.fromkeys([*options, str(st.session_state[key])]))
        st.selectbox(label, known, accept_new_options=True, format_func=format_func, **kept)
    elif about.annotation is bool:
        st.toggle(label, **kept)
    elif about.annotation in (int, float):
        st.number_input(label, **_limits(name), **kept)
    else:
        st.text_input(label, **kept)
    if concerns(name, problem):
        st.error(plain(problem, 300))


def more(problem: str) -> None:
    """Draw all fields but the first three, in groups; of the regularizers, those of the chosen ones."""
    grouped = {name for names in GROUPS.values() for name in names} | set(FIRST)
    rest = tuple(name for name in RunSpec.model_fields if name not in grouped)
    chosen = {name for one in values()["regularizer"].split("+") for name in SETTINGS_OF.get(one, ())}
    for title, names in {**GROUPS, "Other": rest}.items():
        names = [name for name in names if name not in OF_REGULARIZER or name in chosen]
        if not names:
            continue
        st.markdown(f"**{title}**")
        for start in range(0, len(names), 3):
            row = st.columns(3, gap="small", vertical_alignment="bottom")
            for column, name in zip(row, names[start : start + 3], strict=False):
                with column:
                    field(name, problem)


def concerns(name: str, problem: str) -> bool:
    """Whether the sentence `problem` is about the field `name`."""
    return problem.startswith(f"{name} ")


def from_yaml(text: str) -> dict:
    """Return the settings in `text`, checked.

    Raises:
        IsobarError: it is no YAML, or holds a wrong value.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise IsobarError(f"This is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict):
        raise IsobarError("A spec holds lines 'name: value', such as 'task: grammar'.")
    return RunSpec.parse({k: v for k, v in found.items() if k != "record"}).model_dump()


def _chosen(value: str) -> list[str]:
    """Return the regularizers that a spec's ``regularizer`` names: what the widget holds."""
    return [name for name in str(value).split("+") if name in REGULARIZERS]


def _joined(chosen: str | list[str]) -> str:
    """Return a spec's ``regularizer`` from what the widget holds (or from the field's default)."""
    return chosen if isinstance(chosen, str) else "+".join(chosen) or "none"


def _given(name: str, value: object) -> object:
    """Return what a widget's empty text means: nothing given, where the field may be that."""
    return RunSpec.model_fields[name].default if value == "" else value


def _limits(name: str) -> dict:
    """Return what number_input must know of a field: limits, step and format, all of the field's own type."""
    about = RunSpec.model_fields[name]
    kind = about.annotation
    found: dict = {"step": 1, "format": "%d"} if kind is int else {"step": _step(about.default), "format": "%g"}
    for limit in about.metadata:
        if getattr(limit, "ge", None) is not None:
            found["min_value"] = kind(limit.ge)
        if getattr(limit, "le", None) is not None:
            found["max_value"] = kind(limit.le)
    return found


def _step(default: float) -> float:
    return {0.0: 0.1}.get(default, default / 4 if default < 0.01 else 0.01 if default < 0.5 else 0.5)
