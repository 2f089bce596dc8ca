"""Looks at a checkpoint's space without training anything."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.geometry import ClassShape, isotropic_reference
from core.models.embedding import check_layer, check_pooling
from core.models.loading import load_model
from core.tasks import load_task, score
from core.training.callbacks import Progress
from core.training.probe import describe
from core.training.spec import RunSpec
from core.training.trainer import check_device, make_probe, to_device


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint makes of a task's probe set.

    Attributes:
        model, task: as they were asked for.
        measures: the whole space's, by name.
        reference: the same measures of an isotropic Gaussian cloud of the same size and dimension.
        metrics: the task metrics on the probe set, or empty where the checkpoint has no head for this task.
        classes: the barcode of each class; edges are rows of `embeddings` and `probe`.
        embeddings: (n, d) float32.  predictions: (n,) int64.
        probe: the texts, row for row with the embeddings.
    """

    model: str
    task: str
    measures: dict[str, float]
    reference: dict[str, float]
    metrics: dict[str, float]
    classes: list[ClassShape]
    embeddings: np.ndarray
    predictions: np.ndarray
    probe: pd.DataFrame

    def as_dict(self) -> dict:
        """Return all but the embeddings and texts as JSON knows it; each class with its barcode."""
        found = describe({**self.measures, **self.metrics}, self.classes)
        for shape in self.classes:
            found["classes"][shape.name]["lengths"] = shape.lengths.tolist()
        return {"model": self.model, "task": self.task, **found, "reference": self.reference}


def inspect_checkpoint(
    model: str, task: str = "grammar", *, spec: RunSpec | None = None, progress: Progress | None = None
) -> Inspection:
    """Embed a task's probe set with `model` and measure the space it forms.

    Args:
        model: built-in name, local folder (such as a run's ``model/``) or Hub id.
        task: built-in name, local folder or file, or Hub id.
        spec: pooling, layer, probe size, seed, columns and device are taken from here; `model` and `task` are not.
        progress: called with (phase, done, in all).

    Raises:
        IsobarError: the model, the task or the layer is not there.
    """
    spec = (spec or RunSpec()).model_copy(update={"model": model, "task": task})
    progress = progress or (lambda phase, done, total: None)
    check_device(spec.device)
    progress("loading", 0, 1)
    data = load_task(
        task,
        seed=spec.seed,
        text_column=spec.text_column,
        text_pair_column=spec.text_pair_column,
        label_column=spec.label_column,
    )
    loaded = load_model(model, data.num_labels)
    check_layer(loaded.model, spec.layer)
    check_pooling(loaded.model, spec.pooling)
    probe = make_probe(data, loaded, spec)
    progress("loading", 1, 1)
    portrait = probe.portray(
        to_device(loaded.model, spec.device), lambda done, total: progress("embedding", done, total)
    )
    predictions = portrait.encoded.predictions
    return Inspection(
        model=model,
        task=data.name,
        measures=portrait.measures,
        reference=isotropic_reference(*portrait.encoded.embeddings.shape, measures=list(portrait.measures)),
        metrics=score(data.metrics, portrait.labels, predictions) if loaded.trained_head else {},
        classes=portrait.classes,
        embeddings=portrait.encoded.embeddings,
        predictions=predictions,
        probe=probe.frame,
    )
