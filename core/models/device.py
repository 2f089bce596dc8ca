"""Where a model runs."""

import os

import torch
from transformers.utils import is_torch_bf16_gpu_available

from core.errors import IsobarError


def check_device(device: str) -> None:
    """Raise an IsobarError where this machine has no such device."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(device, True):
        has = ", ".join([name for name, yes in there.items() if yes] + ["cpu"])
        raise IsobarError(f"This machine has no device {device!r}; it has {has}.")


def chosen_device(device: str) -> str:
    """Return the device that a spec names; ``auto`` takes cuda, then mps, then cpu."""
    if device != "auto":
        return device
    return next((d for d in ("cuda", "mps") if getattr(torch, d).is_available()), "cpu")


def to_device(model, device: str):
    """Return `model` on the device that a spec names."""
    return model.to(chosen_device(device))


def check_precision(precision: str, device: str) -> None:
    """Raise an IsobarError where the device that a spec names can't train in its precision."""
    kind = chosen_device(device)
    # Gradients of fp16 are scaled lest they vanish, which is made for GPUs; on a CPU the Trainer goes on in fp32, silently.
    if precision == "fp16" and kind == "cpu":
        raise IsobarError(
            "Training in fp16 needs a GPU, and this run would be on the cpu; choose precision bf16 or fp32."
        )
    if precision == "bf16" and kind != "cpu" and not is_torch_bf16_gpu_available():
        raise IsobarError(
            f"The device {kind} of this machine does not know bf16; choose precision fp16 or fp32, or device cpu."
        )


def precision_note(precision: str, device: str) -> str:
    """Return a sentence where the device knows the precision by conversion alone, which takes many times as long; else nothing."""
    if precision == "bf16" and chosen_device(device) == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        return "This processor has no arithmetic for bf16: a step takes many times as long as in fp32 (`isobar bench training`)."
    return ""


def device_name(device: torch.device) -> str:
    """Return what a person calls it."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({os.cpu_count()} cores)" if device.type == "cpu" else device.type
