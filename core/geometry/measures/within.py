"""Measures of a cloud whose rows have classes: its shape within them, and how far they stand apart."""

import numpy as np

from core.geometry.cloud import Embeddings
from core.geometry.labels import Classes, Labels, as_classes
from core.geometry.measures import INFINITY, RAZZHIGAEV, SEPARATION, Measure
from core.geometry.measures.spectrum import anisotropy


def anisotropy_within(x: "Embeddings | Classes", labels: Labels | None = None) -> float:
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


def between_share(x: "Embeddings | Classes", labels: Labels | None = None) -> float:
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


def nc1(x: "Embeddings | Classes", labels: Labels | None = None) -> float:
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
    some = s > classes.rounding
    if not some.any():
        return float("nan")
    # S_B = V diag(s^2) V', so tr(S_W S_B^+) = sum_k v_k' S_W v_k / s_k^2
    along = classes.within.x @ directions[some].T
    return float((np.einsum("ij,ij->j", along, along) / n / s[some] ** 2).sum() / len(sizes))


APART = (
    "Centered and uncentered anisotropy can't tell a stretched cloud from classes that are well apart: a head that separates "
    "two classes must put variance on the direction between their means, so that a value near 1 can be success. Anisotropy "
    "within classes leaves the means out, and the share between classes says how much of the strongest direction they make. "
    "It is no verdict either: a trained head may spread each class along the same direction, and of classes that have "
    "collapsed to points (NC1 near 0) the shape that is left is noise."
)
"""What anisotropy can't tell, of a whole cloud and within classes, in words for where it is shown."""

_COLLAPSE = (
    "a trained head may spread each class along the line between the classes, and of classes that collapse to points only "
    "noise is left"
)

MEASURES = (
    Measure(
        name="anisotropy_1_within",
        label="Anisotropy within classes",
        definition="The share of the squared length that the strongest direction holds, each class about its own mean.",
        source=f"{RAZZHIGAEV}, within classes as in the published code of arXiv:2501.05502",
        isotropic="1/d",
        degenerate="1",
        undefined="where no class has a spread: its points coincide or stand alone",
        better="disputed",
        doubt=_COLLAPSE,
        range=(0.0, 1.0),
        topic="classes",
        compute=anisotropy_within,
        needs=("labels",),
        main=True,
    ),
    Measure(
        name="between_share",
        label="Share between classes",
        definition="The share of the strongest direction's variance that lies between the class means: near 1, that "
        "direction tells classes apart, and a centered anisotropy near 1 is theirs.",
        source="This project's, after Mickus, Grönroos, Attieh, ACL 2024 (arXiv:2402.03191)",
        isotropic="0",
        degenerate="0 to 1",
        undefined="where nothing varies",
        better="disputed",
        doubt=SEPARATION,
        range=(0.0, 1.0),
        topic="classes",
        compute=between_share,
        needs=("labels",),
        main=True,
    ),
    Measure(
        name="nc1",
        label="NC1, within over between",
        definition="The spread within classes over that between their means, tr(S_W S_B⁺)/C: 0 when each class has become "
        "one point, which is neural collapse.",
        source="Papyan, Han, Donoho, PNAS 2020 (arXiv:2008.08186)",
        isotropic="about n/d",
        degenerate="0",
        undefined="with one class, where all class means coincide, and where every class is a single point",
        better="disputed",
        doubt=SEPARATION,
        range=(0.0, INFINITY),
        topic="classes",
        compute=nc1,
        needs=("labels",),
        main=True,
    ),
)
