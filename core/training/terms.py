"""What regularizers add to a loss, of whoever's training it is: the clouds that they act on, their values, what they saw."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import IsobarError
from core.modalities import Rows
from core.models.layers import chosen_layers, state_covariance, token_states
from core.models.pooling import View
from core.models.states import States
from core.regularizers.chosen import Regularizers
from core.regularizers.registry import regularizer_class, settings_class

LOGGED = "persistent-entropy"  # its statistics are logged in any case, so that rivals and baseline compare with it
_FILE = "regularizers.safetensors"  # in a checkpoint
Clouds = dict[str, tuple[Tensor, Tensor]]
"""By regularizer: what it acts on (n, d), and the labels (n,)."""


@dataclass
class StepLog:
    """What the steps since the last logged one saw; tensors stay on their device until :meth:`flush`.

    `regularizers` and `regularizers_seconds` go by the regularizer's name: what it added to the loss, and how long that
    took, forward and backward.
    """

    task_loss: list = field(default_factory=list)
    regularizers: dict[str, list] = field(default_factory=dict)
    regularizers_seconds: dict[str, list[float]] = field(default_factory=dict)
    step_seconds: list[float] = field(default_factory=list)

    def flush(self) -> dict:
        """Return the means and forget what was seen; `regularizer` and `regularizer_seconds` are those of the sums."""
        row: dict = {}
        for name, seen in vars(self).items():
            row[name] = {key: _mean(values) for key, values in seen.items()} if isinstance(seen, dict) else _mean(seen)
            seen.clear()
        for one, each in (("regularizer", "regularizers"), ("regularizer_seconds", "regularizers_seconds")):
            known = [value for value in row[each].values() if value is not None]
            row[one] = sum(known) if known else None
        return row


def _mean(values: list) -> float | None:
    return float(sum(values)) / len(values) if values else None


class Terms:
    """The regularizers of one training, and what they saw.

    Args:
        chosen: the settings of those that are added to the loss; none in a baseline.
        layer: whose states the embeddings are taken from.
        pooling: how, as it was asked for.

    Attributes:
        modules: the regularizers by name, the persistent entropy among them in any case.
        log: what the steps since the last logged one saw.
        logged: what :meth:`told` returned last.
        watched: whether somebody calls :meth:`told`.
    """

    def __init__(self, chosen: Regularizers, layer: int = -1, pooling: str = "auto"):
        self.chosen, self.layer, self.pooling = chosen, layer, pooling
        self.watched = True
        self.forget()

    def forget(self) -> None:
        """Be as before the first batch: another training begins."""
        logged = {LOGGED: settings_class(LOGGED)()} if LOGGED not in self.chosen else {}
        self.modules = {
            name: regularizer_class(name).of(settings) for name, settings in {**logged, **self.chosen}.items()
        }
        self.log = StepLog()
        self.logged: dict = {}

    def check(self, seen: View) -> None:
        """Raise an IsobarError where a regularizer's layer is not there, or its term would reach no weight."""
        for name, settings in self.chosen.items():
            of = self.layers_of(name)
            if of != "all":
                seen.check_number(int(of))
            elif len(set(seen.widths[1:])) > 1:
                raise IsobarError(
                    f"The regularizer {name} can't act on all layers, whose states are {', '.join(map(str, seen.widths[1:]))} wide: one cloud has one width; choose a layer."
                )
            if seen.pooling == "head" and settings.tokens is None:
                reached = seen.head_gradient
            else:
                reached = any(seen.gradient[1:]) if of == "all" else seen.gradient[int(of)]
            if not reached:
                raise IsobarError(self.no_gradient(name))

    def layers_of(self, name: str) -> str:
        """Return which layers the regularizer `name` acts on: a number, or "all" but the input embeddings."""
        tokens = self.chosen[name].tokens
        return str(self.layer) if tokens is None or tokens.layers == "layer" else tokens.layers

    def no_gradient(self, name: str) -> str:
        """Return a sentence that says of what the regularizer `name` would reach no weight."""
        of = self.layers_of(name)
        where = "all layers" if of == "all" else f"layer {of}"
        return (
            f"The regularizer {name} can't act on {where}: the model hands out those states without a gradient to any weight "
            "that is trained; choose another layer, pooling head, or regularizer none."
        )

    def clouds(self, states: States, embeddings: Tensor, labels: Tensor) -> Clouds:
        """Return what each regularizer acts on: the examples' `embeddings` (b, d), or the `states` of their tokens."""
        found = dict.fromkeys(self.modules, (embeddings, labels))
        for name, settings in self.chosen.items():
            if (tokens := settings.tokens) is not None:
                layers = chosen_layers(states, self.layers_of(name))
                if tokens.padding:
                    layers = [(of_layer, torch.ones_like(mask)) for of_layer, mask in layers]
                found[name] = token_states(layers, labels)
        return found

    def check_gradient(self, clouds: Clouds) -> None:
        """Raise an IsobarError where a term would reach no weight."""
        for name in self.chosen:
            if not clouds[name][0].requires_grad:
                raise IsobarError(self.no_gradient(name))

    def log_only(self, clouds: Clouds) -> None:
        """Let the persistent entropy see its cloud where it is not added to the loss."""
        if LOGGED not in self.chosen:
            with torch.no_grad():
                self.modules[LOGGED](*clouds[LOGGED])

    def value(self, clouds: Clouds) -> Tensor | float:
        """Return the sum of the regularizers' values, a scalar; 0 in a baseline."""
        return sum(self.values(clouds).values(), 0.0)

    def values(self, clouds: Clouds) -> dict[str, Tensor]:
        """Return the value of each regularizer, a scalar."""
        return {name: self._timed(name, *clouds[name]) for name in self.chosen}

    def _timed(self, name: str, states: Tensor, labels: Tensor) -> Tensor:
        """Return the value of the regularizer `name`; it and its forward and backward time go to the log.

        Autograd runs later operations first, so a regularizer's backward is one stretch: from the gradient of its
        value to the gradient of its input. On a GPU these are the times to launch the work, not to finish it.
        """
        seconds = self.log.regularizers_seconds.setdefault(name, [])
        started = time.perf_counter()
        states = states.view_as(states)  # a node of its own, whose gradient is the regularizer's alone
        term = self.modules[name](states, labels)
        forward = time.perf_counter() - started
        self.log.regularizers.setdefault(name, []).append(term.detach())
        if not term.requires_grad:  # every class was too small for a barcode
            seconds.append(forward)
            return term
        clock = []
        term.register_hook(lambda _: clock.append(time.perf_counter()))
        states.register_hook(lambda _: seconds.append(forward + time.perf_counter() - clock[0]))
        return term

    def renew(
        self,
        model,
        epoch: float,
        seed: int,
        sample: Callable[[str, list[int]], tuple[Rows, Callable]],
        on_batch: Callable[[int, int], None] | None = None,
    ) -> None:
        """Estimate anew, for each regularizer that acts on one, the covariance of a large part of the training examples' states.

        I-STAR asks for it, at the beginning of every epoch. No generator of torch is touched.

        Args:
            model: that is trained.
            epoch: the fraction of a resumed one goes on with the covariance of the epoch that was cut short.
            seed: of the training.
            sample: returns the examples for a regularizer's name and a seed, and what makes a batch of them.
            on_batch: called with (examples done, examples in all) after each batch; it may raise to end the work.
        """
        for name, settings in self.chosen.items():
            module = self.modules[name]
            if not (hasattr(module, "shrinkage") and module.zeta):
                continue
            if module.shrinkage is not None and not float(epoch).is_integer():
                continue
            of, tokens = [seed, int(epoch)], settings.tokens
            rows, collate = sample(name, of)
            module.shrinkage = state_covariance(
                model, collate, rows, layers=tokens.layers, padding=tokens.padding, seed=of, on_batch=on_batch
            )

    def stats(self) -> dict:
        """Return what the regularizers saw in the last batch.

        Of the persistent entropy ``skipped`` and, by class, entropy, bars and features; of a rival, under its name, the
        measure that it regularizes.
        """
        stats = {name: regularizer.read_stats() for name, regularizer in self.modules.items()}
        rivals = {
            name: {k: v for k, v in row.items() if k != "classes"} for name, row in stats.items() if name != LOGGED
        }
        return {**stats[LOGGED], **rivals}

    def told(self) -> dict:
        """Return the means of what the steps since the last call saw, and :meth:`stats`."""
        self.logged = {**self.log.flush(), **self.stats()}
        return self.logged

    def save(self, checkpoint: Path) -> None:
        """Write what the regularizers hold into a checkpoint: memory, draws and I-STAR's shrinkage covariance."""
        held = torch.nn.ModuleDict(self.modules).named_buffers()
        save_file({name: values.detach().clone() for name, values in held}, checkpoint / _FILE)

    def recall(self, checkpoint: Path, device: torch.device) -> None:
        """Give the regularizers back what `checkpoint` keeps of them."""
        if not (checkpoint / _FILE).exists():
            return
        modules = dict(torch.nn.ModuleDict(self.modules).named_modules())
        for name, values in load_file(checkpoint / _FILE).items():
            owner, _, buffer = name.rpartition(".")
            setattr(modules[owner], buffer, values.to(device))


def class_labels(labels: object, count: int, device: torch.device) -> Tensor:
    """Return the classes (b,) in what a batch has as labels, or zeros, one cloud, where these are none.

    Classes are whole numbers, one for each of the `count` examples; numbers with a fraction, labels of tokens, several
    labels for each and none at all are not.
    """
    if isinstance(labels, Tensor) and labels.numel() == count and not labels.is_floating_point():
        return labels.reshape(count).to(device).long()
    return torch.zeros(count, dtype=torch.long, device=device)
