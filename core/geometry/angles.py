"""Measures of common direction: how much all embeddings point the same way."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud


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


def mean_vector_share(x: Embeddings) -> float:
    """Return the share of the mean squared norm that the mean row of `x` (n, d) holds: common drift.

    Range 0 (centered on the origin) to 1 (all rows equal); an isotropic sample of n points has 1/n. NaN if all rows are zero.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Godey, de la Clergerie, Sagot, "Is Anisotropy Inherent to Transformers?", ACL SRW 2023.
    """
    cloud = as_cloud(x)
    # |mean(X)|^2 / mean(|x|^2), and mean(|x|^2) = |mean(X)|^2 + mean(|x - mean|^2)
    drift = cloud.mean @ cloud.mean
    spread = np.trace(cloud.centered_moment) / cloud.n
    return float(drift / (drift + spread)) if drift + spread > 0 else float("nan")
