"""What pages read of runs, kept between reruns for as long as the file behind it does not change.

A run is known here by its directory's name; the shipped sample by the name `SAMPLE`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import IsobarError, nearest
from core.file_version import FileVersion, file_version
from core.modalities import MODALITIES, Modality
from core.regularizers.registry import REGULARIZERS, settings_class
from core.runs import Run, Snapshot, layout, list_runs
from core.runs.notes import Note, read_note
from core.runs.reader import run_in
from core.runs.settings import OUTSIDE, experiment, label, regularizers, setting, words
from core.training.spec import RunSpec
from explorer import places
from explorer.panels.words import moment
from explorer.places import SAMPLE, SHIPPED, runs_dir

_OTHERS = {layout.INSPECTIONS: "inspection", layout.LAYERS: "study of layers", layout.LANDSCAPES: "landscape"}
_LOOK_BACK = 200  # of how many of the newest runs the state is read again and again


@dataclass(frozen=True)
class Row:
    """A run in one line: what the sidebar shows.

    Attributes:
        change: of anisotropy within classes, after less before; None where it isn't known.
        began: when, as the directory's name or the status says; empty where neither does.
        note: what a person said of it.
    """

    name: str
    state: str
    model: str
    task: str
    method: str
    seed: object
    change: float | None
    began: str = ""
    note: Note = field(default_factory=Note)

    @property
    def title(self) -> str:
        """The name that a person gave it, or task and model."""
        return self.note.name or f"{self.task} · {self.model}"


def find(name: str) -> Run:
    """Return the run called `name`.

    Raises:
        IsobarError: there is none.
    """
    if name in SHIPPED:
        return run_in(SHIPPED[name])
    # A name is a link's text: one that climbs out of the runs' folder is no name.
    if not name or Path(name).name != name or name in (".", ".."):
        raise IsobarError(f"There is no run {name!r}.")
    if not (runs_dir() / name).is_dir():
        raise IsobarError(f"There is no run {name!r}.{nearest(name, names())}")
    return run_in(runs_dir() / name)


def inspections() -> list[str]:
    """Return the names of all inspections, newest first."""
    return _names(str(_inspections_dir().absolute()))


def inspection(name: str) -> Run:
    """Return the inspection called `name`: a directory like a run's.

    Raises:
        IsobarError: there is none.
    """
    if not name or Path(name).name != name or name in (".", "..") or not (_inspections_dir() / name).is_dir():
        raise IsobarError(f"There is no inspection {name!r}.{nearest(name, inspections())}")
    return run_in(_inspections_dir() / name)


def _inspections_dir() -> Path:
    return runs_dir() / layout.INSPECTIONS


def models() -> dict[str, str]:
    """Return the models of finished runs: by path, what to call them."""
    found = {}
    for name in names()[:_LOOK_BACK]:
        run = Run(runs_dir() / name)
        if (run.path / layout.MODEL / "config.json").exists():
            of = row(run)
            found[str(run.path / layout.MODEL)] = f"run: {of.title} · {of.method} · seed {of.seed}"
    return found


def is_inspection(run: Run) -> bool:
    """Whether `run` is one: of one side alone, which no training came before or after."""
    return run.path.parent.name == layout.INSPECTIONS


def is_sample(run: Run) -> bool:
    """Whether `run` is one that ships with Isobar: the sample, or its baseline."""
    return run.path in SHIPPED.values()


def samples() -> list[str]:
    """Return the names of the runs that ship with Isobar and are installed."""
    return [name for name, path in SHIPPED.items() if (path / layout.SPEC).exists()]


def name_of(run: Run) -> str:
    """Return the name that `find` knows `run` by."""
    return next((name for name, path in SHIPPED.items() if path == run.path), run.name)


def names() -> list[str]:
    """Return the names of all runs, newest first."""
    return _names(str(runs_dir().absolute()))


def forget_names() -> None:
    """Read the folder of runs anew next time."""
    _names.clear()


@st.cache_data(ttl=2.0, show_spinner=False)
def _names(directory: str) -> list[str]:
    return [run.name for run in list_runs(directory)]


def newest() -> str | None:
    """Return the name of the run that was looked at last, or that began last; of the sample where there is none yet."""
    remembered = st.session_state.get("run")
    if remembered in (*names(), SAMPLE):
        return remembered
    return places.newest()


def row(run: Run) -> Row:
    """Return `run` in one line."""
    settings = spec(run)
    return Row(
        name=name_of(run),
        state=run.state,
        model=short(settings.get("model", "?")),
        task=short(settings.get("task", "?")),
        method=method(settings),
        seed=settings.get("seed", "?"),
        change=report(run).get("difference", {}).get("anisotropy_1_within"),
        began=run.name[:16] if moment(run.name) else str(run.status.get("started") or "")[:16],
        note=_note(str(run.path), file_version(run.path / layout.NOTE)),
    )


def short(name: object) -> str:
    """Return the last part of a path or Hub id."""
    return [part for part in str(name).replace("\\", "/").split("/") if part][-1:][0] if str(name).strip("/\\") else "?"


def method(settings: dict) -> str:
    """Return what the run's regularizers act on, in words; ``baseline`` without one."""
    return words(settings)


def regularized(settings: dict) -> str:
    """Return the run's regularizers in words; of one alone its name too."""
    said, used = method(settings), list(regularizers(settings))
    return f"{label(used[0])}: {said}" if len(used) == 1 and label(used[0]) not in said else said


def facts(run: Run) -> list[str]:
    """Return what else a run's header says: its weights, seed, when it began and on what device."""
    settings = spec(run)
    alone = len(regularizers(settings)) == 1
    said = [
        *(["trained outside"] if trained_outside(run) else []),
        *(f"{_in_words(name, alone)} {value:g}" for name, value in weights(settings).items()),
        f"seed {settings.get('seed', '?')}",
        moment(run.name),
        str(run.status.get("device") or ""),
    ]
    return [fact for fact in said if fact]


def trained_outside(run: Run) -> bool:
    """Whether somebody's own Trainer trained it, so that its settings are what is known of them."""
    return bool(spec(run).get(OUTSIDE))


def weights(settings: dict) -> dict[str, float]:
    """Return what weighs the run's regularizers: each one's weight, and other factors of a part of it that are not 0."""
    found = {}
    for name, of in regularizers(settings).items():
        factors = settings_class(name).factors if name in REGULARIZERS else ()
        for key in ("weight", *factors):
            if isinstance(value := of.get(key), int | float) and (value or key == "weight"):
                found[f"{name}.{key}"] = value
    return found


def _in_words(name: str, alone: bool) -> str:
    """Return a setting as ``koleo.weight`` in words, without the regularizer where that is alone."""
    regularizer, _, setting = name.partition(".")
    setting = setting.replace("_", " ")
    return setting if alone else f"{label(regularizer)} {setting}"


def active() -> list[Run]:
    """Return the runs that run or wait, oldest first."""
    found = [Run(runs_dir() / name) for name in names()[:_LOOK_BACK]]
    return [run for run in reversed(found) if run.state in ("running", "queued")]


def others_under_way() -> list[str]:
    """Return what else than a run is under way, in words: inspections and studies."""
    found = []
    for folder, word in _OTHERS.items():
        names = _names(str((runs_dir() / folder).absolute()))[:20]
        count = sum(Run(runs_dir() / folder / name).state in ("running", "queued") for name in names)
        found += [f"{word} under way" + (f", {count - 1} waiting" if count > 1 else "")] if count else []
    return found


def baseline_of(run: Run) -> Run | None:
    """Return the newest finished run of the same data that differs from `run` in nothing but having no regularizer."""
    settings, defaults = spec(run), RunSpec.defaults()
    if not regularizers(settings):
        return None
    own, data = experiment({**defaults, **settings}), fingerprint(run)
    for other in [Run(SHIPPED["sample-baseline"])] if is_sample(run) else _beside(run):
        found = spec(other)
        if not found or regularizers(found) or found.get("seed") != settings.get("seed"):
            continue
        same_data = data is None or (its := fingerprint(other)) is None or its == data
        if same_data and experiment({**defaults, **found}) == own and _ended(other):
            return other
    return None


def _beside(run: Run) -> list[Run]:
    """Return the newest runs of the folder that `run` lies in."""
    folder = run.path.absolute().parent
    return [Run(folder / name) for name in _names(str(folder))[:_LOOK_BACK]]


def repetitions(run: Run) -> list[Run]:
    """Return the finished runs that differ from `run` in nothing but the seed, the newest first, and `run` among them."""
    if is_sample(run):
        return [run]
    defaults = RunSpec.defaults()
    own = setting({**defaults, **spec(run)})
    others = _beside(run)
    return [
        other
        for other in others
        if other.name == run.name or (spec(other) and _ended(other) and setting({**defaults, **spec(other)}) == own)
    ]


def _ended(run: Run) -> bool:
    """Whether `run` came to its end: one that was stopped has a report too, of as far as it came."""
    return run.state == "finished" and bool(report(run))


def spec(run: Run) -> dict:
    """Return the run's settings; empty where they can't be read."""
    return _spec(str(run.path), file_version(run.path / layout.SPEC))


def record(run: Run) -> dict:
    """Return what was found of versions, machine, model and data; empty where it can't be read."""
    return _record(str(run.path), file_version(run.path / layout.SPEC), file_version(run.path / layout.RECORD))


def recorded_task(run: Run) -> dict:
    """Return what the record says of the task: its name, metrics, names of the labels; empty where it says nothing."""
    found = record(run).get("task")
    return found if isinstance(found, dict) else {}


def fingerprint(run: Run) -> str | None:
    """Return what tells the run's data from other data; None where it is not recorded."""
    found = recorded_task(run).get("fingerprint")
    return str(found) if found else None


def modality(run: Run) -> Modality:
    """Return what the run's examples are: texts, unless it is recorded that they are something else."""
    return MODALITIES.get(str(recorded_task(run).get("modality")), MODALITIES["text"])


def notes(run: Run) -> list[str]:
    """Return what was guessed, left out or cut on the way from the data, and what was told of the training, a sentence each."""
    told = [*(recorded_task(run).get("notes") or []), *(note.get("text", "") for note in run.rows("note"))]
    return list(dict.fromkeys(map(str, told)))


def report(run: Run) -> dict:
    """Return the run's report; empty where there is none."""
    return _report(str(run.path), file_version(run.path / layout.REPORT))


def events(run: Run) -> pd.DataFrame:
    """Return the run's events, a row each."""
    return _events(str(run.path), file_version(run.path / layout.EVENTS))


def events_stamp(run: Run) -> FileVersion:
    """Return what changes whenever a line is added to the run's events."""
    return file_version(run.path / layout.EVENTS)


def run_stamp(run: Run) -> tuple:
    """Return what changes whenever the run's settings, status or report do."""
    return tuple(file_version(run.path / name) for name in (layout.SPEC, layout.RECORD, layout.STATUS, layout.REPORT))


def probe(run: Run) -> pd.DataFrame:
    """Return the probe set's examples and labels."""
    return _probe(str(run.path), file_version(run.path / layout.PROBE))


def snapshot(run: Run, step: int) -> Snapshot | None:
    """Return the snapshot of `step`, or None where there is none that can be read."""
    return _snapshot(str(run.path), step, snapshot_version(run, step))


def snapshot_version(run: Run, step: int) -> FileVersion:
    """Return what the snapshot of `step` is known by without being read."""
    return file_version(run.path / layout.SNAPSHOTS / layout.snapshot_name(step))


def before(run: Run) -> Snapshot | None:
    """Return the snapshot of step 0, or None."""
    return snapshot(run, 0) if run.steps[:1] == [0] else None


def after(run: Run) -> Snapshot | None:
    """Return the last snapshot that can be read and is not of step 0, or None."""
    return next((found for step in reversed(run.steps) if step and (found := snapshot(run, step))), None)


def missing(run: Run) -> list[str]:
    """Return what the run's state promises and its directory does not hold, a sentence each."""
    found = []
    if not spec(run):
        found.append(run.refused or "The settings (spec.yaml) can't be read.")
    if run.steps and probe(run).empty:
        found.append(f"The {modality(run).many} of the probe set (probe.parquet) can't be read.")
    if run.state == "finished":
        if not report(run):
            found.append("The report (report.json) can't be read: the cards below stay empty.")
        if before(run) is None:
            found.append("The snapshot before training can't be read.")
        if not is_inspection(run):
            shown, last = after(run), run.steps[-1] if run.steps else 0
            if shown is None:
                found.append("There is no snapshot after training that can be read.")
            elif shown.step != last:
                found.append(
                    f"The last snapshot, of step {last}, can't be read: what is shown as after is step {shown.step}."
                )
    return found


# The files' versions are a part of each cache's key: a file that changed is read again.
@st.cache_data(max_entries=4096, show_spinner=False)
def _spec(path: str, version: FileVersion) -> dict:
    return Run(Path(path)).spec


@st.cache_data(max_entries=4096, show_spinner=False)
def _note(path: str, version: FileVersion) -> Note:
    return read_note(path)


@st.cache_data(max_entries=4096, show_spinner=False)
def _record(path: str, *versions: FileVersion) -> dict:
    return Run(Path(path)).record


@st.cache_data(max_entries=4096, show_spinner=False)
def _report(path: str, version: FileVersion) -> dict:
    return Run(Path(path)).report


@st.cache_resource(max_entries=16, show_spinner=False)
def _events(path: str, version: FileVersion) -> pd.DataFrame:
    return Run(Path(path)).events


@st.cache_resource(max_entries=16, show_spinner=False)
def _probe(path: str, version: FileVersion) -> pd.DataFrame:
    return Run(Path(path)).probe


@st.cache_resource(max_entries=48, show_spinner=False)
def _snapshot(path: str, step: int, version: FileVersion) -> Snapshot | None:
    return Run(Path(path)).snapshot(step)
