"""The queries and keys of every layer, where an architecture shows them."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from core.models.pooling import encoder_of
from core.models.states import States

_QUERIES = ("query", "q_proj", "q_lin", "q", "query_proj")
_KEYS = ("key", "k_proj", "k_lin", "k", "key_proj")
_IN_THIRDS = ("c_attn", "Wqkv")  # queries, keys and values side by side; GPT-NeoX's are mixed by head, and not read


class QueriesAndKeys:
    """What the attention's projections put out when a model was last run, all heads side by side."""

    def __init__(self):
        self.queries: list[Tensor] = []
        self.keys: list[Tensor] = []

    def take(self, states: States) -> tuple[list[Tensor], list[Tensor]] | None:
        """Return queries and keys (b, t, d) of layer 1 and on, and forget them.

        None where they are not one of each a layer with the layer's positions: of encoder-decoders, which attend twice, of
        windows, of architectures that project other things too, or all at once.
        """
        queries, keys = self.queries, self.keys
        self.queries, self.keys = [], []
        shapes = [layer.shape[:2] for layer in states.layers[1:]]
        if all([found.shape[:2] for found in some] == shapes for some in (queries, keys)):
            return queries, keys
        return None


@contextmanager
def watched_attention(model) -> Iterator[QueriesAndKeys]:
    """Watch the queries and keys of `model` meanwhile."""
    found = QueriesAndKeys()

    def keep(some: list[str]):
        def hook(module, inputs, output: Tensor) -> None:
            for name, part in zip(some, output.chunk(3, dim=-1) if len(some) == 2 else (output,)):
                getattr(found, name).append(part)

        return hook

    handles = []
    for name, module in encoder_of(model).named_modules():
        last = name.rpartition(".")[2]
        some = ["queries"] * (last in _QUERIES) + ["keys"] * (last in _KEYS) or ["queries", "keys"] * (
            last in _IN_THIRDS
        )
        if some and isinstance(module, nn.Linear | Conv1D):
            handles.append(module.register_forward_hook(keep(some)))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
