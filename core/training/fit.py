"""Fine-tunes a classifier with a regularizer on its embeddings: transformers' Trainer plus one term in the loss."""

import dataclasses
import logging
import time
import traceback
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from transformers import PrinterCallback, ProgressCallback, TrainingArguments, set_seed

from core.errors import IsobarError, RunFailedError
from core.modalities import MODALITIES
from core.models.adapters import New, new_of, with_adapters, without_adapters
from core.models.changes import Change
from core.models.device import check_device, check_precision, chosen_device, device_name, precision_note
from core.models.loading import LoadedModel, load_model
from core.models.packing import pack_texts, telling_rows
from core.models.perturbed import changed
from core.models.pooling import check_pooling
from core.models.states import without_layer_drop
from core.revision import code_revision
from core.runs import Run, RunWriter, checkpoints, layout, load_run
from core.tasks import Task, load_task
from core.tasks.order import in_order
from core.tasks.sampling import scored_part
from core.training import ranks
from core.training.batches import idle_note
from core.training.loss import RegularizedTrainer
from core.training.memory import estimate_memory
from core.training.probe import Probe, cut_of, make_probe
from core.training.progress import Progress, Stopped, StopSignal, sentence
from core.training.record import record, report
from core.training.recorder import RunRecorder, ShrinkageRenewal, Trained
from core.training.spec import Lora, RunSpec
from core.training.terms import Terms

_log = logging.getLogger("isobar")
_CHECKPOINTING = {"use_reentrant": False}  # torch's own advice: the other kind loses gradients under adapters
# What may change in the middle of a run: where it runs and what is written of it, but not what is computed.
_FREE = {"device", "gradient_checkpointing", "log_every", "report_to", "save_model", "checkpoint_minutes"}


def train(
    spec: RunSpec,
    run_dir: Path | str | None = None,
    *,
    runs_dir: Path | str = "runs",
    resume: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Run `spec` and return its run directory's reader.

    A run that is asked to stop (SIGTERM, Ctrl-C, or the ``stop`` file) ends within seconds with state ``stopped``, its
    snapshots and a checkpoint; ``resume=True`` continues it.

    Args:
        spec: the settings.
        run_dir: the run directory; by default one named after date, model, task, method and seed in `runs_dir`.
        runs_dir: where run directories are made.
        resume: continue the run in `run_dir` from its last checkpoint, with the settings that it was begun with; only
            the device and what is logged and kept may be others.
        progress: called with (phase, done, in all) as the work goes on.

    Raises:
        IsobarError: the request can't be met; nothing is left behind but, in a directory made for a run that waited,
            a status that says why.
        RunFailedError: the run failed underway; its directory says how far it came.
    """
    with ranks.joined(use_cpu=chosen_device(spec.device) == "cpu"):
        return _train(spec, run_dir, runs_dir, resume, progress or (lambda phase, done, total: None))


def _train(spec: RunSpec, run_dir: Path | str | None, runs_dir: Path | str, resume: bool, progress: Progress) -> Run:
    with ranks.leader(run_dir, spec.run_name(), runs_dir) as writer:
        return _led_by(writer, spec, resume, progress)


def _led_by(writer: RunWriter, spec: RunSpec, resume: bool, progress: Progress) -> Run:
    run_dir = writer.path
    if problem := ranks.from_first(_problem(writer, spec, resume)):
        raise IsobarError(problem)
    waited = (run_dir / layout.STATUS).exists() and not resume
    try:
        if waited:
            writer.status("running", phase="loading", error=None)
        work = _Work.prepare(spec, progress)
    except Exception as error:
        if waited:
            writer.status("failed", error=sentence(error))
        raise
    except KeyboardInterrupt:
        if waited:
            _stopped(writer)
        raise

    found = {**record(work.task, work.loaded, work.probe.view), "revision": code_revision()}
    if resume and (problem := ranks.from_first(_other_data(Run(run_dir), found))):
        raise IsobarError(problem)
    try:
        writer.begin(spec.model_dump(), record=found, resume=resume)
        writer.status("running", phase="loading")  # a directory without a status reads as failed
    except KeyboardInterrupt:
        _stopped(writer)
        raise
    try:
        return work.run(writer, resume=resume, progress=progress)
    except Exception as error:
        with suppress(OSError), (run_dir / layout.LOG).open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())
        with suppress(IsobarError):  # a full disk takes no status either
            writer.status("failed", error=sentence(error))
        raise RunFailedError(f"{sentence(error)} (the run's directory: {run_dir})") from error
    except KeyboardInterrupt:  # before it listens for it, or for the second time
        _stopped(writer)
        raise


def _stopped(writer: RunWriter) -> None:
    with suppress(IsobarError):
        writer.status("stopped", phase=None)


def _problem(writer: RunWriter, spec: RunSpec, resume: bool) -> str:
    """Return why `spec` can't be run, or gone on with, in this directory, or an empty string."""
    try:
        writer.check(resume=resume)
        if resume and Run(writer.path).checkpoint is not None:
            begun = RunSpec.from_yaml(writer.path / layout.SPEC)
            changed = [name for name in type(spec).model_fields if getattr(begun, name) != getattr(spec, name)]
            if changed := [name for name in changed if name not in _FREE]:
                raise IsobarError(
                    f"The run {writer.path} was begun with {_settings(begun, changed)}, not {_settings(spec, changed)}; "
                    "it can only go on as it began. Other settings are another run."
                )
    except IsobarError as error:
        return str(error)
    return ""


def _other_data(run: Run, found: Mapping) -> str:
    """Return that the data are not those that `run`, which has a checkpoint, began with, or an empty string."""
    began, now = ((of.get("task") or {}).get("fingerprint") for of in (run.record, found))
    if run.checkpoint is None or not began or began == now:
        return ""
    return (
        f"The run {run.path} began with other data: their fingerprint was {began}, now it is {now}. It can only go on with those; "
        "put them back, or begin another run."
    )


def _settings(spec: RunSpec, names: list[str]) -> str:
    return ", ".join(
        f"regularizer {spec.regularizer}" if name == "regularizers" else f"{name} {getattr(spec, name)!r}"
        for name in names
    )


class _Work:
    """All that a run needs, loaded and checked before its directory is made."""

    def __init__(self, spec: RunSpec, task: Task, loaded: LoadedModel, probe: Probe, new: New | None):
        self.spec, self.task, self.loaded, self.probe, self.new = spec, task, loaded, probe, new

    @classmethod
    def prepare(cls, spec: RunSpec, progress: Progress) -> "_Work":
        progress("loading", 0, 1)
        check_device(spec.device)
        check_precision(spec.precision, spec.device)
        if spec.batch_size % ranks.count():
            raise IsobarError(
                f"batch_size is {spec.batch_size}, but {ranks.count()} processes share it; choose a multiple of {ranks.count()}."
            )
        task = load_task(
            spec.task,
            seed=spec.seed,
            text_column=spec.text_column,
            text_pair_column=spec.text_pair_column,
            label_column=spec.label_column,
            train_size=spec.train_size or None,
        )
        set_seed(spec.seed)  # the head is made anew from here, alike in a run and its baseline
        loaded = load_model(spec.model, task.num_labels, task.modality)
        task, _ = in_order(task, loaded.outputs)
        if change := Change.parse(spec.weights):
            changed(loaded, change, spec.seed)
        check_pooling(loaded.model, spec.pooling)
        loaded.model.config.id2label = dict(enumerate(task.label_names))
        loaded.model.config.label2id = {name: i for i, name in enumerate(task.label_names)}
        new = None
        if spec.lora:
            if loaded.untrained:
                raise IsobarError(
                    f"The model {spec.model!r} has random weights alone, which adapters would leave so; leave out lora."
                )
            new = new_of(loaded.model, loaded.made_anew)
            adapters = Lora.parse(spec.lora)
            adapted = with_adapters(loaded.model, adapters.r, adapters.alpha, adapters.dropout, new)
            loaded = dataclasses.replace(loaded, model=adapted)
        if spec.gradient_checkpointing:
            if not loaded.model.supports_gradient_checkpointing:
                raise IsobarError(f"The model {spec.model!r} can't do gradient checkpointing; leave it off.")
            loaded.model.activation_checkpointing_enable(_CHECKPOINTING)
        probe = make_probe(task, loaded, spec)
        for note in probe.rows.notes(f"{MODALITIES[task.modality].many} of the probe set"):
            task = task.noted(note)
        Terms(spec.regularizers, spec.layer).check(probe.view)
        progress("loading", 1, 1)
        return cls(spec, task, loaded, probe, new)

    def run(self, writer: RunWriter, *, resume: bool, progress: Progress) -> Run:
        spec = self.spec
        checkpoint = Run(writer.path).checkpoint if resume else None
        if resume:
            writer.rewind(checkpoints.step_of(checkpoint) if checkpoint else -1)  # -1: it begins anew
            self._tell_incomplete(writer, writer.drop_checkpoints(but=checkpoint), checkpoint)
        writer.probe(self.probe.frame, self.probe.preview)
        trainer = self._trainer(writer.path)
        self._tell_pooling(writer)
        self._tell_precision(writer)
        self._tell_idle(writer)
        self._tell_without_effect(writer)
        self._tell_read(trainer, writer)
        self._tell_scored(trainer, writer)
        self._tell_padding(writer)
        for text in self.loaded.notes:
            writer.event(kind="note", step=0, text=text)
        own = self.loaded.sentence
        if own is not None and spec.pooling == "auto" and own.pooling != self.probe.view.pooling:
            text = (
                f"The checkpoint's own sentence embedding, which `isobar inspect` shows, pools by {own.pooling}; a classifier on it reads "
                f"{self.probe.view.pooling}, which is what is regularized and shown here, before and after."
            )
            writer.event(kind="note", step=0, text=text)
        if self.loaded.untrained:
            writer.event(
                kind="note",
                step=0,
                text="The model has no weights of its own: it is trained from scratch, from random ones that the seed decides.",
            )
        self._tell_adapters(writer)
        if without_layer_drop(trainer.model):
            text = "LayerDrop is off: with layers left out at random, a layer's number would mean another at each step."
            writer.event(kind="note", step=0, text=text)
        self._tell_memory(trainer, writer)
        stop = StopSignal(writer)
        recorder = RunRecorder(trainer, self.probe, writer, stop, progress)
        trainer.add_callback(recorder)
        trainer.add_callback(ShrinkageRenewal(trainer, recorder.sampled))
        device = device_name(trainer.args.device)
        writer.record(device=device)
        writer.status("running", phase="loading", started=_now(), device=device, error=None)
        if resume:
            recorder.recall(load_run(writer.path))
        with stop.listening(), self._without_padding(trainer, writer):
            try:
                with suppress(Trained):
                    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            except IsobarError as error:
                # A term that is given no numbers can't say since when, and why.
                if why := recorder.problem(trainer.model, trainer.state.global_step):
                    raise IsobarError(why) from error
                raise
            except Stopped:
                step = trainer.state.global_step
                if step:
                    recorder.check_finite(trainer.model, step)
                    trainer._save_checkpoint(trainer.model, trial=None)  # the public save keeps no optimizer
                recorder.portray_on_stop(trainer.model, trainer.state)
                writer.report(self._report(recorder))
                writer.status("stopped", step=step, phase=None, seconds_left=None)
                return self._read(writer)

        progress("saving", 0, 1)
        writer.status("running", phase="saving")
        if spec.save_model and ranks.is_first():
            model = without_adapters(trainer.model)
            with writer.folder(layout.MODEL, sum(weights.nbytes for weights in model.parameters())) as folder:
                model.save_pretrained(folder)
                self.loaded.processor.save_pretrained(folder)
        writer.report(self._report(recorder))
        writer.status("finished", phase=None, seconds_left=0)
        writer.drop_checkpoints()  # last: until it has finished, a run that is killed goes on from them
        progress("saving", 1, 1)
        return self._read(writer)

    def _read(self, writer: RunWriter) -> Run:
        ranks.from_first(None)  # none reads before the first process has written
        return load_run(writer.path)

    def _tell_incomplete(self, writer: RunWriter, dropped: list[Path], checkpoint: Path | None) -> None:
        """Say which checkpoints were cut short; those older than the one that is gone on from are only left over."""
        after = checkpoints.step_of(checkpoint) if checkpoint else -1
        if lost := [path.name for path in dropped if checkpoints.step_of(path) > after]:
            whence = f"goes on from {checkpoint.name}" if checkpoint else "begins anew"
            text = f"{' and '.join(lost)} {'are' if len(lost) > 1 else 'is'} not whole; the run {whence}."
            writer.event(kind="note", step=max(after, 0), text=text)
            _log.warning(text)

    def _tell_pooling(self, writer: RunWriter) -> None:
        seen = self.probe.view
        writer.event(kind="pooling", step=0, asked=self.spec.pooling, pooling=seen.pooling, states=seen.kind)
        if self.spec.pooling == "auto" and ranks.is_first():
            _log.info("An embedding is what the model's classifier reads: pooling %s.", seen.pooling)

    def _tell_precision(self, writer: RunWriter) -> None:
        if note := precision_note(self.spec.precision, self.spec.device):
            writer.event(kind="note", step=0, text=note)
            if ranks.is_first():
                _log.warning(note)

    def _tell_idle(self, writer: RunWriter) -> None:
        if note := idle_note(self.spec, self.task.train["label"][:]):
            writer.event(kind="note", step=0, text=note)
            writer.record(idle=note)
            if ranks.is_first():
                _log.warning(note)

    def _tell_without_effect(self, writer: RunWriter) -> None:
        for name, settings in self.spec.regularizers.items():
            for setting in settings.without_effect:
                note = f"{name}.{setting} is {getattr(settings, setting)}, which has no effect beside the other settings of {name}."
                writer.event(kind="note", step=0, text=note)
                if ranks.is_first():
                    _log.warning(note)

    def _tell_read(self, trainer: RegularizedTrainer, writer: RunWriter) -> None:
        for note in trainer.train_dataset.notes(f"training {MODALITIES[self.task.modality].many}"):
            writer.event(kind="note", step=0, text=note)
            if ranks.is_first():
                _log.warning(note)

    def _tell_scored(self, trainer: RegularizedTrainer, writer: RunWriter) -> None:
        scored, there = len(trainer.eval_dataset), len(self.task.validation)
        if scored < there:
            many = MODALITIES[self.task.modality].many
            text = f"Of {there:,} validation {many} a stratified {scored:,} are scored; validation_size says how many."
            writer.event(kind="note", step=0, text=text)
            if ranks.is_first():
                _log.info(text)

    def _tell_padding(self, writer: RunWriter) -> None:
        if self.probe.view.padding:
            text = (
                "What stands behind an example as padding changes its states in this model, so the probe set is embedded "
                "in batches of examples of one length; in training and scoring they are padded."
            )
            writer.event(kind="note", step=0, text=text)
        if self._leaves_one_alone():
            text = (
                "The last batch of an epoch would be of one example, which has no variance to norm by; it is left out."
            )
            writer.event(kind="note", step=0, text=text)

    def _tell_adapters(self, writer: RunWriter) -> None:
        if self.new is None:
            return
        writer.event(kind="adapters", step=0, **dataclasses.asdict(self.new))
        if ranks.is_first():
            _log.info("Beside the adapters these modules are trained in full: %s.", ", ".join(self.new.modules))
        if self.new.frozen:
            text = (
                f"The checkpoint has no weights {', '.join(self.new.frozen)}; they stay random, since adapters stand "
                "beside the other parts of the modules that hold them. Without lora they are trained."
            )
            writer.event(kind="note", step=0, text=text)

    def _tell_memory(self, trainer: RegularizedTrainer, writer: RunWriter) -> None:
        rows = trainer.train_dataset
        longest = telling_rows(rows.costs, longest=2, shortest=0)
        with trainer.compute_loss_context_manager():
            memory = estimate_memory(
                trainer.model, self.probe.collate([rows[i] for i in longest]), trainer.args.train_batch_size
            )
        if not ranks.is_first():
            return
        writer.event(kind="memory", step=0, **memory.as_dict())
        _log.info("Training takes %s.", memory)
        if not memory.is_enough:
            advice = "a smaller batch_size or max_length, lora, or gradient_checkpointing needs less"
            writer.event(kind="note", step=0, text=f"The memory may not be enough: training takes {memory}; {advice}.")
            _log.warning("The memory may not be enough: %s.", advice)

    @contextmanager
    def _without_padding(self, trainer: RegularizedTrainer, writer: RunWriter):
        """Pack the texts of each training batch meanwhile, where the model gives the same states that way; the run says which."""
        rows = trainer.train_dataset
        hooks, why = None, "padding_free is off."
        counting = [name for name, of in self.spec.regularizers.items() if of.tokens and of.tokens.padding]
        if rows.costs.min() == rows.costs.max():
            why = "All examples are of one length, so there is no padding."
        elif counting:
            why = f"{counting[0]}.padding counts the states of padding, which must be computed."
        elif self.spec.padding_free:
            hooks, why = pack_texts(trainer.model, self.probe.collate([rows[i] for i in telling_rows(rows.costs)]))
        writer.event(kind="packing", step=0, packed=hooks is not None, reason=why)
        try:
            yield
        finally:
            if hooks is not None:
                hooks.remove()

    def _trainer(self, run_dir: Path) -> RegularizedTrainer:
        spec = self.spec
        arguments = TrainingArguments(
            output_dir=str(run_dir),
            per_device_train_batch_size=spec.batch_size // ranks.count(),
            per_device_eval_batch_size=64,
            gradient_accumulation_steps=spec.accumulation,
            learning_rate=spec.learning_rate,
            num_train_epochs=spec.epochs,
            max_steps=spec.max_steps or -1,
            lr_scheduler_type="constant_with_warmup" if spec.schedule == "constant" else spec.schedule,
            warmup_steps=spec.warmup,
            weight_decay=spec.weight_decay,
            max_grad_norm=spec.max_grad_norm,
            activation_checkpointing=spec.gradient_checkpointing,
            activation_checkpointing_kwargs=_CHECKPOINTING if spec.gradient_checkpointing else None,
            bf16=spec.precision == "bf16",
            fp16=spec.precision == "fp16",
            use_cpu=chosen_device(spec.device) == "cpu",
            eval_strategy="no",  # the recorder asks for evaluations and checkpoints, in step with the snapshots
            save_strategy="no",
            logging_steps=spec.log_every,
            report_to=spec.report_to,
            run_name=run_dir.name,
            seed=spec.seed,
            remove_unused_columns=False,  # there are none, and Qwen3.5 doesn't name those that it takes
            label_names=["labels"],
            disable_tqdm=True,
            dataloader_drop_last=self._leaves_one_alone(),
            dataloader_pin_memory=torch.cuda.is_available(),  # it speeds copies to a GPU, and warns without one
        )
        trainer = RegularizedTrainer(
            spec=spec,
            task_metrics=self.task.metrics,
            positive=self.task.positive,
            pooling=self.probe.view.pooling,
            model=self.loaded.model,
            args=arguments,
            train_dataset=self.loaded.encode(self.task.train, cut_of(spec)),
            eval_dataset=self.loaded.encode(scored_part(self.task, spec.validation_size), cut_of(spec)),
            data_collator=self.probe.collate,
            processing_class=self.loaded.processor,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        return trainer

    def _leaves_one_alone(self) -> bool:
        """Return whether the last batch of an epoch would be of one example, in a model that norms over the batch."""
        alone = len(self.task.train) % (self.spec.batch_size // ranks.count()) == 1
        norms = any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in self.loaded.model.modules())
        return alone and norms and len(self.task.train) > 1

    def _report(self, recorder: RunRecorder) -> dict:
        return report(recorder.spaces, recorder.metrics, self.task.metrics[0], self.task.label_names)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
