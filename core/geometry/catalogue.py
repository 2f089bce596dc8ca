"""What every measure is called, means, and ranges over: the one table behind hover texts, cards, `--help` and `measure()`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from textwrap import wrap
from typing import Literal

from core.geometry.angles import mean_cosine, mean_vector_share
from core.geometry.cloud import Cloud
from core.geometry.density import point_patchiness, vasicek_ratio
from core.geometry.dimension import ph_dimension, two_nn
from core.geometry.spectrum import (
    anisotropy,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    outlier_dimensions,
    partition_ratio,
)


@dataclass(frozen=True)
class Measure:
    """A measure as a person reads it, and how it is computed.

    Attributes:
        label: its name on a card.  unit: of its value, or empty.
        definition: one sentence.  source: the paper.
        isotropic, degenerate: its value at the two ends, as text (d dimensions).
        better: "lower", "higher", or "disputed" where the literature does not agree.
        range: the least and the greatest value it can take.
        compute: from a checked cloud.
    """

    label: str
    definition: str
    source: str
    isotropic: str
    degenerate: str
    better: Literal["lower", "higher", "disputed"]
    unit: str
    range: tuple[float, float]
    compute: Callable[[Cloud], float] = field(repr=False, compare=False)


_INFINITY = float("inf")
_ETHAYARAJH = "Ethayarajh, EMNLP 2019 (arXiv:1909.00512)"
_GODEY = "Godey, de la Clergerie, Sagot, 2023 (arXiv:2306.07656)"
_MARBUT = "Marbut, McKinney-Bock, Wheeler, ICML 2023 (arXiv:2212.08172)"
_ORDINALS = {1: "strongest direction holds", 2: "two strongest directions hold", 3: "three strongest directions hold"}


def _anisotropy(k: int, center: bool) -> Measure:
    about = "the mean" if center else "the origin"
    return Measure(
        label=f"Anisotropy {k}, centered" if center else f"Anisotropy {k}",
        definition=f"The share of the squared length about {about} that the {_ORDINALS[k]}.",
        source=_ETHAYARAJH,
        isotropic="1/d" if k == 1 else f"{k}/d",
        degenerate="1",
        better="lower",
        unit="",
        range=(0.0, 1.0),
        compute=partial(anisotropy, k=k, center=center),
    )


MEASURES: dict[str, Measure] = {
    **{f"anisotropy_{k}{'_centered' * c}": _anisotropy(k, c) for k in (1, 2, 3) for c in (False, True)},
    "isoscore": Measure(
        label="IsoScore",
        definition="How evenly the variance is spread over the dimensions, by the covariance matrix's trace and norm.",
        source="Rudman et al., ACL 2022 (arXiv:2108.07344); closed form of IsoScore* at zeta 0 (arXiv:2305.19358)",
        isotropic="1",
        degenerate="0",
        better="disputed",
        unit="",
        range=(0.0, 1.0),
        compute=isoscore,
    ),
    "mean_cosine": Measure(
        label="Mean cosine",
        definition="The mean cosine similarity of all pairs of embeddings.",
        source=f"{_ETHAYARAJH}; {_GODEY}",
        isotropic="0",
        degenerate="1",
        better="lower",
        unit="",
        range=(-1.0, 1.0),
        compute=mean_cosine,
    ),
    "mean_vector_share": Measure(
        label="Mean-vector share",
        definition="The share of the embeddings' squared length that is their common mean: drift away from the origin.",
        source=_GODEY,
        isotropic="0",
        degenerate="1",
        better="lower",
        unit="",
        range=(0.0, 1.0),
        compute=mean_vector_share,
    ),
    "effective_rank": Measure(
        label="Effective rank",
        definition="The number of directions in use: exp of the entropy of the variances along the principal directions.",
        source="Roy, Vetterli, EUSIPCO 2007",
        isotropic="d",
        degenerate="1",
        better="higher",
        unit="directions",
        range=(1.0, _INFINITY),
        compute=effective_rank,
    ),
    "partition_ratio": Measure(
        label="Partition ratio I(V)",
        definition="The least over the greatest sum of exp(c·x), over the principal directions c; depends on the norm of x.",
        source="Mu, Viswanath, ICLR 2018 (arXiv:1702.01417)",
        isotropic="1",
        degenerate="0",
        better="disputed",
        unit="",
        range=(0.0, 1.0),
        compute=partition_ratio,
    ),
    "eee": Measure(
        label="Eigenvalue early enrichment",
        definition="How far the cumulative share of variance, strongest direction first, runs ahead of equal shares.",
        source=_MARBUT,
        isotropic="0",
        degenerate="1",
        better="lower",
        unit="",
        range=(0.0, 1.0),
        compute=eigenvalue_early_enrichment,
    ),
    "point_patchiness": Measure(
        label="Point patchiness",
        definition="How crowded a point's k-means cell is, over the mean cell (64 cells, or a quarter of the points).",
        source="Marbut, Chandler, Wheeler, 2024 (arXiv:2406.12159); Lloyd, 1967",
        isotropic="1",
        degenerate="≫ 1",
        better="disputed",
        unit="",
        range=(0.0, _INFINITY),
        compute=point_patchiness,
    ),
    "vasicek": Measure(
        label="Vasicek ratio",
        definition="The mean squared deviation from 1 of each principal direction's entropy over that of a Gaussian.",
        source=f"{_MARBUT}; Vasicek, 1976",
        isotropic="0",
        degenerate="≫ 0",
        better="lower",
        unit="",
        range=(0.0, _INFINITY),
        compute=vasicek_ratio,
    ),
    "outlier_dimensions": Measure(
        label="Outlier dimensions",
        definition="The number of coordinates whose variance exceeds 5 times the mean variance.",
        source="Rudman, Chen, Eickhoff, EMNLP 2023 (arXiv:2310.17715)",
        isotropic="0",
        degenerate="up to d/5",
        better="disputed",
        unit="dimensions",
        range=(0.0, _INFINITY),
        compute=lambda cloud: float(outlier_dimensions(cloud).size),
    ),
    "twonn": Measure(
        label="Intrinsic dimension (TwoNN)",
        definition="The dimension that explains how much farther a point's second neighbour is than its first.",
        source="Facco et al., Scientific Reports 7, 2017 (arXiv:1803.06992)",
        isotropic="d (for few d)",
        degenerate="small",
        better="disputed",
        unit="dimensions",
        range=(0.0, _INFINITY),
        compute=two_nn,
    ),
    "ph_dimension": Measure(
        label="Persistent-homology dimension",
        definition="The dimension that explains how the total length of the bars grows with the number of points.",
        source="Birdal, Lou, Guibas, Simsekli, NeurIPS 2021 (arXiv:2111.13171)",
        isotropic="d (for few d)",
        degenerate="small",
        better="disputed",
        unit="dimensions",
        range=(0.0, _INFINITY),
        compute=ph_dimension,
    ),
}

MAIN = ("anisotropy_1", "anisotropy_1_centered", "isoscore", "mean_cosine", "mean_vector_share", "effective_rank")
"""The measures that cost milliseconds; the rest look at neighbours, cells or subsamples."""


def explain_measures() -> str:
    """Return a paragraph on every measure: what it is, its ends, its range, its source."""
    lines = []
    for name, about in MEASURES.items():
        low, high = ("∞" if limit == float("inf") else f"{limit:g}" for limit in about.range)
        unit = f" {about.unit}" if about.unit else ""
        lines.append(f"  {name} ({about.label})\n")
        lines += [f"      {line}\n" for line in wrap(about.definition, 92)]
        lines.append(f"      Range {low} to {high}{unit}; isotropic {about.isotropic}, degenerate {about.degenerate}; ")
        lines.append(
            "which way is better is disputed.\n" if about.better == "disputed" else f"better is {about.better}.\n"
        )
        lines += [f"      {line}\n" for line in wrap(f"Source: {about.source}.", 92)]
    return "".join(lines)
