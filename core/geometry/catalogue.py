"""What every measure is called, means, and ranges over: the one table behind hover texts, cards, `--help` and `measure()`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from textwrap import wrap
from typing import Literal

from core.geometry.angles import mean_cosine, mean_vector_share
from core.geometry.cloud import Cloud
from core.geometry.density import gaussianity, kmeans_patchiness, vrm
from core.geometry.dimension import ph_dimension, two_nn
from core.geometry.quantizers import Kind, quantizer_lloyd, quantizer_patchiness
from core.geometry.spectrum import (
    anisotropy,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    outlier_dimensions,
    partition_ratio,
)
from core.geometry.within import Classes, anisotropy_within, between_share, nc1


@dataclass(frozen=True)
class Measure:
    """A measure as a person reads it, and how it is computed.

    Attributes:
        label: its name on a card.  unit: of its value, or empty.
        definition: one sentence.  source: the paper.
        isotropic, degenerate: its value at the two ends, as text (d dimensions).
        better: "lower", "higher", or "disputed" where the literature does not agree.
        range: the least and the greatest value it can take.
        compute: from a checked cloud; from its :class:`~core.geometry.within.Classes` if it needs labels.
        needs: what it follows from: sums over the rows, the rows themselves, or the rows and their labels.
        of_distinct: whether points that repeat mislead it, so that a bootstrap shows it each once.
        main: whether it is one of those that runs record; they cost milliseconds.
        package, extra: what it needs installed beside the project, and the extra that brings it; or empty.
    """

    label: str
    definition: str
    source: str
    isotropic: str
    degenerate: str
    better: Literal["lower", "higher", "disputed"]
    unit: str
    range: tuple[float, float]
    compute: Callable[[Cloud], float] | Callable[[Classes], float] = field(repr=False, compare=False)
    needs: Literal["sums", "points", "labels"] = "sums"
    of_distinct: bool = False
    main: bool = False
    package: str = ""
    extra: str = ""


_INFINITY = float("inf")
_ETHAYARAJH = "Ethayarajh, EMNLP 2019 (arXiv:1909.00512)"
_RAZZHIGAEV = "Razzhigaev et al., EACL Findings 2024 (arXiv:2311.05928)"
_MICKUS = "Mickus, Grönroos, Attieh, ACL 2024 (arXiv:2402.03191)"
_GODEY = "Godey, de la Clergerie, Sagot, 2023 (arXiv:2306.07656)"
_MARBUT = "Marbut, McKinney-Bock, Wheeler, ICML 2023 (arXiv:2212.08172)"
_MARBUT_2024 = "Marbut, Chandler, Wheeler, 2024 (arXiv:2406.12159)"
_ORDINALS = {1: "strongest direction holds", 2: "two strongest directions hold", 3: "three strongest directions hold"}


APART = (
    "Centered and uncentered anisotropy can't tell a flat cloud from classes that are well apart: a head that separates two "
    "classes must put variance on the direction between their means, so that a value near 1 can be success. Anisotropy "
    "within classes is not touched by that; the share between classes says how much of the strongest direction it is."
)
"""What the anisotropy of a whole cloud can't tell, in words for where it is shown."""


def _anisotropy(k: int, center: bool) -> Measure:
    about = "the mean" if center else "the origin"
    # Where there are classes, the strongest direction may be the one between them.
    doubt = " It can't tell a flat cloud from classes that are well apart, which lie along few directions too."
    return Measure(
        label=f"Anisotropy {k}, centered" if center else f"Anisotropy {k}",
        definition=f"The share of the squared length about {about} that the {_ORDINALS[k]}." + doubt,
        source=_RAZZHIGAEV if center else f"{_ETHAYARAJH}, as maximum explainable variance",
        isotropic="1/d" if k == 1 else f"{k}/d",
        degenerate="1",
        better="disputed",
        unit="",
        range=(0.0, 1.0),
        compute=partial(anisotropy, k=k, center=center),
        main=k == 1,
    )


def _patchiness(kind: Kind, lloyd: bool) -> Measure:
    quantizer = {"additive": "an additive (local-search) quantizer", "product": "a product quantizer"}[kind]
    return Measure(
        label=f"{'Lloyd' if lloyd else 'Patchiness'}, {kind}",
        definition=(
            f"How unevenly {quantizer} uses its 4 × 256 codes: Lloyd's index of each codebook, averaged."
            if lloyd
            else f"How unevenly {quantizer} uses its 4 × 256 codes, pooled, by the published formula; its excess over 1 is "
            "about a sixteenth of Lloyd's index."
        ),
        source=f"Lloyd, 1967, on the quantizers of {_MARBUT_2024}" if lloyd else _MARBUT_2024,
        isotropic="about 1",
        degenerate="≫ 1",
        better="disputed",
        unit="",
        range=(0.0, _INFINITY),
        compute=partial(quantizer_lloyd if lloyd else quantizer_patchiness, kind=kind),
        needs="points",
        package="faiss",
        extra="published",
    )


MEASURES: dict[str, Measure] = {
    "anisotropy_1_within": Measure(
        label="Anisotropy 1, within classes",
        definition="The share of the squared length that the strongest direction holds, each class about its own mean.",
        source=f"{_RAZZHIGAEV}, within classes as in the published code of arXiv:2501.05502",
        isotropic="1/d",
        degenerate="1",
        better="lower",
        unit="",
        range=(0.0, 1.0),
        compute=anisotropy_within,
        needs="labels",
        main=True,
    ),
    "between_share": Measure(
        label="Share between classes",
        definition="The share of the strongest direction's variance that lies between the class means: near 1, that "
        "direction tells classes apart, and a centered anisotropy near 1 is no flatness.",
        source=f"This project's, after {_MICKUS}",
        isotropic="0",
        degenerate="0 to 1",
        better="disputed",
        unit="",
        range=(0.0, 1.0),
        compute=between_share,
        needs="labels",
        main=True,
    ),
    "nc1": Measure(
        label="NC1, within over between",
        definition="The spread within classes over that between their means, tr(S_W S_B⁺)/C: 0 when each class has become "
        "one point, which is neural collapse.",
        source="Papyan, Han, Donoho, PNAS 2020 (arXiv:2008.08186)",
        isotropic="about n/d",
        degenerate="0",
        better="disputed",
        unit="",
        range=(0.0, _INFINITY),
        compute=nc1,
        needs="labels",
        main=True,
    ),
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
        main=True,
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
        main=True,
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
        main=True,
    ),
    "effective_rank": Measure(
        label="Effective rank",
        definition="The number of directions in use: exp of the entropy of the variances along the principal directions.",
        source="Roy, Vetterli, EUSIPCO 2007",
        isotropic="d",
        degenerate="1",
        better="disputed",
        unit="directions",
        range=(1.0, _INFINITY),
        compute=effective_rank,
        main=True,
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
        needs="points",
    ),
    "eee": Measure(
        label="Eigenvalue early enrichment",
        definition="How far the cumulative share of variance, strongest direction first, runs ahead of equal shares.",
        source=_MARBUT,
        isotropic="0",
        degenerate="near 1",
        better="disputed",
        unit="",
        range=(0.0, 1.0),
        compute=eigenvalue_early_enrichment,
    ),
    "vrm": Measure(
        label="Vasicek ratio measure",
        definition="The mean squared deviation from 1 of each principal component's exp(entropy) over a standard normal's, "
        "all scaled by one factor: it sees spread and shape.",
        source=f"{_MARBUT}; the expectation over the published code's random reference",
        isotropic="0",
        degenerate="2 − 2/√d",
        better="disputed",
        unit="",
        range=(0.0, _INFINITY),
        compute=vrm,
        needs="points",
        of_distinct=True,
    ),
    "gaussianity": Measure(
        label="Gaussianity of the directions",
        definition="The mean squared deviation from 1 of each principal direction's entropy over that of a Gaussian of the "
        "same variance: it sees shape alone.",
        source="This project's, with Vasicek's estimate of entropy, 1976",
        isotropic="0",
        degenerate="≫ 0",
        better="disputed",
        unit="",
        range=(0.0, _INFINITY),
        compute=gaussianity,
        needs="points",
        of_distinct=True,
    ),
    "patchiness_additive": _patchiness("additive", lloyd=False),
    "patchiness_product": _patchiness("product", lloyd=False),
    "lloyd_additive": _patchiness("additive", lloyd=True),
    "lloyd_product": _patchiness("product", lloyd=True),
    "patchiness_kmeans": Measure(
        label="Patchiness, k-means",
        definition="How crowded a point's k-means cell is, over the mean cell (64 cells, or a quarter of the points).",
        source=f"Lloyd, 1967, in the cells of a k-means, which is this project's choice and not that of {_MARBUT_2024}",
        isotropic="1",
        degenerate="≫ 1",
        better="disputed",
        unit="",
        range=(0.0, _INFINITY),
        compute=kmeans_patchiness,
        needs="points",
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
        needs="points",
        of_distinct=True,
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
        needs="points",
        of_distinct=True,
    ),
}

MAIN = tuple(name for name, about in MEASURES.items() if about.main)
"""The measures that cost milliseconds; the rest look at neighbours, cells or subsamples."""

RENAMED = {"vasicek": "gaussianity", "point_patchiness": "patchiness_kmeans"}
"""Names of the version before, and what they stood for; they go with the next one."""


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
        if about.needs == "labels":
            lines.append("      Needs the labels of the rows.\n")
        if about.package:
            lines.append(f"      Needs the package {about.package}, which the extra `{about.extra}` brings.\n")
    return "".join(lines)
