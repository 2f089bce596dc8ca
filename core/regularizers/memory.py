"""The last embeddings of every class, so that small batches still see geometry."""

import torch
from torch import Tensor, nn

from core.errors import IsobarError


class ClassMemory(nn.Module):
    """A first-in-first-out queue of detached embeddings for each class, of fixed shape.

    Args:
        size: how many embeddings of a class are kept.
        num_classes: how many classes there are. If not given, the queues grow with the labels seen, for which every
            call waits for the device; compiled programs need it.
    """

    def __init__(self, size: int, num_classes: int | None = None):
        super().__init__()
        self.size, self.num_classes = size, num_classes
        # One row more than the queues hold: what is not to be kept is written there. A label of -1 marks empty rows.
        self.register_buffer("rows", torch.empty(1, 0), persistent=False)
        self.register_buffer("labels", torch.full((1,), -1), persistent=False)
        self.register_buffer("next", torch.zeros(0, dtype=torch.int64), persistent=False)

    @torch.no_grad()
    def push(self, embeddings: Tensor, labels: Tensor) -> None:
        """Append a batch, (n, d) and (n,); rows with a negative label are left out."""
        self._make_room(embeddings, labels)
        classes = torch.arange(len(self.next), device=labels.device)
        of_class = labels.unsqueeze(-1) == classes  # (n, C)
        counts = of_class.sum(0)
        own = labels.clamp(min=0)
        place = (of_class.cumsum(0) - 1).gather(-1, own.unsqueeze(-1)).squeeze(-1)
        kept = (labels >= 0) & (place >= counts[own] - self.size)
        slot = torch.where(kept, own * self.size + (self.next[own] + place) % self.size, len(self.rows) - 1)
        self.rows.index_copy_(0, slot, embeddings.to(self.rows.dtype))
        self.labels.index_copy_(0, slot, torch.where(kept, labels, -1))
        self.next.copy_((self.next + counts) % self.size)

    def _make_room(self, embeddings: Tensor, labels: Tensor) -> None:
        classes = self.num_classes
        if classes is None:
            if torch.compiler.is_compiling():
                raise IsobarError("A memory inside a compiled program needs num_classes.")
            classes = max(len(self.next), int(labels.max()) + 1 if len(labels) else 0)
        if classes == len(self.next) and self.rows.shape[1] == embeddings.shape[1]:
            return
        if self.rows.shape[1] not in (0, embeddings.shape[1]):
            raise IsobarError(
                f"The memory holds embeddings of {self.rows.shape[1]} numbers; these have {embeddings.shape[1]}."
            )
        new = (classes - len(self.next)) * self.size
        kept = self.rows[:-1] if self.rows.shape[1] else embeddings.new_zeros(0, embeddings.shape[1])
        self.rows = torch.cat((kept.to(embeddings), embeddings.new_zeros(new + 1, embeddings.shape[1])))
        self.labels = torch.cat((self.labels[:-1].to(labels.device), labels.new_full((new + 1,), -1)))
        self.next = torch.cat((self.next.to(labels.device), labels.new_zeros(classes - len(self.next))))
