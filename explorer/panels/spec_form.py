"""The form of a run: one widget a field of RunSpec, made from the field's own type, limits and description.

The page's address holds what differs from the defaults, a name a field, as ``seed`` or ``koleo.weight``.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from core import yaml_text
from core.errors import IsobarError
from core.regularizers.chosen import setting_choices
from core.regularizers.registry import REGULARIZERS, settings_class
from core.runs.settings import label as label_of
from core.training.spec import RunSpec
from explorer.panels import address, fitting
from explorer.panels.words import plain

FIRST = ("model", "task", "regularizers")
GROUPS = {
    "Embedding": ("pooling", "layer"),
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
    "Record": (
        "probe_per_class",
        "snapshots",
        "evaluations",
        "checkpoint_minutes",
        "log_every",
        "save_model",
        "report_to",
    ),
}
KEY = "spec_"  # a form of another key is another form, on another page


def values() -> dict:
    """Return the form's values as the address has them: the fields' defaults until somebody changes them."""
    found = {name: value(name) for name in RunSpec.model_fields}
    chosen = {
        name: {key: _given(f"{name}.{key}", value(f"{name}.{key}")) for key in settings_class(name).model_fields}
        for name in REGULARIZERS
        if name in found["regularizers"]
    }
    return {**found, "regularizers": chosen}


def fill(settings: Mapping) -> None:
    """Put these settings into the form; must come before it is drawn."""
    spec = RunSpec.parse(settings)
    found = {name: getattr(spec, name) for name in RunSpec.model_fields} | {"regularizers": list(spec.regularizers)}
    for name in REGULARIZERS:
        of = spec.regularizers.get(name) or settings_class(name)()
        found |= {f"{name}.{key}": getattr(of, key) for key in type(of).model_fields}
    address.put(found, {name: default(name) for name in found})


def left(form: str = KEY) -> dict[str, str]:
    """Return the address that the form was left with."""
    return st.session_state.get(f"{form}left", {})


def parsed(form: str = KEY) -> tuple[RunSpec | None, str]:
    """Return the spec that the form describes, or None and the sentence that says what is wrong with it."""
    st.session_state[f"{form}left"] = st.query_params.to_dict()
    try:
        spec = RunSpec.parse({k: _given(k, v) for k, v in values().items()})
    except IsobarError as error:
        return None, str(error)
    problem = fitting.problem(spec)
    return (None, problem) if problem else (spec, "")


def field(
    name: str,
    problem: str = "",
    *,
    options: Iterable[str] = (),
    label: str | None = None,
    form: str = KEY,
    format_func: Callable[[str], str] = str,
) -> None:
    """Draw the widget of the field `name`, or of a regularizer's, as ``koleo.weight``, and `problem` under it where it is about it."""
    about = _about(name)
    label = label or name.replace("_", " ").replace(".", " · ")
    of = {"key": form + name, "at": name, "default": default(name), "help": about.description}
    if name == "regularizers":
        what = "\n".join(f"- **{_title(one)}**: {settings_class(one).__doc__}" for one in REGULARIZERS)
        of["help"] = f"What is added to the task loss: one, several, or none for a baseline.\n\n{what}"
        chosen = address.widget(
            st.pills, label, list(REGULARIZERS), selection_mode="multi", format_func=_title, **of
        )  # fmt: skip
        if not chosen:
            st.caption("None: a baseline.")
    elif choices := _choices(name):
        address.widget(st.selectbox, label, choices, **of)
    elif options:
        known = list(dict.fromkeys([*options, str(value(name))]))
        then = partial(fitting.chosen, name, value(name), to_train=form == KEY) if name in ("model", "task") else None
        address.widget(st.selectbox, label, known, accept_new_options=True, format_func=format_func, then=then, **of)
    elif about.annotation is bool:
        address.widget(st.toggle, label, **of)
    elif about.annotation in (int, float):
        address.widget(st.number_input, label, **_limits(name), **of)
    else:
        address.widget(st.text_input, label, **of)
    if concerns(name, problem):
        st.error(plain(problem, 300))


def more(problem: str) -> None:
    """Draw all fields but the first three, in groups; of the regularizers, those of the chosen ones."""
    grouped = {name for names in GROUPS.values() for name in names} | set(FIRST)
    rest = tuple(name for name in RunSpec.model_fields if name not in grouped)
    chosen = values()["regularizers"]
    # Where one is chosen, its name would say nothing.
    groups = {_title(one): tuple(f"{one}.{key}" for key in settings) for one, settings in chosen.items()}
    named = {name: name.partition(".")[2].replace("_", " ") for names in groups.values() for name in names}
    for title, names in {**groups, **GROUPS, "Other": rest}.items():
        if not names:
            continue
        st.markdown(f"**{title}**")
        for start in range(0, len(names), 3):
            row = st.columns(3, gap="small", vertical_alignment="bottom")
            for column, name in zip(row, names[start : start + 3], strict=False):
                with column:
                    field(name, problem, label=named.get(name))


def concerns(name: str, problem: str) -> bool:
    """Whether the sentence `problem` is about the field `name`."""
    return problem.startswith(f"{name} ")


def is_told(problem: str) -> bool:
    """Whether one of the fields that are drawn tells the sentence `problem`."""
    of_regularizers = (f"{name}.{key}" for name, settings in values()["regularizers"].items() for key in settings)
    return any(concerns(name, problem) for name in (*RunSpec.model_fields, *of_regularizers))


def from_yaml(text: str) -> dict:
    """Return the settings in `text`, checked.

    Raises:
        IsobarError: it is no YAML, or holds a wrong value.
    """
    try:
        found = yaml_text.parsed(text)
    except ValueError as error:
        raise IsobarError(f"This can't be read as YAML: {error}.") from error
    if not isinstance(found, dict):
        raise IsobarError("A spec holds lines 'name: value', such as 'task: grammar'.")
    return RunSpec.of_file(found, "the settings in this text").model_dump()


def _title(name: str) -> str:
    """Return the regularizer `name` as a title has it."""
    label = label_of(name)
    return label[:1].upper() + label[1:]


def _about(name: str) -> FieldInfo:
    regularizer, _, setting = name.rpartition(".")
    return settings_class(regularizer).model_fields[setting] if regularizer else RunSpec.model_fields[name]


def default(name: str) -> Any:
    """Return what the field `name` holds until somebody changes it: of the regularizers, their names."""
    found = _about(name).default
    return list(found) if name == "regularizers" else found


def value(name: str) -> Any:
    """Return what the field `name` holds."""
    options = list(REGULARIZERS) if name == "regularizers" else _choices(name) or None
    limits = {"low": "min_value", "high": "max_value"}
    given = _limits(name) if _about(name).annotation in (int, float) else {}
    return address.read(name, default(name), options, **{ours: given.get(theirs) for ours, theirs in limits.items()})


def _choices(name: str) -> tuple[str, ...]:
    regularizer, _, setting = name.rpartition(".")
    return tuple(setting_choices(regularizer, setting) if regularizer else RunSpec.choices(name))


def _given(name: str, value: object) -> object:
    """Return what a widget's empty text means: nothing given, where the field may be that."""
    return _about(name).default if value == "" else value


def _limits(name: str) -> dict:
    """Return what number_input must know of a field: limits, step and format, all of the field's own type."""
    about = _about(name)
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
