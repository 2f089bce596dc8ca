"""In how many directions the classes stand apart, measured by their spread."""

import numpy as np

from core.geometry.cloud import Embeddings
from core.geometry.labels import Classes, Labels, as_classes
from core.geometry.measures import INFINITY, Measure
from core.geometry.measures.rank import smooth_rank

DELTA = 1e-4  # of the mean variance within classes


def lidar(x: "Embeddings | Classes", labels: Labels | None = None) -> float:
    """Return the LiDAR of `x` (n, d): exp of the entropy of the eigenvalues of S_w^(-1/2) S_b S_w^(-1/2).

    S_b is the covariance of the class means, S_w that within classes plus delta I; classes are weighed by their size,
    which for classes of one size is the published definition. Delta is 1e-4 of the mean variance within classes, where
    the published one is 1e-4 whatever the unit. Range 1 to min(C - 1, d) for C classes: of two classes it is always 1.
    Classes that are points each count as spread alike in all directions. NaN with one class, where all class means
    coincide, and where every class is a single point, which shows no spread.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: Thilak et al., "LiDAR: Sensing Linear Probing Performance in Joint Embedding SSL Architectures", ICLR 2024,
    arXiv:2312.04000, whose classes are the augmentations of one image.
    """
    classes = as_classes(x, labels)
    n, d = classes.cloud.n, classes.cloud.d
    if classes.sizes.max() == 1:
        return float("nan")
    between = np.sqrt(classes.sizes / n)[:, None] * classes.means
    if np.linalg.norm(between) <= classes.rounding:
        return float("nan")
    rows = classes.within
    within = (rows.x.T @ rows.x if rows.is_wide else rows.centered_moment) / n
    mean = np.trace(within) / d
    if mean > 0:
        lower = np.linalg.cholesky(within / mean + DELTA * np.eye(d))
        between = np.linalg.solve(lower, between.T)
    values = np.linalg.svd(between, compute_uv=False) ** 2
    return smooth_rank(np.pad(values, (0, d - len(values))))


MEASURES = (
    Measure(
        name="lidar",
        label="LiDAR",
        definition="In how many directions the classes stand apart: exp of the entropy of the variances between class means, "
        "each measured by that within classes. Of two classes it is 1.",
        source="Thilak et al., ICLR 2024 (arXiv:2312.04000)",
        isotropic="near C − 1, of C classes",
        degenerate="1",
        undefined="with one class, where all class means coincide, and where every class is a single point",
        better="higher",
        unit="directions",
        range=(1.0, INFINITY),
        topic="classes",
        compute=lidar,
        needs=("labels",),
    ),
)
