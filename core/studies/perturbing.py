"""Makes the states of a landscape, fine-tunes and measures each: runs in the directory of the study, found again when it goes on."""

import json
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset

from core import files
from core.errors import IsobarError
from core.geometry.report import chosen
from core.geometry.stream import CloudStream
from core.json_text import json_text
from core.models.changes import Change
from core.models.device import to_device
from core.models.embedding import encode
from core.models.loading import load_model
from core.models.perturbed import changed
from core.models.states import States
from core.runs import Run
from core.studies.landscape import CELLS, FILE, MEASURES, Landscape, LandscapeSpec, read_landscape
from core.studies.place import study_in
from core.studies.sweep import Standing, cell_dir, check_cells, run_cell, run_sweep, unfinished
from core.tasks import Task, load_task
from core.training.probe import cut_of, view_of
from core.training.progress import Progress, Stopped
from core.training.spec import RunSpec

_KEPT = 4_000  # tokens, for the measures that need the points
_SHORTEST, _LONGEST = 4, 49  # tokens of a text, as published
_MEASURED = "tokens.json"  # in a cell: what was measured of its tokens as they were before it was trained


def study_landscape(
    spec: LandscapeSpec,
    path: Path | str,
    workers: Callable[[Path], Executor],
    *,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
    watch: Callable[[Standing], None] = lambda standing: None,
) -> Landscape:
    """Make, measure and fine-tune every state; cells that have finished in the directory before are not run again.

    Args:
        spec: what to make.
        path: the directory of the study; what is known is written there whenever a cell ends.
        workers: returns where the cells run, given the folder of the cells; see :func:`core.studies.workers.workers`.
        progress: called with (phase, done, in all).
        tell: called with a line whenever a cell ends.
        watch: called twice a second.

    Raises:
        IsobarError: a model or a task is not there, or is none of texts; the directory holds something else.
        Stopped: it was asked to end; cells under way keep a checkpoint.
    """
    asked = spec.model_dump(mode="json")
    cells = Path(path) / CELLS
    if (Path(path) / FILE).exists() and Run(Path(path)).state == "finished" and read_landscape(path).spec == asked:
        return read_landscape(path)
    todo = unfinished(spec, cells)
    check_cells(todo)
    for task in spec.tasks:
        if (modality := _task(spec.cells()[0].model_copy(update={"task": task})).modality) != "text":
            raise IsobarError(
                f"A landscape is measured on the tokens of texts; the examples of {task} are of the modality {modality}."
            )
    with study_in(path, asked, FILE, progress) as (beat, keep):

        def look(standing: Standing) -> None:
            watch(standing)
            try:
                beat("fine-tuning", standing.finished + len(standing.failed), standing.total)
            except Stopped as stopped:
                raise KeyboardInterrupt from stopped

        failed: dict[str, str] = {}

        def ended(line: str) -> None:
            tell(line)
            keep(_found(spec, cells, failed, measured=False).as_dict())

        executor = workers(cells) if todo else None
        try:
            if executor is not None:
                with executor:
                    run_sweep(
                        spec, cells, executor, tell=ended, watch=look, work=_cell, more=(spec.sentences, spec.sample)
                    )
        except KeyboardInterrupt as interrupted:
            keep(_found(spec, cells, failed, measured=False).as_dict())
            raise Stopped from interrupted
        found = _found(spec, cells, failed, measured=True)
        keep(found.as_dict())
        if not found.points:
            raise IsobarError(f"No cell has finished: {next(iter(found.failed.values()), 'there are none')}")
    return found


def _found(spec: LandscapeSpec, cells: Path, failed: dict[str, str], *, measured: bool) -> Landscape:
    """Return what the finished cells say; with `measured`, those that were not are measured now."""
    found = Landscape(spec.model_dump(mode="json"), failed=failed)
    for one in spec.cells():
        path = cell_dir(cells, one)
        run = Run(path)
        if not path.exists() or run.state != "finished":
            if measured:
                failed.setdefault(path.name, str(run.status.get("error") or "It did not finish."))
            continue
        if not (path / _MEASURED).exists():
            if not measured:
                continue
            _measure(one, path, spec.sentences, spec.sample)
        tokens = json.loads((path / _MEASURED).read_text(encoding="utf-8"))
        metric = run.report.get("metric")
        score = run.report.get("after", {}).get(metric)
        found.points.append(
            {
                "model": one.model,
                "weights": one.weights,
                "seed": one.seed,
                "task": one.task,
                "metric": metric,
                "score": score,
                "run": path.name,
                **tokens,
            }
        )
    return found


def _cell(settings: dict, path: str, sentences: int, sample: str) -> str | None:
    """Run, or resume, a cell and measure its tokens; return a sentence if it did not finish."""
    problem = run_cell(settings, path)
    if problem is None and not (Path(path) / _MEASURED).exists():
        _measure(RunSpec(**settings), Path(path), sentences, sample)
    return problem


def _measure(spec: RunSpec, path: Path, sentences: int, sample: str) -> None:
    files.write(path / _MEASURED, json_text(token_measures(spec, sentences, sample)))


def token_measures(spec: RunSpec, sentences: int, sample: str = "task") -> dict[str, float]:
    """Return measures of the last layer's token states before `spec`'s model is trained, its weights changed as it says.

    The sample is of training texts of 4 to 49 tokens, [CLS] and [SEP] counted, the same for every state of a model. (The
    published one: 5,000 sentences of a corpus of that length.)

    Args:
        spec: model, weights, task and seed; the sample does not depend on the seed.
        sentences: how many texts.
        sample: "task", or "built" of words as frequent as in the task's texts, in texts as long as these.

    Raises:
        IsobarError: the task has no such texts.
    """
    task = _task(spec)
    torch.manual_seed(spec.seed)  # a head that is made anew draws from it, and nothing here reads that
    loaded = load_model(spec.model, task.num_labels, task.modality)
    if change := Change.parse(spec.weights):
        changed(loaded, change, spec.seed)
    network, collate = to_device(loaded.model, spec.device), loaded.collator()
    data = _built(task.train) if sample == "built" else task.train
    rows = loaded.encode(data, cut_of(spec))
    fitting = np.flatnonzero((rows.costs >= _SHORTEST) & (rows.costs <= _LONGEST))
    if len(fitting) < 2:
        raise IsobarError(
            f"The task {spec.task} has {len(fitting)} texts of {_SHORTEST} to {_LONGEST} tokens; a sample needs at least 2."
        )
    rows = rows.take(np.sort(np.random.default_rng(0).permutation(fitting)[:sentences]))
    seen, stream = view_of(network, collate, rows, "auto"), CloudStream(keep=_KEPT)

    def add(states: States, places: np.ndarray) -> None:
        last, mask = states.layers[-1][places], states.masks[-1][places]
        stream.add(last[mask].float().cpu().numpy(), "The last layer's token states")

    encode(network, collate, rows, pooling=seen.pooling, unpadded=seen.padding, on_states=add)
    here = chosen("all")[0]
    return stream.measure([name for name in MEASURES if name in here])


def _task(spec: RunSpec) -> Task:
    names = ("text_column", "text_pair_column", "label_column")
    return load_task(
        spec.task, seed=0, train_size=spec.train_size or None, **{name: getattr(spec, name) for name in names}
    )


def _built(data: Dataset) -> Dataset:
    """Return as many texts, of words drawn one by one with the frequencies that they have in `data`, each as long as one of `data`."""
    texts = [text.split() for text in data["text"]]
    words, draw = np.array([word for text in texts for word in text]), np.random.default_rng(0)
    made = [" ".join(draw.choice(words, max(len(text), 1))) for text in texts]
    return Dataset.from_dict({"text": made, "label": [0] * len(made)})
