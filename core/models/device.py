"""Where a model runs."""

import os

import torch

from core.errors import IsobarError


def check_device(device: str) -> None:
    """Raise an IsobarError where this machine has no such device."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(device, True):
        has = ", ".join([name for name, yes in there.items() if yes] + ["cpu"])
        raise IsobarError(f"This machine has no device {device!r}; it has {has}.")


def to_device(model, device: str):
    """Return `model` on the device that a spec names; ``auto`` takes cuda, then mps, then cpu."""
    if device == "auto":
        device = next((d for d in ("cuda", "mps") if getattr(torch, d).is_available()), "cpu")
    return model.to(device)


def device_name(device: torch.device) -> str:
    """Return what a person calls it."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({os.cpu_count()} cores)" if device.type == "cpu" else device.type
