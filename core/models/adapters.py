"""Low-rank adapters, by peft: a fraction of the weights is trained, and the result is a plain model again."""

from importlib.util import find_spec

from transformers import PreTrainedModel

from core.errors import IsobarError


def with_adapters(model: PreTrainedModel, r: int, alpha: float | None = None, dropout: float = 0.0):
    """Return `model` with an adapter of rank `r` beside every linear layer; only they and the head are trained.

    Args:
        model: a sequence classifier; its weights are frozen.
        r: rank.
        alpha: adapters are scaled by alpha / r; 2 r if not given.
        dropout: in front of the adapters.

    Raises:
        IsobarError: peft is not installed.

    E. J. Hu et al., LoRA, arXiv 2106.09685.
    """
    if find_spec("peft") is None:
        raise IsobarError('Low-rank adapters need the package peft: pip install "isobar-explorer[lora]".')
    from peft import LoraConfig, TaskType, get_peft_model

    # "all-linear" names no architecture's layers; the head is left out of it, and trained as a whole.
    options = {"r": r, "lora_alpha": 2 * r if alpha is None else alpha, "lora_dropout": dropout}
    return get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, target_modules="all-linear", **options))


def without_adapters(model) -> PreTrainedModel:
    """Return the model with its adapters added into its weights, as transformers alone loads it."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
