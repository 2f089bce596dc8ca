"""A checkpoint's weights -> a classifier: whether they are those that its states are made with, whatever they were wrapped in."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, cached_file

from core.errors import IsobarError

# What torch.compile, data parallelism and their kin put into the names of what they wrap.
_WRAPPER = re.compile(r"(?<![^.])(_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.")
# Parts of an encoder that its states don't depend on: they stand between these and the head.
_BEHIND = re.compile(r"(^|\.)\w*pooler\.|^perceiver\.decoder\.")
_COUNTED = re.compile(r"num_batches_tracked$|position_ids$|inv_freq$")  # buffers that are what they are by themselves


@dataclass(frozen=True)
class Weighed:
    """A classifier with a checkpoint's weights.

    Attributes:
        model: the classifier.
        made_anew: names of the weights that did not come with the checkpoint, or not in the size that is needed.
        notes: what was done to the weights' names, a sentence each.
    """

    model: PreTrainedModel
    made_anew: frozenset[str]
    notes: tuple[str, ...] = ()


def with_weights(classifier, name: str, source: Path | str, config, **options) -> Weighed:
    """Return `classifier` (transformers' class) with the weights at `source`, a folder or a Hub id, in float32.

    The head, and a pooler, are made anew where the checkpoint has none that fit. Where the encoder's weights don't come with it by
    their names, names are tried without what a model was wrapped in when it was saved: compiled, parallel or inside another.

    Raises:
        IsobarError: the encoder's weights are not there, or of another size; random ones would be measured for them.
    """
    found = _read(classifier, source, config, **options)
    if not (lacking := _lacking(found)):
        return found
    held = [(file, _held(file)) for file in _files(source, **options)]
    names = [name for _, stored in held for name in stored]
    prefix, doubt = _wrapped_in(found.model, names)
    wrapped = bool(prefix) or any(_WRAPPER.search(key) for key in names)
    if wrapped or any(name != at for _, stored in held for name, at in stored.items()):
        tensors = dict(_tensors(held, prefix))
        # By their own class and without a folder: no names are kept that a later save would bring back.
        again = _read(type(found.model), None, config, state_dict=tensors, **options)
        if not (left := _lacking(again)):
            return Weighed(again.model, again.made_anew, (_note(prefix, names),) if wrapped else ())
        lacking = min(lacking, left, key=len)
    raise IsobarError(_refusal(name, found.model, lacking, names, doubt))


def _read(classifier, source, config, **options) -> Weighed:
    model, info = classifier.from_pretrained(
        source,
        config=config,
        use_safetensors=True,
        ignore_mismatched_sizes=True,
        dtype="float32",
        output_loading_info=True,
        **options,
    )
    mismatched = (found[0] if isinstance(found, tuple) else found for found in info["mismatched_keys"])
    return Weighed(model, frozenset((*info["missing_keys"], *mismatched)))


def _lacking(found: Weighed) -> list[str]:
    """Return the names of the new weights that states are made with."""
    inside = f"{_encoder(found.model)}."
    return sorted(
        name
        for name in found.made_anew
        if name.startswith(inside) and not _BEHIND.search(name) and not _COUNTED.search(name)
    )


def _encoder(model: PreTrainedModel) -> str:
    """Return the name of the part of a classifier in front of its head."""
    parts = dict(model.named_children())
    if model.base_model_prefix in parts:
        return model.base_model_prefix
    return max(parts, key=lambda name: sum(p.numel() for p in parts[name].parameters()))


def _wrapped_in(model: PreTrainedModel, names: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Return the prefix without which most of `names` are the encoder's, and those that are in doubt where several are as good."""
    encoder = _encoder(model)
    wanted = {name for name in model.state_dict() if name.startswith(f"{encoder}.")}
    wanted |= {name.removeprefix(f"{encoder}.") for name in wanted}
    fits = Counter({"": 0})
    for name in names:
        parts = _unwrapped(name).split(".")
        # The encoder's own name is no wrapper: transformers puts it on and takes it off itself.
        starts = {
            at - (parts[at - 1] == encoder) if at else 0 for at in range(len(parts)) if ".".join(parts[at:]) in wanted
        }
        fits.update("".join(f"{part}." for part in parts[:at]) for at in starts)
    best = sorted(prefix for prefix, count in fits.items() if count == max(fits.values()))
    return ("", tuple(best)) if len(best) > 1 and "" not in best else (best[0], ())


def _unwrapped(name: str) -> str:
    return _WRAPPER.sub("", name)


def _tensors(held: Iterable[tuple[Path, dict[str, str]]], prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Yield those whose names begin with `prefix`, by what follows it.

    What stands beside it is of another class, which transformers doesn't know: a head there would be taken for its own.
    """
    for file, stored in held:
        with safe_open(file, framework="pt") as tensors:
            for name, at in stored.items():
                if (inner := _unwrapped(name)).startswith(prefix):
                    yield inner.removeprefix(prefix), tensors.get_tensor(at)


def _files(source: Path | str, **options) -> list[Path]:
    """Return the files of weights at `source`: one, or those that an index lists."""

    def there(name: str) -> Path | None:
        if isinstance(source, Path):
            return source / name if (source / name).exists() else None
        found = cached_file(
            source, name, local_files_only=options["local_files_only"], _raise_exceptions_for_missing_entries=False
        )
        return found and Path(found)

    if whole := there(SAFE_WEIGHTS_NAME):
        return [whole]
    index = json.loads(there(SAFE_WEIGHTS_INDEX_NAME).read_text(encoding="utf-8"))
    return [there(name) for name in sorted(set(index["weight_map"].values()))]


def _held(file: Path) -> dict[str, str]:
    """Return the names of the tensors in `file`, each with the one that it is stored by.

    Of tied weights safetensors stores one, whichever name comes first, and says in the file's metadata which stand for it.
    """
    with safe_open(file, framework="pt") as held:
        names = dict.fromkeys(held.keys())
        tied = {name: at for name, at in (held.metadata() or {}).items() if at in names}
    return {**tied, **{name: name for name in names}}


def _note(prefix: str, names: Collection[str]) -> str:
    inside = [name for name in names if _unwrapped(name).startswith(prefix)]
    wrappers = dict.fromkeys(found.group() for name in inside for found in _WRAPPER.finditer(name))
    put = " and ".join(repr(part) for part in (*wrappers, *([prefix] if prefix else [])))
    left = len(names) - len(inside)
    beside = f"; {left} beside them, of another class, were left out" if left else ""
    return f"The weights were saved inside of something else, which put {put} into their names; that was taken off{beside}."


def _refusal(name: str, model, lacking: list[str], names: Collection[str], doubt: tuple[str, ...]) -> str:
    encoder = _encoder(model)
    whole = sum(key.startswith(f"{encoder}.") and not _COUNTED.search(key) for key in model.state_dict())
    lacks = (
        f"The model {name!r} ({model.config.model_type}) comes without {len(lacking)} of the {whole} tensors of its encoder, or with them "
        f"in another size ({_first(lacking)}), and random ones would be measured in their place"
    )
    if doubt:
        return f"{lacks}: its weights hold several encoders, named {', '.join(doubt)}; save the one that is meant by itself."
    if not names:
        return f"{lacks}: its file of weights is empty."
    return (
        f"{lacks}; its weights hold {len(names)} tensors ({_first(sorted(names))}): are they those of its config.json?"
    )


def _first(names: list[str], count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return f"{', '.join(names[:count])}{more}"
