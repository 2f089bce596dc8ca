"""Texts -> token states -> one embedding a text."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import IsobarError


def pool(states: Tensor, attention_mask: Tensor, pooling: str = "cls") -> Tensor:
    """Return one vector a text, shape (b, d), from its token states (b, t, d) and attention mask (b, t).

    "cls" is the first token that is no padding, "last" the last such token (for decoders), "mean" the average over
    them; padding may stand on either side.
    """
    if pooling == "mean":
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1).clamp_min(1)
    positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    if pooling == "cls":
        index = torch.where(attention_mask.bool(), positions, attention_mask.shape[1]).amin(1)
    elif pooling == "last":
        index = torch.where(attention_mask.bool(), positions, -1).amax(1)
    else:
        raise IsobarError(f"There is no pooling {pooling!r}; choose cls, mean or last.")
    index = index.clamp(0, attention_mask.shape[1] - 1)
    return states[torch.arange(states.shape[0], device=states.device), index]


def check_layer(model, layer: int) -> None:
    """Raise an IsobarError where `model` has no hidden states number `layer` (0 is the input embeddings)."""
    count = model.config.num_hidden_layers + 1
    if not -count <= layer < count:
        raise IsobarError(
            f"The model has no layer {layer}: it can be 0 (input embeddings) to {count - 1}, or -1 for the last."
        )


@dataclass(frozen=True)
class Encoded:
    """Embeddings (n, d) float32 and class scores (n, c) float32 of n texts."""

    embeddings: np.ndarray
    logits: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """(n,) int64: the class of the highest score."""
        return self.logits.argmax(1)


@torch.no_grad()
def encode(
    model,
    collate: Callable,
    rows,
    *,
    pooling: str = "cls",
    layer: int = -1,
    batch_size: int = 64,
    on_layers: Callable[[np.ndarray, list[np.ndarray]], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Encoded:
    """Run tokenized `rows` through `model` in evaluation mode and return their embeddings and class scores.

    Args:
        model: a sequence classifier of transformers; its mode is restored afterwards.
        collate: turns a list of rows into a padded batch of tensors.
        rows: a sequence of rows with ``input_ids`` and ``attention_mask``; the order of the result is theirs.
        pooling: see :func:`pool`.
        layer: whose hidden states; -1 is the last layer's, 0 the input embeddings.
        batch_size: texts a batch. Texts are batched by length, so that little is padded.
        on_layers: called with each batch's rows (b,) and its texts' embeddings (b, d) by every layer, the input embeddings'
            first: they are there anyway, but all texts' together might not fit into memory.
        on_batch: called with (texts done, texts in all) after each batch; it may raise to end the work.
    """
    was_training = model.training
    model.eval()
    order = np.argsort([-len(row["input_ids"]) for row in rows], kind="stable")
    embeddings, logits = [None] * len(rows), [None] * len(rows)
    try:
        for start in range(0, len(rows), batch_size):
            index = order[start : start + batch_size]
            batch = collate([rows[int(i)] for i in index])
            batch = {k: v.to(model.device) for k, v in batch.items() if k != "labels"}
            output = model(**batch, output_hidden_states=True)
            if on_layers is None:
                pooled = _pooled(output.hidden_states[layer], batch["attention_mask"], pooling)
            else:
                every = [_pooled(states, batch["attention_mask"], pooling) for states in output.hidden_states]
                on_layers(index, every)
                pooled = every[layer]
            scores = output.logits.float().cpu().numpy()
            for row, vector, score in zip(index, pooled, scores, strict=True):
                embeddings[row], logits[row] = vector, score
            if on_batch is not None:
                on_batch(min(start + batch_size, len(rows)), len(rows))
    finally:
        model.train(was_training)
    return Encoded(np.stack(embeddings), np.stack(logits))


def _pooled(states: Tensor, attention_mask: Tensor, pooling: str) -> np.ndarray:
    return pool(states, attention_mask, pooling).float().cpu().numpy()
