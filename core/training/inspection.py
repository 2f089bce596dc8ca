"""Looks at a checkpoint's space without training anything."""

import re
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from core.errors import IsobarError, RunFailedError
from core.geometry import ClassShape, isotropic_reference, measure, shape_by_class
from core.geometry.report import Names, measure_names
from core.geometry.stream import KEPT
from core.geometry.verdict import Verdict, verdict
from core.json_text import json_text, plain
from core.modalities import MODALITIES, Cut, Preview
from core.models.changes import Change
from core.models.device import check_device, to_device
from core.models.embedding import encode
from core.models.layers import LayerStreams
from core.models.loading import LoadedModel, load_model
from core.models.perturbed import changed
from core.models.pooling import check_pooling, other_pooling, pooled
from core.models.sentence import Sentence
from core.models.states import States
from core.revision import code_revision
from core.runs import Run, RunWriter, layout, load_run
from core.tasks import BUILT_IN, Task, load_task, load_texts, score
from core.tasks.load import NO_LABELS
from core.tasks.order import in_order
from core.tasks.sampling import ONE_CLOUD
from core.training.probe import describe, make_probe, view_of
from core.training.progress import Progress, Stopped, StopSignal, sentence
from core.training.record import machine, record
from core.training.spec import RunSpec
from core.training.stored import is_stored, read_space

_BEAT_SECONDS = 0.4
_SIDE = re.compile(r"(?P<model>.+):(?P<own>(?:layer|pooling)=[\w-]+(?:,(?:layer|pooling)=[\w-]+)*)")
_AT_ONCE = 2_048  # examples that are encoded together, so that batches can be of like length


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint makes of a task's probe set.

    Attributes:
        model, task: as they were asked for.
        measures: the whole space's, by name.
        reference: the same measures of an isotropic Gaussian cloud of the same size and dimension.
        metrics: the task metrics on the probe set, or empty where the checkpoint has no head for this task, and where
            the texts have no labels.
        classes: the barcode of each class; edges are rows of `embeddings` and `probe`.
        embeddings: (n, d) float32.  predictions: (n,) int64, -1 where the texts have no labels to predict, or
            the checkpoint's classes are not theirs.
        probe: the examples, row for row with the embeddings.
        preview: returns a file that shows the example of a row, or None of a text.
        record: versions, machine, model and data, as a run's record.yaml has them.
        layers: the main measures of every layer's embeddings, the input embeddings' first.
        other_pooling: the usual pooling beside the one that was taken, under ``pooling``, and the main measures by it; empty
            where there is none.
        read: one line on what was looked at: model, pooling, layer, and how many examples of which data.
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
    record: dict = field(default_factory=dict)
    layers: list[dict[str, float]] = field(default_factory=list)
    preview: Callable[[int], Preview | None] = field(default=lambda row: None, repr=False)
    other_pooling: dict = field(default_factory=dict)
    read: str = ""

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the space has collapsed."""
        labels = self.probe["label"].to_numpy()
        return verdict(self.embeddings, labels if len(np.unique(labels)) > 1 else None)

    @property
    def notes(self) -> list[str]:
        """What a person might not expect of how the checkpoint and the data were read, a sentence each."""
        return [note for part in ("model", "task") for note in self.record.get(part, {}).get("notes", [])]

    def as_dict(self) -> dict:
        """Return all but the embeddings and texts as JSON knows it; each class with its barcode. None is undefined, or infinite."""
        found = describe({**self.measures, **self.metrics}, self.classes, self.layers)
        for shape in self.classes:
            found["classes"][shape.name]["lengths"] = shape.lengths.tolist()
        about = {"model": self.model, "task": self.task, "pooling": self.record.get("pooling")}
        more = {
            "reference": self.reference,
            "other_pooling": self.other_pooling,
            "notes": self.notes,
            "read": self.read,
        }
        return plain({**about, **found, **more})


def inspect_checkpoint(
    model: str, task: str = "grammar", *, spec: RunSpec | None = None, progress: Progress | None = None
) -> Inspection:
    """Embed a task's probe set with `model` and measure the space it forms.

    Args:
        model: built-in name, local folder (such as a run's ``model/``) or Hub id; or a file of embeddings
            (:func:`core.training.stored.read_space`), which are looked at as they are, whatever the task.
        task: built-in name, local folder or file, or Hub id. A file may have no labels (:func:`core.tasks.load_texts`):
            its texts are one cloud, of up to twice as many as a class would give.
        spec: weights, pooling, layer, probe size, seed, columns and device are taken from here; `model` and `task` are not.
        progress: called with (phase, done, in all).

    Raises:
        IsobarError: the model, the task or the layer is not there.
    """
    spec = (spec or RunSpec()).model_copy(update={"model": model, "task": task})
    progress = progress or (lambda phase, done, total: None)
    check_device(spec.device)
    progress("loading", 0, 1)
    return _looked_at(spec, progress)


def inspect_side_by_side(
    models: Sequence[str], *, spec: RunSpec | None = None, progress: Progress | None = None
) -> list[Inspection]:
    """Look at several models, or layers or poolings of one, by the same examples; what each is called is its `model`.

    Args:
        models: as :func:`inspect_checkpoint` takes them, with ``:layer=3,pooling=cls`` behind one that is to be looked at
            otherwise than `spec` says.
        spec: the task, and all else.
        progress: called with (phase, done, in all).

    Raises:
        IsobarError: as :func:`inspect_checkpoint`; they don't read the same examples.
    """
    spec, tell = spec or RunSpec(), progress or (lambda phase, done, total: None)
    check_device(spec.device)
    specs = [_sided(name, spec) for name in models]
    tell("loading", 0, 1)
    models_alone = [one for one in specs if not is_stored(one.model)]
    data = (
        examples_of(next((one for one in models_alone if _run_of(one.model)), models_alone[0]))
        if models_alone
        else None
    )
    found = [replace(_looked_at(one, tell, data), model=name) for one, name in zip(specs, models, strict=True)]
    if any(not found[0].probe["label"].equals(one.probe["label"]) for one in found):
        raise IsobarError("These models don't read the same examples, so that their spaces can't be compared.")
    return found


def _sided(name: str, spec: RunSpec) -> RunSpec:
    """Return `spec` with the model, and the layer and the pooling, that `name` says."""
    said = _SIDE.fullmatch(name)
    if said is None:
        return spec.model_copy(update={"model": name})
    own = dict(one.split("=") for one in said["own"].split(","))
    return RunSpec.parse({**spec.model_dump(), **own, "model": said["model"]}, where=f"{name!r}")


def examples_of(spec: RunSpec) -> Task:
    """Return the data that `spec` has looked at: their validation split or else all, or what the run whose model it is set apart.

    Raises:
        IsobarError: they are not there, or can't be used.
    """
    columns = {name: getattr(spec, name) for name in ("text_column", "text_pair_column", "label_column")}
    run = _run_of(spec.model)
    other = run is None or spec.task in BUILT_IN or not _same_data(run.spec.get("task"), spec.task)
    if other or spec.label_column == NO_LABELS:
        return load_texts(spec.task, seed=spec.seed, **columns)
    data = load_task(spec.task, seed=run.spec.get("seed", spec.seed), **columns)
    return data.noted("The model's run was trained on the other rows.")


def _run_of(model: str) -> Run | None:
    """Return the run whose model this is, if it is one's."""
    folder = Path(model).expanduser()
    if not (folder / "config.json").exists():
        folder = folder / layout.MODEL
    run = Run(folder.resolve().parent)
    return run if folder.name == layout.MODEL and folder.is_dir() and isinstance(run.spec.get("model"), str) else None


def _same_data(one: object, other: str) -> bool:
    return one == other or (
        isinstance(one, str) and Path(one).expanduser().resolve() == Path(other).expanduser().resolve()
    )


def _looked_at(spec: RunSpec, progress: Progress, data: Task | None = None) -> Inspection:
    """Return what is found of the file of embeddings that `spec` names, or of its model by `data`, its own by default."""
    if is_stored(spec.model):
        return _of_file(spec)
    return _inspected(spec, data or examples_of(spec), progress)


def _of_file(spec: RunSpec) -> Inspection:
    """Return what the file of embeddings that `spec` has for a model holds."""
    space = read_space(spec)
    x, labels, several = space.embeddings, space.labels, len(space.label_names) > 1
    measures = measure(x, "main", labels if several else None)
    names = [space.label_names[label] for label in labels]
    task = {
        "name": Path(spec.model).name,
        "modality": "text",
        "fingerprint": space.fingerprint,
        "label_names": list(space.label_names),
        "metrics": [],
        "source": "embeddings of a file",
        "notes": list(space.notes),
        "train": 0,
        "validation": space.whole,
    }
    return Inspection(
        model=spec.model,
        task=task["name"],
        measures=measures,
        reference=isotropic_reference(*x.shape, measures=list(measures), labels=labels),
        metrics={},
        classes=shape_by_class(x, labels, names=space.label_names),
        embeddings=x,
        predictions=np.full(len(labels), -1),
        probe=pd.DataFrame({"text": space.texts, "label": labels, "row": space.rows, "label_name": names}),
        record={**machine(), "pooling": "as stored", "task": task},
        read=space.read,
    )


def _inspected(spec: RunSpec, data: Task, progress: Progress) -> Inspection:
    """Return what the model of `spec` makes of `data`."""
    model = spec.model
    loaded = load_model(model, data.num_labels, data.modality)
    data, comparable = in_order(data, loaded.outputs)
    if change := Change.parse(spec.weights):
        changed(loaded, change, spec.seed)
    check_pooling(loaded.model, spec.pooling)
    data, spec = _one_cloud(data, spec)
    sentence = _own_embedding(loaded, spec.pooling)
    probe = make_probe(data, loaded, spec, sentence)
    if sentence is not None:
        loaded = replace(loaded, notes=(*loaded.notes, *_told(sentence)))
    for note in probe.rows.notes(MODALITIES[data.modality].many):
        data = data.noted(note)
    progress("loading", 1, 1)
    other = _OtherPooling(other_pooling(loaded.model, probe.view), spec.layer)
    portrait = probe.portray(
        to_device(loaded.model, spec.device),
        lambda done, total: progress("embedding", done, total),
        other.add if other.pooling else None,
    )
    scored = data.has_labels and comparable and loaded.trained_head
    predictions = portrait.encoded.predictions if data.has_labels and comparable else np.full(len(portrait.labels), -1)
    return Inspection(
        model=model,
        task=data.name,
        measures=portrait.measures,
        reference=isotropic_reference(
            *portrait.encoded.embeddings.shape, measures=list(portrait.measures), labels=portrait.labels
        ),
        metrics=score(data.metrics, portrait.labels, predictions, data.positive) if scored else {},
        classes=portrait.classes,
        layers=portrait.layers,
        embeddings=portrait.encoded.embeddings,
        predictions=predictions,
        probe=probe.frame,
        preview=probe.preview,
        record=record(data, loaded, probe.view),
        other_pooling=other.measured(),
        read=_read(model, data, len(probe.frame), probe.view.pooling, spec.layer),
    )


class _OtherPooling:
    """What `pooling` makes of the states that are there anyway, for :func:`core.models.embedding.encode`'s `on_states`."""

    def __init__(self, pooling: str | None, layer: int):
        self.pooling, self.layer = pooling, layer
        self._batches: list[np.ndarray] = []

    def add(self, states: States, back: np.ndarray) -> None:
        self._batches.append(pooled(states, self.layer, self.pooling).float().cpu().numpy()[back])

    def measured(self) -> dict:
        if not self._batches:
            return {}
        return plain({"pooling": self.pooling, **measure(np.concatenate(self._batches), "main")})


def _read(model: str, data: Task, examples: int, pooling: str, layer: int) -> str:
    at = "last layer" if layer == -1 else f"layer {layer}"
    many, of = MODALITIES[data.modality].many, len(data.validation)
    return f"Read: {model}, pooling {pooling}, {at}; {data.name} ({data.source}), {examples:,} of {of:,} {many}."


def _own_embedding(loaded: LoadedModel, pooling: str) -> Sentence | None:
    """Return the embedding that is looked at where none is asked for: the checkpoint's own, if it declares one and classifies nothing."""
    if pooling != "auto" or loaded.trained_head or loaded.sentence is None:
        return None
    loaded.sentence.check()
    if loaded.sentence.length:  # as long as its authors read them
        loaded.processor.model_max_length = min(loaded.processor.model_max_length, loaded.sentence.length)
    return loaded.sentence


def _told(sentence: Sentence) -> tuple[str, ...]:
    then = "".join(f", then {name}" for name, _ in sentence.modules)
    return (
        f"The embedding is the checkpoint's own, as its modules.json has it: pooling {sentence.pooling}{then}. Training takes what a "
        "classifier on this model reads; --pooling cls, mean or last shows the states themselves.",
        *sentence.notes,
    )


def _one_cloud(data: Task, spec: RunSpec) -> tuple[Task, RunSpec]:
    """Return both as they are, or for texts without labels with the size of their cloud, and a note if it is a sample."""
    if data.has_labels:
        return data, spec
    size, there = ONE_CLOUD * spec.probe_per_class, len(data.validation)
    if there > size:
        many = MODALITIES[data.modality].many
        note = f"{size:,} of the {there:,} {many} were taken, at random with seed {spec.seed}: twice probe_per_class."
        data = data.noted(note)
    return data, spec.model_copy(update={"probe_per_class": size})


def record_inspection(spec: RunSpec, path: Path | str, *, progress: Progress | None = None) -> tuple[Run, Inspection]:
    """Inspect the checkpoint that `spec` names, and write what is found into the directory `path`.

    The directory has the form of a run's, with one snapshot and a report that has a ``before``, and beside it
    ``isotropic`` (the same measures of a Gaussian cloud) and, for the model of a run, ``base``: the same measures of the
    model that the run began with, on the same texts. inspection.json holds :meth:`Inspection.as_dict`.

    Nothing is written before all is known, except, in a directory made for an inspection that waited, its status.

    Raises:
        IsobarError: the model, the task or the layer is not there; the directory exists already or can't be written.
        Stopped: it was asked to end; the status says so.
    """
    with RunWriter(path) as writer:
        return _recorded_by(writer, spec, progress)


def _recorded_by(writer: RunWriter, spec: RunSpec, progress: Progress | None) -> tuple[Run, Inspection]:
    writer.check()
    waited = (writer.path / layout.STATUS).exists()
    tell, last = progress or (lambda phase, done, total: None), [0.0]
    stop = StopSignal(writer)

    def beat(phase: str, done: int, total: int) -> None:
        stop.check()
        tell(phase, done, total)
        if waited and (time.monotonic() - last[0] > _BEAT_SECONDS or done in (0, total)):
            last[0] = time.monotonic()
            writer.status("running", phase=phase, done=done, total=total, error=None)

    with stop.listening():
        try:
            check_device(spec.device)
            beat("loading", 0, 1)
            data = None if is_stored(spec.model) else examples_of(spec)
            found = _looked_at(spec, beat, data)
            base = _base(spec, data, found.record["pooling"], beat) if data else None
            stop.check()
        except Stopped:
            if waited:
                writer.status("stopped", phase=None)
            raise
        except Exception as error:
            if waited:
                writer.status("failed", phase=None, error=sentence(error))
            if isinstance(error, IsobarError):
                raise
            with suppress(OSError), (writer.path / layout.LOG).open("a", encoding="utf-8") as log:
                log.write(traceback.format_exc())
            raise RunFailedError(sentence(error)) from error
    writer.begin(spec.model_dump(), record={**found.record, "revision": code_revision()})
    _write(writer, found, base)
    return load_run(writer.path), found


def _base(spec: RunSpec, data: Task, pooling: str, progress: Progress) -> dict | None:
    """Return the measures of the model that a run began with, where `spec.model` is that run's; else None."""
    run = _run_of(spec.model)
    if run is None:
        return None
    # The same pooling, also where the base has one of its own.
    spec = spec.model_copy(update={"model": run.spec["model"], "pooling": pooling})
    try:
        found = _inspected(spec, data, lambda _, *done: progress("base", *done))
    except IsobarError:  # it has gone since, or the hub with it: a reference less
        return None
    return {"model": spec.model, **describe(found.measures, found.classes, found.layers)}


def _isotropic_classes(found: Inspection) -> list[ClassShape]:
    """Return the classes of a Gaussian cloud that has as many points and dimensions and the same labels."""
    cloud = np.random.default_rng(0).standard_normal(found.embeddings.shape)
    names = {shape.label: shape.name for shape in found.classes}
    return shape_by_class(cloud, found.probe["label"].to_numpy(), names=names)


def _write(writer: RunWriter, found: Inspection, base: dict | None) -> None:
    writer.probe(found.probe, found.preview)
    writer.snapshot(
        step=0,
        embeddings=found.embeddings,
        labels=found.probe["label"].to_numpy(),
        predictions=found.predictions,
        measures=found.measures,
        classes=found.classes,
        layers=found.layers,
    )
    task = found.record["task"]
    writer.report(
        {
            "metric": next(iter(task["metrics"]), None),
            "label_names": task["label_names"],
            "before": describe({**found.measures, **found.metrics}, found.classes, found.layers),
            "isotropic": describe(found.reference, _isotropic_classes(found), []),
            "base": base,
            "other_pooling": found.other_pooling,
        }
    )
    writer.write(layout.INSPECTION, json_text(found.as_dict()))
    writer.status("finished", phase=None, error=None)


def measure_layers(
    model: str | LoadedModel,
    data: Iterable,
    measures: Names = "main",
    *,
    modality: str = "text",
    pooling: str = "auto",
    max_length: int = 128,
    max_seconds: float = 10.0,
    batch_size: int = 64,
    device: str = "auto",
    keep: int = KEPT,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, float]]:
    """Return measures of the embeddings by every layer of `model`, the input embeddings' first: one forward pass an example.

    Two trials take up to three of them besides.

    However many there are, memory holds sums and `keep` embeddings a layer. Up to `keep` examples every measure is
    that of all; of more, those that need the points themselves (:data:`core.geometry.stream.OF_POINTS`) are of a
    seeded random sample of `keep` examples, the same in every layer, and the others still exact.

    Args:
        model: built-in name, local folder or Hub id, or a model that is loaded already.
        data: texts, pairs of texts, or cells of images or sounds as in :mod:`core.modalities.media`; any iterable,
            which is read once.
        measures: as :func:`core.geometry.measure` takes them.
        modality: what `data` is, where the model is not loaded yet.
        pooling: how the states of an example become its embedding: auto, cls, mean, last or head.
        max_length: word pieces a text is cut to.
        max_seconds: seconds a sound is cut to.
        batch_size: examples a forward pass.
        device: auto, cpu, cuda or mps.
        keep: how many embeddings a layer are kept.
        seed: of the sample.
        progress: called with (phase, done, in all); in all is 0 where `data` does not say.

    Raises:
        IsobarError: no such model, measure or device; fewer than two examples; a layer's states hold NaN or infinity.
    """
    measure_names(measures)
    check_device(device)
    loaded = load_model(model, 2, modality) if isinstance(model, str) else model
    check_pooling(loaded.model, pooling)
    network = to_device(loaded.model, device)
    streams, collate, seen = LayerStreams(keep=keep, seed=seed), loaded.collator(), None
    done, total = 0, len(data) if hasattr(data, "__len__") else 0
    unread = iter(data)
    while examples := list(islice(unread, _AT_ONCE)):
        parts = zip(*examples) if isinstance(examples[0], tuple | list) else [examples]  # pairs have two
        columns = {name: list(part) for name, part in zip(loaded.modality.columns, parts)}
        rows = Dataset.from_dict({**columns, "label": [0] * len(examples)})
        rows = loaded.encode(rows, Cut(tokens=max_length, seconds=max_seconds))
        seen = seen or view_of(network, collate, rows, pooling, sentence=_own_embedding(loaded, pooling))
        encode(
            network,
            collate,
            rows,
            pooling=seen.pooling,
            unpadded=seen.padding,
            sentence=seen.sentence,
            batch_size=batch_size,
            on_layers=lambda at, layers, before=done: streams.add(before + at, layers),
        )
        done += len(examples)
        if progress is not None:
            progress("embedding", done, total)
    if done < 2:
        raise IsobarError(f"A shape needs at least 2 examples; there {'is only 1' if done else 'are none'}.")
    return streams.measure(measures)
