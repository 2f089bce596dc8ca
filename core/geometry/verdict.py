"""What the measures of a space amount to: has it collapsed? In a sentence, beside models whose answer is known."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.geometry.catalogue import MEASURES
from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.labels import Labels, rows_by_class
from core.geometry.report import isotropic_reference, measure

REFERENCES = Path(__file__).parents[2] / "assets" / "references.json"
HEALTHY, RANDOM, TRAINED, COLLAPSED = "healthy", "random weights", "fine-tuned", "collapsed"
FEWEST = 16  # examples; with fewer the number of directions is mostly chance
FEWEST_OF_CLASS = 8  # below it a class's own mean takes up so much of its spread that many directions look like few
# Each lies between the healthy models of the table and those that are not; on which side a model of it falls, a test sees.
CONE = 0.9
"""The mean cosine from which a space is called a cone."""
FEW = 10.0
"""The directions below which they are called few."""
_TOLD = ("mean_cosine", "anisotropy_1")


@dataclass(frozen=True)
class Standing:
    """Where a space stands, by measures that do not depend on how many examples there are, and by one that does.

    Attributes:
        n, d: examples and dimensions.
        mean_cosine: of pairs; without bias for any n.
        directions: the corrected participation ratio, which estimates that of infinitely many examples; of labelled ones
            about the mean of each class, so that classes that are apart do not count as one direction. Classes of fewer than
            8 examples are left out of it, and where fewer than 16 examples remain it is that of the whole.
        directions_whole: the same of all about one mean.
        effective_rank, isotropic_rank: of these examples, and of an isotropic cloud of as many.
    """

    n: int
    d: int
    mean_cosine: float
    directions: float
    directions_whole: float
    effective_rank: float
    isotropic_rank: float


@dataclass(frozen=True)
class Reference(Standing):
    """A model whose answer is known: `name`, and `kind`, one of healthy, random weights, fine-tuned and collapsed."""

    name: str
    kind: str
    task: str


@dataclass(frozen=True)
class Verdict:
    """What a space is: `word`, the `sentence` that begins with it, and where it stands."""

    word: str
    sentence: str
    standing: Standing

    def as_dict(self) -> dict:
        """Return it as JSON knows it."""
        numbers = {k: v if math.isfinite(v) else None for k, v in asdict(self.standing).items()}
        return {"word": self.word, "sentence": self.sentence, **numbers}


def standing(x: Embeddings, labels: Labels | None = None) -> Standing:
    """Return where the space of the rows of `x` (n, d) stands; `labels` (n,) are their classes.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, not (n, d); labels that are not one a row.
    """
    cloud = as_cloud(x)
    names = ("mean_cosine", "participation_ratio_corrected", "effective_rank")
    found = measure(cloud, names)
    within = whole = _possible(found["participation_ratio_corrected"], cloud.d)
    classes = rows_by_class(labels, cloud.n) if labels is not None else {}
    large = [rows for rows in classes.values() if len(rows) >= FEWEST_OF_CLASS]
    if len(classes) > 1 and sum(map(len, large)) >= FEWEST:
        x = np.array(cloud.x, np.float64)
        centered = np.concatenate([x[rows] - x[rows].mean(0) for rows in large])
        within = _possible(measure(centered, "participation_ratio_corrected")["participation_ratio_corrected"], cloud.d)
    isotropic = isotropic_reference(cloud.n, cloud.d, "effective_rank")
    return Standing(
        n=cloud.n,
        d=cloud.d,
        mean_cosine=found["mean_cosine"],
        directions=within,
        directions_whole=whole,
        effective_rank=found["effective_rank"],
        isotropic_rank=isotropic["effective_rank"],
    )


def _possible(directions: float, d: int) -> float:
    """Return an estimate of how many directions there are, which by chance is above `d`, or infinite, as one that can be."""
    return min(directions, float(d))


def verdict(x: Embeddings, labels: Labels | None = None) -> Verdict:
    """Return whether the space of the rows of `x` (n, d) has collapsed; `labels` (n,) are their classes.

    It goes by the mean cosine and by the directions within classes, neither of which depends on n.

    Raises:
        IsobarError: as :func:`standing`.
    """
    found = standing(x, labels)
    if found.n < FEWEST:
        return Verdict("too few examples", f"Too few examples for a verdict: {found.n}; it takes {FEWEST}.", found)
    if not math.isfinite(found.mean_cosine):
        return Verdict(
            "no verdict", "No verdict: an embedding of length 0 has no direction, and there is one at least.", found
        )
    if not found.directions_whole > 0:
        return Verdict(COLLAPSED_TO, "Collapsed: all embeddings are the same.", found)
    if not found.directions > 0:
        return Verdict(STRETCHED, "Collapsed within classes: the embeddings of each class are the same.", found)
    word = word_of(found)
    used = f"{found.effective_rank:.0f} of {found.isotropic_rank:.0f} directions in use"
    said = f"{word[:1].upper()}{word[1:]}: {used}, mean cosine {round(found.mean_cosine, 2) + 0.0:.2f}, {_beside(found, word)}."
    return Verdict(word, said + _MORE.get(word, "").format(within=found.directions), found)


NOT_COLLAPSED, GATHERED, STRETCHED = "not collapsed", "gathered by class", "stretched along few directions"
CROWDED, COLLAPSED_TO = "crowded into a cone", "collapsed"
_MORE = {
    GATHERED: " Its classes lie along few directions, as a head of them wants it; within classes there are about {within:.0f}.",
    STRETCHED: " Fine-tuned models often are; whether that costs anything, the task's score says.",
    CROWDED: " About their mean the embeddings are not crowded, so that centering them mends it (isobar repair).",
}


def word_of(found: Standing) -> str:
    """Return what a space that stands there is called."""
    cone, few = found.mean_cosine >= CONE, found.directions < FEW
    if cone:
        return COLLAPSED_TO if few else CROWDED
    if few:
        return STRETCHED
    return GATHERED if found.directions_whole < FEW else NOT_COLLAPSED


def _beside(found: Standing, word: str) -> str:
    """Return which known models it stands between by its mean cosine, or where it is no healthy one is nearest to."""
    others = [row for row in references() if not _same(row, found)]
    if word != NOT_COLLAPSED:
        return f"nearest to {min(others, key=lambda row: _distance(row, found)).name}"
    scale = [(0.0, "an isotropic cloud"), *((row.mean_cosine, row.name) for row in others if row.kind == HEALTHY)]
    value = max(found.mean_cosine, 0.0)
    below, above = (sorted(one for one in scale if (one[0] > value) == over) for over in (False, True))
    return f"between {below[-1][1]} and {above[0][1]}" if above else f"beyond {below[-1][1]}"


def _same(row: Reference, found: Standing) -> bool:
    return (
        abs(row.mean_cosine - found.mean_cosine) < 5e-4
        and abs(row.directions - found.directions) < 5e-3 * found.directions
    )


def _distance(row: Reference, found: Standing) -> float:
    """Return how far apart two spaces stand, in factors of what is left of the angle, and of directions."""
    angle = math.log(max(1 - row.mean_cosine, 1e-6) / max(1 - found.mean_cosine, 1e-6))
    return math.hypot(angle, math.log(row.directions / found.directions))


@lru_cache(maxsize=1)
def references() -> tuple[Reference, ...]:
    """Return the models that others are put beside, as ``python -m core.training.references`` has measured them."""
    return tuple(Reference(**row) for row in json.loads(REFERENCES.read_text(encoding="utf-8")))


def pooling_sentence(measures: Mapping, other: Mapping) -> str:
    """Return what the main measures would be by the `other` pooling, beside those found; empty where there is none."""
    told = [name for name in _TOLD if isinstance(other.get(name), float) and isinstance(measures.get(name), float)]
    if not told:
        return ""
    said = [f"{MEASURES[name].label.lower()} {other[name]:.3f}, here {measures[name]:.3f}" for name in told]
    return f"Pooled by {other['pooling']} instead: {'; '.join(said)}."
