"""The probe set: the fixed texts whose embeddings are looked at before, during and after training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.geometry import ClassShape, measure, shape_by_class
from core.models.embedding import Encoded, encode


@dataclass(frozen=True)
class Portrait:
    """What a model makes of the probe set: its embeddings, their measures and the barcode of each class."""

    encoded: Encoded
    labels: np.ndarray
    measures: dict[str, float]
    classes: list[ClassShape]


@dataclass(frozen=True)
class Probe:
    """Tokenized probe texts and how they are embedded.

    Attributes:
        frame: ``text``, ``text_pair`` where there are two, ``label``, ``label_name``, ``row`` (in the validation split).
        rows: the same texts, tokenized.
        collate, pooling, layer: as :func:`core.models.embedding.encode` takes them.
    """

    frame: pd.DataFrame
    rows: list[dict]
    label_names: tuple[str, ...]
    collate: Callable
    pooling: str
    layer: int

    def portray(self, model, on_batch: Callable[[int, int], None] | None = None) -> Portrait:
        """Embed the probe set with `model` and measure what comes out."""
        encoded = encode(model, self.collate, self.rows, pooling=self.pooling, layer=self.layer, on_batch=on_batch)
        labels = self.frame["label"].to_numpy()
        return Portrait(
            encoded=encoded,
            labels=labels,
            measures=measure(encoded.embeddings, "main"),
            classes=shape_by_class(encoded.embeddings, labels, names=self.label_names),
        )


def describe(measures: dict[str, float], classes: list[ClassShape]) -> dict:
    """Return the measures by name and, under ``classes``, the summary of each class by its name."""
    return {**measures, "classes": {shape.name: shape.summary() for shape in classes}}
