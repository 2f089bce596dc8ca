"""Many measures of one cloud at the price of one decomposition, their intervals, and what an isotropic cloud would show."""

import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

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


def measure_by_class(x: Embeddings, labels: Sequence, measures: Names = "main") -> dict[str, dict[str, float]]:
    """Return measures of the rows of `x` (n, d) of each class by itself, by label (as text) in their order.

    A class of one row has no shape: its measures are NaN.

    Raises:
        IsobarError: labels that are not one a row; an unknown measure; NaN or infinity, or not an (n, d) array.
    """
    names, cloud = measure_names(measures), as_cloud(x)
    labels = np.asarray(labels)
    if labels.shape != (cloud.n,):
        raise IsobarError(
            f"Labels must be one a row: there are {cloud.n} embeddings, and labels of shape {labels.shape}."
        )
    rows = {str(label): cloud.x[labels == label] for label in np.unique(labels)}
    nothing = dict.fromkeys(names, float("nan"))
    return {label: measure(some, names) if len(some) > 1 else nothing for label, some in rows.items()}


def measure_interval(
    x: Embeddings, name: str, resamples: int = 500, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return measure `name` of the cloud `x` (n, d) with its bootstrap confidence interval: (value, low, high).

    The interval is that of the bootstrap distribution (scipy) about its own mean, laid around the value: a resample
    repeats points, which moves most measures as a smaller n would, and that shift is no uncertainty. It speaks of clouds
    of this n. Neighbour and dimension estimates, which repeats would mislead, see the distinct points of each resample.
    NaN for all three where the measure is undefined. It takes `resamples` times as long as the measure.

    Raises:
        IsobarError: an unknown measure, less than 2 resamples; fewer than two rows, NaN or infinity, not (n, d).
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    (name,) = measure_names(name)
    if resamples < 2 or not 0.0 < confidence < 1.0:
        raise IsobarError("A bootstrap interval needs at least 2 resamples and a confidence between 0 and 1.")
    cloud = as_cloud(x)
    value = measure(cloud, [name])[name]
    if not np.isfinite(value):
        return value, float("nan"), float("nan")

    def statistic(rows: np.ndarray) -> float:
        rows = np.unique(rows) if name in _DISTINCT else rows
        return float(MEASURES[name].compute(Cloud(cloud.x[rows]))) if rows.size > 1 else float("nan")

    with warnings.catch_warnings():  # that all resamples agree is a result
        warnings.simplefilter("ignore", DegenerateDataWarning)
        result = bootstrap(
            (np.arange(cloud.n),),
            statistic,
            n_resamples=resamples,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    drawn = result.bootstrap_distribution[np.isfinite(result.bootstrap_distribution)]
    if drawn.size < 2:
        return value, float("nan"), float("nan")
    ends = value + np.quantile(drawn, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]) - drawn.mean()
    low, high = np.clip(ends, *MEASURES[name].range)
    return value, float(low), float(high)


def isotropic_reference(n: int, d: int, measures: Names = "all", seed: int = 0, scale: float = 1.0) -> dict[str, float]:
    """Return the measures of an isotropic Gaussian cloud of `n` points in `d` dimensions, `scale` the deviation of each.

    What `measure` would show if nothing were amiss: most measures depend on n and d. Only the partition ratio depends on
    `scale`; give the root mean square of the cloud's entries there. Values are kept, so that asking again is free.

    Raises:
        IsobarError: an unknown measure; fewer than two points, or no dimension.
    """
    return dict(_isotropic_reference(n, d, measure_names(measures), seed, scale))


@lru_cache(maxsize=256)
def _isotropic_reference(n: int, d: int, names: tuple[str, ...], seed: int, scale: float) -> dict[str, float]:
    return measure(scale * np.random.default_rng(seed).standard_normal((n, d)), names)


_DISTINCT = ("vasicek", "twonn", "ph_dimension")


def _prepare(cloud: Cloud, names: tuple[str, ...]) -> None:
    """Ask for what gives most first, so that there is one decomposition of a matrix, not two."""
    if "vasicek" in names:
        _ = cloud.centered_system
    elif {"effective_rank", "eee"} & set(names):
        _ = cloud.centered_values
    if "partition_ratio" in names:
        _ = cloud.system
    elif {"anisotropy_2", "anisotropy_3"} & set(names):
        _ = cloud.values
    if {"anisotropy_2_centered", "anisotropy_3_centered"} & set(names):
        _ = cloud.centered_values
