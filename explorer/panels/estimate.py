"""About how long a run will take, judged by the steps of earlier runs of the same model, and its least memory."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import streamlit as st

from core.errors import IsobarError
from core.file_version import FileVersion, file_version
from core.modalities import MODALITIES
from core.models import BUILT_IN as MODELS
from core.runs import Run
from core.runs.pace import pace_of
from core.table_files import SUFFIXES, read_table
from core.tasks import BUILT_IN, ENDLESS
from core.tasks.columns import VALIDATION_SHARE, Columns, Split, unlabelled_texts
from core.tasks.files import tables_of
from core.training.spec import RunSpec
from explorer.panels import data, fitting
from explorer.panels.words import duration

_LOOK_BACK = 30  # of so many of the newest runs the times are read
_LARGEST = 100 << 20  # bytes of a local file whose rows are counted while somebody waits for the page
_FLOAT32 = 4  # bytes; models are loaded so, whatever the precision of the arithmetic
_COPIES = 4  # of trained weights: themselves, their gradients, AdamW's two moments
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
        of = "this model and task" if self.same_task else "this model on other tasks"
        by = f"{self.runs} earlier runs of {of}" if self.runs > 1 else f"an earlier run of {of}"
        by = by if self.runs else "the sample run, which two cores trained"
        return f"About {duration(_rounded(self.seconds))} for {steps}, judged by {by}."


def estimate(spec: RunSpec) -> Estimate:
    """Return about how long `spec` will take.

    A step's time grows with the examples in it and with their length, an evaluation's with that, a snapshot's also with
    the probe set; what is left (loading, saving) is taken as it was. The median over the runs, those of the same task
    where there are any.
    """
    steps = _steps(spec, _rows(spec))
    own = [run for name in data.names()[:_LOOK_BACK] if _is_of(run := data.find(name), spec)]
    judged = [run for run in own if pace_of(data.events(run))]
    runs = len(judged)
    if not judged and data.has_sample() and _is_of(data.find(data.SAMPLE), spec):
        judged = [data.find(data.SAMPLE)]
    if not judged or steps is None:
        return Estimate(None, steps)
    same = [run for run in judged if data.spec(run).get("task") == spec.task]
    seconds = statistics.median(_seconds(spec, steps, run) for run in same or judged)
    return Estimate(seconds, steps, len(same or judged) if runs else 0, bool(same))


def _seconds(spec: RunSpec, steps: int, run: Run) -> float:
    """Return how long `spec` would take if all went as in `run`."""
    found, settings = pace_of(data.events(run)), data.spec(run)
    wanted = spec.model_dump()
    longer = _length(spec, wanted["max_length"]) / _read_length(run, settings.get("max_length"))
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


def _length(spec: RunSpec, longest: int) -> float:
    """Return about how long the texts of `spec` are, in word pieces that are read; NaN where that is not known."""
    for run in map(data.find, [*data.names()[:_LOOK_BACK], *data.samples()]):
        if data.spec(run).get("task") == spec.task and (found := _read_length(run, longest)) == found:
            return found
    try:
        path = Path(spec.task).expanduser()
        if not path.is_file() or path.suffix.lower() not in SUFFIXES or path.stat().st_size > _LARGEST:
            return math.nan
        characters = _characters(file_version(path), spec.text_column, spec.text_pair_column)
    except (IsobarError, OSError, RuntimeError):
        return math.nan
    return _pieces(characters, longest)


def _read_length(run: Run, longest: int | None) -> float:
    """Return about how many word pieces of an example were read in `run`; NaN where its examples are no texts."""
    probe = data.probe(run)
    if not longest or probe.empty or data.modality(run) is not MODALITIES["text"]:
        return math.nan
    columns = [probe[name].astype(str).str.len() for name in ("text", "text_pair") if name in probe]
    return _pieces(sum(columns).to_numpy(), longest)


@st.cache_data(max_entries=64, show_spinner=False)
def _characters(file: FileVersion, *columns: str | None) -> np.ndarray:
    split = Split(read_table(Path(file[0])).slice(0, _SAMPLE), file[0])
    found = unlabelled_texts(split, Columns(*columns)).frame
    if "text" not in found:
        return np.full(1, math.nan)
    return sum(found[name].str.len() for name in ("text", "text_pair") if name in found).to_numpy()


def _pieces(characters: np.ndarray, longest: int) -> float:
    return float(np.minimum(characters / _IN_A_PIECE + 2, longest).mean())


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
