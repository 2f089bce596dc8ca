"""The token states of several layers: as one cloud, and its covariance without keeping any of them."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from core.geometry import CloudStream, Moments
from core.geometry.report import Names
from core.modalities import Rows
from core.models.reading import StateReader
from core.models.states import States


def chosen_layers(states: States, layers: str = "all") -> list[tuple[Tensor, Tensor]]:
    """Return states and mask of one layer, by its number (0 is the input embeddings), or of "all" but the input embeddings."""
    every = list(zip(states.layers, states.masks))
    return every[1:] if layers == "all" else [every[int(layers)]]


def token_states(layers: Iterable[tuple[Tensor, Tensor]], labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the union of the layers' token states (b, t, d) as one cloud (n, d), and its labels (n,).

    A token has its text's label, padding by its layer's mask (b, t) -1: the shape depends on no value, so that nothing
    waits for a device.
    """
    layers = tuple(layers)
    of_token = [torch.where(mask.bool(), labels.unsqueeze(1), -1).flatten() for _, mask in layers]
    return torch.cat([states.flatten(0, 1) for states, _ in layers]), torch.cat(of_token)


class LayerStreams:
    """One :class:`~core.geometry.CloudStream` a layer, filled by :func:`core.models.embedding.encode`'s `on_layers`.

    Args:
        labels: (n,) the classes of all texts, by row, for the measures that need them.
        options: of each stream.
    """

    def __init__(self, labels: np.ndarray | None = None, **options):
        self.labels, self.options, self.streams = labels, options, []

    def add(self, rows: np.ndarray, layers: list[np.ndarray]) -> None:
        """Take in by every layer the embeddings (b, d) of a batch, whose texts are the `rows` (b,).

        Raises:
            IsobarError: a layer's hold NaN or infinity; it and the text's row are named.
        """
        self.streams = self.streams or [CloudStream(**self.options) for _ in layers]
        labels = None if self.labels is None else self.labels[rows]
        for number, (stream, embeddings) in enumerate(zip(self.streams, layers, strict=True)):
            stream.add(embeddings, f"The hidden states of layer {number} (of 0 to {len(layers) - 1})", rows, labels)

    def measure(self, measures: Names = "main", known: dict[int, dict[str, float]] | None = None) -> list[dict]:
        """Return every layer's measures, the input embeddings' first; those `known` already, by layer, are taken as they are."""
        known = {number % len(self.streams): found for number, found in (known or {}).items()}
        return [known.get(k) or stream.measure(measures) for k, stream in enumerate(self.streams)]


@torch.no_grad()
def state_covariance(
    model,
    collate: Callable,
    rows: Rows,
    *,
    layers: str = "all",
    padding: bool = False,
    limit: int = 250_000,
    seed: int | list[int] = 0,
    batch_size: int = 64,
    on_batch: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return the covariance (d, d) of the token states of a random part of `rows`, one batch in memory at a time.

    No generator of torch is touched and dropout is off, so that a training goes on as if nothing had happened.

    Args:
        model: of transformers, or somebody's own around one; its mode is restored afterwards.
        collate: turns a list of rows into a padded batch of tensors.
        rows: what the model takes.
        layers: see :func:`chosen_layers`.
        padding: count padding tokens' states too; texts are then batched in random order, as in training, and not by
            length, which would leave hardly any.
        limit: of how many states at most, in all layers together (but of one example at least), as judged by the first one's.
        seed: which texts are drawn.
        batch_size: texts a batch.
        on_batch: called with (texts done, texts in all) after each batch; it may raise to end the work.
    """
    each = _states_of_one(model, collate, rows, layers)
    order = np.random.default_rng(seed).permutation(len(rows))
    lengths = rows.costs[order]
    # As many states as one example has for its cost: of a text one a token and layer, of others whatever the model makes of it.
    taken = max(int(np.searchsorted(np.cumsum(lengths) * (each / rows.costs[0]), limit, side="right")), 1)
    order = order[:taken]
    if not padding:
        order = order[np.argsort(-lengths[:taken], kind="stable")]  # of like length, so that little is padded
    moments, was_training = Moments(), model.training
    model.eval()
    try:
        with StateReader(model) as reader:
            for start in range(0, taken, batch_size):
                reader.run(**_batch(model, collate, [rows[int(i)] for i in order[start : start + batch_size]]))
                for states, mask in chosen_layers(reader.states(), layers):
                    moments.add(states[torch.ones_like(mask) if padding else mask].float())
                if on_batch is not None:
                    on_batch(min(start + batch_size, taken), taken)
    finally:
        model.train(was_training)
    return moments.scatter / max(moments.count - 1, 1)


def _states_of_one(model, collate: Callable, rows: Rows, layers: str) -> int:
    """Return how many token states the first of `rows` has, in all of `layers` together."""
    was_training = model.training
    model.eval()
    try:
        with StateReader(model) as reader:
            reader.run(**_batch(model, collate, [rows[0]]))
            return max(sum(int(mask.sum()) for _, mask in chosen_layers(reader.states(), layers)), 1)
    finally:
        model.train(was_training)


def _batch(model, collate: Callable, rows: list) -> dict[str, Tensor]:
    device = next(model.parameters()).device
    return {k: v.to(device) for k, v in collate(rows).items() if k != "labels"}
