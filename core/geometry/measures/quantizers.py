"""Patchiness as published: how unevenly the codes of FAISS's quantizers are used. Needs the extra `published`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

import numpy as np

from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.measures import INFINITY, MARBUT_2024, Measure

CODEBOOKS, CODES = 4, 256
_SEED = 0x12345  # FAISS's own
_MODERATE = 32  # a power of two: squares of such numbers are far from both ends of a float32

Kind = Literal["additive", "product"]


def quantizer_patchiness(x: Embeddings, kind: Kind = "additive") -> float:
    """Return the patchiness of `x` (n, d) as published: 1 + (V / m - 1) / m of how often each quantizer's code is used.

    Four codebooks of 256 codes; V is the variance of the 1,024 counts, m their sum over 256. That is four times their
    mean, so that the excess over 1 is about a sixteenth of Lloyd's index (:func:`quantizer_lloyd`). About 1 where codes
    are used by chance, above it where a few hold most points. It is taken of the rows as they are, about the origin, in
    float32, on one thread with a fixed seed. NaN below 256 points, where fewer than 2 points differ, and of `product`,
    which cuts each row into four parts, where d is no multiple of 4. Seconds, whatever n.

    Args:
        x: (n, d).
        kind: "additive" (local search, which the paper correlates with GLUE) or "product".

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.
        ImportError: faiss is not there; :func:`~core.geometry.measure` says so in a sentence.

    Source: Marbut, Chandler, Wheeler, arXiv:2406.12159; Martinez et al., "LSQ++", ECCV 2018; Jégou, Douze, Schmid,
    "Product Quantization", PAMI 2011.
    """
    counts = _code_counts(as_cloud(x).moderate, kind)
    mean = counts.sum() / CODES
    return float(1.0 + (counts.var() / mean - 1.0) / mean)


def quantizer_lloyd(x: Embeddings, kind: Kind = "additive") -> float:
    """Return Lloyd's index of patchiness of how often a quantizer's codes are used, the mean over its four codebooks.

    1 + (V / m - 1) / m, V and m being the variance and mean of one codebook's 256 counts. Otherwise as
    :func:`quantizer_patchiness`, whose excess over 1 is about a sixteenth of this one's.

    Source: Lloyd, "Mean Crowding", J. Animal Ecology 36, 1967, on the quantizers of Marbut, Chandler, Wheeler.
    """
    counts = _code_counts(as_cloud(x).moderate, kind)
    mean = counts.mean(1)
    return float((1.0 + (counts.var(1) / mean - 1.0) / mean).mean())


def _code_counts(cloud: Cloud, kind: Kind) -> np.ndarray:
    """(4, 256): how many points have each code of each codebook; NaN where the quantizer can't be trained."""
    if kind not in cloud.shared:
        cloud.shared[kind] = _trained_counts(cloud, kind)
    return cloud.shared[kind]


def _trained_counts(cloud: Cloud, kind: Kind) -> np.ndarray:
    if cloud.n < CODES or not cloud.centered.any() or (kind == "product" and cloud.d % CODEBOOKS):
        return np.full((CODEBOOKS, CODES), np.nan)
    import faiss

    exponent = int(np.frexp(np.abs(cloud.x).max())[1])
    points = np.ldexp(cloud.x, -exponent) if abs(exponent) > _MODERATE else cloud.x
    points = np.ascontiguousarray(points, dtype=np.float32)
    if kind == "additive":
        quantizer = faiss.LocalSearchQuantizer(cloud.d, CODEBOOKS, 8)
        quantizer.random_seed = _SEED
    else:
        quantizer = faiss.ProductQuantizer(cloud.d, CODEBOOKS, 8)
        quantizer.cp.min_points_per_centroid = 1  # below 39 points a code it would warn on stderr, and do the same
    with _one_thread(faiss):
        quantizer.train(points)
        codes = quantizer.compute_codes(points)
    return np.stack([np.bincount(codes[:, k], minlength=CODES) for k in range(CODEBOOKS)]).astype(np.float64)


@contextmanager
def _one_thread(faiss) -> Iterator[None]:
    """Hold FAISS to one thread: of more, the sums of codebooks depend on their number."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _patchiness(kind: Kind, lloyd: bool) -> Measure:
    quantizer = {"additive": "an additive (local-search) quantizer", "product": "a product quantizer"}[kind]
    return Measure(
        name=f"{'lloyd' if lloyd else 'patchiness'}_{kind}",
        label=f"{'Lloyd' if lloyd else 'Patchiness'}, {kind}",
        definition=(
            f"How unevenly {quantizer} uses its 4 × 256 codes: Lloyd's index of each codebook, averaged."
            if lloyd
            else f"How unevenly {quantizer} uses its 4 × 256 codes, pooled, by the published formula; its excess over 1 is "
            "about a sixteenth of Lloyd's index."
        ),
        source=f"Lloyd, 1967, on the quantizers of {MARBUT_2024}" if lloyd else MARBUT_2024,
        isotropic="about 1",
        degenerate="≫ 1",
        undefined="below 256 points, where nothing varies"
        + (", and where d is no multiple of 4" if kind == "product" else ""),
        better="disputed",
        range=(0.0, INFINITY),
        topic="density",
        compute=partial(quantizer_lloyd if lloyd else quantizer_patchiness, kind=kind),
        needs=("points",),
        sees=("origin", "axes"),
        package="faiss",
        extra="published",
    )


MEASURES = tuple(_patchiness(kind, lloyd) for lloyd in (False, True) for kind in ("additive", "product"))
