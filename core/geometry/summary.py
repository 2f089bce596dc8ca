"""Measures as a person compares them: value, interval, and what an isotropic cloud of the same size would show."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.labels import Labels, rows_by_class
from core.geometry.report import (
    Names,
    isotropic_reference,
    measure,
    measure_by_class,
    measure_intervals,
    measure_names,
)


@dataclass(frozen=True)
class Measured:
    """One measure of one cloud.

    Attributes:
        of: "all", or a class's label; empty where there are no classes.
        name: of the measure.  value: NaN where it is undefined.
        reference: its value for an isotropic Gaussian cloud of as many points and dimensions, and as long.
        low, high: of the 95 % bootstrap interval, or None where none was asked for.
        n, d: how many points and dimensions the cloud has.
        label: the class's; None for the whole cloud, also beside a class that is called "all".
    """

    of: str
    name: str
    value: float
    reference: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    d: int = 0
    label: str | None = None

    def as_dict(self) -> dict:
        """Return it as JSON knows it: NaN, which is undefined, is None, and infinity is "infinity"."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def summarize(
    x: Embeddings,
    labels: Labels | None = None,
    measures: Names = "main",
    *,
    resamples: int = 0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Measured]:
    """Return measures of `x` (n, d), and of each class of the `labels` (n,), one a row; those that compare classes once.

    With `resamples` each of the whole cloud's has its bootstrap interval; `progress` is called with (resamples done, in
    all).

    Raises:
        IsobarError: as :func:`~core.geometry.measure`.
    """
    names, cloud = measure_names(measures, labels is not None), as_cloud(x)
    rows = rows_by_class(labels, cloud.n) if labels is not None else {}
    if resamples:
        intervals = measure_intervals(cloud, names, resamples=resamples, seed=seed, progress=progress, labels=labels)
    else:
        intervals = {name: (value, None, None) for name, value in measure(cloud, names, labels).items()}
    found = _rows("all" if rows else "", None, cloud, intervals, seed, labels)
    if rows:
        for label, values in measure_by_class(cloud, labels, names).items():
            without = {name: (value, None, None) for name, value in values.items()}
            found += _rows(label, label, Cloud(cloud.x[rows[label]]), without, seed)
    return found


def _rows(
    of: str, label: str | None, cloud: Cloud, found: dict[str, tuple], seed: int, labels: Labels | None = None
) -> list[Measured]:
    points = cloud.moderate
    scale = points.scale * float(np.sqrt(np.mean(points.x**2)))
    reference = isotropic_reference(cloud.n, cloud.d, tuple(found), seed, scale, labels) if cloud.n > 1 else {}
    return [
        Measured(of, name, value, reference.get(name, float("nan")), low, high, cloud.n, cloud.d, label)
        for name, (value, low, high) in found.items()
    ]


def _plain(value):
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else "infinity" if value > 0 else "-infinity"
