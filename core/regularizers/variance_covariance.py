"""Variance and covariance: keeps every coordinate of the embeddings varying, and no two of them together."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from core.errors import IsobarError
from core.regularizers.base import Regularizer, check_batch, check_weight
from core.regularizers.gather import gather_batch
from core.regularizers.settings import RegularizerSettings, Weight
from core.topology.entropy import in_working_precision
from core.topology.host import on_host, refuse_visible_nonfinite

_EPSILON = 1e-4  # keeps the root's slope finite where nothing varies; the authors'


class Settings(RegularizerSettings):
    """Keeps every coordinate of the embeddings varying, and no two of them together."""

    label: ClassVar[str] = "variance-covariance"

    weight: Weight = Field(1.0, description="Factor of the whole term.")
    variance: Annotated[float, Field(ge=0, le=1000)] = Field(
        25.0,
        description="Factor of how much each coordinate's standard deviation falls short of 1, on average; 25 is VICReg's.",
    )
    covariance: Annotated[float, Field(ge=0, le=1000)] = Field(
        1.0, description="Factor of the squared covariances of different coordinates, over their number; 1 is VICReg's."
    )


class VarianceCovarianceLoss(Regularizer):
    """`weight * (variance * mean_j relu(1 - sqrt(var_j + 1e-4)) + covariance * sum_{i != j} C_ij^2 / D)`.

    VICReg's two terms that keep embeddings from collapsing; C is their covariance in the batch, whatever their classes,
    var_j its diagonal, D their dimension, all over n - 1. The first has a unit: it is 0 from a standard deviation of 1
    on. Fewer than two embeddings contribute 0 and are counted as skipped. Under distributed training the covariance is
    that of all processes' embeddings together.

    Args:
        weight: of both.
        variance, covariance: of each; 25 and 1 are VICReg's.

    Raises:
        IsobarError: an argument is not finite; or when called, embeddings or labels are misshapen or, where the host can
            see it without waiting, not finite.

    Bardes, Ponce, LeCun, "VICReg", ICLR 2022, arXiv 2105.04906.
    """

    def __init__(self, weight: float = 1.0, variance: float = 25.0, covariance: float = 1.0):
        super().__init__()
        for factor in (weight, variance, covariance):
            check_weight(factor)
        self.weight, self.variance, self.covariance = weight, variance, covariance

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), of which only the sign counts: rows with a negative one are left out.
        """
        check_batch(embeddings, labels)
        embeddings, labels = gather_batch(in_working_precision(embeddings), labels.long())
        kept = labels >= 0
        refuse_visible_nonfinite(embeddings, kept)
        rows, count, d = kept.unsqueeze(1), kept.sum(), max(embeddings.shape[1], 1)
        centered = torch.where(rows, embeddings, 0)
        centered = torch.where(rows, centered - centered.sum(0) / count.clamp(min=1), 0)
        freedom = (count - 1).clamp(min=1)
        variances = centered.square().sum(0) / freedom
        with torch.autocast(embeddings.device.type, enabled=False):
            # The smaller of the two has the same norm.
            moment = centered @ centered.mT if len(labels) < d else centered.mT @ centered
        off_diagonal = (moment / freedom).square().sum() - variances.square().sum()
        short = (1 - (variances + _EPSILON).sqrt()).relu().sum() / d
        if on_host(off_diagonal) and not off_diagonal.isfinite():
            raise IsobarError(
                "The embeddings are so large that their squared covariances overflow; they should be finite."
            )
        skipped = count < 2
        term = self.variance * short + self.covariance * off_diagonal / d
        self._keep(skipped=skipped, variance_short=short, covariance=off_diagonal / d, points=count)
        return self.weight * torch.where(skipped, 0, term)

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, variance={self.variance}, covariance={self.covariance}"
