"""Reads a model's states whenever it is run, by whomever: by a loss that somebody else wrote, or by us."""

import inspect
from typing import Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import IsobarError
from core.models.states import States, hidden_states, kind_of, read_states


class StateReader:
    """Keeps, inside a ``with`` block, what a model was given and put out when it was run; afterwards nothing is left on it.

    The states are those of the :attr:`source`: the model itself where it is one of transformers' classes, with adapters
    or without; of somebody's own class, the outermost part of it that is. Where it is run several times, the first of
    the runs that leave a gradient counts.

    Args:
        model: any module that holds a model of transformers.

    Raises:
        IsobarError: it holds none.
    """

    def __init__(self, model: nn.Module):
        self.model = model
        self.source = source_of(model)
        self._names = list(inspect.signature(self.source.forward).parameters)
        self._runs: list[tuple[dict, object]] = []
        self._given: list[dict] = []
        self._handles: list = []

    @property
    def is_whole(self) -> bool:
        """Whether transformers' own class makes the scores too, so that its head can be looked at."""
        outer = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        return self.source is outer

    def __enter__(self) -> Self:
        self.forget()
        self._handles = [
            self.source.register_forward_pre_hook(self._ask, with_kwargs=True),
            self.source.register_forward_hook(self._keep, with_kwargs=True),
        ]
        if self.source is not self.model:
            self._handles.append(self.model.register_forward_pre_hook(self._note, with_kwargs=True))
        return self

    def __exit__(self, *_) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _ask(self, module, args, kwargs):
        if self.source is self.model:
            self._given.append({**dict(zip(self._names, args)), **kwargs})
        return args, {**kwargs, "output_hidden_states": True}

    def _note(self, module, args, kwargs) -> None:
        names = list(inspect.signature(module.forward).parameters)
        self._given.append({**dict(zip(names, args)), **kwargs})

    def _keep(self, module, args, kwargs, output) -> None:
        self._runs.append(({**dict(zip(self._names, args)), **kwargs}, output))

    def run(self, **batch):
        """Run the model anew, and forget what was kept of earlier runs."""
        self.forget()
        return self.model(**batch)

    def forget(self) -> None:
        """Let go of what was kept, and with it of the graph that leads to the states."""
        self._runs, self._given = [], []

    @property
    def count(self) -> int:
        """How often the source was run."""
        return len(self._runs)

    @property
    def given(self) -> dict:
        """What the whole model was given by name, in its first run; empty where parts of it alone were run."""
        return self._given[0] if self._given else {}

    @property
    def output(self):
        """What the source put out.

        Raises:
            IsobarError: it was not run, or put out no states.
        """
        return self._run()[1]

    def states(self) -> States:
        """Return its states.

        Raises:
            IsobarError: it was not run, or put out no states.
        """
        given, output = self._run()
        batch = {name: value for name, value in given.items() if isinstance(value, Tensor)}
        ids = batch.get("input_ids")
        if "text" not in getattr(self.source, "input_modalities", "text"):  # ImageGPT's ids are of colours
            pass
        elif ids is not None and "attention_mask" not in batch:  # left out, it is all ones
            batch["attention_mask"] = torch.ones_like(ids)
        elif ids is None and "inputs_embeds" in batch and kind_of(self.source.config) == "plain":
            shape, device = batch["inputs_embeds"].shape[:2], batch["inputs_embeds"].device
            batch["input_ids"] = torch.full(shape, -1, device=device)  # none that pads or ends a text
            batch.setdefault("attention_mask", torch.ones(shape, dtype=torch.long, device=device))
        return read_states(self.source, output, batch)

    def _run(self) -> tuple[dict, object]:
        if not self._runs:
            raise IsobarError(
                f"The loss runs no {type(self.source).__name__}, whose states a regularizer would act on; it should call "
                "the model itself, not parts of it."
            )
        try:
            found = [(run, hidden_states(run[1])) for run in self._runs]
        except (AttributeError, TypeError) as error:
            raise IsobarError(
                f"The {type(self.source).__name__} puts out no hidden states (a {type(self._runs[0][1]).__name__}); it "
                "should be called with return_dict=True, as is the default."
            ) from error
        return next((run for run, layers in found if any(states.requires_grad for states in layers)), found[0][0])


def source_of(model: nn.Module) -> PreTrainedModel:
    """Return the outermost part of `model` that is run as transformers wrote it.

    Raises:
        IsobarError: there is none.
    """
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and type(module).forward.__module__.startswith("transformers."):
            return module
    raise IsobarError(
        f"The model ({type(model).__name__}) holds no model of transformers, whose hidden states could be read."
    )


def scores_of(output) -> Tensor | None:
    """Return the class scores (b, c) in what a classifier put out, or None where there are none."""
    if isinstance(output, dict):  # transformers' outputs are dictionaries too
        found = output.get("logits")
    elif isinstance(output, Tensor):
        found = output
    else:
        found = getattr(output, "logits", None)
        if found is None and isinstance(output, tuple | list):
            found = next((part for part in output if isinstance(part, Tensor) and part.ndim == 2), None)
    return found if isinstance(found, Tensor) and found.ndim == 2 else None
