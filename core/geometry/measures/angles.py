"""Measures of common direction: how much all embeddings point the same way."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud, rows_and_norms
from core.geometry.measures import ETHAYARAJH, SEPARATION, Measure

COSINE_BINS = 80
"""Of cosine histograms, each 0.025 wide."""
_MOST_ROWS = 2000  # two million pairs: more would not be seen in a histogram


def mean_cosine(x: Embeddings) -> float:
    """Return the mean cosine similarity of all distinct pairs of rows of `x` (n, d), exactly: no pairs are sampled.

    Range -1/(n-1) to 1; 0 is isotropic, 1 means that all rows point the same way. NaN where a row is zero: it has no direction.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Ethayarajh, EMNLP 2019; Godey, de la Clergerie, Sagot, "Is Anisotropy Inherent to Transformers?", ACL SRW 2023.
    """
    cloud = as_cloud(x)
    # (|sum u|^2 - n) / (n (n - 1)), u the unit rows
    total = cloud.directions
    return float(np.clip((total @ total - cloud.n) / (cloud.n * (cloud.n - 1)), -1.0, 1.0))


def mean_cosine_centered(x: Embeddings) -> float:
    """Return the mean cosine similarity of all distinct pairs of rows of `x` (n, d) less their mean row: direction that is no drift.

    Range -1/(n-1) to 1; near 0 for any cloud that is not lopsided about its mean. NaN where a row is the mean itself.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Machina, Mercer, "Anisotropy is Not Inherent to Transformers", NAACL 2024, who take the mean off first.
    """
    return mean_cosine(as_cloud(x).moderate.centered)


def mean_vector_share(x: Embeddings) -> float:
    """Return the share of the mean squared norm that the mean row of `x` (n, d) holds: common drift.

    Range 0 (centered on the origin) to 1 (all rows equal); an isotropic sample of n points has 1/n. NaN if all rows are zero.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Godey, de la Clergerie, Sagot, "Is Anisotropy Inherent to Transformers?", ACL SRW 2023.
    """
    cloud = as_cloud(x).moderate
    # |mean(X)|^2 / mean(|x|^2), and mean(|x|^2) = |mean(X)|^2 + mean(|x - mean|^2)
    drift = cloud.mean @ cloud.mean
    spread = np.trace(cloud.centered_moment) / cloud.n
    return float(drift / (drift + spread)) if drift + spread > 0 else float("nan")


def cosine_shares(x: Embeddings, bins: int = COSINE_BINS, seed: int = 0) -> np.ndarray:
    """Return what share of the distinct pairs of rows of `x` (n, d) has a cosine in each of `bins` equal parts of [-1, 1].

    All pairs of up to 2,000 rows are counted; of more rows, those of 2,000 drawn by `seed`. Rows that are zero have no
    direction and are left out; with fewer than two others every share is 0.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Ethayarajh, EMNLP 2019, whose mean this is the distribution of.
    """
    rows, norms = rows_and_norms(as_cloud(x).x)
    rows = rows[norms > 0] / norms[norms > 0, None]
    if len(rows) > _MOST_ROWS:
        rows = rows[np.random.default_rng(seed).choice(len(rows), _MOST_ROWS, replace=False)]
    if len(rows) < 2:
        return np.zeros(bins)
    cosines = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    counts, _ = np.histogram(np.clip(cosines, -1.0, 1.0), bins=bins, range=(-1.0, 1.0))
    return counts / counts.sum()


def isotropic_cosine_shares(d: int, bins: int = COSINE_BINS) -> np.ndarray:
    """Return what :func:`cosine_shares` tends to for an isotropic cloud in `d` dimensions with many points.

    The cosine t of two independent directions has a density proportional to (1 - t^2)^((d - 3) / 2): (1 + t) / 2 is
    Beta-distributed with both parameters (d - 1) / 2. In one dimension it is -1 or 1, each half of the time.
    """
    if d < 2:
        shares = np.zeros(bins)
        shares[[0, -1]] = 0.5
        return shares
    from scipy.special import betainc

    return np.diff(betainc((d - 1) / 2, (d - 1) / 2, np.linspace(0.0, 1.0, bins + 1)))


_GODEY = "Godey, de la Clergerie, Sagot, 2023 (arXiv:2306.07656)"

MEASURES = (
    Measure(
        name="mean_cosine",
        label="Mean cosine",
        definition="The mean cosine similarity of all pairs of embeddings.",
        source=f"{ETHAYARAJH}; {_GODEY}",
        isotropic="0",
        degenerate="1",
        undefined="where a row is zero, which has no direction",
        better="disputed",
        doubt=SEPARATION,
        range=(-1.0, 1.0),
        topic="drift",
        compute=mean_cosine,
        sees=("origin",),
        main=True,
    ),
    Measure(
        name="mean_cosine_centered",
        label="Mean cosine, centered",
        definition="The mean cosine similarity of all pairs of embeddings less their mean: what is left of the mean cosine where drift "
        "is taken off.",
        source="Machina, Mercer, NAACL 2024",
        isotropic="0",
        degenerate="1",
        undefined="where a row is the mean of all, which has no direction about it",
        better="neither",
        range=(-1.0, 1.0),
        topic="drift",
        compute=mean_cosine_centered,
        needs=("points",),
        sees=(),
    ),
    Measure(
        name="mean_vector_share",
        label="Mean-vector share",
        definition="The share of the embeddings' squared length that is their common mean: drift away from the origin.",
        source=_GODEY,
        isotropic="0",
        degenerate="1",
        undefined="where all rows are zero",
        better="disputed",
        doubt=SEPARATION,
        range=(0.0, 1.0),
        topic="drift",
        compute=mean_vector_share,
        sees=("origin",),
        main=True,
    ),
)
