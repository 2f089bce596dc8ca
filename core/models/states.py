"""Where architectures differ: what a model puts out -> the states of each layer, with a mask of their own."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from core.modalities.text import is_decoder


@dataclass(frozen=True)
class States:
    """The hidden states of a batch of b examples.

    Attributes:
        layers: for each layer (b, t, d), the input embeddings first; t and d may differ from layer to layer.
        masks: for each layer (b, t) bool, which positions are the example's.
        ends: for each layer (b, t) bool, among which positions the last is the one that stands for a text: all of
            the text's, but where the architecture's head leaves some out.
        kind: what the positions are: "plain" (tokens), "patches" (of an image or a spectrogram, behind one that stands
            for all of it), "grid" (places of an image), "frames" (of a sound), or a key of :data:`KINDS`.
    """

    layers: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    ends: tuple[Tensor, ...]
    kind: str = "plain"


def hidden_states(output) -> tuple[Tensor, ...]:
    """Return every layer's states as `output` holds them, the input embeddings first.

    Of an encoder-decoder these are the encoder's, then those of the decoder's layers; the decoder's own input
    embeddings, which are the text's shifted by one, are left out.
    """
    if getattr(output, "hidden_states", None) is not None:
        return tuple(output.hidden_states)
    return (*output.encoder_hidden_states, *output.decoder_hidden_states[1:])


def read_states(model, output, batch: dict[str, Tensor]) -> States:
    """Return the states in `output`, which `model` made of `batch`."""
    kind = kind_of(model.config)
    layers = tuple(as_sequence(states) for states in hidden_states(output))
    if kind in _ADAPTERS:
        return replace(_ADAPTERS[kind](model.config, layers, batch), kind=kind)
    if "input_ids" in batch and "attention_mask" in batch:
        return _plain(model.config, layers, batch)
    return _seen_or_heard(model, output, layers, batch)


def as_sequence(states: Tensor) -> Tensor:
    """Return states (b, t, d) as they are, and those of a grid (b, d, h, w) as a sequence of its places (b, h w, d)."""
    return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states


def kind_of(config) -> str:
    """Return the key of :data:`KINDS` whose states models of this `config` have, or "plain"."""
    return next((kind for kind, types in KINDS.items() if config.model_type in types), "plain")


def padding_id(config) -> int | None:
    """Return the padding token's number; a configuration of several models has it in its text model's."""
    for there in (config, config.get_text_config()):
        if getattr(there, "pad_token_id", None) is not None:
            return there.pad_token_id
    return None


def _plain(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """One state for each token in every layer."""
    mask = batch["attention_mask"].bool()
    ends = mask
    if is_decoder(config) and padding_id(config) is not None and batch.get("input_ids") is not None:
        ends = mask & (
            batch["input_ids"] != padding_id(config)
        )  # a head looks at ids, where an end token may serve as padding
    return _alike(layers, mask, ends)


def _seen_or_heard(model, output, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """Images' and sounds'; a mask of pixels or samples, where there is one, becomes that of each layer."""
    given = next((batch[name] for name in ("attention_mask", "pixel_attention_mask") if name in batch), None)
    masks = []
    for states in layers:
        shape = states.shape[:2]
        if given is None:
            mask = torch.ones(shape, dtype=torch.bool, device=states.device)
        else:
            mask = given.bool() if given.shape == shape else _framed(model, given, shape[1])
        masks.append(mask)
    return States(layers, tuple(masks), tuple(masks), _kind_of_places(model, output, batch))


def _framed(model, given: Tensor, length: int) -> Tensor:
    """Return the mask (b, length) of frames, by the model's own rule of how many it makes of so many samples."""
    frames = model._get_feat_extract_output_lengths(given.sum(1))
    joined = getattr(model.config, "squeeze_factor", 1)  # SEW's layers have one state for several frames
    return torch.arange(length, device=given.device) < (-(-frames // joined)).unsqueeze(1)


def _kind_of_places(model, output, batch: dict[str, Tensor]) -> str:
    """Return "patches" where a first state stands for all of an image or sound, and else "grid" or "frames"."""
    every = hidden_states(output)
    alike = len({states.shape[1:] for states in every}) == 1
    if alike and any(name.rpartition(".")[2] in _FIRST for name, _ in model.named_parameters()):
        return "patches"
    heard = "input_values" in batch or "input_features" in batch
    return "frames" if heard else "grid"


_FIRST = ("cls_token", "class_embedding", "class_token")
"""How architectures call the state that they put in front of an image's patches."""


def _encoder_decoder(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """The encoder's and the decoder's, both of the input's length; the last end token stands for the text."""
    mask = batch["attention_mask"].bool()
    return _alike(layers, mask, mask & (batch["input_ids"] == config.eos_token_id))


def _decoder_of_two(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """T5Gemma's: its decoder's alone, whose input is the text shifted by one, cut to the input's length."""
    real = (
        batch["input_ids"] != padding_id(config) if padding_id(config) is not None else batch["attention_mask"].bool()
    )
    real = functional.pad(real, (1, 0), value=True)[:, :-1]
    return _alike(layers, real, real)


def _pooled(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """Funnel's: each block halves the length, and its mask as the model's own is halved."""
    masks = [batch["attention_mask"].bool()]
    for states in layers[1:]:
        mask = masks[-1]
        if states.shape[1] != mask.shape[1]:
            if config.separate_cls:
                mask = torch.cat([mask[:, :1], mask[:, :-1] if config.truncate_seq else mask], dim=1)
            # A position is padding where one of the two is, which the model itself doesn't look at.
            mask = -functional.max_pool1d(-mask[:, None].float(), 2, ceil_mode=True)[:, 0] > 0
        masks.append(mask)
    return States(layers, tuple(masks), tuple(masks))


def _molecules(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """CANINE's: characters, in the deep layers molecules of several characters, then characters again."""
    mask = batch["attention_mask"].bool()
    short = functional.max_pool1d(mask[:, None].float(), config.downsampling_rate)[:, 0] > 0
    masks = tuple(mask if states.shape[1] == mask.shape[1] else short for states in layers)
    return States(layers, masks, masks)


def _latents(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """Perceiver's: as many vectors for each text, none of them padding."""
    return _alike(layers, *[torch.ones(layers[0].shape[:2], dtype=torch.bool, device=layers[0].device)] * 2)


def _chunked(config, layers: tuple[Tensor, ...], batch: dict[str, Tensor]) -> States:
    """Reformer's: padded to whole chunks, and without gradient, since its backward pass computes them anew."""
    mask = batch["attention_mask"].bool()
    return _alike(tuple(states[:, : mask.shape[1]] for states in layers), mask, mask)


def _alike(layers: tuple[Tensor, ...], mask: Tensor, ends: Tensor) -> States:
    return States(layers, (mask,) * len(layers), (ends,) * len(layers))


KINDS = {
    "encoder-decoder": ("bart", "bigbird_pegasus", "mbart", "mt5", "mvp", "plbart", "t5", "umt5"),
    "decoder of an encoder-decoder": ("t5gemma", "t5gemma2"),
    "shortened layers": ("funnel",),
    "characters and molecules": ("canine",),
    "latents": ("perceiver",),
    "without gradient": ("reformer",),
}
"""The types of models that differ from the plain kind."""

_ADAPTERS: dict[str, Callable[..., States]] = {
    "encoder-decoder": _encoder_decoder,
    "decoder of an encoder-decoder": _decoder_of_two,
    "shortened layers": _pooled,
    "characters and molecules": _molecules,
    "latents": _latents,
    "without gradient": _chunked,
}


def without_layer_drop(model) -> bool:
    """Switch off LayerDrop, which leaves out layers at random in training; return whether there was any.

    Left-out layers have no states, or those of the layer before, so that a layer's number would mean another at each step.
    """
    # Most modules keep a number of their own; wav2vec2's and its kin read it from their configuration.
    places = {id(place): place for module in model.modules() for place in (module, getattr(module, "config", None))}
    dropping = [
        place
        for place in places.values()
        if isinstance(getattr(place, "layerdrop", None), float | int) and place.layerdrop
    ]
    for place in dropping:
        place.layerdrop = 0.0
    return bool(dropping)
