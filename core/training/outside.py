"""The probe set in somebody else's Trainer, and the run directory that comes of it."""

import copy
import inspect
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset
from torch import nn
from transformers import PreTrainedTokenizerBase, TrainerCallback

from core.errors import IsobarError
from core.geometry import measure, shape_by_class
from core.geometry.labels import typed_labels
from core.modalities import MODALITIES, Cut
from core.models.device import device_name
from core.models.embedding import Encoded
from core.models.reading import source_of
from core.revision import code_revision
from core.runs import Run, RunWriter, layout
from core.runs.settings import OUTSIDE, method
from core.tasks.sampling import FEWEST_PROBES
from core.tasks.task import fingerprint
from core.training import ranks
from core.training.any_trainer import is_sentence_transformer, terms_of
from core.training.probe import Portrait, Probe, describe, view_of
from core.training.progress import sentence
from core.training.record import machine, report, write_portrait
from core.training.spec import run_name
from core.training.terms import Terms

_NO_METRICS = ("runtime", "samples_per_second", "steps_per_second", "jit_compilation_time", "model_preparation_time")
_ONE_CLOUD, _NO_LABELS = "all texts", "The texts have no labels: they are one cloud."


class ProbeCallback(TrainerCallback):
    """Embeds a few texts before, during and after a training in any Trainer of transformers, and writes a run of it.

    The run's directory is one like those that Isobar's own training writes: the app shows it while it is written, ``isobar
    report`` and ``isobar compare`` take it. Its settings are what the Trainer's arguments say, and that it was
    ``trained_outside``. With :func:`core.regularized` it has what that added too.
    The training is left as it is: no generator is touched, and nothing of the model is changed. The app's Stop ends it after
    the step.

    Args:
        texts: those that are embedded, or pairs of texts.
        labels: the class of each: the model's number of it, or its name; left out, the texts are one cloud.
        task: what the data is called on the page.
        snapshots: how often they are embedded, start and end included; or after which steps besides.
        label_names: of the classes, by number; else those of the model.
        tokenizer: where the Trainer has none as its processing_class.
        pooling, layer: how a text's states become its embedding; else as the regularizers have it, or auto and -1. A
            SentenceTransformer embeds by its own `encode`.
        max_length: word pieces that a text is cut to, by default 128; a SentenceTransformer has its own.
        run_dir: the run's directory, which must be new; else one named after date, model and task in `runs_dir`.
        runs_dir: where run directories are made.

    Attributes:
        run_dir: the directory, once the training has begun.

    Raises:
        IsobarError: texts and labels don't fit, or a class has fewer than 4 texts; when the training begins, the model's
            states or the tokenizer can't be had, or the directory can't be written.
    """

    def __init__(
        self,
        texts: Sequence[str] | Sequence[tuple[str, str]],
        labels: Sequence[int] | Sequence[str] | None = None,
        *,
        task: str = "texts",
        snapshots: int | Collection[int] = 5,
        label_names: Sequence[str] | None = None,
        tokenizer=None,
        pooling: str | None = None,
        layer: int | None = None,
        max_length: int | None = None,
        run_dir: Path | str | None = None,
        runs_dir: Path | str = "runs",
    ):
        self._columns = _columns(texts)
        self._labels = _checked(labels, len(self._columns["text"]))
        if isinstance(snapshots, int) and snapshots < 2:
            raise IsobarError(
                f"snapshots = {snapshots} must be at least 2, one before and one after; or say which steps."
            )
        self.task, self.snapshots, self.label_names, self.tokenizer = task, snapshots, label_names, tokenizer
        self.pooling, self.layer, self.max_length = pooling, layer, max_length
        self.run_dir = Path(run_dir) if run_dir is not None else None
        self._runs_dir, self._given_dir = Path(runs_dir), self.run_dir
        self._writer: RunWriter | None = None
        self._metrics: dict[int, dict[str, float]] = {}

    def on_train_begin(self, args, state, control, model=None, processing_class=None, train_dataloader=None, **_):
        """Begin the run, and take the portrait of the space before training."""
        if self._writer is not None:
            self.on_failure(RuntimeError("The training ended without a word, and another one began."))
        if self._begun:  # what was evaluated since is that training's
            self._metrics = {}
        terms = terms_of(model)
        if terms is not None:
            terms.watched = True
        names, labels = self._classes(None if is_sentence_transformer(model) else _config(model))
        self._names = names
        look = self._look(model, processing_class, terms, names, labels)
        spec = self._spec(args, model, terms, look)
        name = run_name(str(spec["model"]), self.task, method(spec), args.seed)
        with ExitStack() as undo:
            writer = undo.enter_context(ranks.leader(self._given_dir, name, self._runs_dir))
            writer.begin(spec, record=self._record(model, look, names, labels, train_dataloader))
            undo.pop_all()
        self.run_dir = writer.path
        self._writer, self._terms, self._look_at = writer, terms, look
        self._spaces: dict[int, dict] = {}
        self._step_seconds: list[float] = []
        self._rate, self._beat, self._stopped = None, 0.0, False
        self._step_started = time.perf_counter()
        writer.probe(look.frame)
        device = device_name(args.device)
        writer.record(device=device)
        writer.status("running", phase="embedding", started=_now(), device=device, step=state.global_step,
                      total_steps=state.max_steps, error=None)  # fmt: skip
        writer.event(kind="pooling", step=0, asked=spec["pooling"], pooling=look.pooling, states=look.states)
        for note in look.notes:
            writer.event(kind="note", step=0, text=note)
        for step, metrics in self._metrics.items():
            self._tell_metrics(args, step, 0.0, metrics)
        self._planned = self._steps(state)
        self._portray(model, state)

    def on_step_begin(self, args, state, control, **_):
        """Start the step's clock."""
        self._step_started = time.perf_counter()

    def on_step_end(self, args, state, control, model=None, **_):
        """Take a portrait where one is planned, say how far the training is, and heed a stop."""
        seconds = time.perf_counter() - self._step_started
        self._step_seconds.append(seconds)
        self._rate = seconds if self._rate is None else 0.9 * self._rate + 0.1 * seconds
        step = state.global_step
        if time.perf_counter() - self._beat > layout.HEARTBEAT_SECONDS or step == state.max_steps:
            self._beat = time.perf_counter()
            left = round(self._rate * (state.max_steps - step), 1)
            self._writer.status("running", phase="training", step=step, total_steps=state.max_steps, seconds_left=left)
        if step in self._planned:
            self._portray(model, state)
        if ranks.any_of(self._writer.stop_requested()):
            self._stopped = control.should_training_stop = True
        return control

    def on_log(self, args, state, control, logs=None, **_):
        """Log what the steps since the last logged one saw."""
        if self._writer is None or "loss" not in (logs or {}):
            return
        row = {"task_loss": logs["loss"]}
        if self._terms is not None:
            row = self._terms.told() if self._terms.log.task_loss else dict(self._terms.logged) or row
        seconds = self._step_seconds
        row["step_seconds"] = sum(seconds) / len(seconds) if seconds else None
        self._step_seconds = []
        self._writer.event(
            kind="step", step=state.global_step, epoch=state.epoch, learning_rate=logs.get("learning_rate"), **row
        )

    def on_evaluate(self, args, state, control, metrics=None, **_):
        """Log the metrics, also those of an evaluation before the training and after it."""
        found = {
            name.removeprefix("eval_"): float(value)
            for name, value in (metrics or {}).items()
            if name.startswith("eval_") and isinstance(value, int | float) and not name.endswith(_NO_METRICS)
        }
        step = state.global_step
        self._metrics[step] = {**self._metrics.get(step, {}), **found}
        if self.run_dir is not None and self._begun:
            self._tell_metrics(args, step, state.epoch or 0.0, self._metrics[step])
            if self._writer is None:
                self._write_report(RunWriter(self.run_dir))

    def on_train_end(self, args, state, control, model=None, **_):
        """Take the portrait of the space after training, and end the run."""
        if state.global_step not in self._spaces:
            self._portray(model, state)
        self._write_report(self._writer)
        ended = "stopped" if self._stopped else "finished"
        self._writer.status(ended, phase=None, step=state.global_step, seconds_left=None if self._stopped else 0)
        self._writer = None

    def on_failure(self, error: BaseException) -> None:
        """End the run as failed, or stopped by an interrupt; a regularized Trainer calls this itself."""
        if self._writer is None:
            return
        if isinstance(error, KeyboardInterrupt):
            self._writer.status("stopped", phase=None)
        else:
            said = str(error) if isinstance(error, RuntimeError) else sentence(error)
            self._writer.status("failed", phase=None, error=said)
        self._writer = None

    @property
    def _begun(self) -> bool:
        return hasattr(self, "_spaces")

    def _classes(self, config) -> tuple[tuple[str, ...], np.ndarray | None]:
        """Return the names of the classes and the number (n,) of each text's; predictions are compared where they are the model's."""
        if self._labels is None:
            return (_ONE_CLOUD,), np.zeros(len(self._columns["text"]), dtype=np.int64)
        known = {str(name): int(number) for name, number in (getattr(config, "label2id", None) or {}).items()}
        if self._labels.dtype.kind in "iu":
            count = int(self._labels.max()) + 1
            own = [name for name, _ in sorted(known.items(), key=lambda item: item[1])]
            names = tuple(self.label_names or (own if len(own) >= count else map(str, range(count))))
            if len(names) < count:
                raise IsobarError(
                    f"label_names has {len(names)} names, but there is a label {count - 1}; one is needed for each."
                )
            return names, self._labels
        found = sorted(set(self._labels.tolist()))
        names = tuple(self.label_names or (sorted(known, key=known.get) if set(found) <= set(known) else found))
        if unknown := set(found) - set(names):
            raise IsobarError(f"The label {sorted(unknown)[0]!r} is none of label_names ({', '.join(names)}).")
        number = {name: k for k, name in enumerate(names)}
        return names, np.array([number[label] for label in self._labels.tolist()])

    def _look(self, model, tokenizer, terms: Terms | None, names, labels) -> "_Look":
        frame = pd.DataFrame({**self._columns, "label": labels, "row": range(len(labels))})
        frame["label_name"] = [names[label] for label in labels]
        if is_sentence_transformer(model):
            if self.pooling is not None or self.layer is not None or self.max_length is not None:
                raise IsobarError(
                    "A SentenceTransformer embeds texts by its own encode; leave pooling, layer and max_length out (its length "
                    "is model.max_seq_length)."
                )
            return _Sentences(model, frame, names)
        pooling = self.pooling or (terms.pooling if terms is not None else "auto")
        layer = self.layer if self.layer is not None else (terms.layer if terms is not None else -1)
        tokenizer = self.tokenizer or tokenizer
        if tokenizer is None:
            raise IsobarError(
                "The Trainer has no tokenizer; give it one as processing_class, or to ProbeCallback as tokenizer."
            )
        cut = Cut(tokens=128 if self.max_length is None else self.max_length)
        return _States(model, tokenizer, frame, names, pooling, layer, cut)

    def _spec(self, args, model, terms: Terms | None, look: "_Look") -> dict:
        """Return what is known of the settings, under the names that a run of Isobar's own has them by."""
        config = _config(model)
        precision = "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32"
        return {
            OUTSIDE: True,
            "model": getattr(config, "name_or_path", "") or type(model).__name__,
            "task": self.task,
            "regularizers": terms.chosen.dump() if terms is not None else {},
            "pooling": look.asked,
            "layer": look.layer,
            "learning_rate": args.learning_rate,
            "batch_size": args.per_device_train_batch_size * args.world_size,
            "epochs": args.num_train_epochs,
            "max_steps": max(args.max_steps, 0),
            "accumulation": args.gradient_accumulation_steps,
            "schedule": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
            "weight_decay": args.weight_decay,
            "max_grad_norm": args.max_grad_norm,
            "optimizer": str(getattr(args.optim, "value", args.optim)),
            "precision": precision,
            "seed": args.seed,
        }

    def _record(self, model, look: "_Look", names, labels, loader) -> dict:
        rows = Dataset.from_dict({**self._columns, "label": labels.tolist()})
        data = getattr(loader, "dataset", None)
        metrics = list(dict.fromkeys(name for of_step in self._metrics.values() for name in of_step))
        return {
            **machine(),
            "model": {"source": f"a {type(model).__name__} in its owner's training"},
            "pooling": look.pooling,
            "states": look.states,
            "task": {
                "name": self.task,
                "modality": "text",
                "fingerprint": fingerprint(rows, rows, tuple(names)),
                "label_names": list(names),
                "metrics": metrics,
                "source": "texts given to ProbeCallback",
                "notes": [],
                "train": len(data) if hasattr(data, "__len__") else None,
                "probe": len(rows),
            },
            "revision": code_revision(),
        }

    def _steps(self, state) -> set[int]:
        if not isinstance(self.snapshots, int):
            return set(self.snapshots)
        return {round(state.max_steps * k / (self.snapshots - 1)) for k in range(1, self.snapshots)}

    def _portray(self, model, state) -> None:
        if not ranks.is_first():
            return
        self._writer.status("running", phase="embedding")
        found, step, epoch = self._look_at.portray(model), state.global_step, state.epoch or 0.0
        self._spaces[step] = describe(found.measures, found.classes, found.layers)
        write_portrait(self._writer, found, step, epoch)

    def _tell_metrics(self, args, step: int, epoch: float, metrics: dict[str, float]) -> None:
        if not ranks.is_first():
            return
        wanted = (args.metric_for_best_model or "").removeprefix("eval_")
        names = sorted(metrics, key=lambda name: (name != wanted, name.endswith("loss")))
        writer = self._writer or RunWriter(self.run_dir)
        self._metric = names[0] if names else ""
        writer.record(task={**Run(self.run_dir).record["task"], "metrics": names})
        writer.event(kind="evaluation", step=step, epoch=epoch, metrics={name: metrics[name] for name in names})

    def _write_report(self, writer: RunWriter) -> None:
        if ranks.is_first():
            writer.report(report(self._spaces, self._metrics, getattr(self, "_metric", ""), self._names))


class _States:
    """The probe set as a model of transformers, or one around such, embeds it."""

    def __init__(self, model: nn.Module, tokenizer, frame: pd.DataFrame, names, pooling: str, layer: int, cut: Cut):
        modality, config = MODALITIES["text"], source_of(model).config
        tokenizer = copy.deepcopy(tokenizer)  # theirs stays as it is
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        columns = [name for name in modality.columns if name in frame]
        rows = modality.encode(Dataset.from_pandas(frame[[*columns, "label"]]), tokenizer, config, cut)
        pad, taken = modality.collator(tokenizer, config), inspect.signature(model.forward).parameters
        every = any(kind.kind is inspect.Parameter.VAR_KEYWORD for kind in taken.values())

        def collate(some):
            return {name: value for name, value in pad(some).items() if every or name in taken or name == "labels"}

        seen = view_of(model, collate, rows, pooling, layer)
        self.asked, self.pooling, self.layer, self.states, self.frame = pooling, seen.pooling, layer, seen.kind, frame
        self._probe = Probe(frame, lambda row: None, rows, tuple(names), collate, seen, layer)
        self.notes = rows.notes("texts of the probe set")
        if len(names) == 1:
            self.notes.append(_NO_LABELS)

    def portray(self, model) -> Portrait:
        """Embed the texts, and measure what comes out."""
        return self._probe.portray(model)


class _Sentences:
    """The probe set as a SentenceTransformer's `encode` embeds it."""

    asked = pooling = "encode"
    states, layer = "sentences", -1

    def __init__(self, model, frame: pd.DataFrame, names):
        if "text_pair" in frame:
            raise IsobarError("A SentenceTransformer embeds single texts; give ProbeCallback texts, not pairs.")
        self.frame, self._names, self.notes = frame, tuple(names), []
        longest, tokenizer = model.max_seq_length, model.tokenizer
        if longest and isinstance(tokenizer, PreTrainedTokenizerBase):
            read = tokenizer(frame["text"].tolist(), truncation=False, verbose=False)["input_ids"]
            if cut_off := sum(len(ids) > longest for ids in read):
                self.notes.append(
                    f"{cut_off} of {len(frame)} texts of the probe set are cut to {longest} word pieces (max_seq_length)."
                )
        if len(self._names) == 1:
            self.notes.append(_NO_LABELS)

    def portray(self, model) -> Portrait:
        """Embed the texts, and measure what comes out; there are no predictions."""
        was_training, labels = model.training, self.frame["label"].to_numpy()
        model.eval()
        try:
            vectors = model.encode(self.frame["text"].tolist(), convert_to_numpy=True, show_progress_bar=False)
        finally:
            model.train(was_training)
        vectors = np.asarray(vectors, dtype=np.float32)
        return Portrait(
            encoded=Encoded(vectors, np.empty((len(vectors), 0), np.float32)),
            labels=labels,
            measures=measure(vectors, "main", labels if len(self._names) > 1 else None),
            classes=shape_by_class(vectors, labels, names=self._names),
            layers=[],
        )


_Look = _States | _Sentences


def _config(model: nn.Module):
    """Return the configuration of a model, or of the one inside; None where a SentenceTransformer has no transformer."""
    return model.config if is_sentence_transformer(model) else source_of(model).config


def _columns(texts: Sequence) -> dict[str, list[str]]:
    """Return the texts, or the two of each pair, as the columns of a task.

    Raises:
        IsobarError: they are something else, or fewer than 4.
    """
    texts = list(texts)
    if all(isinstance(text, str) for text in texts):
        found = {"text": texts}
    elif all(
        isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(t, str) for t in pair) for pair in texts
    ):
        found = {"text": [one for one, _ in texts], "text_pair": [other for _, other in texts]}
    else:
        odd = next(text for text in texts if not isinstance(text, str))
        raise IsobarError(f"ProbeCallback takes a list of texts, or of pairs of them; one is {odd!r:.80}.")
    if len(texts) < FEWEST_PROBES:
        raise IsobarError(f"ProbeCallback was given {len(texts)} texts; a shape needs at least {FEWEST_PROBES}.")
    return found


def _checked(labels: Sequence | None, count: int) -> np.ndarray | None:
    """Return the labels (n,), whole numbers or names.

    Raises:
        IsobarError: they are something else, not one for each text, missing, or too few of a class.
    """
    if labels is None:
        return None
    if (shape := np.shape(labels)) != (count,):
        raise IsobarError(f"ProbeCallback was given {count} texts and labels of shape {shape}; each text needs one.")
    found = typed_labels(labels, count)
    if found.dtype.kind == "b" or (found.dtype.kind == "f" and (found == np.round(found)).all()):
        found = found.astype(np.int64)
    if found.dtype.kind not in "iuU" or (found.dtype.kind == "i" and found.min() < 0):
        raise IsobarError(
            "The labels of ProbeCallback should be classes, as whole numbers from 0 on or as names; leave them out, and the "
            "texts are one cloud."
        )
    classes, counts = np.unique(found, return_counts=True)
    if counts.min() < FEWEST_PROBES:
        raise IsobarError(
            f"The class {classes[counts.argmin()]} has {counts.min()} of the texts of ProbeCallback; a shape needs at least "
            f"{FEWEST_PROBES} of each."
        )
    return found


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
