"""The measures: one file each, or each family of them, which says in `MEASURES` all that there is to know of them.

:mod:`core.geometry.catalogue` finds the files of this folder by itself, and everything else derives from it: `measure()`,
intervals, streams, tables, hover texts and `isobar measure --help`. A new measure is a new file here, and its test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Topic = Literal["classes", "isotropy", "drift", "rank", "form", "density", "neighbours", "dimension", "two clouds"]
"""What a measure is about; those of one topic are listed together, in this order."""

INFINITY = float("inf")
ETHAYARAJH = "Ethayarajh, EMNLP 2019 (arXiv:1909.00512)"
RAZZHIGAEV = "Razzhigaev et al., EACL Findings 2024 (arXiv:2311.05928)"
MARBUT = "Marbut, McKinney-Bock, Wheeler, ICML 2023 (arXiv:2212.08172)"
MARBUT_2024 = "Marbut, Chandler, Wheeler, 2024 (arXiv:2406.12159)"
SEPARATION = "classes that come apart, as they should, move it too"
"""Why it is disputed which way is better of measures that the separation of classes moves."""

Need = Literal["values", "centered_values", "system", "centered_system", "points", "labels", "two clouds"]


@dataclass(frozen=True)
class Measure:
    """A measure as a person reads it, what it needs, and how it is computed.

    Attributes:
        name: in `measure()`.  label: on a card.  unit: of its value, or empty.
        definition: one sentence.  source: the paper.
        isotropic, degenerate: its value at the two ends, as text (d dimensions); of two clouds, where they have nothing
            to do with each other and where they are the same.
        undefined: where it is NaN, to be read after "undefined", or empty.
        better: which way, "disputed" where the literature does not agree or classes that collapse to points, as a good head's
            may, look worse by it, or "neither" where nobody says so.
        doubt: why that is disputed, half a sentence.
        range: the least and the greatest value it can take.
        compute: from a checked cloud; from its :class:`~core.geometry.labels.Classes` if it needs labels; from two clouds
            of the same examples.
        needs: of the cloud, beyond sums over its rows: eigenvalues or eigenvectors, as :class:`~core.geometry.cloud.Cloud`
            calls them; the points themselves; their labels (and them); a second cloud.
        sees: what it depends on beside the shape: where the origin is, how the axes lie, how large the cloud is.
        repeats: whether a row that stands there several times is several points; or misleads, so that a resample
            (of a bootstrap) shows each of its rows once; or is left out, so that the measure is of distinct rows alone.
        main: whether it is one of those that runs record; they cost milliseconds.
        package, extra: what it needs installed beside the project, and the extra that brings it; or empty.
        formerly: its name in the version before, which the next one forgets; or empty.
    """

    name: str
    label: str
    definition: str
    source: str
    isotropic: str
    degenerate: str
    better: Literal["lower", "higher", "disputed", "neither"]
    range: tuple[float, float]
    topic: Topic
    compute: Callable[..., float] = field(repr=False, compare=False)
    needs: tuple[Need, ...] = ()
    sees: tuple[Literal["origin", "axes", "scale"], ...] = ()
    repeats: Literal["count", "mislead", "left out"] = "count"
    undefined: str = ""
    doubt: str = "Rudman and Eickhoff (arXiv:2305.19358) find that less isotropy helps"
    unit: str = ""
    main: bool = False
    package: str = ""
    extra: str = ""
    formerly: str = ""

    @property
    def of_labels(self) -> bool:
        """Whether it compares classes, and needs to know of which each row is."""
        return "labels" in self.needs

    @property
    def of_points(self) -> bool:
        """Whether it needs the rows themselves; the others follow exactly from sums over them."""
        return not {"points", "labels", "two clouds"}.isdisjoint(self.needs)
