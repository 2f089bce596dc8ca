"""Measures of how variance is spread over directions: they see the singular values (and vectors) of the cloud only."""

from functools import partial

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.measures import (
    ETHAYARAJH,
    INFINITY,
    MARBUT,
    RAZZHIGAEV,
    SEPARATION,
    Measure,
)

_ROUNDING = 64 * np.finfo(float).eps  # of a coordinate along an eigenvector, relative
OUTLIER_FACTOR = 5.0  # Rudman, Eickhoff: a dimension is an outlier above 5 times the mean variance


def singular_values(x: Embeddings, center: bool = False) -> np.ndarray:
    """Return the singular values of `x` (n, d), or of its centered rows: (min(n, d),) float64, largest first.

    Values below about 1e-8 of the largest are rounding, because they are roots of a second moment's eigenvalues.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.
    """
    cloud = as_cloud(x).moderate
    return cloud.scale * np.sqrt(cloud.centered_values if center else cloud.values)


def anisotropy(x: Embeddings, k: int = 1, center: bool = False) -> float:
    """Return the share of the squared singular values that the `k` largest hold, of `x` (n, d) or of its centered rows.

    Range k/d (isotropic) to 1 (on a k-dimensional subspace); a finite sample of an isotropic cloud lies above k/d, and no
    cloud of n points lies below k/n. NaN where there is nothing to share out: all rows zero, or equal and `center`.

    Raises:
        IsobarError: `k` is less than 1; fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: of the rows as they are, Ethayarajh, "How Contextual are Contextualized Word Representations?", EMNLP 2019
    (maximum explainable variance, k = 1); centered, Razzhigaev et al., "The Shape of Learning", EACL Findings 2024,
    arXiv:2311.05928.
    """
    if k < 1:
        raise IsobarError(f"Anisotropy needs at least one direction; k is {k}.")
    cloud = as_cloud(x).moderate
    # sum_{i<=k} s_i^2 / sum_i s_i^2
    total = np.trace(cloud.centered_moment if center else cloud.moment)
    return float(min(cloud.largest_values(k, center).sum() / total, 1.0)) if total > 0 else float("nan")


def isoscore(x: Embeddings, zeta: float = 0.0, shrinkage: Embeddings | None = None) -> float:
    """Return IsoScore* of `x` (n, d): how evenly variance is spread over the d dimensions; `zeta` 0 is IsoScore.

    Range 0 (one direction holds all variance) to 1 (isotropic); n points in d > n dimensions can't exceed about n/d.
    NaN where d is 1 or nothing varies. `zeta` in [0, 1] is the weight of the covariance `shrinkage` (d, d), which stands
    for what a small sample can't show; None is the identity. It is the published value in closed form, without an SVD.

    Raises:
        IsobarError: `zeta` outside [0, 1], `shrinkage` not (d, d) or not finite; fewer than two rows, NaN or infinity,
            not (n, d).

    Source: Rudman, Eickhoff, "Stable Anisotropic Regularization", ICLR 2024, arXiv:2305.19358; IsoScore: ACL 2022.
    """
    if not 0.0 <= zeta <= 1.0:
        raise IsobarError(f"IsoScore's zeta is a weight between 0 and 1; it is {zeta}.")
    cloud = as_cloud(x).moderate
    if shrinkage is not None:
        shrinkage = np.asarray(shrinkage.detach().cpu().double().numpy() if hasattr(shrinkage, "detach") else shrinkage)
        if shrinkage.shape != (cloud.d, cloud.d):
            raise IsobarError(
                f"IsoScore's shrinkage covariance must be {cloud.d} x {cloud.d}, like the embeddings; it is {shrinkage.shape}."
            )
        if not np.isfinite(shrinkage).all():
            raise IsobarError("IsoScore's shrinkage covariance holds NaN or infinity; every entry must be finite.")
    if cloud.d == 1:
        return float("nan")
    # Sigma_z = (1 - z) Sigma + z Sigma_S;  (tr(Sigma_z)^2 / |Sigma_z|_F^2 - 1) / (D - 1).
    # The traces of Sigma and Sigma^2 are the same from the Gram matrix.
    keep = (1.0 - zeta) / (cloud.n - 1)
    if 0.0 < zeta < 1.0:
        # Sigma of the rows times their scale has its square. The score is the same if Sigma_S is divided by it instead,
        # and whichever of the two vanishes is too small to count beside the other.
        keep, zeta = keep * min(cloud.scale, 1.0) ** 2, zeta * min(1.0 / cloud.scale, 1.0) ** 2
    trace = keep * np.trace(cloud.centered_moment)
    square = keep**2 * np.vdot(cloud.centered_moment, cloud.centered_moment)
    if zeta > 0.0:
        square += 2.0 * zeta * (trace if shrinkage is None else keep * _cross(cloud, shrinkage))
        square += zeta**2 * (cloud.d if shrinkage is None else np.vdot(shrinkage, shrinkage))
        trace += zeta * (cloud.d if shrinkage is None else np.trace(shrinkage))
    if square <= 0.0:
        return float("nan")
    return float(np.clip((trace * trace / square - 1.0) / (cloud.d - 1), 0.0, 1.0))


def effective_rank(x: Embeddings) -> float:
    """Return exp of the Shannon entropy of the covariance's normalized eigenvalues: how many directions are in use.

    Range 1 (one direction holds all variance) to min(n - 1, d) (all hold the same). NaN where nothing varies.
    Roy and Vetterli take the entropy of singular values; here it is that of variances, their squares.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Roy, Vetterli, "The effective rank", EUSIPCO 2007.
    """
    share = _variance_shares(as_cloud(x).moderate)
    if share is None:
        return float("nan")
    share = share[share > 0]
    return float(np.exp(-(share @ np.log(share))))


def eigenvalue_early_enrichment(x: Embeddings) -> float:
    """Return the area of the cumulative share of variance above the diagonal of equal shares, normalized (EEE).

    As published: the trapezoid rule, in unit steps, over the m = min(n, d) differences of the cumulative shares from
    i/m, divided by m/2. Range 0 (isotropic) to (1 - 1/m)^2 (one direction holds all variance), so near 1 for large m.
    NaN where d is 1 or nothing varies.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Marbut, McKinney-Bock, Wheeler, "Reliable Measures of Spread in High Dimensional Latent Spaces", ICML 2023.
    """
    cloud = as_cloud(x).moderate
    share = _variance_shares(cloud)
    if share is None or cloud.d == 1:
        return float("nan")
    m = min(cloud.n, cloud.d)
    share = share[:m]
    area = np.trapezoid(np.cumsum(share) - np.arange(1, m + 1) / m)
    return float(np.clip(area / (m / 2), 0.0, 1.0))


def partition_ratio(x: Embeddings) -> float:
    """Return the least over the greatest partition function Z(c) of `x` (n, d) along its principal directions: I(V).

    Range 0 (degenerate) to 1 (isotropic). Z depends on the scale of `x`, so only clouds of like norm compare. Directions
    are the unit eigenvectors of X'X, each taken with both signs (an eigenvector has none of its own, but Z has); those
    that no row reaches, as with fewer points than dimensions, count with Z = n. NaN where norms are so great, from about
    1e8, that the rounding of ln Z could change the ratio.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Mu, Viswanath, "All-but-the-Top", ICLR 2018, arXiv:1702.01417.
    """
    cloud = as_cloud(x).moderate
    # Z(c) = sum_x exp(c . x), as a logarithm: norms of a few hundred overflow it
    logs = [np.full(int(cloud.is_wide), np.log(cloud.n))]
    with np.errstate(over="ignore", invalid="ignore"):
        for _, along in cloud.projections(centered=False, count=min(cloud.n, cloud.d)):
            along *= cloud.scale
            logs += [_log_sum_exp(along), _log_sum_exp(np.negative(along, out=along))]
        logs = np.concatenate(logs)
        least, greatest = logs.min(), logs.max()
        ratio, doubt = np.exp(least - greatest), _ROUNDING * max(-least, greatest)
    # Where ln Z is known to no more than `doubt`, only a ratio that is 0 all the same is known.
    return float(ratio) if doubt < 1e-6 or greatest - least > 2.0 * doubt + 20.0 else float("nan")


def outlier_dimensions(x: Embeddings, factor: float = OUTLIER_FACTOR) -> np.ndarray:
    """Return the coordinates whose variance exceeds `factor` times the mean variance: (m,) int64, strongest first.

    Range of their number: 0 (isotropic) to less than d / `factor`; it depends on the axes, unlike the other measures.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Rudman, Chen, Eickhoff, "Outlier Dimensions Encode Task Specific Knowledge", EMNLP 2023.
    """
    variances = as_cloud(x).moderate.column_variances
    strongest = np.argsort(-variances, kind="stable")
    return strongest[variances[strongest] > factor * variances.mean()]


def _log_sum_exp(rows: np.ndarray) -> np.ndarray:
    """Return ln(sum(exp)) of each row."""
    highest = rows.max(1, keepdims=True)
    shares = rows - highest
    return highest[:, 0] + np.log(np.exp(shares, out=shares).sum(1))


def _variance_shares(cloud: Cloud) -> np.ndarray | None:
    """The centered eigenvalues over their sum, or None where nothing varies."""
    total = cloud.centered_values.sum()
    return cloud.centered_values / total if total > 0 else None


def _cross(cloud: Cloud, shrinkage: np.ndarray) -> float:
    """tr(X'X S) of the centered rows X."""
    if cloud.is_wide:
        return float(np.vdot(cloud.centered @ shrinkage, cloud.centered))
    return float(np.vdot(cloud.centered_moment, shrinkage))


_ORDINALS = {1: "strongest direction holds", 2: "two strongest directions hold", 3: "three strongest directions hold"}


def _anisotropy(k: int, center: bool) -> Measure:
    about = "the mean" if center else "the origin"
    # Where there are classes, the strongest direction may be the one between them.
    blind = " It can't tell a stretched cloud from classes that are well apart, which lie along few directions too."
    return Measure(
        name=f"anisotropy_{k}_centered" if center else f"anisotropy_{k}",
        label=f"Anisotropy {k}, centered" if center else f"Anisotropy {k}",
        definition=f"The share of the squared length about {about} that the {_ORDINALS[k]}." + blind,
        source=RAZZHIGAEV if center else f"{ETHAYARAJH}, as maximum explainable variance",
        isotropic="1/d" if k == 1 else f"{k}/d",
        degenerate="1",
        undefined="where nothing varies" if center else "where all rows are zero",
        better="disputed",
        doubt=SEPARATION,
        range=(0.0, 1.0),
        topic="isotropy",
        compute=partial(anisotropy, k=k, center=center),
        # The largest eigenvalue by itself costs less than all of them.
        needs=() if k == 1 else ("centered_values",) if center else ("values",),
        sees=() if center else ("origin",),
        main=k == 1,
    )


MEASURES = (
    *(_anisotropy(k, center) for k in (1, 2, 3) for center in (False, True)),
    Measure(
        name="isoscore",
        label="IsoScore",
        definition="How evenly the variance is spread over the dimensions, by the covariance matrix's trace and norm.",
        source="Rudman et al., ACL 2022 (arXiv:2108.07344); closed form of IsoScore* at zeta 0 (arXiv:2305.19358)",
        isotropic="1",
        degenerate="0",
        undefined="in one dimension, and where nothing varies",
        better="disputed",
        range=(0.0, 1.0),
        topic="isotropy",
        compute=isoscore,
        main=True,
    ),
    Measure(
        name="effective_rank",
        label="Effective rank",
        definition="The number of directions in use: exp of the entropy of the variances along the principal directions.",
        source="Roy, Vetterli, EUSIPCO 2007",
        isotropic="d",
        degenerate="1",
        undefined="where nothing varies",
        better="disputed",
        unit="directions",
        range=(1.0, INFINITY),
        topic="rank",
        compute=effective_rank,
        needs=("centered_values",),
        main=True,
    ),
    Measure(
        name="partition_ratio",
        label="Partition ratio I(V)",
        definition="The least over the greatest sum of exp(c·x), over the principal directions c; depends on the norm of x.",
        source="Mu, Viswanath, ICLR 2018 (arXiv:1702.01417)",
        isotropic="1",
        degenerate="0",
        undefined="where norms are so great, from about 1e8, that rounding decides",
        better="disputed",
        range=(0.0, 1.0),
        topic="isotropy",
        compute=partition_ratio,
        needs=("points", "system"),
        sees=("origin", "scale"),
    ),
    Measure(
        name="eee",
        label="Eigenvalue early enrichment",
        definition="How far the cumulative share of variance, strongest direction first, runs ahead of equal shares.",
        source=MARBUT,
        isotropic="0",
        degenerate="near 1",
        undefined="in one dimension, and where nothing varies",
        better="disputed",
        range=(0.0, 1.0),
        topic="isotropy",
        compute=eigenvalue_early_enrichment,
        needs=("centered_values",),
    ),
    Measure(
        name="outlier_dimensions",
        label="Outlier dimensions",
        definition="The number of coordinates whose variance exceeds 5 times the mean variance.",
        source="Rudman, Chen, Eickhoff, EMNLP 2023 (arXiv:2310.17715)",
        isotropic="0",
        degenerate="up to d/5",
        better="disputed",
        unit="dimensions",
        range=(0.0, INFINITY),
        topic="isotropy",
        compute=lambda cloud: float(outlier_dimensions(cloud).size),
        sees=("axes",),
    ),
)
