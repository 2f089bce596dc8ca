"""The last embeddings of every class, so that small batches still see geometry."""

import torch
from torch import Tensor, nn

from core.errors import IsobarError
from core.topology.host import host_array


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

    def join(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return a batch, (n, d) and (n,), followed by what is remembered; empty places have label -1."""
        self._make_room(embeddings, labels)
        return torch.cat((embeddings, self.rows.to(embeddings.dtype))), torch.cat((labels, self.labels))

    @torch.no_grad()
    def push(self, embeddings: Tensor, labels: Tensor) -> None:
        """Append a batch, (n, d) and (n,), after it was joined; rows with a negative label are left out."""
        if not self.next.shape[0]:  # nothing has had a class yet
            return
        classes = torch.arange(self.next.shape[0], device=labels.device)
        of_class = labels.unsqueeze(-1) == classes  # (n, C)
        counts = of_class.sum(0)
        own = labels.clamp(min=0)
        place = (of_class.cumsum(0) - 1).gather(-1, own.unsqueeze(-1)).squeeze(-1)
        kept = (labels >= 0) & (place >= counts[own] - self.size)
        slot = torch.where(kept, own * self.size + (self.next[own] + place) % self.size, self.rows.shape[0] - 1)
        self.rows.index_copy_(0, slot, embeddings.to(self.rows.dtype))
        self.labels.index_copy_(0, slot, torch.where(kept, labels, -1))
        self.next.copy_((self.next + counts) % self.size)

    def _make_room(self, embeddings: Tensor, labels: Tensor) -> None:
        known, width = self.next.shape[0], self.rows.shape[1]
        if width and width != embeddings.shape[1]:  # (a traced size is equal to its number, and not found in a tuple)
            raise IsobarError(f"The memory holds embeddings of {width} numbers; these have {embeddings.shape[1]}.")
        classes = self.num_classes
        if classes is None:
            if torch.compiler.is_compiling():
                raise IsobarError("A memory inside a compiled program needs num_classes.")
            classes = max(known, int(labels.max()) + 1 if len(labels) else 0)
        seen = host_array(labels)
        if seen is not None and seen.max(initial=-1) >= classes:
            raise IsobarError(f"The memory keeps {classes} classes, 0 to {classes - 1}; a label {seen.max()} came.")
        if classes == known and width:
            return
        new = (classes - known) * self.size
        kept = self.rows[:-1] if width else embeddings.new_zeros(0, embeddings.shape[1])
        self.rows = torch.cat((kept.to(embeddings), embeddings.new_zeros(new + 1, embeddings.shape[1]))).detach()
        self.labels = torch.cat((self.labels[:-1].to(labels.device), labels.new_full((new + 1,), -1)))
        self.next = torch.cat((self.next.to(labels.device), labels.new_zeros(classes - known)))
