"""How unit vectors lie on their sphere: whether they cover it, and whether those of one class lie together."""

import numpy as np

from core.geometry.cloud import Cloud, Embeddings, as_cloud, rows_and_norms
from core.geometry.labels import Classes, Labels, as_classes
from core.geometry.measures import SEPARATION, Measure
from core.geometry.neighbours import sampled_rows

_BLOCK = 512  # rows whose pairs are held at once
_WANG = "Wang, Isola, ICML 2020 (arXiv:2005.10242)"


def uniformity(x: Embeddings) -> float:
    """Return ln of the mean of exp(-2 |u_i - u_j|^2) over all pairs of the unit rows u of `x` (n, d).

    Range -8 (two opposite points) to 0 (all in one direction); about -4 for an isotropic cloud of many dimensions. Of
    more than 4,000 rows, all pairs of 4,000 of them. NaN where a row is zero: it has no direction.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Wang, Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity on the
    Hypersphere", ICML 2020, arXiv:2005.10242, with its t = 2.
    """
    units = unit_rows(as_cloud(x))
    if units is None:
        return float("nan")
    units = units[sampled_rows(len(units))]
    n, total = len(units), 0.0
    for start in range(0, n, _BLOCK):
        some = units[start : start + _BLOCK]
        # exp(-2 |u - v|^2) = exp(4 (u . v - 1)); each row has itself, at 0, once
        total += np.exp(4.0 * (np.minimum(some @ units.T, 1.0) - 1.0)).sum() - len(some)
    return float(np.clip(np.log(max(total / (n * (n - 1)), np.exp(-8.0))), -8.0, 0.0))


def alignment(x: "Embeddings | Classes", labels: Labels | None = None) -> float:
    """Return the mean of |u_i - u_j|^2 over all pairs of one class, of the unit rows u of `x` (n, d).

    Range 0 (each class is one direction) to 4; 2 for an isotropic cloud. NaN where no class has two rows, and where a row
    is zero: it has no direction. Exact, without a loop over pairs.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: Wang, Isola, ICML 2020, arXiv:2005.10242, with its alpha = 2; positive pairs are those of one class.
    """
    classes = as_classes(x, labels)
    pairs = (classes.sizes * (classes.sizes - 1) / 2).sum()
    units = unit_rows(classes.given)
    if units is None or not pairs:
        return float("nan")
    within = Classes(Cloud(units), classes.labels).within.x
    # sum_{i<j} |u_i - u_j|^2 = n_c sum_i |u_i - mean_c|^2
    squares = np.einsum("ij,ij->i", within, within)
    return float(min((classes.sizes[classes.labels] @ squares) / pairs, 4.0))


def unit_rows(cloud: Cloud) -> np.ndarray | None:
    """Return the rows (n, d) at length 1, or None where one is zero."""
    rows, norms = rows_and_norms(cloud.x)
    return rows / norms[:, None] if norms.all() else None


MEASURES = (
    Measure(
        name="uniformity",
        label="Uniformity",
        definition="How evenly the directions of the embeddings cover the sphere: ln of the mean of exp(−2 · distance²) over "
        "all pairs (of 4,000 rows at most), each at length 1.",
        source=_WANG,
        isotropic="about −4",
        degenerate="0",
        undefined="where a row is zero, which has no direction",
        better="disputed",
        doubt=SEPARATION,
        range=(-8.0, 0.0),
        topic="isotropy",
        compute=uniformity,
        needs=("points",),
        sees=("origin",),
        repeats="mislead",
    ),
    Measure(
        name="alignment",
        label="Alignment",
        definition="How far apart the directions of one class's embeddings are: the mean squared distance over all pairs of "
        "one class, each at length 1.",
        source=_WANG,
        isotropic="2",
        degenerate="0",
        undefined="where no class has two rows, and where a row is zero, which has no direction",
        better="lower",
        range=(0.0, 4.0),
        topic="classes",
        compute=alignment,
        needs=("labels",),
        sees=("origin",),
        repeats="mislead",
    ),
)
