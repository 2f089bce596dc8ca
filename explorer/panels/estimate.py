"""About how long a run will take, judged by the steps of earlier runs of the same model, and its least memory."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import streamlit as st

from core.errors import IsobarError
from core.file_version import FileVersion, file_version
from core.models import BUILT_IN as MODELS
from core.runs import Run
from core.table_files import SUFFIXES, read_table
from core.tasks import BUILT_IN, ENDLESS
from core.tasks.columns import VALIDATION_SHARE
from core.tasks.files import tables_of
from core.training.spec import RunSpec
from explorer.panels import data, fitting
from explorer.panels.words import duration

_LOOK_BACK = 30  # of so many of the newest runs the times are read
_LARGEST = 100 << 20  # bytes of a local file whose rows are counted while somebody waits for the page
_FLOAT32 = 4  # bytes; models are loaded so, whatever the precision of the arithmetic
_COPIES = 4  # of trained weights: themselves, their gradients, AdamW's two moments
_LEAST = 3  # logged steps that say something


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
        of = "this model and task" if self.same_task else "this model on other tasks"
        by = f"{self.runs} earlier runs of {of}" if self.runs > 1 else f"an earlier run of {of}"
        by = by if self.runs else "the sample run, which two cores trained"
        return f"About {duration(_rounded(self.seconds))} for {steps}, judged by {by}."


def estimate(spec: RunSpec) -> Estimate:
    """Return about how long `spec` will take.

    A step's time grows with the examples in it; what a run does beside its steps (loading, snapshots, evaluations) is
    taken as it was. Times are medians over the runs, those of the same task where there are any.
    """
    steps = _steps(spec, _rows(spec))
    own = [run for name in data.names()[:_LOOK_BACK] if _is_of(run := data.find(name), spec)]
    pace = [found for run in own if (found := _pace(run))]
    runs = len(pace)
    if not pace and data.has_sample() and _is_of(data.find(data.SAMPLE), spec):
        pace = [found] if (found := _pace(data.find(data.SAMPLE))) else []
    if not pace or steps is None:
        return Estimate(None, steps)
    same = [found for found in pace if (found["task"], found["max_length"]) == (spec.task, spec.max_length)]
    chosen = same or pace
    examples = spec.batch_size * spec.accumulation * _passes(spec.model_dump())
    step = statistics.median(found["per_example"] for found in chosen) * examples
    beside = statistics.median(found["beside"] for found in chosen)
    return Estimate(step * steps + beside, steps, len(chosen) if runs else 0, bool(same))


def least_memory(spec: RunSpec) -> str:
    """Return in a sentence what training takes before any example is in memory; empty where the weights aren't here.

    The run itself measures the rest, by one forward pass, and tells it before it starts.
    """
    try:
        folder = MODELS[spec.model].path() if spec.model in MODELS else Path(spec.model).expanduser()
        files = sorted(folder.glob("*.safetensors"))
        weights = sum(_weights(file_version(file)) for file in files)
    except (IsobarError, OSError, RuntimeError):
        return ""
    if not weights:
        return ""
    kept = "weights" if spec.lora else "weights, gradients and AdamW's moments"
    size = weights * _FLOAT32 * (1 if spec.lora else _COPIES) / 1e9
    return f"At least {size:.2g} GB of memory for {kept}; the {fitting.many(spec.task, spec)} of a batch come on top."


@st.cache_data(max_entries=64, show_spinner=False)
def _weights(file: FileVersion) -> int:
    """Return how many numbers a file of weights holds, by its head; 0 where that can't be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file[0], framework="numpy") as weights:
            return sum(math.prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
    except (OSError, SafetensorError):
        return 0


def _is_of(run: Run, spec: RunSpec) -> bool:
    return data.spec(run).get("model") == spec.model and not data.trained_outside(run)


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


@st.cache_data(max_entries=64, show_spinner=False)
def _counted(file: FileVersion) -> int:
    return read_table(Path(file[0])).num_rows


def _pace(run: Run) -> dict | None:
    """Return how long the run took an example, and beside its steps; None where it logged too little to say."""
    settings, events = data.spec(run), data.events(run)
    if "step_seconds" not in events or not settings.get("batch_size"):
        return None
    logged = events["step_seconds"].dropna().astype(float)
    if len(logged) < _LEAST:
        return None
    examples = settings["batch_size"] * settings.get("accumulation", 1) * _passes(settings)
    last = events["step"].dropna().max()
    beside = float(events["time"].max() - events["time"].min()) - float(logged.median()) * float(last)
    return {
        "task": settings.get("task"),
        "max_length": settings.get("max_length"),
        "per_example": float(logged.median()) / examples,
        "beside": max(beside, 0.0),
    }


def _passes(settings: Mapping) -> float:
    """Return what an example costs, in forward and backward passes: an accumulated cloud takes a forward pass more, a third of both."""
    two = settings.get("accumulated_cloud") and settings.get("accumulation", 1) > 1 and settings.get("regularizers")
    return 4 / 3 if two else 1.0


def _steps(spec: RunSpec, rows: int | None) -> int | None:
    """Return how many optimizer steps `spec` means with `rows` training examples, as transformers' Trainer counts them."""
    if spec.max_steps:
        return spec.max_steps
    if rows is None:
        return None
    batches = math.ceil(rows / spec.batch_size)
    return math.ceil(max(math.ceil(batches / spec.accumulation), 1) * spec.epochs)


def _rounded(seconds: float) -> float:
    """Return `seconds` with no more digits than an estimate deserves."""
    unit = 5 if seconds < 60 else 10 if seconds < 300 else 60
    return max(round(seconds / unit) * unit, unit)
