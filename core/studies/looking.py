"""Looks at every layer of several models; what is found is a :class:`core.studies.layers.LayersStudy`."""

from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import numpy as np
from datasets import concatenate_datasets
from safetensors import safe_open
from torch import nn

from core.errors import IsobarError
from core.geometry.compare import compare_spaces
from core.geometry.stream import CloudStream
from core.json_text import plain
from core.modalities import Cut
from core.models import BUILT_IN
from core.models.attention import watched_attention
from core.models.changes import Change
from core.models.device import to_device
from core.models.embedding import encode
from core.models.loading import LoadedModel, load_model
from core.models.perturbed import changed
from core.models.pooling import check_pooling
from core.models.states import States
from core.runs import Run
from core.studies.layers import ALIKE, FILE, MEASURES, LayersSpec, LayersStudy, read_layers
from core.studies.place import study_in
from core.tasks import Task, load_texts
from core.training.probe import view_of
from core.training.progress import Progress

_KEPT = 2_000  # rows of each cloud, for the measures that need the points
_PAIRED = 1_000  # examples of which every layer is kept, to be compared with other models
_OUTPUT_NAMES = ("lm_head.weight", "cls.predictions.decoder.weight", "embed_out.weight", "output_projection.weight")


def study_layers(spec: LayersSpec, path: Path | str | None = None, *, progress: Progress | None = None) -> LayersStudy:
    """Look at every layer of every model; one pass through the examples serves all layers, points and measures.

    Memory does not grow with the number of examples: it holds sums and up to 2,000 points a cloud, and of up to 1,000
    examples every layer, by which models that read the same task are compared.

    Args:
        spec: what to look at.
        path: a directory that is made, or gone on with: a model that is finished in it is not looked at again, but where
            others are compared with it.
        progress: called with (phase, done, in all).

    Raises:
        IsobarError: a model or a task is not there, no task fits a model, a layer's states hold NaN or infinity; the
            directory holds something else.
        Stopped: it was asked to end; the models that are finished are kept.
    """
    asked = spec.model_dump(mode="json")
    found = read_layers(path) if path is not None and (Path(path) / FILE).exists() else LayersStudy(asked)
    if found.spec == asked and len(found.models) == len(spec.models) and Run(Path(path or "")).state == "finished":
        return found
    tasks = [load_texts(name, seed=spec.seed) for name in spec.tasks]
    for name in spec.models:  # better known before than after an hour
        _first_that_fits(name, tasks)
    with study_in(path, asked, FILE, progress) as (beat, keep):
        spaces: dict[str, list[np.ndarray]] = {}
        for name in spec.models:
            if name not in [about["model"] for about in found.models]:
                spaces[name] = _look_at(name, tasks, spec, found, beat)
                keep(found.as_dict())
        _compare(tasks, spec, spaces, found, beat)
        keep(found.as_dict())
    return found


def _look_at(name: str, tasks: list[Task], spec: LayersSpec, found: LayersStudy, beat: Progress) -> list[np.ndarray]:
    """Add to `found` all that is to be said of a model alone; return its layers' embeddings of the paired examples."""
    task, loaded = _first_that_fits(name, tasks)
    examples = _Examples(task, loaded, spec)
    rows, space = [], []
    if not loaded.untrained:
        rows += [
            {"weights": "trained", "seed": None, **row}
            for row in examples.measured(lambda *done: beat(name, *done), space)
        ]
        found.matrices.extend({"model": name, **row} for row in _matrices(loaded))
    for seed in range(spec.seed, spec.seed + max(spec.untrained, int(loaded.untrained))):
        changed(loaded, Change("untrained"), seed)
        again = examples.measured(lambda *done, seed=seed: beat(f"{name}, random weights {seed}", *done), None)
        rows += [{"weights": "untrained", "seed": seed, **row} for row in again]
    found.rows.extend({"model": name, **row} for row in rows)
    found.models.append({"model": name, **examples.about()})
    return space


def _first_that_fits(name: str, tasks: list[Task]) -> tuple[Task, LoadedModel]:
    """Return the model, and the first of the tasks whose examples it reads."""
    refusals = []
    for task in tasks:
        if task.modality in [other.modality for other, _ in refusals]:
            continue
        try:
            return task, load_model(name, max(task.num_labels, 2), task.modality)
        except IsobarError as error:
            refusals.append((task, error))
    raise refusals[0][1]


class _Examples:
    """A sample of a task's examples, as one model takes them."""

    def __init__(self, task: Task, loaded: LoadedModel, spec: LayersSpec):
        everything = concatenate_datasets([task.validation, task.train]) if task.has_labels else task.validation
        draw = np.random.default_rng(spec.seed)
        chosen = np.sort(draw.permutation(len(everything))[: spec.examples])
        check_pooling(loaded.model, spec.pooling)
        self.task, self.loaded, self.spec = task, loaded, spec
        self.model, self.collate = to_device(loaded.model, spec.device), loaded.collator()
        cut = Cut(tokens=spec.max_length, seconds=spec.max_seconds)
        self.rows = loaded.encode(everything.select(chosen), cut)
        if len(self.rows) < 2:
            raise IsobarError(f"The task {task.name!r} has {len(self.rows)} examples; a shape needs at least 2.")
        self.paired = np.sort(draw.permutation(len(self.rows))[:_PAIRED])
        self.view = view_of(self.model, self.collate, self.rows, spec.pooling)
        self.apart: list[str] = []

    def about(self) -> dict:
        """Return what a person wants to know of the model and its examples."""
        config = self.loaded.model.config
        return {
            "type": config.model_type,
            "modality": self.task.modality,
            "task": self.task.name,
            "pooling": self.view.pooling,
            "examples": len(self.rows),
            "parameters": sum(weight.numel() for weight in self.model.parameters()),
            "fingerprint": self.task.fingerprint,
            "notes": [*self.task.notes, *self.apart],
        }

    def measured(self, progress: Callable[[int, int], None], space: list[np.ndarray] | None) -> list[dict]:
        """Return a row for each kind of points and each layer; into `space` go the layers' paired embeddings, if it is a list."""
        clouds: dict[str, list[CloudStream]] = {}
        kept: list[np.ndarray] = []
        place = np.full(len(self.rows), -1)
        place[self.paired] = np.arange(len(self.paired))

        def on_layers(rows: np.ndarray, layers: list[np.ndarray]) -> None:
            self._add(clouds, "examples", layers, rows)
            if space is None:
                return
            kept.extend(np.empty((len(self.paired), layer.shape[1]), np.float32) for layer in layers[len(kept) :])
            here = place[rows] >= 0
            for into, layer in zip(kept, layers):
                into[place[rows[here]]] = layer[here]

        def on_states(states: States, places: np.ndarray) -> None:
            masks = [mask[places] for mask in states.masks]
            self._add(clouds, "tokens", [layer[places][mask] for layer, mask in zip(states.layers, masks)])
            projected = watch.take(states)
            for points, layers in zip(("queries", "keys"), projected or ()):
                self._add(clouds, points, [layer[places][mask] for layer, mask in zip(layers, masks[1:])])

        with watched_attention(self.model) as watch:
            encode(
                self.model,
                self.collate,
                self.rows,
                pooling=self.view.pooling,
                batch_size=self.spec.batch_size,
                unpadded=self.view.padding,
                on_layers=on_layers,
                on_states=on_states,
                on_batch=progress,
            )
        if "queries" not in clouds and not self.apart:
            self.apart.append("This architecture shows no queries and keys, one of each a layer.")
        if space is not None:
            space.extend(kept)
        depth = len(clouds["examples"]) - 1
        return [
            {
                "points": points,
                "layer": depth + 1 - len(streams) + number,
                "of": depth,
                **plain(stream.measure(MEASURES)),
            }
            for points, streams in clouds.items()
            for number, stream in enumerate(streams)
        ]

    def _add(self, clouds: dict, points: str, layers: list, rows: np.ndarray | None = None) -> None:
        first = 0 if points in ("examples", "tokens") else 1
        streams = clouds.setdefault(points, [CloudStream(keep=_KEPT, seed=self.spec.seed) for _ in layers])
        for number, (stream, layer) in enumerate(zip(streams, layers), start=first):
            layer = layer if isinstance(layer, np.ndarray) else layer.float().cpu().numpy()
            stream.add(layer, f"The {points} of layer {number} of the model {self.loaded.source}", rows)


def _matrices(loaded: LoadedModel) -> list[dict]:
    """Return the measures of the embedding matrices that the checkpoint has: a row is a word piece."""
    found = {}
    with suppress(NotImplementedError, AttributeError):
        module = loaded.model.get_input_embeddings()
        if isinstance(module, nn.Embedding):
            found["input"] = module.weight.detach().float().cpu().numpy()
    output = _output_matrix(loaded)
    if output is not None:
        found["output"] = output
    rows = []
    for name, matrix in found.items():
        stream = CloudStream(keep=_KEPT)
        for start in range(0, len(matrix), 4096):
            stream.add(matrix[start : start + 4096], f"The {name} embedding matrix")
        rows.append({"matrix": name, "rows": len(matrix), **plain(stream.measure(MEASURES))})
    return rows


def _output_matrix(loaded: LoadedModel) -> np.ndarray | None:
    """Return the matrix that makes words of states, where the checkpoint keeps one; one that is tied is the input's."""
    folder = BUILT_IN[loaded.source].path() if loaded.source in BUILT_IN else Path(loaded.source)
    for file in sorted(folder.glob("*.safetensors")) if folder.is_dir() else ():
        with safe_open(file, "pt") as tensors:
            for name in _OUTPUT_NAMES:
                if name in tensors.keys():  # noqa: SIM118  (it is no mapping)
                    return tensors.get_tensor(name).float().numpy()
    return None


def _compare(
    tasks: list[Task], spec: LayersSpec, spaces: dict[str, list[np.ndarray]], found: LayersStudy, beat: Progress
) -> None:
    """Add to `found` how alike the layers of any two models are that have read the same examples, and have learnt something."""
    about = {one["model"]: one for one in found.models}
    done = {(pair["one"], pair["other"]) for pair in found.pairs}
    learnt = [name for name in spec.models if found.profile(name, MEASURES[0])]
    todo = [
        (one, other)
        for one, other in combinations(learnt, 2)
        if about[one]["fingerprint"] == about[other]["fingerprint"] and (one, other) not in done
    ]
    for name in dict.fromkeys(name for pair in todo for name in pair):
        if name not in spaces:  # looked at before the study was stopped
            task, loaded = _first_that_fits(name, tasks)
            spaces[name] = []
            _Examples(task, loaded, spec).measured(lambda *done, name=name: beat(f"{name} again", *done), spaces[name])
    for number, (one, other) in enumerate(todo):
        beat("comparing", number, len(todo))
        tables: dict[str, list[list[float | None]]] = {name: [] for name in ALIKE}
        for layer in spaces[one]:
            alike = [plain(compare_spaces(layer, their, ALIKE)) for their in spaces[other]]
            for name in ALIKE:
                tables[name].append([values[name] for values in alike])
        found.pairs.append({"one": one, "other": other, "examples": len(spaces[one][0]), **tables})
    if todo:
        beat("comparing", len(todo), len(todo))
