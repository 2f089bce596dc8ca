"""What all regularizers share: how they are made and called, and how their numbers are read."""

import inspect
import math
from typing import Self

import torch
from torch import Tensor, nn

from core.errors import IsobarError
from core.regularizers.settings import RegularizerSettings


class Regularizer(nn.Module):
    """A term that is *added* to the task loss: `loss = task_loss + regularizer(embeddings, labels)`.

    Attributes:
        stats: numbers of the last call as detached tensors where they were computed: scalars of the whole batch, or,
            where there is a ``label``, one entry a class; reading them with `read_stats` is the only thing that waits
            for a device. Left as they were while a model is exported.
    """

    def __init__(self):
        super().__init__()
        self.stats: dict[str, Tensor] = {}

    @classmethod
    def of(cls, settings: RegularizerSettings) -> Self:
        """Return the regularizer with those of `settings` that its class takes."""
        taken = inspect.signature(cls).parameters
        return cls(**{name: value for name, value in settings.model_dump().items() if name in taken})

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term, a scalar.

        Args:
            embeddings: (n, d), any floating dtype.
            labels: (n,), the class of each; rows with a negative label are left out.
        """
        raise NotImplementedError

    def read_stats(self) -> dict:
        """Return the last call's numbers: `skipped`, the number of clouds too small, those of the batch, and `classes`, by label."""
        if not self.stats:
            return {"skipped": 0, "classes": {}}
        columns = {name: values.tolist() for name, values in self.stats.items()}
        if "label" not in columns:
            return {**columns, "skipped": int(self.stats["skipped"]), "classes": {}}
        labels, skipped = columns.pop("label"), columns.pop("skipped")
        present = [k for k, label in enumerate(labels) if label >= 0]
        classes = {
            str(labels[k]): {name: values[k] for name, values in columns.items()} for k in present if not skipped[k]
        }
        return {"skipped": sum(skipped[k] for k in present), "classes": dict(sorted(classes.items()))}

    def _keep(self, **stats: Tensor) -> None:
        if not torch.compiler.is_exporting():
            self.stats = {name: values.detach() for name, values in stats.items()}


def unit_rows(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the embeddings (n, d) at unit length, with gradient, and which of them count, (n,) bool.

    Those that do not are rows of zeros: rows with a negative label, and zero vectors, which have no direction.
    """
    kept = labels >= 0
    # The largest entry as unit keeps every square near 1.
    unit = embeddings.detach().abs().amax(1, keepdim=True) if embeddings.shape[1] else embeddings.detach()
    kept = kept & (unit > 0).any(1)
    rows = kept.unsqueeze(1)
    scaled = torch.where(rows, embeddings, 1) / torch.where(rows, unit, 1)
    return torch.where(rows, scaled / scaled.norm(dim=1, keepdim=True), 0), kept


def check_weight(weight: float) -> None:
    """Raise an IsobarError where `weight` is no finite number."""
    if not math.isfinite(weight):
        raise IsobarError(f"weight = {weight} must be a finite number.")


def check_batch(embeddings: Tensor, labels: Tensor) -> None:
    """Raise an IsobarError where embeddings aren't (n, d) floats or labels aren't n whole numbers."""
    if embeddings.ndim != 2 or not embeddings.is_floating_point():
        raise IsobarError(
            f"Embeddings are {embeddings.dtype} of shape {tuple(embeddings.shape)}; they must be floats of shape (n, d)."
        )
    if labels.shape != embeddings.shape[:1] or labels.is_floating_point() or labels.is_complex():
        raise IsobarError(
            f"Labels are {labels.dtype} of shape {tuple(labels.shape)}; they must be {len(embeddings)} whole numbers, "
            "one for each embedding."
        )
