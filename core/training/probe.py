"""The probe set: the fixed texts whose embeddings are looked at before, during and after training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.geometry import ClassShape, measure, shape_by_class
from core.models.embedding import Encoded, encode
from core.models.layers import LayerStreams
from core.models.pooling import View


@dataclass(frozen=True)
class Portrait:
    """What a model makes of the probe set: its embeddings, their measures and the barcode of each class.

    `layers` holds the main measures of every layer's embeddings, the input embeddings' first.
    """

    encoded: Encoded
    labels: np.ndarray
    measures: dict[str, float]
    classes: list[ClassShape]
    layers: list[dict[str, float]]


@dataclass(frozen=True)
class Probe:
    """Tokenized probe texts and how they are embedded.

    Attributes:
        frame: ``text``, ``text_pair`` where there are two, ``label``, ``label_name``, ``row`` (in the validation split).
        rows: the same texts, tokenized.
        collate, layer: as :func:`core.models.embedding.encode` takes them.
        view: how the model that they were tokenized for is looked at.
    """

    frame: pd.DataFrame
    rows: list[dict]
    label_names: tuple[str, ...]
    collate: Callable
    view: View
    layer: int

    def portray(self, model, on_batch: Callable[[int, int], None] | None = None) -> Portrait:
        """Embed the probe set with `model` and measure what comes out.

        Raises:
            IsobarError: a layer's states hold NaN or infinity; it is named.
        """
        labels = self.frame["label"].to_numpy()
        # Texts without labels are one class: there is nothing to compare.
        classes = labels if len(self.label_names) > 1 else None
        streams = LayerStreams(classes)
        encoded = encode(
            model,
            self.collate,
            self.rows,
            pooling=self.view.pooling,
            layer=self.layer,
            on_layers=streams.add,
            on_batch=on_batch,
        )
        measures = measure(encoded.embeddings, "main", classes)
        return Portrait(
            encoded=encoded,
            labels=labels,
            measures=measures,
            classes=shape_by_class(encoded.embeddings, labels, names=self.label_names),
            layers=streams.measure("main", known={self.layer: measures}),
        )


def describe(measures: dict[str, float], classes: list[ClassShape], layers: list[dict[str, float]]) -> dict:
    """Return the measures by name; under ``classes`` each class's summary by its name, under ``layers`` each layer's measures."""
    return {**measures, "classes": {shape.name: shape.summary() for shape in classes}, "layers": layers}
