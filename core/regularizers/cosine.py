"""CosReg: keeps embeddings from pointing the same way."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from core.regularizers.base import Regularizer, check_batch, check_weight, unit_rows
from core.regularizers.gather import sum_over_processes
from core.regularizers.settings import RegularizerSettings, Tokens, Weight
from core.topology.entropy import in_working_precision
from core.topology.host import refuse_visible_nonfinite


class Settings(RegularizerSettings):
    """Keeps embeddings from pointing the same way."""

    label: ClassVar[str] = "cosine"

    weight: Weight = Field(
        1.0, description="Factor of the mean cosine of the batch's embeddings, which lies between -1 and 1."
    )
    of: Literal["texts", "tokens"] = Field(
        "texts",
        description="Whose cosines: of the texts' embeddings, or of the token states of the run's layer, which I-STAR's authors compare with.",
    )

    @property
    def tokens(self) -> Tokens | None:
        """The token states that it acts on; None where it acts on the texts' embeddings."""
        return Tokens() if self.of == "tokens" else None


class CosineLoss(Regularizer):
    """`weight * mean cosine` of all pairs of distinct embeddings in the batch, whatever their classes.

    Of the three terms that go by the name of CosReg, this is the batch's: of its texts' embeddings, those that the
    classifier reads, or of the token states of one layer where these are passed in, as the authors of I-STAR compare
    with (arXiv 2305.19358; they divide by n^2 where this divides by the n (n - 1) pairs). Gao et al. take the rows of
    the output word matrix.
    The mean is exact, from the sum of the unit vectors, in O(n d). A zero vector has no direction and is left out;
    fewer than two others contribute 0 and are counted as skipped. Under distributed training the pairs are those of
    all processes' embeddings together.

    Args:
        weight: 1 makes the term at most as large as a cosine.

    Raises:
        IsobarError: the weight is not finite; or when called, embeddings or labels are misshapen or, where the host
            can see it without waiting, not finite.

    Gao et al., "Representation Degeneration Problem in Training Natural Language Generation Models", ICLR 2019.
    """

    def __init__(self, weight: float = 1.0):
        super().__init__()
        check_weight(weight)
        self.weight = weight

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), of which only the sign counts: rows with a negative one are left out.
        """
        check_batch(embeddings, labels)
        embeddings = in_working_precision(embeddings)
        refuse_visible_nonfinite(embeddings, labels >= 0)
        directions, kept = unit_rows(embeddings, labels)
        count = sum_over_processes(kept.sum())
        total = sum_over_processes(directions.sum(0))
        # (|sum u|^2 - n) / (n (n - 1)), u the unit rows
        n = count.clamp(min=2).to(total.dtype)
        skipped = count < 2
        cosine = torch.where(skipped, 0, (total.square().sum() - n) / (n * (n - 1)))
        self._keep(skipped=skipped, mean_cosine=cosine, points=count)
        return self.weight * cosine

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}"
