"""What is done to a model's weights to see what the space, and the scores after fine-tuning, owe to them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.errors import IsobarError, nearest
from core.models.loading import LoadedModel
from core.models.pooling import encoder_of

_SPELLED = re.compile(r"\s*([a-z-]+)\s*(?:\(\s*([0-9.eE+-]+)\s*\))?\s*")


@dataclass(frozen=True)
class Kind:
    """A way to change weights.

    Attributes:
        amount: what the number in parentheses is, with its least and greatest value; None where there is none.
        about: what it does, in half a sentence.
    """

    amount: tuple[str, float, float] | None
    about: str


KINDS = {
    "noise": Kind(
        ("share", 0, 1),
        "w becomes (1 - share) w + share N(0, 1), on every weight of the layers, norms' too, and on no bias (Marbut et al., arXiv:2406.12159)",
    ),
    "relative-noise": Kind(
        ("share", 0, 1), "the same, with the noise as large as each tensor's own standard deviation about its mean"
    ),
    "shuffled": Kind(("share", 0, 1), "that share of each such tensor's numbers change places within it"),
    "last-layers": Kind(("layers", 1, 1000), "the last so many layers are as transformers initializes them"),
    "untrained": Kind(None, "all weights are as transformers initializes them"),
}
"""The ways there are; which numbers are drawn, a seed decides."""


@dataclass(frozen=True)
class Change:
    """One of :data:`KINDS`, with its amount."""

    kind: str
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Change | None":
        """Return what ``noise(0.1)``, ``last-layers(2)`` or ``untrained`` says, or None for an empty text.

        Raises:
            IsobarError: there is no such kind, its number is missing or out of range, or it takes none.
        """
        if not text.strip():
            return None
        found = _SPELLED.fullmatch(text)
        name, given = found.groups() if found else (text.partition("(")[0].strip(), None)
        if name not in KINDS:
            raise IsobarError(
                f"There is no change of weights {name!r}; it would be {', '.join(KINDS)}.{nearest(name, KINDS)}"
            )
        amount = KINDS[name].amount
        if amount is None:
            if given is not None or not found:
                raise IsobarError(f"The change of weights {name} takes no number, but stands as {text.strip()!r}.")
            return cls(name)
        what, least, most = amount
        try:
            value = float(given)
        except (TypeError, ValueError):
            value = float("nan")
        if not least <= value <= most or (least == 1 and value != int(value)):
            raise IsobarError(
                f"The change of weights {text.strip()!r} needs {what}, from {least:g} to {most:g}, in parentheses: such as {name}({most if what == 'share' else least:g})."
            )
        return cls(name, value)

    def __str__(self) -> str:
        return self.kind if KINDS[self.kind].amount is None else f"{self.kind}({self.amount:g})"


@torch.no_grad()
def changed(loaded: LoadedModel, change: Change, seed: int = 0) -> LoadedModel:
    """Return `loaded` with its weights changed in place; `seed` decides the numbers, and torch's generator is left alone.

    Noise and shuffling leave alone the embeddings in front of the layers and the head behind them.

    Raises:
        IsobarError: the model has no list of layers, or fewer than are to be made anew.
    """
    model = loaded.model
    if change.kind in ("untrained", "last-layers"):
        fresh = _fresh(model, seed)
        names = set(fresh)
        if change.kind == "last-layers":
            blocks = layers_of(model)
            if change.amount > len(blocks):
                raise IsobarError(
                    f"The model ({model.config.model_type}) has {len(blocks)} layers; {int(change.amount)} of them can't be made anew."
                )
            last = {id(tensor) for block in blocks[-int(change.amount) :] for tensor in _tensors(block)}
            names = {name for name, tensor in model.state_dict(keep_vars=True).items() if id(tensor) in last}
        model.load_state_dict({name: fresh[name] for name in names}, strict=False)
        return loaded
    draw = torch.Generator().manual_seed(seed)
    for weight in layer_weights(model):
        weight.copy_(_WAYS[change.kind](weight.detach().float().cpu(), change.amount, draw))
    return loaded


def layers_of(model) -> nn.ModuleList:
    """Return the list of layers in front of a classifier's head: of its lists, the one with most weights.

    Raises:
        IsobarError: there is none.
    """
    lists = [module for module in encoder_of(model).modules() if isinstance(module, nn.ModuleList) and len(module)]
    if not lists:
        raise IsobarError(
            f"The model ({model.config.model_type}) has no list of layers, so that their weights can't be changed."
        )
    return max(lists, key=lambda blocks: sum(weight.numel() for weight in blocks.parameters()))


def layer_weights(model) -> list[nn.Parameter]:
    """Return every parameter of the layers that is called weight, in order."""
    return [tensor for name, tensor in layers_of(model).named_parameters() if name.rpartition(".")[2] == "weight"]


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _fresh(model, seed: int) -> dict[str, Tensor]:
    """Return the weights that transformers would initialize such a model with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return type(model)(model.config).state_dict()


def _noisy(weight: Tensor, share: float, draw: torch.Generator) -> Tensor:
    return (1 - share) * weight + share * torch.randn(weight.shape, generator=draw)


def _noisy_in_proportion(weight: Tensor, share: float, draw: torch.Generator) -> Tensor:
    center, size = weight.mean(), weight.std(correction=0)
    return (1 - share) * weight + share * (center + size * torch.randn(weight.shape, generator=draw))


def _shuffled(weight: Tensor, share: float, draw: torch.Generator) -> Tensor:
    flat = weight.flatten().clone()
    places = torch.randperm(len(flat), generator=draw)[: round(share * len(flat))]
    flat[places] = flat[places[torch.randperm(len(places), generator=draw)]]
    return flat.reshape(weight.shape)


_WAYS: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "noise": _noisy,
    "relative-noise": _noisy_in_proportion,
    "shuffled": _shuffled,
}
