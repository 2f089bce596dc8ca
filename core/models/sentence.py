"""The embedding that a sentence-transformers checkpoint declares: how its tokens' states are pooled, and what is done to the result."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils import cached_file

from core.errors import IsobarError
from core.models.pooling import pool

MODULES = "modules.json"
# The names of before 6.0, in the order in which several were joined.
_OLD = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATION = re.compile(r"torch\.nn\.(modules\.(activation|linear)\.)?(\w+)")


@dataclass(frozen=True)
class Sentence:
    """What a sentence-transformers checkpoint makes of its last layer's states.

    Attributes:
        modes: how the states are pooled, as sentence-transformers names it; several are joined.
        modules: what is done to the pooled embedding, by name; each takes and gives (b, d).
        unread: why the embedding can't be made here, or an empty string.
        length: tokens of a text that are read at most, if the checkpoint says so.
        notes: a sentence on each thing that encode would do besides.
    """

    modes: tuple[str, ...]
    modules: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = ()
    unread: str = ""
    length: int | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def pooling(self) -> str:
        """The pooling in one word, ours where there is one."""
        return "+".join("last" if mode == "lasttoken" else mode for mode in self.modes)

    def pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return one vector a text by any layer's states (b, t, d) and their mask (b, t): pooled, and no more."""
        return torch.cat([_pooled(states, mask, mode) for mode in self.modes], dim=-1)

    def embeddings(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return the checkpoint's own embeddings, by its last layer's states (b, t, d) and their mask (b, t)."""
        vectors = self.pooled(states, mask)
        for _, module in self.modules:
            vectors = module(vectors)
        return vectors

    def check(self) -> None:
        """Raise an IsobarError where the embedding can't be made here."""
        if self.unread:
            raise IsobarError(
                f"The checkpoint's own sentence embedding can't be made here: {self.unread}; choose pooling cls, mean or last "
                "for its transformer's states."
            )


def _pooled(states: Tensor, mask: Tensor, mode: str) -> Tensor:
    if mode in ("cls", "mean"):
        return pool(states, mask, mode)
    if mode == "lasttoken":
        return pool(states, mask, "last")
    given = mask.bool().unsqueeze(-1)
    if mode == "max":
        return states.masked_fill(~given, float("-inf")).amax(1)
    weights = given.to(states.dtype)
    if mode == "weightedmean":  # each by its place in the text
        weights = weights * weights.cumsum(1)
        return (states * weights).sum(1) / weights.sum(1).clamp_min(1)
    return (states * weights).sum(1) / weights.sum(1).clamp_min(1).sqrt()


def sentence_of(source: Path | str, **options) -> Sentence | None:
    """Return what the checkpoint at `source`, a folder or a Hub id, declares as its sentence embedding; None if nothing.

    Raises:
        IsobarError: a file of it is no JSON, or isn't there.
    """

    def there(name: str) -> Path | None:
        if isinstance(source, Path):
            return source / name if (source / name).exists() else None
        found = cached_file(
            source,
            name,
            local_files_only=options.get("local_files_only", False),
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        return found and Path(found)

    file = there(MODULES)
    if file is None:
        return None
    modes, modules, unread = (), [], ""
    for part in _listed(file):
        kind, path = part["type"].rpartition(".")[2], part["path"]
        settings = _read(there(f"{path}/config.json")) if path and kind != "Transformer" else {}
        if kind == "Pooling" and not modes:
            modes = _modes(settings)
            continue
        module = None
        if kind == "Normalize" and modes:
            module = functional.normalize
        elif kind in ("Dense", "LayerNorm") and modes:
            module = _module(kind, settings, there(f"{path}/model.safetensors"))
        elif kind in ("Transformer", "Dropout"):
            continue
        of_sentence = settings.get("module_input_name", "sentence_embedding") == "sentence_embedding"
        if module is None or not of_sentence:
            unread = unread or f"it goes through {kind} ({part['type']})"
        else:
            modules.append((kind, module))
    unknown = [mode for mode in modes if mode not in _OLD.values()]
    if unknown:
        unread = f"its pooling is {unknown[0]!r}"
    elif not modes:
        unread = unread or "its modules.json names no Pooling"
    about = _read(there("sentence_bert_config.json"))
    more = _read(there("config_sentence_transformers.json"))
    length = about.get("max_seq_length")
    notes = []
    if prompt := (more.get("prompts") or {}).get(more.get("default_prompt_name") or ""):
        notes.append(f"The checkpoint puts {prompt!r} before each text; here texts are read as they are.")
    if about.get("do_lower_case"):
        notes.append("The checkpoint reads texts in lower case; here they are read as they are.")
    return Sentence(modes, tuple(modules), unread, length if isinstance(length, int) else None, tuple(notes))


def transformer_of(folder: Path) -> Path:
    """Return the folder of the transformer of a sentence-transformers checkpoint, or `folder` itself.

    In the layout of before 2.0 it is one of its own, such as ``0_Transformer``.
    """
    if (folder / "config.json").exists() or not (folder / MODULES).exists():
        return folder
    named = [part["path"] for part in _listed(folder / MODULES) if part["type"].endswith(".Transformer")]
    if not named:
        kinds = ", ".join(part["type"].rpartition(".")[2] for part in _listed(folder / MODULES))
        raise IsobarError(f"The folder {folder} holds a sentence-transformers model without a transformer ({kinds}).")
    return folder / named[0]


def _listed(file: Path) -> list[dict]:
    try:
        parts = json.loads(file.read_text(encoding="utf-8"))
        found = [{"type": str(part["type"]), "path": str(part.get("path", ""))} for part in parts]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IsobarError(f"The file {file} lists no modules of a sentence-transformers model.") from error
    if any(Path(part["path"]).is_absolute() or ".." in Path(part["path"]).parts for part in found):
        raise IsobarError(f"The file {file} names a module outside of its folder.")
    return found


def _read(file: Path | None) -> dict:
    if file is None:
        return {}
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IsobarError(f"The file {file} can't be read as JSON.") from error
    return settings if isinstance(settings, dict) else {}


def _modes(settings: dict) -> tuple[str, ...]:
    given = settings.get("pooling_mode")
    if given is None:
        given = [mode for name, mode in _OLD.items() if settings.get(name)] or ["mean"]
    return (given,) if isinstance(given, str) else tuple(map(str, given))


def _module(kind: str, settings: dict, weights: Path | None) -> Callable[[Tensor], Tensor] | None:
    """Return a Dense or LayerNorm with its weights, or None where it can't be read: pickled ones never are."""
    if weights is None:
        return None
    try:
        with safe_open(weights, framework="pt") as held:
            tensors = {name: held.get_tensor(name).float() for name in held.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return None
    if kind == "LayerNorm":
        scale, shift = tensors.get("norm.weight"), tensors.get("norm.bias")
        return None if scale is None else lambda x: functional.layer_norm(x, scale.shape, scale.to(x), shift.to(x))
    activation = _activation(settings.get("activation_function", "torch.nn.Tanh"))
    weight, bias = tensors.get("linear.weight"), tensors.get("linear.bias")
    residual = tensors.get("residual.weight")
    if activation is None or weight is None or (bias is None and settings.get("bias", True)):
        return None

    def dense(x: Tensor) -> Tensor:
        made = activation(functional.linear(x, weight.to(x), None if bias is None else bias.to(x)))
        if not settings.get("use_residual"):
            return made
        return made + (x if residual is None else functional.linear(x, residual.to(x)))

    return dense


def _activation(name: str) -> nn.Module | None:
    """Return the torch activation of this name; no other code is looked up by what a file says."""
    found = _ACTIVATION.fullmatch(name)
    kind = getattr(nn, found.group(3), None) if found else None
    known = isinstance(kind, type) and kind.__module__ in ("torch.nn.modules.activation", "torch.nn.modules.linear")
    try:
        return kind() if known else None
    except TypeError:
        return None
