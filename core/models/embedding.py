"""Examples -> the states of each layer -> one embedding each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from core.modalities import Rows
from core.models.pooling import HeadInput, pooled, watched_head
from core.models.reading import StateReader, scores_of
from core.models.sentence import Sentence
from core.models.states import States

_TOLERANCE = 1e-3  # relative, of float32: other batch sizes leave 1e-6, padding that is seen 1e-2 and more


@dataclass(frozen=True)
class Encoded:
    """Embeddings (n, d) float32 and class scores (n, c) float32 of n examples; c is 0 where the model makes none."""

    embeddings: np.ndarray
    logits: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """(n,) int64: the class of the highest score; -1 where there are not two scores to choose from."""
        return self.logits.argmax(1) if self.logits.shape[1] > 1 else np.full(len(self.logits), -1)


@torch.no_grad()
def encode(
    model,
    collate: Callable,
    rows: Rows,
    *,
    pooling: str = "cls",
    layer: int = -1,
    batch_size: int = 64,
    unpadded: bool = False,
    sentence: Sentence | None = None,
    on_layers: Callable[[np.ndarray, list[np.ndarray]], None] | None = None,
    on_states: Callable[[States, np.ndarray], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Encoded:
    """Run `rows` through `model` in evaluation mode and return their embeddings and class scores.

    Rows of the same input are encoded once, so that their embeddings are equal.

    Args:
        model: a classifier, of transformers or somebody's own around a model of transformers; its mode is restored afterwards.
        collate: turns a list of rows into a padded batch of tensors.
        rows: what the model takes; the order of the result is theirs.
        pooling: cls, mean, last or head, see :mod:`core.models.pooling`. With head the other layers, which no head
            reads, are pooled by their mean.
        layer: whose hidden states; -1 is the last layer's, 0 the input embeddings.
        batch_size: rows a batch. They are batched by what they cost, so that little is padded.
        unpadded: batch none but rows of the same cost, so that nothing is padded.
        sentence: the checkpoint's own embedding in place of `pooling`; layers but the last are pooled as it does, and no more.
        on_layers: called with each batch's rows (b,) and their embeddings (b, d) by every layer, the input embeddings'
            first: they are there anyway, but all rows' together might not fit into memory.
        on_states: called with each batch's states, those of equal inputs once, and with the place in them of each row (b,).
        on_batch: called with (inputs done, inputs in all) after each batch; it may raise to end the work.
    """
    was_training = model.training
    model.eval()
    # In batches of other sizes the same input comes out otherwise by some 1e-6, which would be a bar: it is encoded once.
    _, first, number = np.unique(rows.same, return_index=True, return_inverse=True)
    copies = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    order = np.argsort(-rows.costs[first], kind="stable")
    embeddings = logits = np.empty((len(rows), 0), np.float32)
    try:
        with StateReader(model) as reader, watched_head(model) as head:
            device = next(model.parameters()).device
            for start, end in _batches(rows.costs[first][order], batch_size, unpadded):
                inputs = order[start:end]
                index = np.concatenate([copies[i] for i in inputs])
                back = np.repeat(np.arange(len(inputs)), [len(copies[i]) for i in inputs])
                batch = collate([rows[int(i)] for i in first[inputs]])
                batch = {k: v.to(device) for k, v in batch.items() if k != "labels"}
                scores = scores_of(reader.run(**batch))
                states = reader.states()
                if on_states is not None:
                    on_states(states, back)
                chosen = _vectors(states, layer, pooling, sentence, head)
                if on_layers is not None:
                    layers = _every_layer(states, layer, pooling, sentence, chosen)
                    on_layers(index, [vectors[back] for vectors in layers])
                scores = scores.float().cpu().numpy() if scores is not None else np.empty((len(inputs), 0), np.float32)
                if start == 0:  # how wide they are is known now
                    embeddings, logits = (np.empty((len(rows), of.shape[1]), np.float32) for of in (chosen, scores))
                embeddings[index], logits[index] = chosen[back], scores[back]
                if on_batch is not None:
                    on_batch(end, len(order))
    finally:
        model.train(was_training)
    return Encoded(embeddings, logits)


def padding_matters(model, collate: Callable, rows: Rows, *, pooling: str, layer: int = -1) -> bool:
    """Return whether the shortest of `rows` has another embedding beside the others than alone.

    It has where the model is told of no mask, or norms over padding too, as wav2vec2's first convolution does.
    """
    device = next(model.parameters()).device
    shortest = int(np.argmin(rows.costs))
    found = []
    for some, row in ((rows.take([shortest]), 0), (rows, shortest)):
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(0)  # some draw, as Reformer its hashes
            encoded = encode(model, collate, some, pooling=pooling, layer=layer, batch_size=len(rows))
            found.append(encoded.embeddings[row])
    alone, beside = found
    return bool(np.abs(alone - beside).max() > _TOLERANCE * np.abs(alone).max())


def _batches(costs: np.ndarray, batch_size: int, unpadded: bool) -> Iterator[tuple[int, int]]:
    """Yield where batches of rows of these costs, sorted, start and end."""
    start = 0
    for end in range(1, len(costs) + 1):
        full = end - start == batch_size or end == len(costs)
        if full or (unpadded and costs[end] != costs[start]):
            yield start, end
            start = end


def _every_layer(
    states: States, layer: int, pooling: str, sentence: Sentence | None, chosen: np.ndarray
) -> list[np.ndarray]:
    """Return the embeddings by every layer; those by `layer` are there already."""
    count, rule = len(states.layers), "mean" if pooling == "head" else pooling
    return [chosen if k == layer % count else _vectors(states, k, rule, sentence) for k in range(count)]


def _vectors(
    states: States, layer: int, pooling: str, sentence: Sentence | None, head: HeadInput | None = None
) -> np.ndarray:
    count = len(states.layers)
    if sentence is None:
        vectors = pooled(states, layer, pooling, head)
    else:
        made = sentence.embeddings if layer % count == count - 1 else sentence.pooled
        vectors = made(states.layers[layer], states.masks[layer])
    return vectors.float().cpu().numpy()
