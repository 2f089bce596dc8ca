"""Whether every type of classifier that transformers knows works here: each tried as a tiny random checkpoint.

`isobar doctor --models` writes what is found as a table.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import transformers
from transformers.utils import logging

from core.errors import IsobarError, RunFailedError
from core.modalities import MODALITIES
from core.tiny import tiny_checkpoint, tiny_task
from core.training.fit import train
from core.training.inspection import inspect_checkpoint
from core.training.spec import RunSpec

TYPES = tuple((modality.name, kind) for modality in MODALITIES.values() for kind in modality.types())
"""All (modality, type)."""
WORKS, REFUSAL, FAULT = "works", "refused", "fault"


def try_type(kind: str, folder: Path, modality: str = "text") -> dict[str, str]:
    """Return what a checkpoint of this type, made in `folder`, is like, and whether it works.

    It is inspected, and trained for three steps with the regularizer. The verdict is "works" if all numbers are finite
    and the regularizer has a value, "refused" if a sentence says why not before any weights are loaded, and else
    "fault", which should not be.
    """
    row = {"modality": modality, "type": kind, "states": "", "pooling": "", "padding": "", "verdict": WORKS, "why": ""}
    try:
        model = tiny_checkpoint(kind, folder / "model", modality)
        task = tiny_task(folder / "task", modality)
        spec = RunSpec(
            model=str(model), task=str(task), batch_size=8, max_steps=3, probe_per_class=8, snapshots=2, evaluations=1,
            log_every=1, device="cpu", save_model=False,
        )  # fmt: skip
        found = inspect_checkpoint(spec.model, spec.task, spec=spec)
        padding = "matters" if found.record["padding_matters"] else ""
        row |= {"states": found.record["states"], "pooling": found.record["pooling"], "padding": padding}
        run = train(spec, folder / "run")
        if why := _fault(found.embeddings, run.rows("step")):
            row |= {"verdict": FAULT, "why": why}
    except RunFailedError as error:
        row |= {"verdict": FAULT, "why": str(error)}
    except IsobarError as refusal:
        loadable = (folder / "model" / "model.safetensors").stat().st_size > 0
        why = str(refusal).replace(str(folder / "model"), "…")
        row |= {"verdict": FAULT if loadable else REFUSAL, "why": why}
    except Exception as error:  # what this is for: to find those
        row |= {"verdict": FAULT, "why": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    return row


def _fault(embeddings: np.ndarray, steps: list[dict]) -> str:
    terms = [row["regularizer"] for row in steps]
    if not np.isfinite(embeddings).all():
        return "embeddings that are not finite"
    if len(terms) != 3 or not all(term is not None and np.isfinite(term) and term for term in terms):
        return f"the regularizer's values are {terms}"
    return ""


def try_types(
    types: Sequence[tuple[str, str]] = TYPES, progress: Callable[[str, int, int], None] | None = None
) -> list[dict[str, str]]:
    """Return :func:`try_type` of each of `types`, (modality, type); `progress` is called with (phase, done, in all)."""
    rows = []
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for number, (modality, kind) in enumerate(types, start=1):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(try_type(kind, Path(folder), modality))
        if progress is not None:
            progress("trying", number, len(types))
    return rows


def heading(rows: Sequence[dict[str, str]]) -> str:
    """Return what stands above the table of `rows`."""
    tried = Counter(row["modality"] for row in rows)
    works = Counter(row["modality"] for row in rows if row["verdict"] == WORKS)
    counts = [f"{works[modality]} of {number} types of {modality} classifiers" for modality, number in tried.items()]
    return (
        "# Which models can be read\n\n"
        f"{', '.join(counts)} of transformers {transformers.__version__} work, each tried as a tiny random "
        "checkpoint: inspected, and trained for three steps with the regularizer. Pooling is what `auto` chose: what the "
        "architecture's own classifier reads. Where padding matters, the same example has another embedding beside longer "
        "ones, by the model's own doing; embeddings that are measured are then of unpadded batches. Made by `isobar doctor --models --out docs/models.md`.\n\n"
    )
