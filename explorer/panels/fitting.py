"""Whether the model that a form has chosen reads what the task holds, and the built-in one that does."""

from pathlib import Path

import streamlit as st

from core.errors import IsobarError
from core.file_version import FileVersion, file_version
from core.modalities import MODALITIES
from core.models import BUILT_IN as MODELS
from core.models.modality import modality_of_model
from core.tasks import BUILT_IN as TASKS
from core.tasks import check_columns, modality_of_task
from core.training.presets import preset_settings, presets
from core.training.spec import RunSpec
from core.training.stored import is_stored
from explorer.panels import address

_LARGEST = 100 << 20  # bytes of a file that is looked into while somebody waits for the page
_COLUMNS = ("text_column", "text_pair_column")
_BUILT_IN = {"model": {name: model.modality for name, model in MODELS.items()}, "task": TASKS}


def many(task: str, spec: RunSpec | None = None) -> str:
    """Return what a task's examples are called: texts, where nothing says that they are something else."""
    columns = [getattr(spec, name) for name in _COLUMNS] if spec else []
    return MODALITIES[_held_by(task, *columns) or "text"].many


def chosen(name: str, was: str, *, to_train: bool) -> None:
    """Do what the choice of another task, or model, in the form means for the rest of it; `name` says which, `was` the one before.

    Columns are those of the data that they were named for.
    """
    defaults = RunSpec.defaults()
    if name == "task" or is_stored(was) or is_stored(address.read(name, defaults[name])):
        address.put({column: defaults[column] for column in (*_COLUMNS, "label_column")}, defaults)
    follow(name, to_train=to_train)


def follow(chosen: str, *, to_train: bool) -> None:
    """Let the task, or the model, of the form follow the other one, which was `chosen`, where it is built in and doesn't fit.

    Where it is `to_train`, so do the settings that nobody has changed.
    """
    _follow(chosen)
    if to_train:
        _settle()


def _settle() -> None:
    """Let what nobody has changed be as in the preset of the task and its model, which is trained from scratch."""
    defaults = RunSpec.defaults()
    made = {name: preset_settings(name) for name in presets() if name in TASKS}
    preset = made.get(address.read("task", defaults["task"]), {})
    if preset.get("model") != address.read("model", defaults["model"]):
        preset = {}
    names = {name for settings in made.values() for name in settings} - {"model", "task", "regularizers", "regularizer"}
    now = {name: address.read(name, defaults[name]) for name in names}
    untouched = {n for n in names if now[n] in [defaults[n], *(made[one].get(n) for one in made)]}
    address.put({name: preset.get(name, defaults[name]) for name in untouched}, defaults)


def _follow(chosen: str) -> None:
    other = {"model": "task", "task": "model"}[chosen]
    defaults = RunSpec.defaults()
    model, task = (address.read(name, defaults[name]) for name in ("model", "task"))
    if {"model": model, "task": task}[other] not in _BUILT_IN[other]:
        return
    columns = [address.read(column, None) or None for column in _COLUMNS]
    kinds = {"model": modality_of_model(model), "task": _held_by(task, *columns)}
    fitting = next((one for one, kind in _BUILT_IN[other].items() if kind == kinds[chosen]), None)
    if kinds[chosen] in (None, kinds[other]) or fitting is None:
        return
    address.put({other: fitting}, defaults)
    st.toast(
        f"The {other} is {fitting} now, which {'reads' if other == 'model' else 'is of'} {MODALITIES[kinds[chosen]].many}.",
        icon=":material/sync_alt:",
    )


def problem(spec: RunSpec) -> str:
    """Return in a sentence that the model of `spec` doesn't read what its task holds, or that the task has no such columns."""
    if is_stored(spec.model):
        return ""
    try:
        check_columns(spec.task, spec.text_column, spec.text_pair_column, spec.label_column)
    except IsobarError as error:
        return str(error)
    reads = modality_of_model(spec.model)
    held = _held_by(spec.task, *(getattr(spec, name) for name in _COLUMNS))
    if None in (reads, held) or reads == held:
        return ""
    fitting = next(one for one, kind in _BUILT_IN["model"].items() if kind == held)
    wanted = MODALITIES[held].many
    return (
        f"model {spec.model!r} reads {MODALITIES[reads].many}, but the task {spec.task!r} is of {wanted}; choose one that "
        f"reads {wanted}, such as {fitting}, or another task."
    )


def _held_by(task: str, *columns: str | None) -> str | None:
    if task in TASKS:
        return TASKS[task]
    try:
        path = Path(task).expanduser()
        if path.is_file() and path.stat().st_size > _LARGEST:
            return None
        return _of_files(task, file_version(path), columns)
    except (OSError, RuntimeError, ValueError):
        return None


# A file is looked into once, however often the page is drawn.
@st.cache_data(max_entries=64, show_spinner=False)
def _of_files(task: str, version: FileVersion, columns: tuple[str | None, ...]) -> str | None:
    return modality_of_task(task, *columns)
