"""The probe set: the fixed examples whose embeddings are looked at before, during and after training."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.geometry import ClassShape, measure, shape_by_class
from core.modalities import MODALITIES, Collate, Cut, Preview, Rows
from core.models.embedding import Encoded, encode, padding_matters
from core.models.layers import LayerStreams
from core.models.loading import LoadedModel
from core.models.packing import telling_rows
from core.models.pooling import View, view
from core.models.sentence import Sentence
from core.models.states import States
from core.tasks import Task, probe_set
from core.training.spec import RunSpec


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
    """The probe set's examples as a model takes them, and how they are embedded.

    Attributes:
        frame: ``text`` (the name of an image or a sound), ``text_pair`` where there are two, ``label``, ``label_name``,
            ``row`` (in the validation split).
        preview: returns a file that shows the example of a row, see :meth:`core.modalities.Modality.preview`.
        rows: the same examples, as the model takes them.
        collate, layer: as :func:`core.models.embedding.encode` takes them.
        view: how the model that they were made for is looked at.
    """

    frame: pd.DataFrame
    preview: Callable[[int], Preview | None]
    rows: Rows
    label_names: tuple[str, ...]
    collate: Collate
    view: View
    layer: int

    def portray(
        self,
        model,
        on_batch: Callable[[int, int], None] | None = None,
        on_states: Callable[[States, np.ndarray], None] | None = None,
    ) -> Portrait:
        """Embed the probe set with `model` and measure what comes out; both are called as by :func:`core.models.embedding.encode`.

        Raises:
            IsobarError: a layer's states hold NaN or infinity; it and the class are named.
        """
        labels = self.frame["label"].to_numpy()
        # Examples without labels are one class: there is nothing to compare.
        classes = labels if len(self.label_names) > 1 else None
        streams = LayerStreams(classes, names=self.label_names)
        encoded = encode(
            model,
            self.collate,
            self.rows,
            pooling=self.view.pooling,
            layer=self.layer,
            unpadded=self.view.padding,
            sentence=self.view.sentence,
            on_layers=streams.add,
            on_batch=on_batch,
            on_states=on_states,
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


def make_probe(task: Task, loaded: LoadedModel, spec: RunSpec, sentence: Sentence | None = None) -> Probe:
    """Return the probe set of `task`, as `loaded` takes it; looked at by the checkpoint's own `sentence` embedding, if given.

    Raises:
        IsobarError: a class has fewer than 4 validation examples; the model has no such layer, or can't read them.
    """
    chosen, cut, modality = probe_set(task, spec.probe_per_class, spec.seed), cut_of(spec), MODALITIES[task.modality]
    labels = chosen["label"][:]
    names = [task.label_names[label] for label in labels]
    rows, collate = loaded.encode(chosen, cut), loaded.collator()
    return Probe(
        frame=pd.DataFrame({**modality.told(chosen), "label": labels, "row": chosen["row"][:], "label_name": names}),
        preview=lambda row: modality.preview(chosen[row][modality.columns[0]], cut),
        rows=rows,
        label_names=task.label_names,
        collate=collate,
        view=view_of(loaded.model, collate, rows, spec.pooling, spec.layer, sentence),
        layer=spec.layer,
    )


def cut_of(spec: RunSpec) -> Cut:
    """Return how much of an example `spec` has read."""
    return Cut(tokens=spec.max_length, seconds=spec.max_seconds)


def view_of(
    model, collate: Collate, rows: Rows, pooling: str, layer: int = -1, sentence: Sentence | None = None
) -> View:
    """Return how `model` is looked at, by a trial on a few of the `rows`, the longest and the shortest.

    By a `sentence` embedding its first part is the pooling.
    """
    few = rows.take(telling_rows(rows.costs, longest=1, shortest=2))
    batch = collate([few[i] for i in range(len(few))])
    if sentence is not None:
        pooling = sentence.pooling if sentence.pooling in ("cls", "mean", "last") else "mean"
    seen = view(model, batch, pooling, layer)
    if sentence is not None:
        seen = replace(seen, sentence=sentence)
    if few.costs.min() == few.costs.max():
        return seen
    matters = padding_matters(model, collate, few, pooling=seen.pooling, layer=layer)
    return replace(seen, padding=matters)
