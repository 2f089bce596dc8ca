"""I-STAR: raises or lowers the isotropy of token states, by IsoScore* in closed form."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor

from core.errors import IsobarError
from core.regularizers.base import Regularizer, check_batch, check_weight
from core.regularizers.gather import is_distributed, sum_over_processes
from core.regularizers.settings import RegularizerSettings, Tokens
from core.topology.entropy import in_working_precision
from core.topology.host import on_host, refuse_visible_nonfinite


class Settings(RegularizerSettings):
    """Raises or lowers the isotropy of token states."""

    label: ClassVar[str] = "I-STAR"

    weight: Annotated[float, Field(ge=-1000, le=1000)] = Field(
        -1.0,
        description="Factor of 1 - IsoScore*: below 0 it lowers isotropy, which its paper finds better on most tasks, above 0 it raises it.",
    )
    zeta: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.2,
        description="Weight of the covariance of a large sample in the batch's own; 0.2 is the authors', 1 would leave nothing of the batch.",
    )
    layers: str = Field(
        "all",
        description="Whose token states it sees: 'all' layers' (the paper's), or one's, by its number as in 'layer'.",
    )
    padding: bool = Field(
        False,
        description="Count padding tokens too, as the authors' code does; left out here, since how many there are depends on the batch.",
    )

    @field_validator("layers", mode="before")
    @classmethod
    def _all_or_a_number(cls, value: object) -> str:
        text = str(value)
        if text != "all" and not text.removeprefix("-").isdecimal():
            raise ValueError("'all' or the number of a layer")
        return text

    @property
    def tokens(self) -> Tokens:
        """The token states that it acts on."""
        return Tokens(self.layers, self.padding)

    @classmethod
    def words(cls, settings: Mapping) -> str:
        """Return its name with the way that it moves isotropy."""
        return f"{cls.label} {'↑' if (settings.get('weight') or -1.0) > 0 else '↓'}"


class IStarLoss(Regularizer):
    """`weight * (1 - IsoScore*)` of the states: a negative weight lowers isotropy, a positive one raises it.

    IsoScore* is that of `S_z = (1 - zeta) S + zeta S_S`, S the covariance of the states and S_S the shrinkage covariance,
    which stands for what a batch is too small to show. Value and gradient are closed forms: no singular values, two
    matrix products in all, differentiable once. Fewer than two states, or states that don't vary where `zeta` is 0,
    contribute 0 and are counted as skipped. Under distributed training the covariance is that of all processes'
    states; it is summed, so that no states travel. Padding tokens are left out by their label; the authors' code
    (bcbi-edu/p_eickhoff_isoscore at 1edad0b) counts them, which makes the term depend on how a batch happens to be padded.

    Args:
        weight: lambda. The paper tries both signs and finds less isotropy better on most tasks, hence the default's.
        zeta: weight of the shrinkage covariance, 0 to 1; 0.2 is the authors'. At 1 nothing of the states is left, and no gradient:
            settings of a training refuse it.
        shrinkage: (d, d), see :attr:`shrinkage`; None is the identity, as in the authors' package, which suits states
            whose variances are near 1.

    Attributes:
        shrinkage: may be set anew between calls: the paper renews it every epoch, from a large sample.

    Raises:
        IsobarError: an argument is out of range; or when called, states, labels or the shrinkage covariance are
            misshapen or, where the host can see it without waiting, not finite.

    Rudman, Eickhoff, "Stable Anisotropic Regularization", ICLR 2024, arXiv:2305.19358.
    """

    def __init__(self, weight: float = -1.0, zeta: float = 0.2, shrinkage: Tensor | None = None):
        super().__init__()
        check_weight(weight)
        if not 0.0 <= zeta <= 1.0:
            raise IsobarError(f"zeta = {zeta} must lie between 0 and 1.")
        self.weight, self.zeta = weight, zeta
        self.shrinkage: Tensor | None
        self.register_buffer("shrinkage", shrinkage, persistent=False)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 states).

        Args:
            embeddings: (n, d), the states, any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), of which only the sign counts: rows with a negative one (padding) are left out.
        """
        check_batch(embeddings, labels)
        states, kept = in_working_precision(embeddings), labels >= 0
        d = states.shape[1]
        if self.shrinkage is not None and self.shrinkage.shape != (d, d):
            raise IsobarError(
                f"The shrinkage covariance must be {d} x {d}, like the states; it is {tuple(self.shrinkage.shape)}."
            )
        refuse_visible_nonfinite(states, kept)
        shrinkage = None if self.shrinkage is None or self.zeta == 0.0 else self.shrinkage.to(states)
        with torch.autocast(states.device.type, enabled=False):
            score, count, defined, *_ = _IsoScore.apply(states, kept, shrinkage, self.zeta)
        if on_host(score) and not score.isfinite():
            if shrinkage is not None and not shrinkage.isfinite().all():
                raise IsobarError("The shrinkage covariance holds NaN or infinity, as the states it was made of did.")
            raise IsobarError(
                "The states are so large that their covariance overflows; they should be finite there too."
            )
        self._keep(skipped=~defined, isoscore=score, states=count)
        return self.weight * torch.where(defined, 1 - score, 0)

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, zeta={self.zeta}"


class _IsoScore(torch.autograd.Function):
    """IsoScore* of the kept rows, how many they are, whether it is defined, and what its gradient needs."""

    @staticmethod
    def forward(states, kept, shrinkage, zeta):
        n, d = states.shape
        rows = kept.unsqueeze(1)
        count = sum_over_processes(kept.sum())
        # In place from here on: on the CPU new memory costs as much as the arithmetic in it.
        centered = torch.where(rows, states, 0)
        mean = sum_over_processes(centered.sum(0)) / count.clamp(min=1)
        centered.sub_(mean).mul_(rows)
        keep = (1 - zeta) / (count - 1).clamp(min=1).to(states.dtype)
        # Sigma_z = (1 - z) Sigma + z Sigma_S. With fewer states than dimensions the Gram matrix has the same norms,
        # but not the scalar product with a Sigma_S that is not the identity, which costs as much as Sigma itself.
        if shrinkage is None and n < d and not is_distributed():
            moment = (centered @ centered.mT).mul_(keep)
            trace, square = moment.trace(), moment.square().sum()
            square = square + 2 * zeta * trace + zeta**2 * d
            trace = trace + zeta * d
        else:
            moment = sum_over_processes(centered.mT @ centered).mul_(keep)
            if shrinkage is not None:
                moment.add_(shrinkage, alpha=zeta)
            else:
                moment.diagonal().add_(zeta)
            trace, square = moment.trace(), moment.square().sum()
        # States that differ by rounding alone don't vary.
        rounding = (4 * torch.finfo(states.dtype).eps) ** 2 * mean.square().sum()
        defined = (count >= 2) & ~(square <= rounding**2) & (d > 1)  # what is not a number is not nothing
        ratio = trace / torch.where(defined, square, 1)
        # (tr(Sigma_z)^2 / |Sigma_z|_F^2 - 1) / (D - 1)
        score = (trace * ratio - 1) / max(d - 1, 1)
        slope = torch.where(defined, 4 * keep * ratio / max(d - 1, 1), 0)
        return score, count, defined, centered, moment, ratio, slope

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, _, _, centered, moment, ratio, slope = output
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(centered, moment, ratio, slope)
        ctx.zeta = inputs[3]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, *_):
        centered, moment, ratio, slope = ctx.saved_tensors
        # 4 (1 - z) / (n - 1) / (D - 1) * T / F * (X - T / F * X Sigma_z), X the centered rows
        if moment.shape[0] == centered.shape[1]:
            along = centered @ moment
        else:
            along = torch.addmm(centered, moment, centered, beta=ctx.zeta)
        slope = slope * sum_over_processes(grad)
        return along.mul_(-ratio * slope).addcmul_(centered, slope), None, None, None
