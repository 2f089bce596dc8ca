"""Changes a model's weights, to see what its space and its scores after fine-tuning owe to them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.errors import IsobarError
from core.models.changes import Change
from core.models.loading import LoadedModel
from core.models.pooling import encoder_of


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
