"""Repulsion: the published term without its entropy."""

from typing import ClassVar

from pydantic import Field

from core.regularizers.settings import RegularizerSettings, Weight
from core.regularizers.total_persistence import TotalPersistenceLoss


class Settings(RegularizerSettings):
    """Lengthens the noise bars of each class: the published term without its entropy."""

    label: ClassVar[str] = "repulsion"

    weight: Weight = Field(
        0.05,
        description="Factor of the mean length of the noise bars, which grows: the published term without its entropy.",
    )

    @property
    def fewest(self) -> int:
        """Three, which have two bars."""
        return 3

    @property
    def of_each_class(self) -> bool:
        """Always."""
        return True


class RepulsionLoss(TotalPersistenceLoss):
    """Minus the mean length of the noise bars of each class, summed over classes: `TotalPersistenceLoss(bars="noise")`.

    Args:
        weight: factor of the mean length; 0.05 is the published code's.

    Raises:
        IsobarError: as its parent does.
    """

    def __init__(self, weight: float = 0.05):
        super().__init__(weight, "noise")
