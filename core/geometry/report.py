"""Many measures of one cloud at the price of one decomposition, their intervals, and what an isotropic cloud would show."""

from collections.abc import Iterable
from typing import Literal

from core.errors import IsobarError, nearest
from core.geometry.catalogue import MAIN, MEASURES
from core.geometry.cloud import Cloud, Embeddings, as_cloud

Names = Literal["all", "main"] | Iterable[str]


def measure(x: Embeddings, measures: Names = "all") -> dict[str, float]:
    """Return measures of the cloud `x` (n, d) by name, in the order asked for; what they share is computed once.

    `measures` is "all", "main" (those that cost milliseconds) or names of :data:`~core.geometry.catalogue.MEASURES`, which
    says of each its range and which end is isotropic. A measure that is undefined on this cloud (too few points, nothing
    varies) is NaN; the others are not touched by that.

    Raises:
        IsobarError: an unknown measure; fewer than two rows, NaN or infinity, or not an (n, d) array.
    """
    names = measure_names(measures)
    cloud = as_cloud(x)
    _prepare(cloud, names)
    return {name: float(MEASURES[name].compute(cloud)) for name in names}


def measure_names(measures: Names = "all") -> tuple[str, ...]:
    """Return the names that `measures` ("all", "main", a name or names) stands for.

    Raises:
        IsobarError: an unknown measure.
    """
    if isinstance(measures, str):
        if measures == "all":
            return tuple(MEASURES)
        if measures == "main":
            return MAIN
        measures = [measures]
    names = tuple(dict.fromkeys(measures))
    for name in names:
        if name not in MEASURES:
            hint = nearest(str(name), MEASURES) or f" The measures are {', '.join(MEASURES)}."
            raise IsobarError(f"There is no measure {name!r}.{hint}")
    return names


def _prepare(cloud: Cloud, names: tuple[str, ...]) -> None:
    """Ask for eigenvectors before eigenvalues where both are needed, so that there is one decomposition, not two."""
    if "vasicek" in names:
        _ = cloud.centered_system
    if "partition_ratio" in names:
        _ = cloud.system
