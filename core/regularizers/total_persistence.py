"""The controls of persistent entropy: bars are lengthened, whatever their entropy."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from core.errors import IsobarError, nearest
from core.regularizers.base import Regularizer, check_batch, check_weight
from core.regularizers.gather import gather_batch
from core.regularizers.settings import RegularizerSettings, Weight
from core.topology import h0_barcode, select_features
from core.topology.entropy import in_working_precision

BARS = ("all", "noise")


class Settings(RegularizerSettings):
    """Lengthens all bars of each class, whatever their entropy."""

    label: ClassVar[str] = "total persistence"

    weight: Weight = Field(
        0.05, description="Factor of the mean length of all bars, which grows: no selection, no entropy."
    )

    @property
    def fewest(self) -> int:
        """Three, which have two bars."""
        return 3

    @property
    def of_each_class(self) -> bool:
        """Always."""
        return True


class TotalPersistenceLoss(Regularizer):
    """Minus the mean length of the bars of each class's embeddings in the batch, summed over classes.

    With `bars="noise"` only the bars that are no features count ("repulsion"): it is what remains of the term in the
    published code of arXiv 2501.05502 when its entropy is taken out, as in that code's earliest stored form. The
    gradient pushes points apart and never fades, since it has a unit: the weight is per unit of length. A class with
    fewer than two bars (three points) contributes 0 and is counted as skipped.

    Args:
        weight: factor of the mean length; 0.05 is the published code's.
        bars: "all", or "noise", those that `select_features` leaves out.

    Raises:
        IsobarError: an argument is out of range; or when called, embeddings or labels are misshapen or not finite.

    Total persistence as a regularizer: arXiv 2512.15285.
    """

    def __init__(self, weight: float = 0.05, bars: Literal["all", "noise"] = "all"):
        super().__init__()
        check_weight(weight)
        if bars not in BARS:
            raise IsobarError(f"Unknown bars {bars!r}; known are {', '.join(BARS)}.{nearest(bars, BARS)}")
        self.weight, self.bars = weight, bars

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), the class of each; rows with a negative label are left out.
        """
        check_batch(embeddings, labels)
        embeddings, labels = gather_batch(in_working_precision(embeddings), labels.long())
        value, rows = embeddings.sum() * 0, []
        for label in labels[labels >= 0].unique():
            cloud = embeddings[labels == label]
            lengths = h0_barcode(cloud).lengths
            counted = torch.ones_like(lengths, dtype=torch.bool)
            if self.bars == "noise":
                counted = ~select_features(lengths.detach()).mask
            skipped = len(lengths) < 2
            mean = lengths[counted].sum() / counted.sum().clamp(min=1)
            if not skipped:
                value = value - self.weight * mean
            rows.append((label, torch.tensor(skipped), mean, counted.sum()))
        columns = [torch.stack([torch.as_tensor(x).cpu() for x in column]) for column in zip(*rows)]
        names = ("label", "skipped", "mean_length", "counted")
        self._keep(**dict(zip(names, columns or [torch.zeros(0, dtype=torch.int64)] * 4)))
        return value

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, bars={self.bars!r}"
