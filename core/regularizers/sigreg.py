"""SIGReg: makes embeddings look like a standard Gaussian in every direction."""

import math
from typing import Annotated, ClassVar, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from core.errors import IsobarError, nearest
from core.regularizers.base import Regularizer, check_batch, check_weight, unit_rows
from core.regularizers.gather import gather_batch
from core.regularizers.settings import RegularizerSettings, Weight
from core.topology.entropy import in_working_precision
from core.topology.host import refuse_visible_nonfinite
from core.topology.selection import random_keys

_KNOTS, _LAST = 17, 3.0  # of the integral over t in [0, 3]; the authors'
_STEPS = 2**24  # how many values random_keys has


class Settings(RegularizerSettings):
    """Makes embeddings look like a standard Gaussian in every direction."""

    label: ClassVar[str] = "SIGReg"

    weight: Weight = Field(0.05, description="Factor of the test's statistic; LeJEPA has 0.02 to 0.05.")
    slices: Annotated[int, Field(ge=1, le=65_536)] = Field(
        256, description="Random directions that a batch is looked at in, others at each step; LeJEPA has 256 to 1,024."
    )
    length: Literal["own", "sqrt-d"] = Field(
        "own",
        description="Of each embedding: its own, as in LeJEPA, so that mean and scale are drawn to a standard Gaussian's "
        "too; or sqrt(D), a standard Gaussian's, for embeddings of unit length, of which nothing would be seen.",
    )


LENGTHS = get_args(Settings.model_fields["length"].annotation)


class SIGRegLoss(Regularizer):
    """`weight * mean over slices a of n * int |phi_a(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt`, the test of Epps and Pulley.

    phi_a is the empirical characteristic function of the n embeddings' projections on a random unit direction a, whatever
    their classes; the integral is over all t from -3 to 3, by the trapezoid rule on 17 knots of its half, doubled. It is
    lowest where each projection looks like a standard Gaussian's: with mean 0 and variance 1. Embeddings of unit length
    have projections near 1 / sqrt(D), where the term is flat: ``length="sqrt-d"`` brings every embedding to the length
    of a standard Gaussian's first. No embedding contributes 0 and is counted as skipped. Under distributed training the
    sample is that of all processes together, and all draw the same directions.

    Args:
        weight: LeJEPA has 0.02 to 0.05.
        slices: how many directions.
        length: "own" or "sqrt-d".
        seed: of the directions, which are drawn anew in every call.

    Raises:
        IsobarError: an argument is out of range; or when called, embeddings or labels are misshapen or, where the host
            can see it without waiting, not finite.

    Balestriero, LeCun, "LeJEPA", arXiv 2511.08544.
    """

    def __init__(self, weight: float = 0.05, slices: int = 256, length: str = "own", seed: int = 0):
        super().__init__()
        check_weight(weight)
        if slices < 1:
            raise IsobarError(f"slices = {slices} must be 1 or more.")
        if length not in LENGTHS:
            raise IsobarError(f"Unknown length {length!r}; known are {', '.join(LENGTHS)}.{nearest(length, LENGTHS)}")
        self.weight, self.slices, self.length, self.seed = weight, slices, length, seed
        # A tensor, so that a compiled program draws anew too, and a checkpoint keeps it.
        self.draws: Tensor
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), of which only the sign counts: rows with a negative one are left out.
        """
        check_batch(embeddings, labels)
        embeddings, labels = gather_batch(in_working_precision(embeddings), labels.long())
        refuse_visible_nonfinite(embeddings, labels >= 0)
        d, kept = embeddings.shape[1], labels >= 0
        rows = torch.where(kept.unsqueeze(1), embeddings, 0)
        if self.length == "sqrt-d":
            rows, kept = unit_rows(embeddings, labels)
            rows = rows * math.sqrt(d)
        count = kept.sum()
        n = count.clamp(min=1).to(rows.dtype)
        with torch.autocast(rows.device.type, enabled=False):
            projections = rows @ self.directions(d, rows)
        self.draws += 1
        knots = torch.linspace(0, _LAST, _KNOTS, dtype=rows.dtype, device=rows.device)
        gaussian = (-knots.square() / 2).exp()
        widths = torch.full_like(knots, 2 * _LAST / (_KNOTS - 1))
        widths[0] = widths[-1] = _LAST / (_KNOTS - 1)
        statistic = rows.new_zeros(())
        for t, phi, width in zip(knots, gaussian, widths * gaussian):  # one knot after the other: n x slices in memory
            real = (torch.cos(t * projections) * kept.unsqueeze(1)).sum(0) / n
            imaginary = (torch.sin(t * projections) * kept.unsqueeze(1)).sum(0) / n
            statistic = statistic + width * ((real - phi).square() + imaginary.square()).mean()
        statistic = torch.where(count == 0, 0, n * statistic)
        size = (rows.detach().square().sum() / (n * max(d, 1))).sqrt()
        self._keep(skipped=count == 0, statistic=statistic, size=size, points=count)
        return self.weight * statistic

    def directions(self, d: int, like: Tensor) -> Tensor:
        """Return the unit directions of the next call, (d, slices), on the device and in the dtype of `like`.

        Gaussian vectors by Box and Muller, from a hash: all devices and processes draw the same, and none waits.
        """
        place = torch.arange(d * self.slices, device=like.device)
        seed = (self.seed + 7919 * self.draws.to(like.device)) * 2
        first, second = ((random_keys(place, seed + k).to(like.dtype) + 0.5) / _STEPS for k in (0, 1))
        vectors = ((-2 * first.log()).sqrt() * torch.cos(2 * math.pi * second)).reshape(d, self.slices)
        return vectors / vectors.norm(dim=0).clamp(min=torch.finfo(like.dtype).tiny)

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, slices={self.slices}, length={self.length!r}"
