"""How alike two spaces of the same examples are."""

import numpy as np

from core.errors import IsobarError
from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.measures import Measure
from core.geometry.measures.sphere import unit_rows
from core.geometry.neighbours import neighbours_kept, sampled_rows

K = 10  # neighbours, as published
_ROUNDING = 64 * np.finfo(float).eps


def linear_cka(x: Embeddings, y: Embeddings) -> float:
    """Return the linear centered kernel alignment of `x` (n, d) and `y` (n, e): |Y'X|_F^2 / (|X'X|_F |Y'Y|_F), centered.

    Range 0 to 1 (the same but for rotation, scale and shift). Few rows make it larger: two clouds that have nothing to do
    with each other come near 1 where n is far below d and e; :func:`linear_cka_debiased` does not. NaN where nothing
    varies in one of them.

    Raises:
        IsobarError: not as many rows in both; fewer than two rows, NaN or infinity, or not (n, d).

    Source: Kornblith, Norouzi, Lee, Hinton, "Similarity of Neural Network Representations Revisited", ICML 2019,
    arXiv:1905.00414.
    """
    x, y = as_pair(x, y)
    norms = np.linalg.norm(x.centered_moment) * np.linalg.norm(y.centered_moment)
    return float(min(_overlap(x, y) / norms, 1.0)) if norms > 0 else float("nan")


def linear_cka_debiased(x: Embeddings, y: Embeddings) -> float:
    """Return :func:`linear_cka` with each HSIC estimated without the bias of few rows; about 0 of unrelated clouds.

    Range -1 to 1; below 0 by chance. NaN below 4 rows, and where the estimate of a cloud's own HSIC is 0: nothing varies, or
    all its rows are as far apart.

    Raises:
        IsobarError: as :func:`linear_cka`.

    Source: Nguyen, Raghu, Kornblith, "Do Wide and Deep Networks Learn the Same Things?", ICLR 2021, arXiv:2010.15327; the
    estimate is Song et al., "Feature Selection via Dependence Maximization", JMLR 13, 2012.
    """
    x, y = as_pair(x, y)
    if x.n < 4:
        return float("nan")
    own = [_hsic(cloud, cloud) for cloud in (x, y)]
    if min(own) <= _ROUNDING:
        return float("nan")
    return float(np.clip(_hsic(x, y) / np.sqrt(own[0] * own[1]), -1.0, 1.0))


def mutual_knn(x: Embeddings, y: Embeddings, k: int = K) -> float:
    """Return what share of a row's `k` nearest others in `x` (n, d) are among its `k` nearest in `y` (n, e), the mean.

    Neighbours are those of the largest cosine, as published. Range 0 to 1; by chance k / (n - 1). Of more than 4,000
    rows, among 4,000 of them. NaN where a row is zero: it has no direction.

    Raises:
        IsobarError: as :func:`linear_cka`; `k` is less than 1.

    Source: Huh, Cheung, Wang, Isola, "The Platonic Representation Hypothesis", ICML 2024, arXiv:2405.07987.
    """
    x, y = as_pair(x, y)
    units = unit_rows(x), unit_rows(y)
    if units[0] is None or units[1] is None:
        return float("nan")
    rows = sampled_rows(x.n)
    return float(neighbours_kept(units[0][rows], units[1][rows], k).mean())


def procrustes(x: Embeddings, y: Embeddings) -> float:
    """Return the squared distance that the best rotation leaves between `x` (n, d) and `y` (n, e), centered, of length 1.

    min_R |X / |X|_F - Y R / |Y|_F|_F^2 = 2 - 2 |X'Y|_* / (|X|_F |Y|_F), |.|_* being the sum of singular values; the
    narrower cloud is taken to have further coordinates that are 0. Range 0 (the same but for rotation, scale and shift)
    to 2. NaN where nothing varies in one of them.

    Raises:
        IsobarError: as :func:`linear_cka`.

    Source: Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966; as Ding,
    Denain, Steinhardt, NeurIPS 2021, arXiv:2108.01661, compare representations.
    """
    x, y = as_pair(x, y)
    lengths = np.sqrt(np.trace(x.centered_moment) * np.trace(y.centered_moment))
    if not lengths > 0:
        return float("nan")
    nuclear = np.linalg.svd(_narrow(x).T @ _narrow(y), compute_uv=False).sum()
    return float(np.clip(2.0 - 2.0 * nuclear / lengths, 0.0, 2.0))


def as_pair(x: "Embeddings | Cloud", y: "Embeddings | Cloud") -> tuple[Cloud, Cloud]:
    """Return two checked clouds of the same examples, with moderate numbers.

    Raises:
        IsobarError: not as many rows in both; fewer than two rows, NaN or infinity, or not (n, d).
    """
    one, other = as_cloud(x), as_cloud(y)
    if one.n != other.n:
        raise IsobarError(
            f"Two spaces can be compared when their rows are of the same examples; there are {one.n} in one and {other.n} in "
            "the other."
        )
    return one.moderate, other.moderate


def _overlap(x: Cloud, y: Cloud) -> float:
    """|X'Y|_F^2, which is tr(XX' YY')."""
    if x is y or (x.is_wide and y.is_wide):
        return float(np.vdot(x.centered_moment, y.centered_moment))
    cross = x.centered.T @ y.centered
    return float(np.vdot(cross, cross))


def _hsic(x: Cloud, y: Cloud) -> float:
    """The unbiased estimate of HSIC, of the clouds at unit length and times n - 3 (and n): about 1 / d of an isotropic one."""
    n = x.n
    # Of centered rows 1'K is 0; what is left of K without its diagonal k is -k.
    k, m = (np.einsum("ij,ij->i", cloud.centered, cloud.centered) for cloud in (x, y))
    lengths = k.sum() * m.sum()
    if not lengths > 0:
        return 0.0
    return float((_overlap(x, y) - (k @ m) * n / (n - 2)) / lengths + 1.0 / ((n - 1) * (n - 2)))


def _narrow(cloud: Cloud) -> np.ndarray:
    """(n, min(n, d)): coordinates of the centered rows with the same products among them."""
    return np.asarray(np.linalg.qr(cloud.centered.T, mode="r")).T if cloud.is_wide else cloud.centered


_UNVARIED = "where nothing varies in one of the two"
_TWO = {"topic": "two clouds", "needs": ("two clouds",), "better": "neither"}

MEASURES = (
    Measure(
        name="linear_cka",
        label="Linear CKA",
        definition="How alike two clouds are but for rotation, scale and shift, by the products of their rows. Few rows make "
        "it larger.",
        source="Kornblith et al., ICML 2019 (arXiv:1905.00414)",
        isotropic="0, and near 1 of few rows",
        degenerate="1",
        undefined=_UNVARIED,
        range=(0.0, 1.0),
        compute=linear_cka,
        **_TWO,
    ),
    Measure(
        name="linear_cka_debiased",
        label="Linear CKA, debiased",
        definition="Linear CKA, each of its three sums estimated without the bias of few rows.",
        source="Nguyen, Raghu, Kornblith, ICLR 2021 (arXiv:2010.15327)",
        isotropic="0",
        degenerate="1",
        undefined=f"below 4 rows, {_UNVARIED}, and where all rows of one are as far apart",
        range=(-1.0, 1.0),
        compute=linear_cka_debiased,
        **_TWO,
    ),
    Measure(
        name="mutual_knn",
        label="Mutual neighbours",
        definition=f"The share of a row's {K} nearest others, by cosine, that are the same in both clouds (of 4,000 rows at "
        "most).",
        source="Huh et al., ICML 2024 (arXiv:2405.07987)",
        isotropic=f"{K}/(n − 1)",
        degenerate="1",
        undefined="where a row is zero, which has no direction",
        range=(0.0, 1.0),
        compute=mutual_knn,
        **_TWO,
    ),
    Measure(
        name="procrustes",
        label="Procrustes distance",
        definition="The squared distance between two clouds, each at length 1, that the best rotation leaves.",
        source="Schönemann, Psychometrika 31, 1966; Ding, Denain, Steinhardt, NeurIPS 2021 (arXiv:2108.01661)",
        isotropic="near 2, and less of few rows",
        degenerate="0",
        undefined=_UNVARIED,
        range=(0.0, 2.0),
        compute=procrustes,
        **_TWO,
    ),
)
