"""Estimates of intrinsic dimension: how many numbers it would take to say where on the cloud a point is."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.measures import INFINITY, Measure
from core.geometry.neighbours import two_nearest

# Points whose neighbours, among all, are looked up. A cloud's estimate is off by about 1/sqrt(this); a difference between
# two states of the same cloud by less, because the same points are asked.
TWO_NN_QUERIES = 500
TWO_NN_KEPT = 0.9  # Facco: the largest tenth of the ratios is left out of the fit
TWO_NN_LEAST = 10
PH_LARGEST, PH_LEAST = 1_000, 50  # points of the largest subsample (Birdal); fewer than the least say nothing
PH_SIZES, PH_REPEATS = 8, 3


def two_nn(x: Embeddings, seed: int = 0) -> float:
    """Return the TwoNN intrinsic dimension of `x` (n, d), from the ratio of the distances to its two nearest neighbours.

    Range 0 upwards; about d for isotropic clouds of few dimensions, far below d in many (n would have to grow
    exponentially), small where points lie on a surface or line. Of rows that are equal one counts. The neighbours of 500
    sampled points are sought among all. NaN where fewer than 10 points differ, or all ratios are 1.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Facco, d'Errico, Rodriguez, Laio, Scientific Reports 7, 12140, 2017.
    """
    cloud = as_cloud(x).moderate.distinct
    if cloud.n < TWO_NN_LEAST:
        return float("nan")
    queries = np.arange(cloud.n)
    if cloud.n > TWO_NN_QUERIES:
        queries = np.random.default_rng(seed).choice(cloud.n, TWO_NN_QUERIES, replace=False)
    nearest, second = two_nearest(cloud, queries)
    apart = nearest > 0
    logs = np.sort(np.log(second[apart] / nearest[apart]))
    if logs.size < TWO_NN_LEAST:
        return float("nan")
    # F(mu) = 1 - mu^-d: a line through the origin of -ln(1 - F) against ln mu, slope d
    kept = int(logs.size * TWO_NN_KEPT)
    logs, heights = logs[:kept], -np.log1p(-np.arange(1, kept + 1) / logs.size)
    square = logs @ logs
    return float(logs @ heights / square) if square > 0 else float("nan")


def ph_dimension(x: Embeddings, seed: int = 0) -> float:
    """Return the persistent-homology dimension of `x` (n, d), from how the total length of its H0 bars grows with n.

    Range 0 upwards: 1 where the total does not grow, below 1 where it shrinks, infinite where it grows as fast as the
    number of points (many dimensions). About d for isotropic clouds of few dimensions, small where points lie on a
    surface or line. Three random subsamples of each of 8 sizes, up to 1,000 points; of rows that are equal one counts. NaN
    where fewer than 50 points differ.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Birdal, Lou, Guibas, Simsekli, "Intrinsic Dimension, Persistent Homology and Generalization", NeurIPS 2021.
    """
    from core.topology import minimum_spanning_tree  # here, because numba takes a while to import

    cloud = as_cloud(x).moderate.distinct
    if cloud.n < PH_LEAST:
        return float("nan")
    generator = np.random.default_rng(seed)
    largest = min(cloud.n, PH_LARGEST)
    sizes = np.unique(np.geomspace(max(largest // 8, 10), largest, PH_SIZES).astype(int))
    totals = np.zeros(sizes.size)
    for _ in range(PH_REPEATS):
        order = generator.permutation(cloud.n)
        for k, size in enumerate(sizes):
            lengths, _ = minimum_spanning_tree(cloud.centered[order[:size]])
            totals[k] += lengths.sum()
    if not totals.all():
        return float("nan")
    # E(n) ~ n^((d - 1) / d), so d = 1 / (1 - slope)
    slope = np.polyfit(np.log(sizes), np.log(totals), 1)[0]
    return float(1.0 / (1.0 - slope)) if slope < 1.0 else float("inf")


MEASURES = (
    Measure(
        name="twonn",
        label="Intrinsic dimension (TwoNN)",
        definition="The dimension that explains how much farther a point's second neighbour is than its first.",
        source="Facco et al., Scientific Reports 7, 2017 (arXiv:1803.06992)",
        isotropic="d (for few d)",
        degenerate="small",
        undefined="where fewer than 10 points differ, or both neighbours are always as near",
        better="disputed",
        unit="dimensions",
        range=(0.0, INFINITY),
        topic="dimension",
        compute=two_nn,
        needs=("points",),
        repeats="left out",
    ),
    Measure(
        name="ph_dimension",
        label="Persistent-homology dimension",
        definition="The dimension that explains how the total length of the bars grows with the number of points.",
        source="Birdal, Lou, Guibas, Simsekli, NeurIPS 2021 (arXiv:2111.13171)",
        isotropic="d (for few d)",
        degenerate="small",
        undefined="where fewer than 50 points differ",
        better="disputed",
        unit="dimensions",
        range=(0.0, INFINITY),
        topic="dimension",
        compute=ph_dimension,
        needs=("points",),
        repeats="left out",
    ),
)
