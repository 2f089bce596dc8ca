"""Measures as a person compares them: value, interval, and what an isotropic cloud of the same size would show."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.report import (
    Names,
    isotropic_reference,
    measure,
    measure_by_class,
    measure_interval,
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
    """

    of: str
    name: str
    value: float
    reference: float
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict:
        """Return it as JSON knows it: NaN and infinity are None."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}


def summarize(
    x: Embeddings, labels: Sequence | None = None, measures: Names = "main", *, resamples: int = 0, seed: int = 0
) -> list[Measured]:
    """Return measures of `x` (n, d), and of each class of the `labels` (n,), one a row.

    With `resamples` each of the whole cloud's has its bootstrap interval.

    Raises:
        IsobarError: an unknown measure; labels that are not one a row; fewer than two rows, NaN or infinity, not (n, d).
    """
    names, cloud = measure_names(measures), as_cloud(x)
    clouds = {"all": (cloud.x, measure(cloud, names))}
    if labels is not None:
        labels = np.asarray(labels)
        found = measure_by_class(cloud, labels, names)
        clouds |= {label: (cloud.x[labels.astype(str) == label], values) for label, values in found.items()}
    rows = []
    for of, (points, values) in clouds.items():
        scale = float(np.sqrt(np.mean(points**2)))  # only the partition ratio depends on it
        reference = isotropic_reference(*points.shape, names, seed, scale) if len(points) > 1 else {}
        for name, value in values.items():
            low = high = None
            if resamples and of == "all":
                _, low, high = measure_interval(cloud, name, resamples=resamples, seed=seed)
            rows.append(
                Measured(of if labels is not None else "", name, value, reference.get(name, float("nan")), low, high)
            )
    return rows
