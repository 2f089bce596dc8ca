"""Padding-free encoding: the texts of a batch stand one behind another in a few rows, so that no padding is computed.

The encoder sees rows of texts, positions that begin anew with each text, and a mask that keeps the texts apart; its hidden
states come back in the padded layout. Head, loss and pooling see what they always see.
"""

import heapq
import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.models.pooling import encoder_of
from core.models.states import hidden_states, kind_of

ROW = 128  # tokens of the longest row that is tried, unless a text is longer
_EQUAL = 300  # tokens of a row at which its attention is taken to cost as much as all else
_TRIED = 16  # numbers of rows
_WORTH = 0.9  # share of the padded tokens above which the padded way is as fast
_TOLERANCE = 1e-4  # relative, of float32 states: rounding leaves 1e-6, a token that is seen or missed 1e-2 and more


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a padded batch (b, t) stand in rows (r, l).

    Attributes:
        padded: (b, t).
        rows: (r, l).
        source: (n,) int64, the tokens that are no padding, as indices into the flattened batch, text by text.
        target: (n,) int64, the same tokens as indices into the flattened rows.
        texts: (r, l) int64, the number of each token's text; b where a row is empty.
    """

    padded: tuple[int, int]
    rows: tuple[int, int]
    source: Tensor
    target: Tensor
    texts: Tensor

    @classmethod
    def of(cls, attention_mask: Tensor, row: int | None = ROW) -> "Layout":
        """Return the layout of a batch with this mask (b, t), in rows of up to about `row` tokens, or of one row if None."""
        real = attention_mask.bool()
        lengths = real.sum(1).tolist()
        starts, shape = _starts(lengths, row)
        source = real.flatten().nonzero().squeeze(1)
        text = source // real.shape[1]
        within = (real.cumsum(1) - 1).flatten()[source]
        target = torch.tensor(starts, device=real.device)[text] + within
        texts = torch.full(shape, len(lengths), device=real.device)
        texts.view(-1)[target] = text
        return cls(tuple(real.shape), shape, source, target, texts)

    def pack(self, values: Tensor) -> Tensor:
        """Return what each token has, (b, t), in rows (r, l); 0 where a row is empty."""
        packed = values.new_zeros(self.rows)
        packed.view(-1)[self.target] = values.flatten()[self.source]
        return packed

    def unpack(self, states: Tensor) -> Tensor:
        """Return states (r, l, d) in the padded layout (b, t, d); 0 at padding."""
        flat = states.flatten(0, 1)
        count, length = self.padded
        padded = flat.new_zeros(count * length, flat.shape[1])
        return padded.index_copy(0, self.source, flat.index_select(0, self.target)).view(count, length, -1)

    def mask(self, causal: bool = False) -> Tensor:
        """Return which token sees which, (r, 1, l, l) bool: those of its own text, if `causal` none behind it."""
        seen = self.texts.unsqueeze(2) == self.texts.unsqueeze(1)
        return (seen.tril() if causal else seen).unsqueeze(1)


def _starts(lengths: list[int], row: int | None) -> tuple[list[int], tuple[int, int]]:
    """Return each text's place in the flattened rows, and the rows' shape.

    Few long rows leave little empty, but attention grows with the square of their length; many short ones are no longer than
    the longest text, and their ends stay empty. What costs least is taken: tokens, each more by its row's length.
    """
    total = sum(lengths)
    least = 1 if row is None else -(-total // max(row, *lengths))
    most = 1 if row is None else min(-(-total * 5 // (4 * max(lengths))), len(lengths))  # a quarter for the rows' ends
    counts = np.unique(np.linspace(least, most, _TRIED).round().astype(int)).tolist()
    tried = [(count, *_levelled(lengths, count)) for count in counts]
    count, longest, placed = min(tried, key=lambda one: one[0] * one[1] * (1 + one[1] / _EQUAL))
    return [r * longest + start for r, start in placed], (count, longest)


def _levelled(lengths: list[int], count: int) -> tuple[int, list[tuple[int, int]]]:
    """Return how long `count` rows are with these texts in them, and the row and the place in it of each text.

    The longest text first, each goes into the row that is emptiest (R. L. Graham's rule for equal loads, 1969), so that
    the rows' ends are nearly level.
    """
    heap = [(0, r) for r in range(count)]
    placed = [(0, 0)] * len(lengths)
    for text in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        filled, r = heapq.heappop(heap)
        placed[text] = (r, filled)
        heapq.heappush(heap, (filled + lengths[text], r))
    return -(-max(filled for filled, _ in heap) // 8) * 8, placed


class PaddingFree:
    """Hooks on the encoder of `model` that pack what goes in and unpack what comes out; :func:`pack_texts` makes one.

    They act while the model is in training mode, unless `always`, which also packs what is not worth it. In evaluation
    mode repeated texts keep states that are equal to the last bit, whose bars are 0; packed, they would be equal to rounding.
    Random draws of dropout differ from the padded ones, since there are fewer tokens to draw for.
    """

    def __init__(self, model, *, causal: bool, longest: int, row: int | None = ROW, always: bool = False):
        self.encoder = encoder_of(model)
        self.causal, self.longest, self.row, self.always = causal, longest, row, always
        self._names = list(inspect.signature(self.encoder.forward).parameters)
        positions = [
            module
            for name, module in self.encoder.named_modules()
            if name.endswith("position_embeddings") and isinstance(module, nn.Embedding)
        ]
        # RoBERTa and its kin count from behind the padding's own position, and leave out tokens that are padding.
        self._padding = positions[0].padding_idx if positions else None
        self._handles = [
            self.encoder.register_forward_pre_hook(self._pack, with_kwargs=True),
            self.encoder.register_forward_hook(self._unpack, with_kwargs=True),
        ]

    def remove(self) -> None:
        """Leave the model as it was."""
        for handle in self._handles:
            handle.remove()

    def _pack(self, encoder, args, kwargs):
        given = {**dict(zip(self._names, args, strict=False)), **kwargs}
        layout = self._layout(given)
        if layout is None:
            return None
        ids = given["input_ids"]
        packed = {
            name: layout.pack(value) if isinstance(value, Tensor) and value.shape == ids.shape else value
            for name, value in given.items()
        }
        mask = layout.mask(self.causal)
        if encoder.config._attn_implementation != "sdpa":
            mask = torch.zeros_like(mask, dtype=encoder.dtype).masked_fill(~mask, torch.finfo(encoder.dtype).min)
        mask.packing = (
            layout  # the mask takes it to the hook behind the encoder: a batch and its layout can't be confused
        )
        return (), {**packed, "attention_mask": mask, "position_ids": layout.pack(self._positions(ids))}

    def _layout(self, given: dict) -> Layout | None:
        if not (self.encoder.training or self.always):
            return None
        ids, mask = given.get("input_ids"), given.get("attention_mask")
        others = ("inputs_embeds", "position_ids", "past_key_values")
        if ids is None or mask is None or mask.shape != ids.shape or any(given.get(k) is not None for k in others):
            return None
        if given.get("output_attentions") or self.encoder.config.output_attentions or given.get("return_dict") is False:
            return None  # attention maps have no padded layout to come back to, tuples no names
        worth = float("inf") if self.always else _WORTH
        real = mask.bool()
        lengths = real.sum(1)
        # A text is one stretch from the first column on: heads take what stands there, be it padding.
        straight = (real == (torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1))).all() & (
            lengths > 0
        ).all()
        straight, longest, total = torch.stack([straight.long(), lengths.max(), lengths.sum()]).tolist()
        if not straight or longest > self.longest or total > worth * ids.numel():
            return None
        layout = Layout.of(mask, self.row)
        return layout if layout.texts.numel() <= worth * ids.numel() else None

    def _positions(self, ids: Tensor) -> Tensor:
        if self._padding is None:
            return torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        real = ids != self._padding
        return real.cumsum(1) * real + self._padding

    def _unpack(self, encoder, args, kwargs, output):
        layout = getattr(kwargs.get("attention_mask"), "packing", None)
        if layout is None:
            return None
        last = output.last_hidden_state
        states = layout.unpack(last)
        if output.get("hidden_states") is not None:
            # The last layer's states are mostly the output itself: unpacked once, they are one tensor for autograd too.
            output["hidden_states"] = tuple(states if h is last else layout.unpack(h) for h in output.hidden_states)
        output["last_hidden_state"] = states
        if output.get("pooler_output") is not None:  # it saw the first token of each row
            if isinstance(encoder.pooler, nn.Linear):  # ALBERT's and BigBird's
                activation = getattr(encoder, "pooler_activation", None) or encoder.activation
                output["pooler_output"] = activation(encoder.pooler(states[:, 0]))
            else:
                output["pooler_output"] = encoder.pooler(states)
        return output


def pack_texts(model, batch: dict[str, Tensor]) -> tuple[PaddingFree | None, str]:
    """Make `model` padding-free if it gives the same hidden states and scores that way, to rounding.

    What decides is a comparison of `batch` computed both ways, in evaluation mode; the model's mode is restored. Batches
    whose texts are longer than those of `batch` stay padded, since nothing was compared for them.

    Args:
        model: a sequence classifier of transformers, with adapters or without.
        batch: a padded batch with texts of very different lengths, among them the longest (see :func:`telling_rows`).

    Returns:
        The hooks, to be removed in the end, and an empty string; or None and a sentence that says why not.
    """
    if kind_of(model.config) != "plain":
        return None, "The model's states are not one for each token, so its texts can't be packed."
    encoder = encoder_of(model)
    parameters = inspect.signature(encoder.forward).parameters
    if not {"input_ids", "attention_mask", "position_ids"} <= set(parameters):
        return None, "The model takes no positions, so nothing can be packed."
    if encoder.config._attn_implementation not in ("sdpa", "eager"):
        return (
            None,
            f"Its attention ({encoder.config._attn_implementation}) takes no mask that keeps packed texts apart.",
        )
    batch = {k: v.to(model.device) for k, v in batch.items() if k != "labels"}
    real = batch["attention_mask"].bool()
    longest = int(real.sum(1).max())
    why = ""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            padded = model(**batch, output_hidden_states=True)
            for causal in (False, True):
                # In one row, every text but one begins in the middle of it.
                trial = PaddingFree(model, causal=causal, longest=longest, row=None, always=True)
                try:
                    packed = model(**batch, output_hidden_states=True)
                    error = _relative_error(padded, packed, real)
                except Exception as refusal:  # each architecture refuses in its own way
                    why = f"The model refuses packed texts ({type(refusal).__name__})."
                    continue
                finally:
                    trial.remove()
                if error <= _TOLERANCE:
                    return PaddingFree(model, causal=causal, longest=longest), ""
                why = f"Packed texts would get other states than padded ones (by {100 * error:.2g} %)."
    finally:
        model.train(was_training)
    return None, why


def telling_rows(lengths: Sequence[int], longest: int = 2, shortest: int = 6) -> list[int]:
    """Return the numbers of the texts that tell most of packing: the longest and the shortest by `lengths`."""
    order = np.argsort(np.asarray(lengths), kind="stable").tolist()
    return order[-longest:] + order[:-longest][:shortest]


def _relative_error(padded, packed, real: Tensor) -> float:
    """Return the largest difference, relative to the largest value, over every layer's real tokens and the scores."""
    pairs = [(a[real], b[real]) for a, b in zip(hidden_states(padded), hidden_states(packed), strict=True)]
    errors = [(a - b).abs().max() / a.abs().max().clamp_min(1e-30) for a, b in [*pairs, (padded.logits, packed.logits)]]
    return float(torch.stack(errors).max().nan_to_num(nan=torch.inf))
