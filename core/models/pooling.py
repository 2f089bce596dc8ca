"""The states of an example -> one vector: by a rule, or by what the architecture's own classifier reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.errors import IsobarError
from core.modalities.text import is_decoder
from core.models.reading import StateReader, scores_of, source_of
from core.models.states import States, as_sequence, hidden_states

if TYPE_CHECKING:
    from core.models.sentence import Sentence


def pool(states: Tensor, attention_mask: Tensor, pooling: str = "cls", ends: Tensor | None = None) -> Tensor:
    """Return one vector an example, shape (b, d), from its states (b, t, d) and their mask (b, t).

    "cls" is the first token that is no padding, "last" the last such token (of `ends` (b, t) if given, see
    :class:`core.models.states.States`), "mean" the average over them; padding may stand on either side.
    """
    if pooling == "mean":
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1).clamp_min(1)
    return states[torch.arange(states.shape[0], device=states.device), _position(attention_mask, pooling, ends)]


def _position(mask: Tensor, pooling: str, ends: Tensor | None) -> Tensor:
    """Return the position (b,) of the one token that is taken of each text."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    if pooling == "cls":
        index = torch.where(mask.bool(), positions, mask.shape[1]).amin(1)
    elif pooling == "last":
        index = torch.where((mask if ends is None else ends).bool(), positions, -1).amax(1)
    else:
        raise IsobarError(f"There is no pooling {pooling!r}; choose cls, mean or last.")
    return index.clamp(0, mask.shape[1] - 1)


class HeadInput:
    """What the last linear layer of a classifier, which makes the scores, read when the model was last run.

    Args:
        model: a classifier of transformers, with adapters or without; :meth:`remove` leaves it as it was.
    """

    def __init__(self, model):
        self._read: Tensor | None = None
        config = source_of(model).config
        classes = config.num_labels
        # EuroBERT's "late" scores each token and takes the scores' mean.
        self._of_scores = "mean" if getattr(config, "classifier_pooling", None) == "late" else "last"
        self._handles = [
            module.register_forward_pre_hook(self._keep)
            for module in model.modules()
            if isinstance(module, nn.Linear) and module.out_features == classes
        ]

    def _keep(self, module, args) -> None:
        self._read = args[0]

    def vectors(self, states: States) -> Tensor:
        """Return what was read, (b, d); where each token is scored and the scores of one are taken, that token's; their mean, if that is.

        Raises:
            IsobarError: the model has no such layer.
        """
        read, self._read = self._read, None
        if read is None or read.ndim not in (2, 3):
            raise IsobarError(
                "The model's head has no linear layer that makes its scores; choose pooling cls, mean or last."
            )
        if read.ndim == 2:
            return read
        if read.shape[1] == 1:
            return read[:, 0]
        return pool(read, states.masks[-1], self._of_scores, states.ends[-1])

    def remove(self) -> None:
        """Leave the model as it was."""
        for handle in self._handles:
            handle.remove()


@dataclass(frozen=True)
class View:
    """How a model's states become one vector an example, in evaluation and in training.

    Attributes:
        pooling: cls, mean, last or head (never auto).
        layers: how many layers have states, the input embeddings' included.
        gradient: for each layer, whether a term on its states reaches a weight.
        kind: of states, see :class:`core.models.states.States`.
        head_gradient: the same for what the head reads.
        widths: of each layer's states, which differ in models that make an image smaller as they go.
        padding: whether an example's embedding is another where longer ones stand beside it.
        sentence: the checkpoint's own embedding, if that is looked at; `pooling` is then the first part of it, by name.
    """

    pooling: str
    layers: int
    gradient: tuple[bool, ...] = field(repr=False)
    kind: str = "plain"
    head_gradient: bool = True
    widths: tuple[int, ...] = field(default=(), repr=False)
    padding: bool = False
    sentence: "Sentence | None" = field(default=None, repr=False)

    def check_layer(self, layer: int) -> None:
        """Raise an IsobarError where no text has an embedding by `layer` (0 is the input embeddings)."""
        self.check_number(layer)
        if self.pooling == "head" and layer not in (-1, self.layers - 1):
            raise IsobarError(f"The model's head does not read layer {layer}; choose pooling cls, mean or last for it.")

    def check_number(self, layer: int) -> None:
        """Raise an IsobarError where there are no hidden states number `layer`."""
        if not -self.layers <= layer < self.layers:
            raise IsobarError(
                f"The model has no layer {layer}: it can be 0 (input embeddings) to {self.layers - 1}, or -1 for the last."
            )


def view(model, batch: dict[str, Tensor], pooling: str = "auto", layer: int = -1) -> View:
    """Return how `model` is looked at; with `pooling` auto, by what its own classifier reads.

    That is found by a trial: the scores' gradient says which positions of the last layer they depend on. The first
    of each text's is cls, the last one is last, all alike is mean; else it is head, the input of the head's last
    linear layer. Of a layer that is not the last, auto is the same rule, or mean where that is head. Somebody's own class
    has mean in place of head, since its head may be anything; a model without scores for each text has last where it is
    a decoder, else mean.

    Args:
        model: a sequence classifier, of transformers or somebody's own that holds a model of transformers; its mode and
            torch's generators are left as they were.
        batch: a padded batch of a few texts of different lengths.
        pooling: auto, cls, mean, last or head.
        layer: whose states will be looked at.

    Raises:
        IsobarError: no such layer; the first token of a decoder is asked for, which has seen no other.
    """
    check_pooling(model, pooling)
    device = next(model.parameters()).device
    batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items() if k != "labels"}
    was_training = model.training
    model.eval()
    given: list[Tensor] = []  # what the encoder hands to the head; some hand out a copy as the last layer's states
    reader = StateReader(model)
    if pooling == "head" and not reader.is_whole:
        raise IsobarError(
            f"The head of the model ({type(model).__name__}) is its owner's own, so what it reads can't be told; choose pooling cls, mean or last."
        )
    watch = encoder_of(reader.source).register_forward_hook(lambda module, inputs, output: given.append(output[0]))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), watched_head(model) as head:
        try:
            with torch.enable_grad(), reader:
                try:
                    scores = scores_of(reader.run(**batch))
                except (ValueError, RuntimeError, TypeError, IndexError, KeyError, AttributeError) as error:
                    raise IsobarError(_why(reader.source, error)) from error
                states = reader.states()
                _check_rule(pooling, states.kind)
                found = pooling
                if pooling == "auto":
                    found = _auto(reader, scores, states, given[-1])
                reached = head.vectors(states).requires_grad if found == "head" else True
        finally:
            watch.remove()
            model.train(was_training)
    if pooling == "auto" and found == "head" and layer not in (-1, len(states.layers) - 1):
        found = "mean"
    if found == "cls":
        check_pooling(model, found)
    gradient = tuple(layer.requires_grad for layer in states.layers)
    widths = tuple(layer.shape[-1] for layer in states.layers)
    seen = View(found, len(gradient), gradient, states.kind, reached, widths)
    seen.check_layer(layer)
    return seen


def other_pooling(model, seen: View) -> str | None:
    """Return the usual pooling beside the one by which `model` is `seen`: mean, or beside that cls, of a decoder last; None without."""
    one = "last" if is_decoder(source_of(model).config) else "cls"
    return next((rule for rule in ("mean", one) if rule in _rules(seen.kind) and rule != seen.pooling), None)


def encoder_of(model):
    """Return the part of a classifier in front of its head, with adapters or without."""
    return (model.get_base_model() if hasattr(model, "get_base_model") else model).base_model


@contextmanager
def watched_head(model) -> Iterator[HeadInput]:
    """Watch what the head reads meanwhile."""
    head = HeadInput(model)
    try:
        yield head
    finally:
        head.remove()


def pooled(states: States, layer: int, pooling: str, head: HeadInput | None = None) -> Tensor:
    """Return one vector a text, (b, d), by its states of `layer`; `head` was watched, if that is the pooling."""
    if pooling == "head":
        return head.vectors(states)
    return pool(states.layers[layer], states.masks[layer], pooling, states.ends[layer])


def check_pooling(model, pooling: str) -> None:
    """Raise an IsobarError where `model` is a decoder and `pooling` takes its first token, which has seen no other."""
    config = source_of(model).config
    if pooling == "cls" and is_decoder(config):
        raise IsobarError(
            f"The model is a decoder ({config.model_type}), whose first token has seen none of the text; choose pooling last or mean."
        )


_PLACES = {
    "patches": "patches of an image or of a spectrogram behind a first one that stands for all of it",
    "grid": "places of the image, none of which stands for all of it",
    "frames": "moments of the sound, none of which stands for all of it",
}


def _check_rule(pooling: str, kind: str) -> None:
    """Raise an IsobarError where the first or the last state is asked for, and is one place or moment like any other."""
    if pooling not in ("auto", *_rules(kind)):
        raise IsobarError(
            f"The model's states are {_PLACES[kind]}, so there is no {pooling}; choose pooling {', '.join(_rules(kind))}."
        )


def _rules(kind: str) -> tuple[str, ...]:
    """Return the poolings that states of this kind have."""
    if kind not in _PLACES:
        return ("cls", "mean", "last", "head")
    return ("cls", "mean", "head") if kind == "patches" else ("mean", "head")


def _why(model, error: Exception) -> str:
    said = " ".join(str(error).split())[:240].rstrip(".")
    return f"The model ({model.config.model_type}) can't read what its tokenizer or processor makes ({type(error).__name__}: {said})."


def _auto(reader: StateReader, scores: Tensor | None, states: States, given: Tensor) -> str:
    """Return the pooling that the scores (b, c) tell of, or where there are none the usual one of such a model."""
    if scores is None:
        return "last" if is_decoder(reader.source.config) and "last" in _rules(states.kind) else "mean"
    found = _read_by_scores(reader.source.config, scores, hidden_states(reader.output)[-1], states, given)
    return found if found != "head" or reader.is_whole else "mean"


def _read_by_scores(config, scores: Tensor, last: Tensor, states: States, given: Tensor) -> str:
    """Return the pooling that takes those states of the last layer that the scores (b, c) depend on, or "head".

    Where the last layer's states are a copy of what the encoder has `given` to the head, that is looked at.
    """
    mask, ends = states.masks[-1], states.ends[-1]
    if getattr(config, "use_weighted_layer_sum", False):  # of all layers, the last among them
        return "head"
    # What a grid is rearranged into is not what the head reads.
    last = last if states.kind == "grid" else states.layers[-1]
    if given.shape == last.shape and torch.equal(given, last):
        last = given
    if not (last.requires_grad and scores.requires_grad):
        return "head"
    weighted = scores.float() * torch.arange(1, scores.shape[1] + 1, device=scores.device)  # no sum that is constant
    (gradient,) = torch.autograd.grad(weighted.sum(), last, allow_unused=True)
    if gradient is None:
        return "head"
    gradient = as_sequence(gradient)
    size = gradient.float().norm(dim=-1)
    read = size > 1e-5 * size.amax(1, keepdim=True)
    if not size.amax(1).all():
        return "head"
    for rule in [rule for rule in ("cls", "last") if rule in _rules(states.kind)]:
        one = torch.zeros_like(read)
        one[torch.arange(len(one)), _position(mask, rule, ends)] = True
        if torch.equal(read, one):
            return rule
    return "mean" if torch.equal(read, mask) and _even(gradient, mask) else "head"


def _even(gradient: Tensor, mask: Tensor) -> bool:
    """Return whether each of a text's states counts as much as the others."""
    mean = pool(gradient, mask, "mean").unsqueeze(1)
    apart = (gradient - mean).float().norm(dim=-1) * mask
    return bool((apart <= 1e-4 * mean.float().norm(dim=-1)).all())
