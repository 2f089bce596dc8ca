"""Low-rank adapters, by peft: a fraction of the weights is trained, and the result is a plain model again."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from safetensors import safe_open
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from core.errors import IsobarError

_LINEAR = (nn.Linear, Conv1D)
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"  # of a folder that peft has saved
_LOW_RANK = ".lora_"
_INSIDE = "base_model.model."  # what peft's names of a model's modules begin with


def with_adapters(
    model: PreTrainedModel,
    r: int,
    alpha: float | None = None,
    dropout: float = 0.0,
    new: "New | None" = None,
):
    """Return `model` with an adapter of rank `r` beside every linear layer; only they and what is new are trained.

    New are the head, and those layers of the encoder that the checkpoint has no weights for: random ones, which would say
    nothing if they stayed. They are trained in full.

    Args:
        model: a classifier; its weights are frozen.
        r: rank.
        alpha: adapters are scaled by alpha / r; 2 r if not given.
        dropout: in front of the adapters.
        new: of :func:`new_of`; the head alone if not given.

    Raises:
        IsobarError: peft is not installed; the model has no linear layers.

    E. J. Hu et al., LoRA, arXiv 2106.09685.
    """
    if find_spec("peft") is None:
        raise IsobarError('Low-rank adapters need the package peft: pip install "isobar-explorer[lora]".')
    from peft import LoraConfig, get_peft_model
    from peft.utils import set_additional_trainable_modules

    full = (new or new_of(model, ())).modules
    linear = [name for name, module in model.named_modules() if isinstance(module, _LINEAR) and not _is_in(name, full)]
    if not linear:
        raise IsobarError(
            f"The model ({model.config.model_type}) has no linear layers but its head's, so there is nothing for an adapter to stand beside; leave lora off."
        )
    config = LoraConfig(
        r=r,
        lora_alpha=2 * r if alpha is None else alpha,
        lora_dropout=dropout,
        target_modules=linear,
        modules_to_save=[_INSIDE + name for name in full],
    )
    adapted = get_peft_model(model, config)
    # From outside all names are whole. Peft compares how names end, so that inside, "dense" would be every dense layer.
    set_additional_trainable_modules(adapted, config, model.config, "default")
    return adapted


@dataclass(frozen=True)
class New:
    """What adapters don't stand beside: the head, and what of the encoder did not come with the checkpoint.

    Attributes:
        modules: names of those that are trained in full, none inside of another.
        frozen: names of new weights that stay as they are, since a module with trained parts holds them itself, and would
            have to be trained with all of these.
    """

    modules: list[str]
    frozen: list[str]


def new_of(model: PreTrainedModel, made_anew: Collection[str]) -> New:
    """Return what is new in `model`, whose weights `made_anew` did not come with the checkpoint."""
    parts = {name for name, _ in model.named_parameters()}
    new = _head(model) | parts.intersection(made_anew)
    modules: list[str] = []
    for name in sorted({_module_of(model, weight) for weight in new}, key=lambda name: (name.count("."), name)):
        below = {weight for weight in parts if _is_in(weight, [name]) and "." in weight.removeprefix(f"{name}.")}
        if name and below <= new and not _is_in(name, modules):
            modules.append(name)
    return New(modules, sorted(weight for weight in new if not _is_in(weight, modules)))


def _module_of(model: PreTrainedModel, weight: str) -> str:
    """Return the name of the smallest module with a forward pass that holds `weight`."""
    name = weight.rpartition(".")[0]
    while isinstance(model.get_submodule(name), _CONTAINERS):
        name = name.rpartition(".")[0]
    return name


def _head(model: PreTrainedModel) -> set[str]:
    """Return the names of the weights that are no part of the largest part of the model, its encoder, nor a pooler.

    A pooler that came with the checkpoint is no head, be it inside the encoder (BERT) or behind it (DeBERTa): it stays, with an
    adapter beside it. One that is made anew is trained as all that is new.

    Where there are none (Perceiver scores with its own decoder), those of the last layer with an output per class.
    """
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    parts = {name for name, _ in model.named_parameters()}
    outside = {name for name in parts if name.partition(".")[0] not in (max(sizes, key=sizes.get), "pooler")}
    scoring = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == model.config.num_labels
    ]
    return outside or {name for name in parts if _is_in(name, scoring[-1:])}


def _is_in(name: str, modules: Collection[str]) -> bool:
    """Return whether `name` is one of `modules`, or a part of one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def base_of(folder: Path, built_in: Collection[str]) -> str:
    """Return what the adapter in `folder` says that it is for: a built-in model, a folder, or a Hub id.

    A folder that isn't absolute is looked for beside the adapter, in it, and where the command runs.

    Raises:
        IsobarError: the adapter names no base, or has none but pickled weights.
    """
    try:
        named = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IsobarError(f"The file {folder / CONFIG} names no base_model_name_or_path.") from error
    if not isinstance(named, str) or not named:
        raise IsobarError(
            f"The file {folder / CONFIG} names no base_model_name_or_path; write there what the adapter is for."
        )
    if not (folder / _WEIGHTS).exists():
        raise IsobarError(
            f"The adapter in {folder} has no {_WEIGHTS}; pickled weights can run code when opened, and are not read."
        )
    if named in built_in:
        return named
    if Path(named).expanduser().resolve() == folder.resolve():
        raise IsobarError(
            f"The file {folder / CONFIG} names its own folder as its base; write there what the adapter is for."
        )
    places = (Path(named).expanduser(), folder.resolve().parent / named, folder / named)
    return str(next((place for place in places if place.is_dir()), named))


def with_merged(model: PreTrainedModel, folder: Path) -> tuple[PreTrainedModel, frozenset[str]]:
    """Return `model` with the adapter in `folder` added into its weights, and the names of weights of its head that came with it.

    Raises:
        IsobarError: peft is not installed; the adapter is for another model, or of a kind that can't be added.
    """
    if find_spec("peft") is None:
        raise IsobarError(
            f'The folder {folder} is a low-rank adapter, which needs the package peft: pip install "isobar-explorer[lora]".'
        )
    from peft import PeftConfig, PeftModel

    with safe_open(folder / _WEIGHTS, framework="pt") as held:
        shapes = {name.removeprefix(_INSIDE): tuple(held.get_slice(name).get_shape()) for name in held.keys()}  # noqa: SIM118
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    whole = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    stand_at = {
        name.partition(_LOW_RANK)[0] for name in shapes if _LOW_RANK in name and not name.startswith("lm_head.")
    }
    inside = {name for name, _ in model.named_modules()}
    encoder = model.base_model_prefix
    if stand_at and stand_at <= inside:
        target = model
    elif stand_at and stand_at <= {name.removeprefix(f"{encoder}.") for name in inside}:
        target = model.base_model  # it was made for the encoder alone
    else:
        lost = sorted(stand_at - inside)
        what = (
            f"has {len(lost)} of {len(stand_at)} parts ({', '.join(lost[:3])}) where the model has none"
            if lost
            else "has no low-rank parts"
        )
        raise IsobarError(f"The adapter in {folder} is not for a {model.config.model_type} of this kind: it {what}.")
    try:
        config = PeftConfig.from_pretrained(folder)
        config.task_type, config.inference_mode = None, True  # what it was trained for decides nothing here
        adapted = PeftModel.from_pretrained(target, folder, config=config, ignore_mismatched_sizes=True)
        merged = adapted.merge_and_unload()
    except (ValueError, RuntimeError, AttributeError, TypeError, KeyError, NotImplementedError) as error:
        said = " ".join(str(error).split())[:160].rstrip(".")
        raise IsobarError(f"The adapter in {folder} can't be merged ({type(error).__name__}: {said}).") from error
    if target is model:
        model = merged
    else:
        setattr(model, encoder, merged)
    for name, weight in model.named_parameters():
        weight.requires_grad_(name in trained)  # peft has frozen them
    brought = frozenset(name for name, shape in shapes.items() if whole.get(name) == shape)
    return model, brought


def is_idle(folder: Path) -> bool:
    """Return whether the low-rank adapter in `folder` changes nothing, as before it is trained: its second matrices are zero."""
    with safe_open(folder / _WEIGHTS, framework="pt") as held:
        second = [name for name in held.keys() if ".lora_B" in name]  # noqa: SIM118
        return bool(second) and not any(held.get_tensor(name).any() for name in second)


def without_adapters(model) -> PreTrainedModel:
    """Return the model with its adapters added into its weights, as transformers alone loads it."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
