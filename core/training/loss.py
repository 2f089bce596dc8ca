"""Isobar's own Trainer: the regularizers' terms of one batch, or of all batches of a step as one cloud."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel, Trainer

from core.files import sentences_for_disk_errors
from core.models.loading import check_folder
from core.runs import checkpoints
from core.tasks import score
from core.training import ranks
from core.training.any_trainer import regularized
from core.training.memory import kept_buffers
from core.training.randomness import RandomState, kept_randomness
from core.training.spec import RunSpec
from core.training.terms import LOGGED, Clouds


class RegularizedTrainer(regularized(Trainer)):
    """The Trainer of a run: its loss is the model's own plus the regularizers' values.

    With `spec.accumulated_cloud` the regularizers see all batches of an optimizer step as one, and their value is added
    once; the task loss is the batches' mean. No more than one batch's graph is in memory: a first pass without graph
    collects what the regularizers act on and finds the gradient there; the usual pass through each batch then adds the
    product of its rows with their gradient, which has the same derivative (the gradient cache of Gao et al.,
    arXiv 2101.06983). The second pass of a batch draws the same dropout as its first.

    Args:
        spec: the run's settings.
        task_metrics: the names that evaluation reports, the headline first.
        pooling: what `spec.pooling` comes to for this model: cls, mean, last or head, never auto.
        positive: the class that F1 is of, where there are two.
        options: as :class:`transformers.Trainer` takes them.
    """

    def __init__(self, *, spec: RunSpec, task_metrics: tuple[str, ...], pooling: str, positive: int = 1, **options):
        super().__init__(
            regularizer=spec.regularizers,
            pooling=pooling,
            layer=spec.layer,
            compute_metrics=lambda p: score(task_metrics, p.label_ids, p.predictions.argmax(-1), positive),
            # An encoder-decoder hands out its encoder's states behind the scores.
            preprocess_logits_for_metrics=lambda given, _: given[0] if isinstance(given, tuple) else given,
            **options,
        )
        # Per-batch means, so that accumulation divides task loss and regularizer alike.
        self.model_accepts_loss_kwargs = False
        self.spec, self.task_metrics = spec, task_metrics
        self._seen_as = pooling
        self._batches: list[dict] = []  # of the step to come, whose first pass is due
        self._replays: deque[_Replay] = deque()  # of the batches whose first pass is done
        self._seen: list[tuple[Tensor, Tensor]] = []  # of a baseline's batches, until the step has all

    @property
    def accumulates_cloud(self) -> bool:
        """Whether the regularizers see several batches as one."""
        return self.spec.accumulated_cloud and self.spec.accumulation > 1

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """Return the batches of the next optimizer step, and keep them where the regularizers see them as one."""
        batches, count = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._replays.clear()
        self._seen.clear()
        # Their first pass waits for the first of them to be trained on: a resumed Trainer restores the generators between.
        self._batches = batches if self.accumulates_cloud and self.spec.regularizers else []
        return batches, count

    def _before_loss(self) -> None:
        """Make the first pass of the step's batches, where it is due, and begin the second one of this batch as its first."""
        if self._batches:
            self._first_pass(self._batches)
            self._batches = []
        if self._replays:
            self._replays[0].random.restore()

    def _added(self, clouds: Clouds) -> Tensor | float:
        if self._replays:
            # The Trainer divides by the number of batches; the term is not divided.
            share = sum((clouds[name][0] * rows).sum() for name, rows in self._replays.popleft().gradients.items())
            return share * self.current_gradient_accumulation_steps
        if not self.accumulates_cloud:
            return super()._added(clouds)
        self._seen.append(tuple(part.detach() for part in clouds[LOGGED]))  # a baseline: logged is what would be seen
        if len(self._seen) == self.current_gradient_accumulation_steps:
            self.terms.log_only({LOGGED: _joined(self._seen)})
        return 0.0

    def evaluate(self, *args, **options):
        """Score, and leave the generators as they were: whether a run is scored before or after a stop changes nothing."""
        with kept_randomness(self.args.device):
            return super().evaluate(*args, **options)

    def _save_checkpoint(self, model, trial):
        """Keep a checkpoint of this step, and no other, once it is whole.

        One that is there is kept as it is: a resumed Trainer restores the generators only at its first step, and a stop
        before that would keep those of a new process.
        """
        run_dir = Path(self.args.output_dir)
        kept = checkpoints.folder(run_dir, self.state.global_step)
        if ranks.from_first(checkpoints.is_complete(kept)):
            return
        size = 4 * 3 * sum(weights.numel() for weights in self.model.parameters())  # with what AdamW keeps of each
        with sentences_for_disk_errors(run_dir, size):
            try:
                super()._save_checkpoint(model, trial)
                ranks.any_of(False)  # each process has written its part
                if ranks.is_first():
                    checkpoints.seal(kept)
            except BaseException:
                checkpoints.drop(kept)
                raise
        if ranks.is_first():
            for other in checkpoints.all_of(run_dir):
                if other != kept:
                    checkpoints.drop(other)

    def get_decay_parameter_names(self, model) -> list[str]:
        """Return the names of the weights that decay."""
        names = super().get_decay_parameter_names(model)
        if self.spec.decayed == "matrices":
            return names
        linear = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
        return [name for name in names if name in linear]

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        """Load the weights as a model's loading does, which knows all names that they are saved under.

        Many types save under older names than their modules have; the Trainer takes only the names that it knows, and
        leaves the other weights as they are, with a warning in its log alone.
        """
        model = self.model if model is None else model
        if not isinstance(model, PreTrainedModel):  # with adapters
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        check_folder(Path(resume_from_checkpoint))
        kept = type(model).from_pretrained(resume_from_checkpoint, dtype="float32", use_safetensors=True)
        model.load_state_dict(kept.state_dict())
        self.terms.recall(Path(resume_from_checkpoint), self.args.device)

    def _first_pass(self, batches: list[dict]) -> None:
        """Find the terms of all `batches` as one, and for each batch what its second pass needs."""
        self.model_wrapped.train()
        replays, seen = [], []
        for batch in batches:
            inputs = self._prepare_inputs(batch)
            replays.append(_Replay(RandomState.now(self.args.device)))
            with (
                torch.no_grad(),
                kept_buffers(self.model),
                self.compute_loss_context_manager(),
                self._watching() as reader,
            ):
                self.model_wrapped(**{key: value for key, value in inputs.items() if key != "labels"})
                seen.append(self._clouds(reader.states(), inputs["labels"]))
                reader.forget()
        self.terms.log_only({LOGGED: _joined([clouds[LOGGED] for clouds in seen])})
        for name in self.spec.regularizers:
            parts = [clouds[name] for clouds in seen]
            cloud, labels = _joined(parts)
            started = time.perf_counter()
            cloud.requires_grad_()
            term = self.terms.modules[name](cloud, labels)
            gradient = torch.autograd.grad(term, cloud)[0] if term.requires_grad else torch.zeros_like(cloud)
            self.terms.log.regularizers.setdefault(name, []).append(term.detach())
            self.terms.log.regularizers_seconds.setdefault(name, []).append(time.perf_counter() - started)
            for replay, rows in zip(replays, gradient.split([len(part) for part, _ in parts])):
                replay.gradients[name] = rows
        self._replays.extend(replays)


@dataclass
class _Replay:
    """What a batch's second pass needs: the draws of its first, and each term's gradient at what the batch adds to the cloud."""

    random: RandomState
    gradients: dict[str, Tensor] = field(default_factory=dict)


def _joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return (states, labels) of several batches as one."""
    states, labels = zip(*parts)
    return torch.cat(states), torch.cat(labels)
