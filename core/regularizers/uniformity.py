"""Uniformity: spreads embeddings evenly over the sphere of directions."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from core.errors import IsobarError
from core.regularizers.base import Regularizer, check_batch, check_weight, unit_rows
from core.regularizers.gather import gather_batch
from core.regularizers.settings import RegularizerSettings, Weight
from core.topology.entropy import in_working_precision
from core.topology.host import refuse_visible_nonfinite


class Settings(RegularizerSettings):
    """Spreads embeddings evenly over the sphere of directions."""

    label: ClassVar[str] = "uniformity"

    weight: Weight = Field(1.0, description="Factor of the logarithm of the mean potential; 1 is its authors'.")
    t: Annotated[float, Field(gt=0, le=100)] = Field(
        2.0,
        description="How fast the potential exp(-t d²) of two embeddings falls with their distance; 2 is its authors'.",
    )


class UniformityLoss(Regularizer):
    """`weight * log mean_{i<j} exp(-t |u_i - u_j|^2)`, u the embeddings at unit length, whatever their classes.

    The logarithm of the mean Gaussian potential of all pairs: 0 where all directions are equal, and lowest, by pairs of
    infinitely many points, where they are uniform on the sphere. Fewer than two embeddings contribute 0 and are counted
    as skipped; so does a zero vector, which has no direction. Under distributed training the pairs are those of all
    processes together.

    Args:
        weight: 1 is the authors'.
        t: of the potential; 2 is the authors'.

    Raises:
        IsobarError: an argument is out of range; or when called, embeddings or labels are misshapen or, where the host
            can see it without waiting, not finite.

    Wang, Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere",
    ICML 2020, arXiv 2005.10242.
    """

    def __init__(self, weight: float = 1.0, t: float = 2.0):
        super().__init__()
        check_weight(weight)
        if not (math.isfinite(t) and t > 0):
            raise IsobarError(f"t = {t} must be a finite number above 0.")
        self.weight, self.t = weight, t

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), of which only the sign counts: rows with a negative one are left out.
        """
        check_batch(embeddings, labels)
        embeddings, labels = gather_batch(in_working_precision(embeddings), labels.long())
        refuse_visible_nonfinite(embeddings, labels >= 0)
        units, kept = unit_rows(embeddings, labels)
        with torch.autocast(units.device.type, enabled=False):
            cosines = units @ units.mT
        pairs = (kept & kept.unsqueeze(1)).triu(1)
        count = pairs.sum()
        skipped = count == 0
        # -t |u - v|^2 = 2 t (u.v - 1); a matrix without pairs would be all -inf, whose logsumexp has no gradient.
        potentials = torch.where(pairs, 2 * self.t * (cosines - 1), -torch.inf)
        potentials = torch.where(skipped, cosines, potentials).flatten()
        logarithm = potentials.logsumexp(0) if len(potentials) else embeddings.sum()
        uniformity = torch.where(skipped, 0, logarithm - count.clamp(min=1).to(cosines.dtype).log())
        self._keep(skipped=skipped, uniformity=uniformity, points=kept.sum())
        return self.weight * uniformity

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, t={self.t}"
