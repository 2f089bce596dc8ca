"""Low-rank adapters, by peft: a fraction of the weights is trained, and the result is a plain model again."""

from importlib.util import find_spec

from torch import nn
from transformers import PreTrainedModel

from core.errors import IsobarError


def with_adapters(model: PreTrainedModel, r: int, alpha: float | None = None, dropout: float = 0.0):
    """Return `model` with an adapter of rank `r` beside every linear layer; only they and the head are trained.

    Args:
        model: a classifier; its weights are frozen.
        r: rank.
        alpha: adapters are scaled by alpha / r; 2 r if not given.
        dropout: in front of the adapters.

    Raises:
        IsobarError: peft is not installed; the model has no linear layers.

    E. J. Hu et al., LoRA, arXiv 2106.09685.
    """
    if find_spec("peft") is None:
        raise IsobarError('Low-rank adapters need the package peft: pip install "isobar-explorer[lora]".')
    from peft import LoraConfig, TaskType, get_peft_model

    options = {"r": r, "lora_alpha": 2 * r if alpha is None else alpha, "lora_dropout": dropout}
    if model.main_input_name == "input_ids":
        # "all-linear" names no architecture's layers; the head is left out of it, and trained as a whole.
        return get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, target_modules="all-linear", **options))
    # For peft, only texts are classified: what it makes for them passes on token ids, and knows heads of two names.
    head = _head(model)
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and name not in head]
    if not linear:
        raise IsobarError(
            f"The model ({model.config.model_type}) has no linear layers but its head's, so there is nothing for an adapter to stand beside; leave lora off."
        )
    return get_peft_model(model, LoraConfig(target_modules=linear, modules_to_save=head, **options))


def _head(model: PreTrainedModel) -> list[str]:
    """Return the names of the modules with weights that are no part of the largest one, the encoder."""
    parts = dict(model.named_children())
    encoder = max(parts, key=lambda name: sum(p.numel() for p in parts[name].parameters()))
    return [
        name
        for name, module in model.named_modules()
        if name.partition(".")[0] != encoder and next(module.parameters(recurse=False), None) is not None
    ]


def without_adapters(model) -> PreTrainedModel:
    """Return the model with its adapters added into its weights, as transformers alone loads it."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
