"""Measures of a cloud too large for memory: it is seen batch by batch, and only sums and a sample are kept."""

from collections.abc import Sequence

import numpy as np

from core.errors import IsobarError
from core.geometry.catalogue import MEASURES
from core.geometry.cloud import Cloud, as_cloud
from core.geometry.report import Names, measure, measure_names

KEPT = 4_000  # rows: as many as k-means takes to find its cells, more than any other sampled measure looks at
OF_POINTS = tuple(name for name, about in MEASURES.items() if about.of_points)
"""Measures that need the points themselves or their labels; all others follow exactly from sums."""


class Moments:
    """Count, mean and scatter of rows that come batch after batch, numpy arrays or torch tensors, in their precision.

    Attributes:
        count: of the rows seen.  scatter: (d, d), the sum of (x - mean)(x - mean)'.

    Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """

    def __init__(self):
        self.count, self.scatter = 0, 0.0
        self._origin = self._mean = 0.0

    @property
    def mean(self):
        """(d,): the mean row."""
        return self._origin + self._mean

    def add(self, rows) -> None:
        """Take in rows (n, d)."""
        n = len(rows)
        if n == 0:
            return
        if self.count == 0:
            self._origin = rows[0]
        # Relative to the first row, a constant column is exactly 0 and stays so when its mean is taken off.
        rows = rows - self._origin
        mean = rows.mean(0)
        rows -= mean
        total, apart = self.count + n, mean - self._mean
        self.scatter = self.scatter + rows.T @ rows + apart[:, None] * apart * (self.count * n / total)
        self._mean = self._mean + apart * (n / total)
        self.count = total


class CloudStream:
    """A cloud of embeddings that comes in batches of rows.

    Up to `keep` rows all are kept, and the measures are those of :func:`~core.geometry.measure`. Of more, the measures
    that follow from sums stay exact; those of :data:`OF_POINTS` are of a uniform random sample of `keep` rows.

    Args:
        keep: how many rows are kept.
        seed: of the sample; streams of equal seeds that get equally many rows keep the same ones.
        names: what the classes 0, 1, ... are called in a sentence.
    """

    def __init__(self, keep: int = KEPT, seed: int = 0, names: Sequence[str] = ()):
        self.keep, self.names, self.count = keep, names, 0
        self._random = np.random.default_rng(seed)
        self._rows = self._keys = np.zeros(0)
        self._labels: np.ndarray | None = None
        self._moments: Moments | None = None
        self._directions = np.zeros(0)

    def add(
        self,
        rows: np.ndarray,
        name: str = "The embeddings",
        numbers: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        """Take in rows (n, d); `numbers` (n,) says which rows they are where they come in another order.

        `labels` (n,) are their classes, of all batches or of none.

        Raises:
            IsobarError: they hold NaN or infinity; the sentence begins with `name`, and has the first such row and its class.
        """
        bad = np.flatnonzero(~np.isfinite(rows).all(1))
        if bad.size:
            first = bad[0] if numbers is None else bad[numbers[bad].argmin()]
            row = self.count + first if numbers is None else numbers[first]
            of = f" (class {self._called(int(labels[first]))})" if labels is not None else ""
            raise IsobarError(
                f"{name} hold NaN or infinity, first in row {row}{of}; find their cause in the model or its training."
            )
        overflows = self.count + len(rows) > self.keep
        if overflows and self._moments is None:
            self._moments, self._directions = Moments(), np.zeros(rows.shape[1])
            self._sum(self._moments, self._rows)
        if self._moments is not None:
            self._sum(self._moments, rows)
        self.count += len(rows)
        # The rows of the smallest of uniform random keys are a uniform sample; in the order in which they came.
        self._keys = np.concatenate((self._keys, self._random.random(len(rows))))
        if labels is not None:
            self._labels = np.array(labels) if self._labels is None else np.concatenate((self._labels, labels))
        self._rows = np.concatenate((self._rows, rows)) if len(self._rows) else rows.copy()
        if len(self._keys) > self.keep:
            kept = np.sort(np.argpartition(self._keys, self.keep)[: self.keep])
            self._keys, self._rows = self._keys[kept], self._rows[kept]
            self._labels = self._labels[kept] if self._labels is not None else None

    def measure(self, measures: Names = "main") -> dict[str, float]:
        """Return measures of all rows so far, by name.

        Raises:
            IsobarError: an unknown measure, or one that needs labels where none came; fewer than two rows.
        """
        names = measure_names(measures, self._labels is not None)
        sample = self._rows if self.count else np.zeros((0, 1))
        if self._moments is None:
            return measure(sample, names, self._labels)
        whole = _Summed(self._moments, self._directions)
        of_points = measure(as_cloud(sample), [name for name in names if name in OF_POINTS], self._labels)
        return {n: of_points[n] if n in of_points else float(MEASURES[n].compute(whole)) for n in names}

    def _called(self, label: int) -> str:
        return repr(self.names[label]) if 0 <= label < len(self.names) else str(label)

    def _sum(self, moments: Moments, rows: np.ndarray) -> None:
        if not len(rows):
            return
        rows = rows.astype(np.float64)
        moments.add(rows)
        norms = np.linalg.norm(rows, axis=1)
        # A zero row has no direction: from then on the sum is NaN, as the mean cosine of such a cloud is.
        self._directions += (1.0 / norms) @ rows if norms.all() else np.nan


class _Summed(Cloud):
    """A cloud of which only the sums are known."""

    def __init__(self, moments: Moments, directions: np.ndarray):
        self.n, self.d = moments.count, len(directions)
        self.scale = 1.0
        known = {
            "is_wide": False,
            "centered_moment": moments.scatter,
            "_mean_and_centered": (moments.mean, None),
            "directions": directions,
            "_moderated": None,
        }
        self.__dict__.update(known)
