"""KoLeo: pushes each embedding away from its nearest neighbour."""

from typing import ClassVar, get_args

import torch
from pydantic import Field
from torch import Tensor

from core.errors import IsobarError, nearest
from core.regularizers.base import Regularizer, check_batch, check_weight, unit_rows
from core.regularizers.gather import gather_batch
from core.regularizers.settings import RegularizerSettings, Scope, Weight
from core.topology.entropy import in_working_precision
from core.topology.host import refuse_visible_nonfinite

SCOPES = get_args(Scope)
_EPSILON = 1e-8


class Settings(RegularizerSettings):
    """Pushes each embedding away from its nearest neighbour."""

    label: ClassVar[str] = "KoLeo"

    weight: Weight = Field(0.1, description="Factor of KoLeo's term; 0.1 is DINOv2's.")
    scope: Scope = Field(
        "global", description="Nearest neighbours in the whole batch, as in DINOv2, or in each example's own class."
    )

    @property
    def fewest(self) -> int:
        """Two: a lone embedding has no neighbour."""
        return 2


class KoLeoLoss(Regularizer):
    """`-weight * mean_i log(min_j |u_i - u_j| + 1e-8)`, u the embeddings at unit length.

    The Kozachenko-Leonenko estimate of differential entropy by nearest neighbours, as DINOv2 uses it. Every nearest
    neighbour's edge is one of the minimum spanning tree, so it is the barcode's nearest relative, with the logarithm of
    lengths in place of the entropy of their shares. Fewer than two embeddings contribute 0 and are counted as skipped;
    so does a zero vector, which has no direction. Two equal embeddings have no direction away from each other: they
    add a constant and no gradient.

    Args:
        weight: 0.1 is DINOv2's.
        scope: "global", neighbours in the whole batch, DINOv2's; "class", in each embedding's own class.

    Raises:
        IsobarError: an argument is out of range; or when called, embeddings or labels are misshapen or, where the
            host can see it without waiting, not finite.

    Sablayrolles et al., "Spreading vectors for similarity search", ICLR 2019, arXiv 1806.03198; Oquab et al., "DINOv2",
    arXiv 2304.07193.
    """

    def __init__(self, weight: float = 0.1, scope: str = "global"):
        super().__init__()
        check_weight(weight)
        if scope not in SCOPES:
            raise IsobarError(f"Unknown scope {scope!r}; known are {', '.join(SCOPES)}.{nearest(scope, SCOPES)}")
        self.weight, self.scope = weight, scope

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), the class of each; rows with a negative label are left out.
        """
        check_batch(embeddings, labels)
        embeddings, labels = gather_batch(in_working_precision(embeddings), labels.long())
        refuse_visible_nonfinite(embeddings, labels >= 0)
        directions, kept = unit_rows(embeddings, labels)
        # Which neighbour is nearest is found without gradient; then one length per embedding has it.
        with torch.no_grad(), torch.autocast(embeddings.device.type, enabled=False):
            allowed = kept & kept.unsqueeze(1) & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
            if self.scope == "class":
                allowed &= labels == labels.unsqueeze(1)
            # About their mean: of directions in a narrow cone the products themselves round to the same number.
            about = directions - (directions * kept.unsqueeze(1)).sum(0) / kept.sum().clamp(min=1)
            near = torch.where(allowed, 2 * (about @ about.mT) - about.square().sum(1), -torch.inf)
            neighbour = near.argmax(1) if len(labels) else labels
            counted = allowed.any(1)
        steps = directions - directions[neighbour]
        squares = steps.square().sum(1)
        apart = counted & (squares.detach() > 0)
        lengths = torch.where(apart, squares, 1).sqrt()
        lengths = torch.where(apart, lengths, 0)
        count = counted.sum()
        mean = torch.where(counted, (lengths + _EPSILON).log(), 0).sum() / count.clamp(min=1)
        nearest_mean = (lengths * counted).sum().detach() / count.clamp(min=1)
        self._keep(skipped=count == 0, nearest=nearest_mean, points=count)
        return -self.weight * mean

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, scope={self.scope!r}"
