"""Repair of a space after training: one affine map, fitted on embeddings, that takes off what all of them share."""

from dataclasses import dataclass

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Embeddings, as_cloud, as_rows

WAYS = ("center", "all-but-the-top", "whitening")
_ROUNDING = 1e-10  # of the largest variance: below, a direction is taken for one in which nothing varies


@dataclass(frozen=True, eq=False)
class Repair:
    """An affine map of embeddings: x becomes x @ matrix + bias.

    Attributes:
        matrix: (d, k) float64.
        bias: (k,) float64.
        about: what it does, in a sentence.
    """

    matrix: np.ndarray
    bias: np.ndarray
    about: str

    def __call__(self, x: Embeddings) -> np.ndarray:
        """Return the embeddings `x` (n, d) repaired, (n, k) float64; one query is n = 1.

        Raises:
            IsobarError: `x` holds NaN or infinity, is not (n, d), or has other dimensions than the repair was fitted on.
        """
        rows = as_rows(x)
        if rows.shape[1] != len(self.matrix):
            raise IsobarError(
                f"The repair was fitted on {len(self.matrix)} dimensions; these embeddings have {rows.shape[1]}."
            )
        return rows @ self.matrix + self.bias


def repair(x: Embeddings, by: str, *, top: int | None = None, keep: int | None = None) -> Repair:
    """Return the map that repairs embeddings `x` (n, d) and all others of the same model.

    Args:
        x: what it is fitted on: more of them than dimensions, or what lies across them is left out or made up of noise.
        by: center takes off the mean; all-but-the-top the first few principal directions too (Mu, Viswanath, ICLR 2018,
            arXiv:1702.01417); whitening takes off the mean and scales every principal direction to variance 1 (Su et al.,
            2021, arXiv:2103.15316).
        top: of all-but-the-top, how many directions; by default d / 100 and at least 1, as published.
        keep: of whitening, how many dimensions are left; by default all in which something varies.

    Raises:
        IsobarError: there is no such way, or an option is not of it or out of range; fewer than two rows, NaN or infinity;
            nothing varies.
    """
    if by not in WAYS:
        raise IsobarError(f"There is no repair {by!r}; it would be {', '.join(WAYS)}.")
    if top is not None and by != "all-but-the-top":
        raise IsobarError(f"The number of top directions is all-but-the-top's; the repair is {by}.")
    if keep is not None and by != "whitening":
        raise IsobarError(f"The number of dimensions that are kept is whitening's; the repair is {by}.")
    cloud = as_cloud(x)
    rows = cloud.x * cloud.scale
    mean = rows.mean(0)
    if by == "center":
        return Repair(np.eye(cloud.d), -mean, "The mean was taken off.")
    _, lengths, directions = np.linalg.svd(rows - mean, full_matrices=False)
    variances = lengths**2 / cloud.n
    there = int((variances > _ROUNDING * variances[0]).sum()) if variances[0] > 0 else 0
    if not there:
        raise IsobarError("All of these embeddings are equal; there is no direction to repair.")
    if by == "all-but-the-top":
        count = max(1, round(cloud.d / 100)) if top is None else top
        if not 1 <= count < cloud.d:
            raise IsobarError(
                f"{count} top directions can't be taken off {cloud.d} dimensions; it would be 1 to {cloud.d - 1}."
            )
        taken = directions[:count]
        matrix = np.eye(cloud.d) - taken.T @ taken
        return Repair(matrix, -mean @ matrix, f"The mean and the first {count} principal directions were taken off.")
    count = there if keep is None else keep
    if not 1 <= count <= there:
        raise IsobarError(f"{count} dimensions can't be kept; these embeddings vary in {there}.")
    matrix = directions[:count].T / np.sqrt(variances[:count])
    left = f", of {cloud.d} in which nothing else varied" if count == there < cloud.d else ""
    return Repair(matrix, -mean @ matrix, f"Whitened to {count} dimensions{left}.")
