"""About how long a run will take, judged by the runs at hand, and its least memory."""

import math
from pathlib import Path

import streamlit as st

from core.errors import IsobarError
from core.file_version import FileVersion, file_version
from core.models import BUILT_IN as MODELS
from core.studies.estimate import LOOK_BACK, Estimate
from core.studies.estimate import estimate as judged
from core.training.spec import RunSpec
from explorer.panels import data, fitting

_FLOAT32 = 4  # bytes; models are loaded so, whatever the precision of the arithmetic
_COPIES = 4  # of trained weights: themselves, their gradients, AdamW's two moments


def estimate(spec: RunSpec) -> Estimate:
    """Return about how long `spec` will take, by the newest runs and the one that ships with Isobar."""
    return judged(spec, map(data.find, data.names()[:LOOK_BACK]), list(map(data.find, data.samples())))


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
