"""The generators that a model draws from while it trains, at one moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomState:
    """Torch's generators, by which dropout is drawn, and NumPy's, by which SpecAugment's masks of sounds are."""

    cpu: Tensor
    device: Tensor | None
    kind: str
    numpy: dict

    @classmethod
    def now(cls, device: torch.device) -> "RandomState":
        """Return them as they are, `device`'s own among them."""
        other = getattr(torch, device.type).get_rng_state() if device.type in ("cuda", "mps") else None
        return cls(torch.get_rng_state(), other, device.type, np.random.get_state(legacy=False))

    def restore(self) -> None:
        """Let them go on from here."""
        torch.set_rng_state(self.cpu)
        if self.device is not None:
            getattr(torch, self.kind).set_rng_state(self.device)
        np.random.set_state(self.numpy)


@contextmanager
def kept_randomness(device: torch.device) -> Iterator[None]:
    """Leave the generators as they were."""
    before = RandomState.now(device)
    try:
        yield
    finally:
        before.restore()
