"""Principal axes: one set for clouds that are to be compared, and axes that turn with a cloud that moves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Embeddings, as_cloud
from core.threads import one_blas_thread


@dataclass(frozen=True, eq=False)
class Projection:
    """Clouds along a few principal axes.

    Attributes:
        coordinates: of each cloud (n, d) its (n, k) float64 coordinates, about the cloud's own mean.
        shares: of each cloud (k,), what share of its variance each axis holds; NaN where nothing varies.
    """

    coordinates: list[np.ndarray]
    shares: list[np.ndarray]


def common_axes(clouds: Sequence[Embeddings], count: int = 2) -> Projection:
    """Return each cloud along the `count` strongest principal axes of all of them together, one set for all.

    Each cloud (n, d) is taken about its own mean, so that the axes show shapes and not a shift between them. Axes that
    the clouds don't have, since d is smaller or nothing varies, hold zeros.

    Raises:
        IsobarError: clouds of different d; fewer than two rows, NaN or infinity, or not an (n, d) array.
    """
    checked = [as_cloud(cloud) for cloud in clouds]
    if len({cloud.d for cloud in checked}) > 1:
        raise IsobarError(
            "Clouds that share their axes must have as many dimensions; these have "
            f"{', '.join(str(cloud.d) for cloud in checked)}."
        )
    if not checked:
        return Projection([], [])
    axes = _principal_axes(np.vstack([cloud.centered for cloud in checked]), count)
    return _projection([cloud.centered @ axes for cloud in checked], [cloud.centered for cloud in checked])


def aligned_axes(clouds: Sequence[Embeddings], count: int = 2) -> Projection:
    """Return each cloud along its own `count` principal axes, turned to fit the cloud before it.

    Principal axes have no sign, and two that are about as strong change places from one cloud to the next. So the
    coordinates of each cloud but the first are rotated or reflected, as a whole, until they lie closest to those of
    the one before: Y_t R with R = argmin |Y_t R - Y_(t-1)|, R'R = I. What is left is how the points moved: a cloud
    that was only rotated in its d dimensions is drawn as if it had stayed.

    Args:
        clouds: (n, d) each, row for row the same points; d may differ.
        count: how many axes.

    Raises:
        IsobarError: clouds of different n; fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966.
    """
    from scipy.linalg import orthogonal_procrustes  # here, because a page that needs it not starts sooner

    checked = [as_cloud(cloud) for cloud in clouds]
    if len({cloud.n for cloud in checked}) > 1:
        raise IsobarError(
            f"Clouds can be aligned when they hold the same points; these have {', '.join(str(c.n) for c in checked)}."
        )
    coordinates: list[np.ndarray] = []
    with one_blas_thread():  # many small products in a row: a second thread mostly waits for the next
        for cloud in checked:
            own = cloud.centered @ _principal_axes(cloud.centered, count)
            if coordinates:
                rotation, _ = orthogonal_procrustes(own, coordinates[-1])
                own = own @ rotation
            coordinates.append(own)
    return _projection(coordinates, [cloud.centered for cloud in checked])


def _principal_axes(rows: np.ndarray, count: int) -> np.ndarray:
    """(d, count): the strongest right singular vectors of centered `rows`; columns of zeros where there are no more."""
    from scipy.linalg import eigh

    n, d = rows.shape
    # Of the two products the smaller one; an eigenvector u of XX' gives the axis X'u / |X'u|.
    product = rows @ rows.T if n < d else rows.T @ rows
    some = min(count, *rows.shape)
    with one_blas_thread():
        values, vectors = eigh(product, subset_by_index=(len(product) - some, len(product) - 1))
    axes = (rows.T @ vectors if n < d else vectors)[:, ::-1]
    axes = np.where(values[::-1] > 1e-12 * max(values[-1], 0.0), axes, 0.0)
    lengths = np.linalg.norm(axes, axis=0)
    axes = axes / np.where(lengths > 0, lengths, 1.0)
    # An eigenvector's sign means nothing; this choice keeps a picture from flipping over between two visits.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(some)] < 0, -1.0, 1.0)
    return np.hstack([axes, np.zeros((d, count - some))])


def _projection(coordinates: list[np.ndarray], rows: list[np.ndarray]) -> Projection:
    totals = [float(np.vdot(x, x)) for x in rows]
    shares = [
        np.einsum("ij,ij->j", y, y) / total if total > 0 else np.full(y.shape[1], np.nan)
        for y, total in zip(coordinates, totals, strict=True)
    ]
    return Projection(coordinates, shares)
