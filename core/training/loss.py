"""The regularizers' term in transformers' Trainer."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel, Trainer

from core.errors import IsobarError
from core.models.layers import chosen_layers, token_states
from core.models.pooling import HeadInput, pooled
from core.models.states import read_states
from core.regularizers import Regularizer
from core.regularizers.registry import regularizer_class, settings_class
from core.tasks import score
from core.training import ranks
from core.training.memory import kept_buffers
from core.training.randomness import RandomState
from core.training.recorder import StepLog
from core.training.spec import RunSpec

LOGGED = "persistent-entropy"  # its statistics are logged in any case, so that rivals and baseline compare with it
_REGULARIZERS = "regularizers.safetensors"  # in a checkpoint
_States = dict[str, tuple[Tensor, Tensor]]  # by regularizer: what it acts on (n, d), and the labels (n,)


class RegularizedTrainer(Trainer):
    """A Trainer whose training loss is the model's own plus the regularizers' values.

    With `spec.accumulated_cloud` the regularizers see all batches of an optimizer step as one, and their value is added
    once; the task loss is the batches' mean. No more than one batch's graph is in memory: a first pass without graph
    collects what the regularizers act on and finds the gradient there; the usual pass through each batch then adds the
    product of its rows with their gradient, which has the same derivative (the gradient cache of Gao et al.,
    arXiv 2101.06983). The second pass of a batch draws the same dropout as its first.

    Args:
        spec: the run's settings.
        regularizers: by name. Each is called with the batch's embeddings (b, d) and labels (b,), those on token states
            with these (n, d) and their labels, and its value is added where the spec asks for it.
        task_metrics: the names that evaluation reports, the headline first.
        pooling: what `spec.pooling` comes to for this model: cls, mean, last or head, never auto.
        positive: the class that F1 is of, where there are two.
        options: as :class:`transformers.Trainer` takes them.
    """

    def __init__(
        self,
        *,
        spec: RunSpec,
        regularizers: dict[str, Regularizer],
        task_metrics: tuple[str, ...],
        pooling: str,
        positive: int = 1,
        **options,
    ):
        super().__init__(
            compute_metrics=lambda p: score(task_metrics, p.label_ids, p.predictions.argmax(-1), positive),
            # An encoder-decoder hands out its encoder's states behind the scores.
            preprocess_logits_for_metrics=lambda given, _: given[0] if isinstance(given, tuple) else given,
            **options,
        )
        # Per-batch means, so that accumulation divides task loss and regularizer alike.
        self.model_accepts_loss_kwargs = False
        self.spec, self.regularizers, self.task_metrics = spec, regularizers, task_metrics
        self.pooling = pooling
        self.head = HeadInput(self.model) if self.pooling == "head" else None
        self.step_log = StepLog()
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

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return the model's loss, plus the regularizers' values while training."""
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self._batches:
            self._first_pass(self._batches)
            self._batches = []
        replay = self._replays.popleft() if self._replays else None
        if replay:
            replay.random.restore()
        inputs = {**inputs, "output_hidden_states": True}
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        self.step_log.task_loss.append(loss.detach())
        states = self._states(outputs, inputs)
        self._check_gradient(states)
        if replay:
            # The Trainer divides by the number of batches; the term is not divided.
            share = sum((states[name][0] * gradient).sum() for name, gradient in replay.gradients.items())
            loss = loss + share * self.current_gradient_accumulation_steps
        elif self.accumulates_cloud:  # a baseline: what would be seen is logged, no more
            self._seen.append(tuple(part.detach() for part in states[LOGGED]))
            if len(self._seen) == self.current_gradient_accumulation_steps:
                self._log_only({LOGGED: _joined(self._seen)})
        else:
            self._log_only(states)
            for name in self.spec.regularizers:
                loss = loss + self._timed(name, *states[name])
        return (loss, outputs) if return_outputs else loss

    def get_decay_parameter_names(self, model) -> list[str]:
        """Return the names of the weights that decay."""
        names = super().get_decay_parameter_names(model)
        if self.spec.decayed == "matrices":
            return names
        linear = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
        return [name for name in names if name in linear]

    def regularizer_stats(self) -> dict:
        """Return what the regularizers saw in the last batch.

        Of the persistent entropy ``skipped`` and, by class, entropy, bars and features; of a rival, under its name, the
        measure that it regularizes.
        """
        stats = {name: regularizer.read_stats() for name, regularizer in self.regularizers.items()}
        rivals = {
            name: {k: v for k, v in row.items() if k != "classes"} for name, row in stats.items() if name != LOGGED
        }
        return {**stats[LOGGED], **rivals}

    def recall_regularizers(self, checkpoint: Path) -> None:
        """Give the regularizers back what `checkpoint` keeps of them: memory, draws and I-STAR's shrinkage covariance."""
        if not (checkpoint / _REGULARIZERS).exists():
            return
        modules = dict(torch.nn.ModuleDict(self.regularizers).named_modules())
        for name, values in load_file(checkpoint / _REGULARIZERS).items():
            owner, _, buffer = name.rpartition(".")
            setattr(modules[owner], buffer, values.to(self.args.device))

    def _save_checkpoint(self, model, trial):
        """Also keep what the regularizers hold, so that a resumed run goes on with it."""
        if ranks.is_first():  # before all else: the Trainer's own state, written last, says that a checkpoint is whole
            folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            folder.mkdir(exist_ok=True)
            held = torch.nn.ModuleDict(self.regularizers).named_buffers()
            save_file({name: values.detach().clone() for name, values in held}, folder / _REGULARIZERS)
        super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        """Load the weights as a model's loading does, which knows all names that they are saved under.

        Many types save under older names than their modules have; the Trainer takes only the names that it knows, and
        leaves the other weights as they are, with a warning in its log alone.
        """
        model = self.model if model is None else model
        if not isinstance(model, PreTrainedModel):  # with adapters
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        kept = type(model).from_pretrained(resume_from_checkpoint, dtype="float32", use_safetensors=True)
        model.load_state_dict(kept.state_dict())

    def _states(self, outputs, inputs: dict) -> _States:
        """Return what each regularizer acts on, and its labels."""
        spec, labels = self.spec, inputs["labels"]
        states = read_states(self.model, outputs, inputs)
        found = dict.fromkeys(self.regularizers, (pooled(states, spec.layer, self.pooling, self.head), labels))
        for name, settings in spec.regularizers.items():
            if (tokens := settings.tokens) is not None:
                layers = chosen_layers(states, layers_of(name, spec))
                if tokens.padding:
                    layers = [(of_layer, torch.ones_like(mask)) for of_layer, mask in layers]
                found[name] = token_states(layers, labels)
        return found

    def _check_gradient(self, states: _States) -> None:
        for name in self.spec.regularizers:
            if not states[name][0].requires_grad:
                raise IsobarError(no_gradient(name, self.spec))

    def _log_only(self, states: _States) -> None:
        """Let the persistent entropy see the states where it is not asked for."""
        if LOGGED not in self.spec.regularizers:
            with torch.no_grad():
                self.regularizers[LOGGED](*states[LOGGED])

    def _first_pass(self, batches: list[dict]) -> None:
        """Find the terms of all `batches` as one, and for each batch what its second pass needs."""
        self.model_wrapped.train()
        replays, seen = [], []
        for batch in batches:
            inputs = self._prepare_inputs(batch)
            replays.append(_Replay(RandomState.now(self.args.device)))
            with torch.no_grad(), kept_buffers(self.model), self.compute_loss_context_manager():
                without = {key: value for key, value in inputs.items() if key != "labels"}
                outputs = self.model_wrapped(**without, output_hidden_states=True)
                seen.append(self._states(outputs, inputs))
        if LOGGED not in self.spec.regularizers:
            self._log_only({LOGGED: _joined([states[LOGGED] for states in seen])})
        for name in self.spec.regularizers:
            parts = [states[name] for states in seen]
            cloud, labels = _joined(parts)
            started = time.perf_counter()
            cloud.requires_grad_()
            term = self.regularizers[name](cloud, labels)
            gradient = torch.autograd.grad(term, cloud)[0] if term.requires_grad else torch.zeros_like(cloud)
            self.step_log.regularizers.setdefault(name, []).append(term.detach())
            self.step_log.regularizers_seconds.setdefault(name, []).append(time.perf_counter() - started)
            for replay, rows in zip(replays, gradient.split([len(part) for part, _ in parts])):
                replay.gradients[name] = rows
        self._replays.extend(replays)

    def _timed(self, name: str, states, labels):
        """Return the value of the regularizer `name`; it and its forward and backward time go to the step log.

        Autograd runs later operations first, so a regularizer's backward is one stretch: from the gradient of its
        value to the gradient of its input. On a GPU these are the times to launch the work, not to finish it.
        """
        seconds = self.step_log.regularizers_seconds.setdefault(name, [])
        started = time.perf_counter()
        states = states.view_as(states)  # a node of its own, whose gradient is the regularizer's alone
        term = self.regularizers[name](states, labels)
        forward = time.perf_counter() - started
        self.step_log.regularizers.setdefault(name, []).append(term.detach())
        if not term.requires_grad:  # every class was too small for a barcode
            seconds.append(forward)
            return term
        clock = []
        term.register_hook(lambda _: clock.append(time.perf_counter()))
        states.register_hook(lambda _: seconds.append(forward + time.perf_counter() - clock[0]))
        return term


def layers_of(name: str, spec: RunSpec) -> str:
    """Return which layers the regularizer `name` acts on: a number, or "all" but the input embeddings."""
    tokens = spec.regularizers[name].tokens
    return str(spec.layer) if tokens is None or tokens.layers == "layer" else tokens.layers


def no_gradient(name: str, spec: RunSpec) -> str:
    """Return a sentence that says of what the regularizer `name` would reach no weight."""
    of = layers_of(name, spec)
    where = "all layers" if of == "all" else f"layer {of}"
    return (
        f"The regularizer {name} can't act on {where}: the model hands out those states without a gradient to any weight "
        "that is trained; choose another layer, pooling head, or regularizer none."
    )


def regularizers_of(spec: RunSpec) -> dict[str, Regularizer]:
    """Return the regularizers that `spec` asks for, by name, and the persistent entropy, to be logged if not added."""
    logged = {LOGGED: settings_class(LOGGED)()} if LOGGED not in spec.regularizers else {}
    return {name: regularizer_class(name).of(settings) for name, settings in {**logged, **spec.regularizers}.items()}


@dataclass
class _Replay:
    """What a batch's second pass needs: the draws of its first, and each term's gradient at what the batch adds to the cloud."""

    random: RandomState
    gradients: dict[str, Tensor] = field(default_factory=dict)


def _joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return (states, labels) of several batches as one."""
    states, labels = zip(*parts)
    return torch.cat(states), torch.cat(labels)
