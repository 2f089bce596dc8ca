"""About how long runs will take, judged by the steps of earlier runs of the same model."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np

from core.errors import IsobarError
from core.file_version import FileVersion, file_version
from core.runs import Run, layout
from core.runs.pace import Pace, duration, pace_of
from core.runs.settings import OUTSIDE
from core.table_files import SUFFIXES, read_table
from core.tasks import BUILT_IN, ENDLESS
from core.tasks.columns import VALIDATION_SHARE, Columns, Split, unlabelled_texts
from core.tasks.files import tables_of
from core.training.spec import RunSpec

LOOK_BACK = 30
"""Of so many of the newest runs the times are read."""
_LARGEST = 100 << 20  # bytes of a local file whose rows are counted while somebody waits
_IN_A_PIECE = 4.5  # characters, on average
_SAMPLE = 500  # rows of a file whose lengths are looked at


@dataclass(frozen=True)
class Estimate:
    """What a run will take, and what that is judged by.

    Attributes:
        seconds: in all; None where no earlier run of the model says.
        steps: optimizer steps; None where the training examples can't be counted.
        runs: how many earlier runs it goes by; 0 where it goes by the one that ships with Isobar.
        same_task: whether those were of the same task, whose examples are as long.
    """

    seconds: float | None
    steps: int | None
    runs: int = 0
    same_task: bool = False

    @property
    def words(self) -> str:
        """The estimate as a sentence."""
        steps = "" if self.steps is None else f"{self.steps:,} steps"
        if self.seconds is None:
            return f"{steps}. " * bool(steps) + "How long they take, no earlier run of this model says."
        return f"About {duration(rounded(self.seconds))} for {steps}, judged by {self.judge}."

    @property
    def judge(self) -> str:
        """What it is judged by."""
        of = "this model and task" if self.same_task else "this model on other tasks"
        by = f"{self.runs} earlier runs of {of}" if self.runs > 1 else f"an earlier run of {of}"
        return by if self.runs else "the sample run, which two cores trained"


@dataclass(frozen=True, eq=False)
class _Seen:
    """What an earlier run says: its settings, its pace, and how many characters its texts had; NaN where they are none."""

    settings: Mapping
    pace: Pace | None
    characters: np.ndarray


def estimate(spec: RunSpec, runs: Iterable[Run], shipped: Sequence[Run] = ()) -> Estimate:
    """Return about how long `spec` will take.

    A step's time grows with the examples in it and with their length, an evaluation's with that, a snapshot's also with
    the probe set; what is left (loading, saving) is taken as it was. The median over the runs, those of the same task
    where there are any.

    Args:
        spec: the run.
        runs: earlier ones, newest first, of which :data:`LOOK_BACK` are enough.
        shipped: runs that come with Isobar, by which it goes where no other is of the model.
    """
    own, samples = [_seen(run) for run in runs], [_seen(run) for run in shipped]
    steps = _steps(spec, _rows(spec))
    judged = [one for one in own if _is_of(one, spec)]
    counted = len(judged)
    judged = judged or [one for one in samples if _is_of(one, spec)][:1]
    if not judged or steps is None:
        return Estimate(None, steps)
    same = [one for one in judged if one.settings.get("task") == spec.task]
    of_all = [*own, *samples]
    seconds = statistics.median(_seconds(spec, steps, one, of_all) for one in same or judged)
    return Estimate(seconds, steps, len(same or judged) if counted else 0, bool(same))


def in_all(specs: Sequence[RunSpec], runs: Sequence[Run], shipped: Sequence[Run] = ()) -> str:
    """Return in words how long all of `specs` will take, one after the other; or that it is known later."""
    found = [estimate(spec, runs, shipped) for spec in specs]
    if not found:
        return "nothing takes long"
    if any(one.seconds is None for one in found):
        return "how long they take is known when the first have ended"
    first = found[0]
    return f"one after the other about {duration(rounded(sum(one.seconds for one in found)))}, judged by {first.judge}"


def rounded(seconds: float) -> float:
    """Return `seconds` with no more digits than an estimate deserves."""
    unit = 5 if seconds < 60 else 10 if seconds < 300 else 60 if seconds < 7200 else 600
    return max(round(seconds / unit) * unit, unit)


def _is_of(one: _Seen, spec: RunSpec) -> bool:
    sizes = (one.settings.get(name, 1) for name in ("batch_size", "accumulation", "probe_per_class"))
    legible = "batch_size" in one.settings and all(isinstance(size, int) and size > 0 for size in sizes)
    return (
        one.settings.get("model") == spec.model and not one.settings.get(OUTSIDE) and one.pace is not None and legible
    )


def _seen(run: Run) -> _Seen:
    names = (layout.SPEC, layout.RECORD, layout.EVENTS, layout.PROBE)
    return _read(str(run.path), tuple(file_version(run.path / name) for name in names))


# A run is read once, however often somebody changes a form; one that goes on is read again.
@lru_cache(maxsize=512)
def _read(path: str, versions: tuple[FileVersion, ...]) -> _Seen:
    run = Run(Path(path))
    probe, task = run.probe, run.record.get("task")
    modality = task.get("modality") if isinstance(task, dict) else None
    characters = np.full(1, math.nan)
    if not probe.empty and modality in (None, "text"):
        columns = [probe[name].astype(str).str.len() for name in ("text", "text_pair") if name in probe]
        characters = sum(columns).to_numpy() if columns else characters
    return _Seen(run.spec, pace_of(run.events), characters)


def _seconds(spec: RunSpec, steps: int, one: _Seen, others: Sequence[_Seen]) -> float:
    """Return how long `spec` would take if all went as in the run `one`; `others` may be of its task."""
    found, settings, wanted = one.pace, one.settings, spec.model_dump()
    longer = _length(spec, wanted["max_length"], others) / _read_length(one, settings.get("max_length"))
    longer = longer if math.isfinite(longer) else 1.0
    step = found.step * longer * _examples(wanted) / _examples(settings)
    probes = spec.probe_per_class / (settings.get("probe_per_class") or spec.probe_per_class)
    beside = found.evaluation * (spec.evaluations + 1) + found.snapshot * probes * spec.snapshots
    return step * steps + longer * beside + found.rest


def _examples(settings: Mapping) -> float:
    """Return what a step costs, in examples that go forward and backward once: an accumulated cloud takes a forward pass more, a third of both."""
    several = settings.get("accumulation", 1) > 1
    two = settings.get("accumulated_cloud") and several and settings.get("regularizers")
    return settings["batch_size"] * settings.get("accumulation", 1) * (4 / 3 if two else 1.0)


def _length(spec: RunSpec, longest: int, others: Sequence[_Seen]) -> float:
    """Return about how long the texts of `spec` are, in word pieces that are read; NaN where that is not known."""
    for one in others:
        if one.settings.get("task") == spec.task and (found := _read_length(one, longest)) == found:
            return found
    try:
        path = Path(spec.task).expanduser()
        if not path.is_file() or path.suffix.lower() not in SUFFIXES or path.stat().st_size > _LARGEST:
            return math.nan
        characters = _characters(file_version(path), spec.text_column, spec.text_pair_column)
    except (IsobarError, OSError, RuntimeError):
        return math.nan
    return _pieces(characters, longest)


def _read_length(one: _Seen, longest: int | None) -> float:
    """Return about how many word pieces of an example were read in a run; NaN where its examples are no texts."""
    return _pieces(one.characters, longest) if longest else math.nan


@lru_cache(maxsize=64)
def _characters(file: FileVersion, *columns: str | None) -> np.ndarray:
    split = Split(read_table(Path(file[0])).slice(0, _SAMPLE), file[0])
    found = unlabelled_texts(split, Columns(*columns)).frame
    if "text" not in found:
        return np.full(1, math.nan)
    return sum(found[name].str.len() for name in ("text", "text_pair") if name in found).to_numpy()


def _pieces(characters: np.ndarray, longest: int) -> float:
    return float(np.minimum(characters / _IN_A_PIECE + 2, longest).mean())


def _rows(spec: RunSpec) -> int | None:
    """Return how many examples `spec` trains on, or None where that can't be told without loading them."""
    rows = _train_rows(spec.task)
    if not spec.train_size:
        return rows
    return spec.train_size if rows is None or spec.task in ENDLESS else min(spec.train_size, rows)


def _train_rows(task: str) -> int | None:
    if task in BUILT_IN:
        return import_module(f"core.tasks.{task}").TRAIN_SIZE
    try:
        path = Path(task).expanduser()
        if path.is_dir():
            tables = tables_of(path)
            if tables is None or any(file.is_dir() for file in tables.splits[tables.train]):
                return None
            counts = [_file_rows(str(file)) for file in tables.splits[tables.train]]
            return None if None in counts else sum(counts)
        rows = _file_rows(str(path)) if path.is_file() else None
    except (IsobarError, OSError, RuntimeError):
        return None
    return None if rows is None else rows - round(VALIDATION_SHARE * rows)


def _file_rows(name: str) -> int | None:
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES or path.stat().st_size > _LARGEST:
        return None
    return _counted(file_version(path))


@lru_cache(maxsize=64)
def _counted(file: FileVersion) -> int:
    return read_table(Path(file[0])).num_rows


def _steps(spec: RunSpec, rows: int | None) -> int | None:
    """Return how many optimizer steps `spec` means with `rows` training examples, as transformers' Trainer counts them."""
    if spec.max_steps:
        return spec.max_steps
    if rows is None:
        return None
    batches = math.ceil(rows / spec.batch_size)
    return math.ceil(max(math.ceil(batches / spec.accumulation), 1) * spec.epochs)
