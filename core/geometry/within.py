"""Measures of a cloud whose rows have classes: its shape within them, and how far they stand apart."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.spectrum import anisotropy


class Classes:
    """A checked cloud and the class of each row, with what several measures share computed once.

    Attributes:
        cloud: the rows.  labels: (n,) int64, 0 to C - 1.  sizes: (C,) int64, none of them 0.
    """

    def __init__(self, cloud: Cloud, labels: np.ndarray):
        self.cloud = cloud.moderate
        _, self._first, self.labels, self.sizes = np.unique(
            labels, return_index=True, return_inverse=True, return_counts=True
        )

    @cached_property
    def means(self) -> np.ndarray:
        """(C, d): each class's mean, about the mean of all rows."""
        return self._sums(self.cloud.centered) / self.sizes[:, None]

    @cached_property
    def within(self) -> Cloud:
        """The rows, each less its class's mean; exactly 0 where the points of a class coincide."""
        # Relative to its class's first row, a point that coincides with it is exactly 0.
        rows = self.cloud.x - self.cloud.x[self._first[self.labels]]
        rows -= (self._sums(rows) / self.sizes[:, None])[self.labels]
        return Cloud(rows)

    def share_between(self, along: np.ndarray) -> float:
        """Return what share of the variance of the coordinates `along` (n,) a direction lies between class means."""
        along = along - along.mean()
        # eta^2 = sum_c n_c (mean_c - mean)^2 / sum_i (t_i - mean)^2
        between = (self._sums(along) ** 2 / self.sizes).sum()
        return float(min(between / (along @ along), 1.0))

    def _sums(self, rows: np.ndarray) -> np.ndarray:
        """(C, ...): the sum of each class's rows."""
        starts = np.concatenate(([0], np.cumsum(self.sizes)[:-1]))
        return np.add.reduceat(rows[np.argsort(self.labels, kind="stable")], starts)


def as_classes(x: "Embeddings | Classes", labels: Sequence | None) -> Classes:
    """Return `x` (n, d) with its `labels` (n,), checked; one that is checked already is returned as it is.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).
    """
    if isinstance(x, Classes):
        return x
    cloud = as_cloud(x)
    if labels is None:
        raise IsobarError("A measure within or between classes needs the labels of the rows; there are none.")
    codes = np.empty(cloud.n, np.int64)
    for code, rows in enumerate(rows_by_class(labels, cloud.n).values()):
        codes[rows] = code
    return Classes(cloud, codes)


def anisotropy_within(x: "Embeddings | Classes", labels: Sequence | None = None) -> float:
    """Return the largest squared singular value's share of `x` (n, d) when each class is centered on its own mean.

    The classes' rows are then taken together as one cloud: what is left is the spread of texts around their class, which
    a separation of the classes does not touch. Range 1/d (isotropic) to 1 (on a line); with one class it is the centered
    anisotropy. A class of one point adds nothing. NaN where no class has a spread: its points coincide or stand alone.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: as the published code of arXiv:2501.05502 measures it at the end of training; the measure itself is
    Razzhigaev et al., EACL Findings 2024, arXiv:2311.05928.
    """
    return anisotropy(as_classes(x, labels).within, center=True)


def between_share(x: "Embeddings | Classes", labels: Sequence | None = None) -> float:
    """Return the share of the squared first singular value s_1^2 of the centered `x` (n, d) that lies between class means.

    Of the rows' coordinates t along the first principal direction, sum_c n_c mean_c(t)^2 / sum_i t_i^2, where the
    denominator is s_1^2 (the correlation ratio eta^2 of t and the classes). Range 0 (each class has the same mean along
    it: the direction is one of spread within classes) to 1 (no class varies along it: the direction only tells classes
    apart). Classes in n rows of an isotropic cloud have about (C - 1)/(n - 1). 0 with one class, NaN where nothing varies.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: this project's, after Mickus, Grönroos, Attieh, "Isotropy, Clusters, and Classifiers", ACL 2024.
    """
    classes = as_classes(x, labels)
    if not classes.cloud.centered.any():
        return float("nan")
    return classes.share_between(classes.cloud.along_first) if len(classes.sizes) > 1 else 0.0


def nc1(x: "Embeddings | Classes", labels: Sequence | None = None) -> float:
    """Return tr(S_W S_B^+) / C of `x` (n, d): the spread within C classes over that between their means.

    S_W = 1/n sum_i (x_i - mean_c)(x_i - mean_c)', S_B = sum_c n_c/n (mean_c - mean)(mean_c - mean)', ^+ the
    pseudo-inverse; classes are weighed by their size, which for classes of one size is the published definition.
    Range 0 (each class is one point: within-class variability has collapsed) upwards. With few points for the dimensions
    it is small by chance, about n/d: compare with an isotropic cloud of the same classes.
    NaN with one class, where all class means coincide, and where every class is a single point, which shows no spread.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: Papyan, Han, Donoho, "Prevalence of neural collapse", PNAS 2020, arXiv:2008.08186.
    """
    classes = as_classes(x, labels)
    n, sizes = classes.cloud.n, classes.sizes
    if sizes.max() == 1:
        return float("nan")
    _, s, directions = np.linalg.svd(np.sqrt(sizes / n)[:, None] * classes.means, full_matrices=False)
    # A mean's rounding is as large as that of the rows it is of, however near each other the means are.
    rounding = max(n, classes.cloud.d) * np.finfo(float).eps * np.sqrt(np.trace(classes.cloud.centered_moment) / n)
    some = s > rounding
    if not some.any():
        return float("nan")
    # S_B = V diag(s^2) V', so tr(S_W S_B^+) = sum_k v_k' S_W v_k / s_k^2
    along = classes.within.x @ directions[some].T
    return float((np.einsum("ij,ij->j", along, along) / n / s[some] ** 2).sum() / len(sizes))


def rows_by_class(labels: Sequence, n: int) -> dict[str, np.ndarray]:
    """Return the rows (k,) int64 of each class of the `labels` (n,), by label (as text) in their order.

    Raises:
        IsobarError: labels that are missing or not one a row.
    """
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu().numpy()
    # In an array of texts a missing label of a list would be a text too.
    labels = np.asarray(labels) if hasattr(labels, "dtype") else np.asarray(labels, dtype=object)
    if labels.shape != (n,):
        raise IsobarError(f"Labels must be one a row: there are {n} embeddings, and labels of shape {labels.shape}.")
    if labels.dtype.kind not in "iubUS":
        from pandas import isna  # here, because it takes a while to import

        missing = np.flatnonzero(isna(labels))
        if missing.size:
            raise IsobarError(
                f"Of the {n} labels {missing.size} {'is' if missing.size == 1 else 'are'} missing, first in row {missing[0]}; "
                "give every row a label, or leave such rows out."
            )
    values = labels.tolist()
    try:
        order = sorted(set(values))
    except TypeError:  # numbers among texts have no order
        order = sorted({str(value) for value in values})
    texts = np.array([str(value) for value in values])
    return {str(value): np.flatnonzero(texts == str(value)) for value in order}
