"""Many measures of one cloud at the price of one decomposition, their intervals, and what an isotropic cloud would show."""

import warnings
from collections.abc import Callable, Iterable, Sequence
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
    _prepare(cloud.moderate, names)
    return {name: float(MEASURES[name].compute(cloud)) for name in names}


def measure_names(measures: Names = "all") -> tuple[str, ...]:
    """Return the names that `measures` stands for: a name or names, of which "all" and "main" are several.

    Raises:
        IsobarError: an unknown measure.
    """
    several = {"all": tuple(MEASURES), "main": MAIN}
    names = []
    for name in [measures] if isinstance(measures, str) else measures:
        if name not in MEASURES and name not in several:
            hint = nearest(str(name), [*MEASURES, *several]) or f" The measures are {', '.join(MEASURES)}."
            raise IsobarError(f"There is no measure {name!r}.{hint}")
        names += several.get(name, [name])
    return tuple(dict.fromkeys(names))


def measure_by_class(x: Embeddings, labels: Sequence, measures: Names = "main") -> dict[str, dict[str, float]]:
    """Return measures of the rows of `x` (n, d) of each class by itself, by label (as text) in their order.

    A class of one row has no shape: its measures are NaN.

    Raises:
        IsobarError: labels that are missing or not one a row; an unknown measure; NaN or infinity, or not an (n, d) array.
    """
    names, cloud = measure_names(measures), as_cloud(x)
    nothing = dict.fromkeys(names, float("nan"))
    rows = rows_by_class(labels, cloud.n)
    return {label: measure(cloud.x[some], names) if some.size > 1 else nothing for label, some in rows.items()}


def rows_by_class(labels: Sequence, n: int) -> dict[str, np.ndarray]:
    """Return the rows (k,) int64 of each class of the `labels` (n,), by label (as text) in their order.

    Raises:
        IsobarError: labels that are missing or not one a row.
    """
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu().numpy()
    # In an array of texts a missing label of a list would be a text too.
    labels = np.asarray(labels) if hasattr(labels, "dtype") else np.asarray(labels, dtype=object)
    if labels.shape != (n,):
        raise IsobarError(f"Labels must be one a row: there are {n} embeddings, and labels of shape {labels.shape}.")
    if labels.dtype.kind not in "iubUS":
        from pandas import isna  # here, because it takes a while to import

        missing = np.flatnonzero(isna(labels))
        if missing.size:
            raise IsobarError(
                f"Of the {n} labels {missing.size} {'is' if missing.size == 1 else 'are'} missing, first in row {missing[0]}; "
                "give every row a label, or leave such rows out."
            )
    values = labels.tolist()
    try:
        order = sorted(set(values))
    except TypeError:  # numbers among texts have no order
        order = sorted({str(value) for value in values})
    texts = np.array([str(value) for value in values])
    return {str(value): np.flatnonzero(texts == str(value)) for value in order}


Interval = tuple[float, float, float]
"""Value, low end, high end."""


def measure_interval(
    x: Embeddings, name: str, resamples: int = 500, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return measure `name` of the cloud `x` (n, d) with its interval, as :func:`measure_intervals` does of many."""
    (name,) = measure_names(name)
    return measure_intervals(x, name, resamples, seed, confidence)[name]


def measure_intervals(
    x: Embeddings,
    measures: Names = "main",
    resamples: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Interval]:
    """Return measures of the cloud `x` (n, d) by name, with their bootstrap confidence intervals: (value, low, high).

    The interval is that of the bootstrap distribution (scipy) about its own mean, laid around the value: a resample
    repeats points, which moves most measures as a smaller n would, and that shift is no uncertainty. It speaks of clouds
    of this n. Neighbour and dimension estimates, which repeats would mislead, see the distinct points of each resample.
    NaN for all three where the measure is undefined. It takes about `resamples` times as long as the measures: each
    resample is drawn once for all of them. `progress` is called with (resamples done, in all) and may raise to end it.

    Raises:
        IsobarError: an unknown measure, less than 2 resamples; fewer than two rows, NaN or infinity, not (n, d).
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    names = measure_names(measures)
    if resamples < 2 or not 0.0 < confidence < 1.0:
        raise IsobarError("A bootstrap interval needs at least 2 resamples and a confidence between 0 and 1.")
    cloud = as_cloud(x)
    values = measure(cloud, names)
    # A measure that is undefined here is not asked of the resamples.
    defined = [name for name in names if np.isfinite(values[name])]
    intervals = {name: (value, float("nan"), float("nan")) for name, value in values.items()}
    if not defined:
        return intervals
    whole, done = cloud.moderate, 0

    def statistic(rows: np.ndarray) -> list[float]:
        nonlocal done
        distinct = np.unique(rows)
        found = dict.fromkeys(defined, float("nan"))
        found |= measure(Cloud(whole.x[rows], whole.scale), [n for n in defined if n not in _DISTINCT])
        if distinct.size > 1:
            found |= measure(Cloud(whole.x[distinct], whole.scale), [n for n in defined if n in _DISTINCT])
        done += 1
        if progress is not None:
            progress(done, resamples)
        return list(found.values())

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
    for name, drawn in zip(defined, result.bootstrap_distribution, strict=True):
        drawn = drawn[np.isfinite(drawn)]
        if drawn.size < 2:
            continue
        value = values[name]
        ends = value + np.quantile(drawn, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]) - drawn.mean()
        low, high = np.clip(ends, *MEASURES[name].range)
        intervals[name] = (value, float(low), float(high))
    return intervals


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
    return measure(Cloud(as_cloud(np.random.default_rng(seed).standard_normal((n, d))).x, scale), names)


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
