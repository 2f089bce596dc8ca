"""How much memory training will take, told before it starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from core.models.states import hidden_states
from core.training.randomness import kept_randomness

_ADAMW = 2  # moments a trained weight


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes, by what takes them, and the bytes that are free on the device that holds the weights."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    free: int

    @property
    def needed(self) -> int:
        """Their sum; what libraries keep for themselves comes on top."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def is_enough(self) -> bool:
        """Whether what is yet to come fits into what is free; the weights are there already."""
        return self.needed - self.weights <= self.free

    def as_dict(self) -> dict[str, int]:
        """Return the bytes by name."""
        return {**asdict(self), "needed": self.needed}

    def __str__(self) -> str:
        parts = ("weights", "gradients", "optimizer", "activations")
        listed = ", ".join(f"{name} {_gigabytes(getattr(self, name))}" for name in parts)
        return f"about {_gigabytes(self.needed)} GB of memory ({listed}); {_gigabytes(self.free)} GB are free beside the weights"


def estimate_memory(model, batch: dict[str, Tensor], batch_size: int) -> Memory:
    """Return what a step of AdamW on `batch_size` examples takes on the model's device.

    Weights are counted; activations are measured, by what autograd keeps of one forward pass of `batch`, and scaled to
    `batch_size`, since each example adds as much. Random states, the model's mode and its running statistics are left as
    they were.

    Args:
        model: a classifier in the precision, with the adapters and the checkpointing, that it will be trained with.
        batch: a few of the longest examples, as the collator returns them.
        batch_size: examples on this device at once.
    """
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    weights = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        # What an operation keeps of its own output would hold the operation, and the model, for ever.
        return tensor.detach()

    device = next(model.parameters()).device
    was_training = model.training
    model.train()
    try:
        with (
            kept_buffers(model),
            kept_randomness(device),
            torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
        ):
            # The graph holds what is counted until the end, so that no address is used twice.
            output = model(**{k: v.to(device) for k, v in batch.items()}, output_hidden_states=True)
            for states in hidden_states(output):  # the regularizer's; and with checkpointing, the only ones kept
                count(states)
            del output
    finally:
        model.train(was_training)
    activations = sum(kept.values()) * batch_size // len(next(iter(batch.values())))
    return Memory(weights, trained, _ADAMW * trained, activations, _free(device))


@contextmanager
def kept_buffers(model) -> Iterator[None]:
    """Give a model its buffers back afterwards: a forward pass in training renews the running means of batch norms."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    import psutil

    return psutil.virtual_memory().available


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2g}"
