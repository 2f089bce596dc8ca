"""One cloud of embeddings, checked once, with the matrices and eigenvectors that several measures share."""

from collections.abc import Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from core.errors import IsobarError
from core.threads import one_blas_thread

Embeddings = Any
"""(n, d) floating-point numbers, n >= 2: a numpy array, nested lists, or a torch tensor of any dtype on any device."""

_DIRECTIONS = 64  # projected at once
_MODERATE = (
    128  # a float32's exponent: fourth powers of such numbers, which traces of squares sum, are far from the ends
)
_LANCZOS_FROM = 128  # rows of a matrix, from which on one eigenvalue costs less than all


class Cloud:
    """A checked cloud in float64 whose second moments and eigendecompositions are computed once, when first asked for.

    Its rows are `x` (n, d) times `scale`; all that is derived is of `x`.

    Everything is derived from the *centered* rows and ONE product of them: d x d if n >= d, else the n x n Gram matrix.
    The uncentered matrix is that one plus the mean's share, which only adds and so loses no digits to cancellation.
    """

    def __init__(self, x: np.ndarray, scale: float = 1.0):
        self.x, self.scale = x, scale
        self.n, self.d = x.shape

    @cached_property
    def shared(self) -> dict[str, Any]:
        """What costs seconds and several measures have in common, by a name of their own."""
        return {}

    @property
    def moderate(self) -> "Cloud":
        """The same rows with an `x` whose squares neither overflow nor vanish: this cloud, but for extreme numbers.

        The division is by a power of two, which is exact but for entries too small to count beside the largest.
        """
        return self._moderated or self

    @cached_property
    def _moderated(self) -> "Cloud | None":  # None, because a cloud that held itself would outlive its use
        exponent = int(np.frexp(max(self.x.max(), -self.x.min()))[1]) - 1
        if abs(exponent) < _MODERATE or not self.x.any():
            return None
        return Cloud(np.ldexp(self.x, -exponent), float(np.ldexp(self.scale, exponent)))

    @property
    def distinct(self) -> "Cloud":
        """The rows without those that repeat an earlier one: this cloud where all differ."""
        return self._distinct or self

    @cached_property
    def _distinct(self) -> "Cloud | None":
        # Rows whose first numbers differ are not compared further; sorting whole rows takes seconds where this takes a tenth.
        _, of, counts = np.unique(self.x[:, 0], return_inverse=True, return_counts=True)
        seen: set[bytes] = set()
        repeats = []
        for row in np.flatnonzero(counts[of] > 1):
            key = blake2b((self.x[row] + 0.0).tobytes(), digest_size=16).digest()  # -0.0 + 0.0 is 0.0
            if key in seen:
                repeats.append(row)
            seen.add(key)
        return Cloud(np.delete(self.x, repeats, axis=0), self.scale) if repeats else None

    @cached_property
    def _mean_and_centered(self) -> tuple[np.ndarray, np.ndarray]:
        # Relative to the first row, a constant column is exactly 0 and stays so when its mean is taken off.
        rows = self.x - self.x[0]
        drift = rows.mean(0)
        rows -= drift
        return self.x[0] + drift, rows

    @property
    def mean(self) -> np.ndarray:
        """(d,): the mean row."""
        return self._mean_and_centered[0]

    @property
    def centered(self) -> np.ndarray:
        """(n, d): the rows less their mean; exactly 0 where a coordinate is constant."""
        return self._mean_and_centered[1]

    @cached_property
    def is_wide(self) -> bool:
        """Whether there are fewer points than dimensions, so that the Gram matrix is the smaller one."""
        return self.n < self.d

    @cached_property
    def centered_moment(self) -> np.ndarray:
        """X'X, or XX' of a wide cloud, of the centered rows."""
        return self.centered @ self.centered.T if self.is_wide else self.centered.T @ self.centered

    @cached_property
    def moment(self) -> np.ndarray:
        """X'X, or XX' of a wide cloud, of the rows as they are."""
        if not self.is_wide:
            return self.centered_moment + self.n * np.outer(self.mean, self.mean)
        along = self.centered @ self.mean
        return self.centered_moment + along[:, None] + along[None, :] + self.mean @ self.mean

    @cached_property
    def column_variances(self) -> np.ndarray:
        """(d,): each coordinate's variance, over n - 1."""
        if self.is_wide:
            return np.einsum("ij,ij->j", self.centered, self.centered) / (self.n - 1)
        return np.diagonal(self.centered_moment) / (self.n - 1)

    @cached_property
    def centered_values(self) -> np.ndarray:
        """(min(n, d),): squared singular values of the centered rows, largest first, never negative."""
        if "centered_system" in self.__dict__:
            return self.centered_system[0]
        return _values(self.centered_moment)

    @cached_property
    def values(self) -> np.ndarray:
        """(min(n, d),): squared singular values of the rows as they are, largest first, never negative."""
        if "system" in self.__dict__:
            return self.system[0]
        return _values(self.moment)

    @cached_property
    def directions(self) -> np.ndarray:
        """(d,): the sum of the rows' unit vectors; NaN where a row is zero, which has no direction."""
        rows, norms = rows_and_norms(self.x)
        return (1.0 / norms) @ rows if norms.all() else np.full(self.d, np.nan)

    def largest_values(self, k: int, center: bool) -> np.ndarray:
        """Return the `k` largest of `values` or `centered_values`, the largest one without the others if it stands alone."""
        name = "centered_values" if center else "values"
        known = {name, "centered_system" if center else "system"} & self.__dict__.keys()
        matrix = self.centered_moment if center else self.moment
        if k == 1 and not known and len(matrix) >= _LANCZOS_FROM:
            return np.maximum(_largest_value(matrix), 0.0)
        return getattr(self, name)[:k]

    @cached_property
    def centered_system(self) -> tuple[np.ndarray, np.ndarray]:
        """`centered_values` and the eigenvectors of `centered_moment`, one a column."""
        return _system(self.centered_moment)

    @cached_property
    def system(self) -> tuple[np.ndarray, np.ndarray]:
        """`values` and the eigenvectors of `moment`, one a column."""
        return _system(self.moment)

    @cached_property
    def along_first(self) -> np.ndarray:
        """(n,): the centered rows' coordinates along their first principal direction, up to one common factor."""
        if "centered_system" in self.__dict__:
            vector = self.centered_system[1][:, 0]
        else:
            from scipy.linalg import eigh  # here, because scipy takes a while to import

            with one_blas_thread():
                last = len(self.centered_moment) - 1
                vector = eigh(self.centered_moment, subset_by_index=(last, last))[1][:, 0]
        # Of XX' the eigenvector is the coordinates themselves.
        return vector if self.is_wide else self.centered @ vector

    def projections(self, centered: bool, count: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the rows (or the centered rows) along their `count` strongest right singular vectors, some at a time.

        Each item is a slice of the directions and their (b, n) coordinates, an array of the caller's own that fits a cache.
        """
        values, vectors = self.centered_system if centered else self.system
        rows = self.centered if centered else self.x
        for start in range(0, count, _DIRECTIONS):
            some = slice(start, min(start + _DIRECTIONS, count))
            if self.is_wide:
                yield some, vectors[:, some].T * np.sqrt(values[some, None])
            else:
                yield some, vectors[:, some].T @ rows.T


def as_cloud(x: "Embeddings | Cloud") -> Cloud:
    """Return `x` as a checked :class:`Cloud`; one that is checked already is returned as it is.

    Raises:
        IsobarError: `x` is no (n, d) array of numbers, has fewer than two rows, or holds NaN or infinity.
    """
    if isinstance(x, Cloud):
        return x
    rows = as_rows(x)
    if len(rows) < 2:
        raise IsobarError(f"A shape needs at least 2 embeddings; there {'is only 1' if len(rows) else 'are none'}.")
    return Cloud(rows)


def as_rows(x: "Embeddings | Cloud") -> np.ndarray:
    """Return `x` as checked rows (n, d) float64, for what is done to each of them alone; one or none will do.

    Raises:
        IsobarError: `x` is no (n, d) array of numbers, or holds NaN or infinity.
    """
    if isinstance(x, Cloud):
        return x.x * x.scale
    given: Any = x
    if hasattr(given, "detach"):  # a torch tensor; not imported, so that readers of runs need no torch
        given = given.detach().cpu()
        given = (given if given.is_complex() else given.double()).numpy()
    try:
        x = np.asarray(given, dtype=None if np.iscomplexobj(given) else np.float64)
    except (TypeError, ValueError) as error:
        raise IsobarError("Embeddings must be an array of numbers of shape (points, dimensions).") from error
    if np.iscomplexobj(x):
        raise IsobarError("Embeddings must be real numbers; these are complex.")
    if x.ndim != 2 or x.shape[1] == 0:
        raise IsobarError(f"Embeddings must have the shape (points, dimensions); these have {x.shape}.")
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(x.sum())
    if suspicious:
        bad = np.flatnonzero(~np.isfinite(x).all(1))
        if bad.size:
            more = f" and {bad.size - 1} more" if bad.size > 1 else ""
            raise IsobarError(
                f"The embeddings hold NaN or infinity in row {bad[0]}{more}; drop those rows or find their cause."
            )
    return x


def rows_and_norms(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `rows` (n, d) and their lengths (n,), for their directions; a row of extreme length is made a moderate one.

    Each by itself: beside a row of 1e200 one of 1e-200 has a direction too.
    """
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows)
    extreme = ~((squares > 2.0**-960) & (squares < np.inf))  # below, a square has lost digits
    if extreme.any():
        largest = np.abs(rows[extreme]).max(1, keepdims=True)
        rows = rows.copy()
        rows[extreme] /= np.where(largest > 0, largest, 1.0)
        squares[extreme] = np.einsum("ij,ij->i", rows[extreme], rows[extreme])
    return rows, np.sqrt(squares)


def _largest_value(matrix: np.ndarray) -> np.ndarray:
    """(1,): the largest eigenvalue by Lanczos' iteration, a twentieth of the work of all."""
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    scale = np.trace(matrix)
    if not scale > 0:
        return np.zeros(1)
    start = np.random.default_rng(0).standard_normal(len(matrix))
    try:
        # An eigenvalue's error is about the square of its vector's, which the tolerance bounds.
        tol: Any = 1e-7  # of which scipy's default, 0, hides the type
        return scale * eigsh(matrix / scale, k=1, v0=start, tol=tol, ncv=32, return_eigenvectors=False)
    except ArpackNoConvergence:
        return _values(matrix)[:1]


def _values(matrix: np.ndarray) -> np.ndarray:
    with one_blas_thread():
        return np.maximum(np.linalg.eigvalsh(matrix)[::-1], 0.0)


def _system(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with one_blas_thread():
        values, vectors = np.linalg.eigh(matrix)
    return np.maximum(values[::-1], 0.0), vectors[:, ::-1]
