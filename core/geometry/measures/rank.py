"""How many directions a cloud uses: soft counts of singular values and eigenvalues."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.measures import INFINITY, Measure

EPSILON = 1e-7  # RankMe's: added to each share, so that its logarithm is finite


def rankme(x: Embeddings) -> float:
    """Return exp of the entropy of the normalized singular values of `x` (n, d) as it is, not centered.

    p_k = s_k / sum s + 1e-7 over min(n, d) singular values, as published. Range 1 (all rows on a line through the origin)
    to min(n, d). The effective rank is another number: of centered variances, the squares. NaN where all rows are zero.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Garrido, Balestriero, Najman, LeCun, "RankMe", ICML 2023, arXiv:2210.02885.
    """
    cloud = as_cloud(x).moderate
    return smooth_rank(np.sqrt(cloud.values[: min(cloud.n, cloud.d)]))


def smooth_rank(values: np.ndarray) -> float:
    """Return exp of the entropy of the shares of `values` (m,), none of them negative; NaN where all are 0."""
    total = values.sum()
    if not total > 0:
        return float("nan")
    p = values / total + EPSILON
    return float(max(np.exp(-(p @ np.log(p))), 1.0))


def participation_ratio(x: Embeddings) -> float:
    """Return (sum lambda)^2 / sum lambda^2 of the covariance's eigenvalues of `x` (n, d).

    Range 1 (one direction holds all variance) to min(n - 1, d) (all hold the same): IsoScore is its excess over 1, as a
    share of d - 1. Few rows make it smaller: 1/PR grows by about 1/n. NaN where nothing varies.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Gao et al., "A theory of multineuronal dimensionality, dynamics and measurement", bioRxiv 214262, 2017.
    """
    moment = as_cloud(x).moderate.centered_moment
    trace, square = np.trace(moment), np.vdot(moment, moment)
    return float(max(trace**2 / square, 1.0)) if square > 0 else float("nan")


def participation_ratio_corrected(x: Embeddings) -> float:
    """Return the participation ratio of the distribution that the rows of `x` (n, d) are drawn from, without n's bias.

    (sum lambda)^2 and sum lambda^2 are each estimated without bias, as the mean over all quadruples of distinct rows:
    with d_ij = |x_i - x_j|^2 / 2, of d_ij d_kl and of ((x_i - x_j) . (x_k - x_l) / 2)^2. All d dimensions count as known
    (the estimator that its authors call gamma_row). Range 0 upwards, above d by chance; infinite where no quadruple shares
    a direction, as of rows that are all as far apart. NaN below 4 rows, and where nothing varies.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Chun, Canatar, Chung, Lee, "Estimating Dimensionality of Neural Representations from Finite Samples",
    arXiv:2509.26560.
    """
    cloud = as_cloud(x).moderate
    n, trace = cloud.n, np.trace(cloud.centered_moment)
    if n < 4 or not trace > 0:
        return float("nan")
    # The sums over quadruples, of centered rows: T = sum_i |x_i|^2, F = sum_ij (x_i . x_j)^2, Q = sum_i |x_i|^4, as
    # shares of T^2.
    lengths = np.einsum("ij,ij->i", cloud.centered, cloud.centered) / trace
    f, q = np.vdot(cloud.centered_moment, cloud.centered_moment) / trace**2, lengths @ lengths
    numerator = (n * n - 3 * n + 1) - n * (n - 1) * q + 2 * f
    denominator = (n - 1) * (n - 2) * f - n * (n - 1) * q + 1
    if denominator <= _ROUNDING * n * n * f:
        return float("inf")
    return float(max(numerator / denominator, 0.0))


_ROUNDING = 64 * np.finfo(float).eps

MEASURES = (
    Measure(
        name="rankme",
        label="RankMe",
        definition="The number of directions in use, about the origin: exp of the entropy of the singular values.",
        source="Garrido et al., ICML 2023 (arXiv:2210.02885)",
        isotropic="near d",
        degenerate="1",
        undefined="where all rows are zero",
        better="disputed",
        unit="directions",
        range=(1.0, INFINITY),
        topic="rank",
        compute=rankme,
        needs=("values",),
        sees=("origin",),
    ),
    Measure(
        name="participation_ratio",
        label="Participation ratio",
        definition="The number of directions in use: the squared sum of the variances along the principal directions over "
        "the sum of their squares. Few rows make it smaller.",
        source="Gao et al., bioRxiv 214262, 2017",
        isotropic="d",
        degenerate="1",
        undefined="where nothing varies",
        better="disputed",
        unit="directions",
        range=(1.0, INFINITY),
        topic="rank",
        compute=participation_ratio,
    ),
    Measure(
        name="participation_ratio_corrected",
        label="Participation ratio, corrected",
        definition="The participation ratio of the distribution that the rows are drawn from: both its sums estimated "
        "without the bias of few rows.",
        source="Chun et al., 2025 (arXiv:2509.26560), as γ_row",
        isotropic="d",
        degenerate="1",
        undefined="below 4 rows, and where nothing varies",
        better="disputed",
        unit="directions",
        range=(0.0, INFINITY),
        topic="rank",
        compute=participation_ratio_corrected,
        needs=("points",),
        repeats="mislead",
    ),
)
