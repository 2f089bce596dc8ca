"""Whether a few points are everybody's neighbours, and many nobody's."""

import numpy as np

from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.measures import INFINITY, Measure
from core.geometry.neighbours import nearest_rows, sampled_rows

K = 10  # neighbours; Radovanovic et al. report this number
_SOURCE = "Radovanović, Nanopoulos, Ivanović, JMLR 11, 2010"


def hubness(x: Embeddings, k: int = K) -> float:
    """Return the skewness of the k-occurrence of `x` (n, d): of how many points each point is among the `k` nearest of.

    Range about 0 (each as often) upwards (few hubs, many points that are nobody's neighbours); it grows with the number
    of dimensions, of an isotropic cloud too. Euclidean distance; points that coincide are one; of more than 4,000 rows,
    among 4,000 of them. NaN where all occur equally often, as in a cloud of no more than k + 1 points.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Radovanović, Nanopoulos, Ivanović, "Hubs in Space", JMLR 11, 2010.
    """
    counts = k_occurrence(x, k)
    away = counts - counts.mean()
    variance = (away**2).mean()
    return float((away**3).mean() / variance**1.5) if variance > 0 else float("nan")


def antihub_share(x: Embeddings, k: int = K) -> float:
    """Return the share of points of `x` (n, d) that are among the `k` nearest of no other point; otherwise as :func:`hubness`.

    Range 0 to below 1. NaN where all points coincide.
    """
    counts = k_occurrence(x, k)
    return float((counts == 0).mean()) if counts.size > 1 else float("nan")


def k_occurrence(x: Embeddings, k: int) -> np.ndarray:
    """Return how many points each of the distinct points of `x` (n, d), or of 4,000 of them, is among the `k` nearest of."""
    cloud = as_cloud(x).moderate
    distinct = np.unique(cloud.x[sampled_rows(cloud.n)], axis=0)
    if len(distinct) < 2:
        return np.zeros(len(distinct))
    if len(distinct) < min(cloud.n, len(sampled_rows(cloud.n))):
        cloud = Cloud(distinct)
    _, near = nearest_rows(cloud, k)
    return np.bincount(near.ravel(), minlength=len(near)).astype(np.float64)


MEASURES = (
    Measure(
        name="hubness",
        label="Hubness",
        definition=f"Whether a few points are everybody's neighbours: the skewness of how often each is among the {K} "
        "nearest of another (of 4,000 rows at most).",
        source=_SOURCE,
        isotropic="grows with d",
        degenerate="≫ 0",
        undefined="where all points occur equally often, as among 11 or fewer",
        better="lower",
        range=(-INFINITY, INFINITY),
        topic="neighbours",
        compute=hubness,
        needs=("points",),
        repeats="left out",
    ),
    Measure(
        name="antihub_share",
        label="Share of anti-hubs",
        definition=f"The share of points that are among the {K} nearest of no other (of 4,000 rows at most).",
        source=_SOURCE,
        isotropic="grows with d",
        degenerate="near 1",
        undefined="where all points coincide",
        better="lower",
        range=(0.0, 1.0),
        topic="neighbours",
        compute=antihub_share,
        needs=("points",),
        repeats="left out",
    ),
)
