"""What is written down of a run beside its settings: what it was made with and of, and how the space changed."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from core.models.loading import LoadedModel
from core.models.pooling import View
from core.runs import RunWriter
from core.tasks import Task
from core.training.probe import Portrait


def record(task: Task, loaded: LoadedModel, seen: View) -> dict:
    """Return what record.yaml holds: versions, machine, model, data."""
    return {
        **machine(),
        "model": {
            "source": loaded.source,
            "trained_head": loaded.trained_head,
            "untrained": loaded.untrained,
            "notes": list(loaded.notes),
        },
        "pooling": seen.pooling if seen.sentence is None else seen.sentence.pooling,
        **({} if seen.sentence is None else {"sentence": [name for name, _ in seen.sentence.modules]}),
        "states": seen.kind,
        "padding_matters": seen.padding,
        "task": {
            "name": task.name,
            "modality": task.modality,
            "fingerprint": task.fingerprint,
            "label_names": list(task.label_names),
            "metrics": list(task.metrics),
            "source": task.source,
            "notes": list(task.notes),
            "train": len(task.train),
            "validation": len(task.validation),
        },
    }


def machine() -> dict:
    """Return the versions and the platform that a run has."""
    names = ("isobar-explorer", "torch", "transformers", "datasets", "accelerate", "numpy", "numba", "gudhi")
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
        "platform": f"{platform.system()} {platform.machine()}",
    }


def report(
    spaces: dict[int, dict], metrics: dict[int, dict[str, float]], metric: str | None, label_names: Sequence[str]
) -> dict:
    """Return before, after and difference of every measure and task metric; `spaces` and `metrics` go by step."""
    sides = {}
    if 0 in spaces:
        sides["before"] = {**spaces[0], **metrics.get(0, {})}
    if max(spaces, default=0) > 0:
        sides["after"] = {**spaces[max(spaces)], **(metrics[max(metrics)] if max(metrics, default=0) > 0 else {})}
    before, after = sides.get("before", {}), sides.get("after", {})
    # A measure that is undefined is None where a resumed run reads it from its directory.
    difference = {
        k: None if v is None or after[k] is None else after[k] - v
        for k, v in before.items()
        if k in after and k not in ("classes", "layers")
    }
    return {"metric": metric, "label_names": list(label_names), **sides, "difference": difference}


def write_portrait(writer: RunWriter, portrait: Portrait, step: int, epoch: float) -> None:
    """Write what the model made of the probe set after `step` steps: a snapshot, and an event with its measures."""
    writer.snapshot(
        step=step,
        epoch=epoch,
        embeddings=portrait.encoded.embeddings,
        labels=portrait.labels,
        predictions=portrait.encoded.predictions,
        measures=portrait.measures,
        classes=portrait.classes,
        layers=portrait.layers,
    )
    writer.event(kind="probe", step=step, epoch=epoch, measures=portrait.measures)
