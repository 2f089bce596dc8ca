"""Writes the run directory while transformers' Trainer trains."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import torch
from transformers import TrainerCallback

from core.errors import IsobarError
from core.runs import Run, RunWriter
from core.runs.layout import HEARTBEAT_SECONDS
from core.training import ranks
from core.training.probe import Portrait, Probe, describe
from core.training.progress import Progress, StopSignal
from core.training.record import write_portrait

_log = logging.getLogger("isobar")
_COLLAPSED = 1e-3  # spread over length of the embeddings, under which they are all but one point
_PORTRAIT_ON_STOP_SECONDS = 2.0  # a stop must end within five seconds, saving included


class Trained(Exception):
    """A resumed run has no step left: it was stopped after its last one."""


class RunRecorder(TrainerCallback):
    """Logs steps, embeds the probe set at planned steps, asks for evaluations and checkpoints, and heeds a stop.

    Args:
        trainer: a :class:`core.training.loss.RegularizedTrainer`; its `terms` are read.
        probe: the probe set.
        writer, stop, progress: where to write, what to heed, whom to tell.
    """

    def __init__(self, trainer, probe: Probe, writer: RunWriter, stop: StopSignal, progress: Progress):
        self.trainer, self.probe, self.writer, self.stop, self.progress = trainer, probe, writer, stop, progress
        self.spaces: dict[int, dict] = {}  # by step, as the report tells them
        self.metrics: dict[int, dict[str, float]] = {}
        self._portrait_seconds = 0.0
        self._logged = 0  # the step of the last line of events
        self._scored = 0  # batches of the validation set
        self._step_started = self._heartbeat = 0.0
        self._rate: float | None = None  # seconds a step, smoothed
        self._kept = time.monotonic()  # when there was a checkpoint last; no clock that may be set

    def on_train_begin(self, args, state, control, model=None, **_):
        """Take the portrait of the untrained space; in a resumed run, make up for what its stop cut off at this step."""
        spec = self.trainer.spec
        self._snapshot_steps = {round(state.max_steps * k / (spec.snapshots - 1)) for k in range(1, spec.snapshots)}
        self._evaluation_steps = {round(state.max_steps * k / spec.evaluations) for k in range(1, spec.evaluations + 1)}
        self._evaluation_steps.add(state.max_steps)
        step = self._logged = state.global_step
        if step in {0, *self._snapshot_steps} - self.spaces.keys():
            self.portray(model, step=step, epoch=float(state.epoch or 0))
        # Said by the first process, whose record it is: all must evaluate, or none.
        args.eval_on_start = ranks.from_first(step in {0, *self._evaluation_steps} - self.metrics.keys())

    def on_epoch_begin(self, args, state, control, **_):
        """End a resumed run that has no step left; the Trainer would take one more before it looks."""
        if state.global_step >= state.max_steps:
            raise Trained

    def on_step_begin(self, args, state, control, **_):
        """Start the step's clock."""
        self._step_started = time.perf_counter()

    def on_step_end(self, args, state, control, model=None, **_):
        """Log, take a portrait, ask for an evaluation, as planned for this step."""
        step, spec = state.global_step, self.trainer.spec
        seconds = time.perf_counter() - self._step_started
        self.trainer.terms.log.step_seconds.append(seconds)
        self._rate = seconds if self._rate is None else 0.9 * self._rate + 0.1 * seconds
        is_logged = step == 1 or step % spec.log_every == 0 or step == state.max_steps
        is_looked_at, is_scored = step in self._snapshot_steps, step in self._evaluation_steps
        is_kept = (is_scored or self._checkpoint_is_due()) and step < state.max_steps  # the end is kept as model/
        if is_logged or is_looked_at or is_scored or is_kept:
            self.check_finite(model, step)
        if is_logged:
            self._log(step, state)
        self.beat("training", step, state.max_steps, step=step, total_steps=state.max_steps)
        if is_looked_at:
            self.portray(model, step=step, epoch=state.epoch)
        control.should_evaluate |= is_scored
        control.should_save |= is_kept
        self.stop.check()
        return control

    def on_prediction_step(self, args, state, control, eval_dataloader=None, **_):
        """Stay stoppable and visibly alive while the validation set is scored."""
        total = len(eval_dataloader) if eval_dataloader is not None else 1
        self._scored = self._scored % total + 1
        self.beat("scoring", self._scored, total)
        self.stop.check()

    def on_save(self, args, state, control, **_):
        """Begin to wait for the next checkpoint."""
        self._kept = time.monotonic()

    def on_evaluate(self, args, state, control, metrics=None, **_):
        """Log the task metrics."""
        names = self.trainer.task_metrics
        found = {name: metrics[f"eval_{name}"] for name in names if f"eval_{name}" in metrics}
        self.metrics[state.global_step] = found
        self.writer.event(kind="evaluation", step=state.global_step, epoch=state.epoch, metrics=found)

    def check_finite(self, model, step: int) -> None:
        """Raise an IsobarError where the loss or the weights are no numbers any more, before they are kept.

        It is asked where the numbers are read anyway: on a GPU each look waits for the work to be done.
        """
        problem = self.problem(model, step)
        if ranks.any_of(bool(problem)):
            raise IsobarError(problem or f"The loss or the weights are no numbers in another process at step {step}.")

    def problem(self, model, step: int) -> str:
        """Return in a sentence what is no number any more, or an empty string; `step` is the last that was ended."""
        spec, log = self.trainer.spec, self.trainer.terms.log
        for name, seen in {"task loss": log.task_loss, **log.regularizers}.items():
            values = [float(value) for value in seen]
            bad = next((k for k, value in enumerate(values) if not np.isfinite(value)), None)
            if bad is not None:
                a_step = spec.accumulation if name == "task loss" or not self.trainer.accumulates_cloud else 1
                at = self._logged + 1 + bad // a_step
                what = name if name == "task loss" else f"value of the regularizer {name}"
                found = f"The {what} is {values[bad]} at step {at}{self._classes_at_fault(name)}"
                return f"{found}{self._where(model)}. {self._advice(log.regularizers)}"
        for name, weights in model.named_parameters():
            if not bool(torch.isfinite(weights.detach()).all()):
                return (
                    f"The weights {name} hold NaN or infinity after step {step}, while the loss is still finite: a gradient "
                    f"overflowed. {self._advice(log.regularizers)}"
                )
        return ""

    def _classes_at_fault(self, regularizer: str) -> str:
        """Return the classes for which what `regularizer` saw in the last batch is no number, as the end of a sentence."""
        seen = self.trainer.terms.modules
        rows = (seen[regularizer].read_stats().get("classes") or {}) if regularizer in seen else {}
        bad = [k for k, row in rows.items() if not all(np.isfinite(v) for v in row.values() if v is not None)]
        names = [repr(self.probe.label_names[int(k)]) for k in bad]
        return f" (in the last batch of the class{'es' if len(names) > 1 else ''} {', '.join(names)})" if names else ""

    def _where(self, model) -> str:
        """Return in a sentence which layer's states of the probe set are no numbers, and of which class; empty where all are."""
        try:
            self.probe.portray(model)
        except IsobarError as error:
            return f"; {str(error).partition(';')[0].replace('The', 'the', 1)}, of the probe set"
        return ""

    def _advice(self, regularizers) -> str:
        spec = self.trainer.spec
        lower = ["learning_rate", *(f"{name}.weight" for name in regularizers if name in spec.regularizers)]
        more = "" if spec.max_grad_norm else ", or max_grad_norm 1"
        more += ", or precision fp32" if spec.precision != "fp32" else ""
        last = f"The last good snapshot is of step {max(self.spaces)}. " if self.spaces else ""
        return f"{last}A lower {' or '.join(lower)} may keep it finite{more}."

    def _checkpoint_is_due(self) -> bool:
        minutes = self.trainer.spec.checkpoint_minutes
        return ranks.any_of(bool(minutes) and time.monotonic() - self._kept >= 60 * minutes)

    def portray(self, model, *, step: int, epoch: float) -> None:
        """Embed the probe set, and write a snapshot and a line of events; a stop is heeded between batches."""
        if not ranks.is_first():
            return
        started = time.perf_counter()
        self._record(self.probe.portray(model, self._on_probe_batch), step, epoch)
        self._portrait_seconds = time.perf_counter() - started

    def portray_on_stop(self, model, state) -> None:
        """Take one more portrait where that is quick enough for somebody who waits for the run to end."""
        quick = self._portrait_seconds < _PORTRAIT_ON_STOP_SECONDS
        if not ranks.is_first() or not quick or state.global_step in self.spaces:
            return
        until = time.perf_counter() + _PORTRAIT_ON_STOP_SECONDS

        def in_time(done: int, total: int) -> None:
            if done < total and time.perf_counter() > until:  # the first one was cut off, or a resumed run took none
                raise TimeoutError

        with suppress(TimeoutError):
            self._record(self.probe.portray(model, in_time), state.global_step, state.epoch or 0.0)

    def sampled(self, done: int, total: int) -> None:
        """Stay stoppable and visibly alive while training texts are sampled."""
        self.beat("sampling", done, total)
        self.stop.check()

    def _on_probe_batch(self, done: int, total: int) -> None:
        self.beat("embedding", done, total)
        if ranks.count() == 1:  # the others wait at their next step, and can't be asked
            self.stop.check()

    def _record(self, portrait: Portrait, step: int, epoch: float) -> None:
        self.spaces[step] = describe(portrait.measures, portrait.classes, portrait.layers)
        write_portrait(self.writer, portrait, step, epoch)
        if step == max(self._snapshot_steps):
            self._tell_collapse(portrait, step)

    def _tell_collapse(self, portrait: Portrait, step: int) -> None:
        """Say so where the trained model gives all examples one class: a run like that ends as any other."""
        given, embeddings = portrait.encoded.predictions, portrait.encoded.embeddings
        if len(np.unique(given)) > 1 or len(np.unique(portrait.labels)) == 1:
            return
        spread, length = np.linalg.norm(embeddings - embeddings.mean(axis=0)), np.linalg.norm(embeddings)
        point = ", and all embeddings are all but one point" if spread <= _COLLAPSED * length else ""
        text = (
            f"After step {step} the model gives every example of the probe set the class "
            f"{self.probe.label_names[int(given[0])]!r}{point}: it has collapsed, or not begun to learn. A lower learning_rate, "
            "or more steps, may help."
        )
        self.writer.event(kind="note", step=step, text=text)
        _log.warning(text)

    def recall(self, run: Run) -> None:
        """Take over from a resumed run what it had seen before, so that its report has a `before`."""
        for step in run.steps:
            if (old := run.snapshot(step)) is not None:
                self.spaces[step] = describe(old.measures, old.classes, old.layers)
        for row in run.rows("evaluation"):
            self.metrics[row["step"]] = row["metrics"]

    def beat(self, phase: str, done: int, total: int, **fields) -> None:
        """Tell the listener, and renew the heartbeat if it is due."""
        self.progress(phase, done, total)
        now = time.perf_counter()
        if now - self._heartbeat < HEARTBEAT_SECONDS and done != total:
            return
        self._heartbeat = now
        if self._rate is not None and "step" in fields:
            fields["seconds_left"] = round(self._rate * (fields["total_steps"] - fields["step"]), 1)
        self.writer.status("running", phase=phase, **fields)

    def _log(self, step: int, state) -> None:
        schedule = self.trainer.lr_scheduler
        row = self.trainer.terms.log.flush()
        self._logged = step
        row["task_loss"] = ranks.mean(row["task_loss"])  # the regularizer's is that of the global batch in each process
        self.writer.event(
            kind="step",
            step=step,
            epoch=state.epoch,
            learning_rate=schedule.get_last_lr()[0] if schedule else None,
            **row,
            **self.trainer.terms.stats(),
        )


class ShrinkageRenewal(TrainerCallback):
    """Lets the terms have their covariance of the training examples' states before the first step, and anew every epoch.

    Args:
        trainer: a :class:`core.training.loss.RegularizedTrainer`.
        on_batch: called with (texts done, texts in all) after each batch; it may raise to end the work.
    """

    def __init__(self, trainer, on_batch: Callable[[int, int], None]):
        self.trainer, self.on_batch = trainer, on_batch

    def on_epoch_begin(self, args, state, control, model=None, **_):
        """Renew it, in evaluation mode and without touching torch's generators."""
        trainer = self.trainer
        sample = trainer.train_dataset, trainer.data_collator
        trainer.terms.renew(model, state.epoch or 0.0, trainer.spec.seed, lambda *_: sample, self.on_batch)
