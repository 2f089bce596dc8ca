"""The classes of a cloud's rows: labels checked once, and what measures of classes share."""

from functools import cached_property
from typing import Any

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Cloud, Embeddings, as_cloud

Labels = Any
"""(n,) the class of each row: a list, a numpy array, a pandas Series or a torch tensor."""


class Classes:
    """A checked cloud and the class of each row, with what several measures share computed once.

    Attributes:
        cloud: the rows, with moderate numbers.  given: as they came.
        labels: (n,) int64, 0 to C - 1.  sizes: (C,) int64, none of them 0.
    """

    def __init__(self, cloud: Cloud, labels: np.ndarray):
        self.given, self.cloud = cloud, cloud.moderate
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

    @cached_property
    def rounding(self) -> float:
        """How large a length of `means` may be by rounding alone."""
        # A mean's rounding is as large as that of the rows it is of, however near each other the means are.
        n, d = self.cloud.n, self.cloud.d
        return float(max(n, d) * np.finfo(float).eps * np.sqrt(np.trace(self.cloud.centered_moment) / n))

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


def as_classes(x: "Embeddings | Classes", labels: Labels | None) -> Classes:
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


def rows_by_class(labels: Labels, n: int) -> dict[str, np.ndarray]:
    """Return the rows (k,) int64 of each class of the `labels` (n,), by label (as text) in their order.

    Raises:
        IsobarError: labels that are missing or not one a row.
    """
    values = _there(labels, n).tolist()
    try:
        known = {value: str(value) for value in sorted(set(values))}
        texts = [known[value] for value in values]  # 1 and 1.0 are one class
    except TypeError:  # numbers among texts have no order
        texts = [str(value) for value in values]
        known = {text: text for text in sorted(set(texts))}
    number = {text: k for k, text in enumerate(dict.fromkeys(known.values()))}
    codes = np.array([number[text] for text in texts], dtype=np.int64)
    # One stable sort has the rows of all classes; to look for each class's would be n comparisons a class.
    starts = np.cumsum(np.bincount(codes, minlength=len(number)))[:-1]
    return dict(zip(number, np.split(np.argsort(codes, kind="stable"), starts)))


def whole_labels(labels: Labels, rows: int) -> np.ndarray:
    """Return `labels` as (rows,) int64.

    Raises:
        IsobarError: they are not one whole number a row, or some are missing.
    """
    labels = typed_labels(labels, rows)
    if labels.dtype.kind not in "iub" and not (labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels))):
        raise IsobarError("Labels must be whole numbers, one for each class.")
    return labels.astype(np.int64)


def typed_labels(labels: Labels, n: int) -> np.ndarray:
    """Return `labels` (n,) as an array of numbers or of texts, also where they are objects, as pandas holds texts.

    Raises:
        IsobarError: labels that are missing or not one a row.
    """
    labels = _there(labels, n)
    if labels.dtype.kind != "O":
        return labels
    try:
        typed = np.asarray(labels.tolist())
    except ValueError:  # lists of several lengths are no labels, as whoever asked will say
        return labels
    return typed if typed.shape == (n,) else labels


def _there(labels: Labels, n: int) -> np.ndarray:
    """Return `labels` (n,) as an array, of objects where they were a list; an IsobarError where some are missing."""
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
    return labels
