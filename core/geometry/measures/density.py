"""Measures of density: whether the cloud is spread evenly or in patches, and whether its directions look Gaussian."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.measures import INFINITY, MARBUT, MARBUT_2024, Measure

CELLS = 64  # few enough that a probe set of 400 has 6 points a cell, enough that 20,000 points show clusters
LEAST_PER_CELL = 4
CODEBOOK_POINTS = 4_000  # cells of a larger cloud are found on a sample of this size; all points are counted in them
ITERATIONS = 15  # Lloyd's; counts move little after ten
SMALLEST_SPACING = 1e-12  # in standard deviations: what ties count as, so that their entropy is very low but finite
_GAUSSIAN_ENTROPY = 0.5 * np.log(2.0 * np.pi * np.e)  # nats, at variance 1


def kmeans_patchiness(x: Embeddings, cells: int = CELLS, seed: int = 0) -> float:
    """Return Lloyd's index of patchiness of `x` (n, d): mean crowding over mean density, in the cells of a k-means.

    About 1 where points fall into cells by chance, below it where they fill them evenly, far above it for a few crowded
    cells among empty ones. Cells: 64, or n/4 of a smaller cloud; k-means++ start, at most 15 iterations, on 4,000 sampled
    points, in float32. It depends on n, d and the number of cells: compare with an isotropic cloud of the same n and d. NaN below
    8 points, and where fewer than 2 points differ.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Lloyd, "Mean Crowding", J. Animal Ecology 36, 1967; that cells are a k-means' is this project's choice. What
    Marbut, Chandler, Wheeler published is another number: :func:`~core.geometry.measures.quantizers.quantizer_patchiness`.
    """
    cloud = as_cloud(x).moderate
    cells = min(cells, cloud.n // LEAST_PER_CELL)
    if cells < 2 or not cloud.centered.any():
        return float("nan")
    counts = _cell_counts(cloud.centered, cells, seed)
    # 1 + (var(c) / mean(c) - 1) / mean(c)
    mean = counts.mean()
    return float(1.0 + (counts.var() / mean - 1.0) / mean)


def gaussianity(x: Embeddings) -> float:
    """Return how far the principal directions of `x` (n, d) are from Gaussian in shape: the mean of (ratio - 1)^2 over them.

    The ratio is Vasicek's estimate of a direction's entropy over that of a Gaussian of the same variance, both at
    variance 1: the shape alone counts, and not how much a direction varies. Range 0 (each
    direction Gaussian) upwards (clusters, ties); the estimate is low for small n, so compare with an isotropic cloud of
    the same n and d. Window floor(sqrt(n) + 1/2). NaN below 5 points, and where nothing varies.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: this project's, with the estimate of Vasicek, J. Royal Statistical Society B 38, 1976. Marbut's Vasicek ratio
    measure, which sees spread too, is :func:`vrm`.
    """
    cloud = as_cloud(x).moderate
    n = cloud.n
    values = cloud.centered_system[0]
    rank = int((values > values[0] * max(n, cloud.d) * np.finfo(float).eps).sum())
    if n < 5 or rank == 0:
        return float("nan")
    window = int(np.sqrt(n) + 0.5)
    # H = 1/n sum_i ln( n / (2 m) (x_(i+m) - x_(i-m)) ), the order statistics held at both ends
    ratios = np.empty(rank)
    for some, ordered in cloud.projections(centered=True, count=rank):
        ordered.sort(axis=1)
        ordered /= np.sqrt(values[some, None] / n)
        held = np.pad(ordered, ((0, 0), (window, window)), mode="edge")
        spacings = held[:, 2 * window :] - held[:, : -2 * window]
        np.log(np.maximum(spacings, SMALLEST_SPACING, out=spacings), out=spacings)
        ratios[some] = (spacings.mean(1) + np.log(n / (2.0 * window))) / _GAUSSIAN_ENTROPY
    return float(np.mean((ratios - 1.0) ** 2))


def vrm(x: Embeddings) -> float:
    """Return the Vasicek ratio measure of `x` (n, d): how far its principal directions are from a standard normal's.

    As published: principal components, min(n, d) of them, are scaled by one factor so that their total variance is that
    of a standard normal sample of n points, and r = exp(H) / exp(H of the standard normal) is taken of each, H being
    scipy's estimate of its entropy (of 11 to 1,000 points Ebrahimi's, of more Vasicek's, of fewer van Es's). The value is
    the sum of (1 - r)^2 over d. The published code draws that sample at random; here stands the expectation over it,
    which is exact. Range 0 (isotropic and Gaussian) upwards, about 2 - 2/sqrt(d) on a line. Few points make it larger for
    wide clouds: compare with an isotropic cloud of the same n and d. NaN below 5 points, and where nothing varies.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Marbut, McKinney-Bock, Wheeler, "Reliable Measures of Spread in High Dimensional Latent Spaces", ICML 2023.
    """
    from scipy.special import gammaln
    from scipy.stats import differential_entropy

    cloud = as_cloud(x).moderate
    n, d = cloud.n, cloud.d
    total = cloud.centered_system[0].sum()
    if n < 5 or not total > 0:
        return float("nan")
    ratios = np.empty(min(n, d))
    for some, along in cloud.projections(centered=True, count=min(n, d)):
        along *= np.sqrt(d * (n - 1) / total)
        with np.errstate(divide="ignore"):  # ties, as of a direction without variance, have an entropy of -inf: r is 0
            ratios[some] = np.exp(differential_entropy(along, axis=1) - _GAUSSIAN_ENTROPY)
    # The sample's total variance is d Q / k, Q chi-squared of k = (n - 1) d, and r goes with its root: E (1 - r)^2 is
    # 1 - 2 r E sqrt(Q / k) + r^2, since E Q = k.
    k = (n - 1) * d
    root = np.exp(0.5 * np.log(2.0 / k) + gammaln((k + 1) / 2) - gammaln(k / 2))
    return float((1.0 - 2.0 * ratios * root + ratios**2).sum() / d)


def _cell_counts(points: np.ndarray, cells: int, seed: int) -> np.ndarray:
    """How many of the points fall into each cell of a k-means (Lloyd's algorithm, k-means++ start)."""
    generator = np.random.default_rng(seed)
    points = (points / np.abs(points).max()).astype(np.float32)
    sample = points
    if len(points) > CODEBOOK_POINTS:
        sample = points[generator.choice(len(points), CODEBOOK_POINTS, replace=False)]
    centers = _distant_points(sample, cells, generator)
    previous = None
    for _ in range(ITERATIONS):
        cell = _nearest(sample, centers)
        if previous is not None and np.array_equal(cell, previous):
            break
        previous = cell
        members = (cell == np.arange(len(centers))[:, None]).astype(np.float32)
        sizes = members.sum(1, keepdims=True)
        centers = np.where(sizes > 0, members @ sample / np.maximum(sizes, 1), centers)
    return np.bincount(_nearest(points, centers), minlength=cells)


def _distant_points(points: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Up to `count` of the points, each drawn with a chance that grows with its squared distance from those before it."""
    chosen = [int(generator.integers(len(points)))]
    gap = np.full(len(points), np.inf)
    norms = np.einsum("ij,ij->i", points, points)
    while len(chosen) < count:
        newest = points[chosen[-1]]
        gap = np.minimum(gap, np.maximum(norms - 2.0 * (points @ newest) + newest @ newest, 0.0))
        gap[chosen[-1]] = 0.0
        steps = np.cumsum(gap, dtype=np.float64)
        if steps[-1] <= 0.0:  # fewer distinct points than cells: the rest stay empty
            break
        chosen.append(int(np.searchsorted(steps, generator.random() * steps[-1], side="right")))
    return points[chosen]


def _nearest(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """The index of each point's nearest center."""
    # |c|^2 - 2 x.c orders the centers by their distance from x
    return np.argmin(np.einsum("ij,ij->i", centers, centers) - 2.0 * (points @ centers.T), axis=1)


MEASURES = (
    Measure(
        name="vrm",
        label="Vasicek ratio measure",
        definition="The mean squared deviation from 1 of each principal component's exp(entropy) over a standard normal's, "
        "all scaled by one factor: it sees spread and shape.",
        source=f"{MARBUT}; the expectation over the published code's random reference",
        isotropic="0",
        degenerate="2 − 2/√d",
        undefined="below 5 points, and where nothing varies",
        better="disputed",
        range=(0.0, INFINITY),
        topic="form",
        compute=vrm,
        needs=("points", "centered_system"),
        repeats="mislead",
    ),
    Measure(
        name="gaussianity",
        label="Gaussianity of the directions",
        definition="The mean squared deviation from 1 of each principal direction's entropy over that of a Gaussian of the "
        "same variance: it sees shape alone.",
        source="This project's, with Vasicek's estimate of entropy, 1976",
        isotropic="0",
        degenerate="≫ 0",
        undefined="below 5 points, and where nothing varies",
        better="disputed",
        range=(0.0, INFINITY),
        topic="form",
        compute=gaussianity,
        needs=("points", "centered_system"),
        repeats="mislead",
        formerly="vasicek",
    ),
    Measure(
        name="patchiness_kmeans",
        label="Patchiness, k-means",
        definition="How crowded a point's k-means cell is, over the mean cell (64 cells, or a quarter of the points).",
        source=f"Lloyd, 1967, in the cells of a k-means, which is this project's choice and not that of {MARBUT_2024}",
        isotropic="1",
        degenerate="≫ 1",
        undefined="below 8 points, and where nothing varies",
        better="disputed",
        range=(0.0, INFINITY),
        topic="density",
        compute=kmeans_patchiness,
        needs=("points",),
        formerly="point_patchiness",
    ),
)
