"""Two spaces of the same examples side by side: what differs, by how much beyond chance, and which examples changed company."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from core.errors import IsobarError
from core.geometry import MEASURES, compare_spaces, measure, neighbours_kept
from core.geometry.report import Interval, measure_differences
from core.geometry.verdict import Verdict, verdict

NEIGHBOURS = 10
RESAMPLES = 100
TOLD = (
    "mean_cosine",
    "anisotropy_1",
    "anisotropy_1_centered",
    "isoscore",
    "effective_rank",
    "participation_ratio_corrected",
)
"""The measures that are compared: those that need no more than one decomposition of a resample."""
_MOVED = 20  # examples that are told in JSON
_ROUNDING = 1e-6  # of embeddings in float32; differences below are none, however sure


@dataclass(frozen=True)
class Space:
    """A space of examples that others have embedded too: what to call it, its embeddings (n, d), and the examples.

    Attributes:
        probe: the examples row for row, with ``text`` and ``label_name``.
    """

    name: str
    embeddings: np.ndarray
    probe: pd.DataFrame

    @property
    def labels(self) -> np.ndarray | None:
        """The examples' classes by name (n,), since their numbers may differ by model; None where there is only one."""
        names = self.probe["label_name"].to_numpy(str)
        return names if len(np.unique(names)) > 1 else None

    @property
    def verdict(self) -> Verdict:
        """Whether it has collapsed."""
        return verdict(self.embeddings, self.labels)


@dataclass(frozen=True)
class Beside:
    """What is to be said of `one` space and the `other`.

    Attributes:
        values: the measures :data:`TOLD` of both, by name.
        alike: how alike the two are, by name of :data:`core.geometry.COMPARISONS`.
        kept: (n,), what share of an example's `NEIGHBOURS` nearest neighbours it keeps.
        differences: the other's less the one's, with 95 % bootstrap intervals that are paired by example; empty until they are
            drawn (:func:`with_intervals`), which takes a hundred times as long as all else.
    """

    one: Space
    other: Space
    values: tuple[dict[str, float], dict[str, float]]
    alike: dict[str, float]
    kept: np.ndarray = field(repr=False)
    differences: dict[str, Interval] = field(default_factory=dict)

    def moved(self, count: int = _MOVED) -> pd.DataFrame:
        """Return the `count` examples that kept the fewest neighbours: ``text``, ``class``, ``kept``."""
        rows = np.argsort(self.kept, kind="stable")[:count]
        probe = self.one.probe.iloc[rows]
        return pd.DataFrame({"text": probe["text"], "class": probe["label_name"], "kept": self.kept[rows]})

    def as_dict(self) -> dict:
        """Return it as JSON knows it."""
        (one, other) = self.values
        rows = {
            name: {"one": one[name], "other": other[name], "difference": value, "low": low, "high": high}
            for name, (value, low, high) in self.differences.items()
        }
        return {
            "one": self.one.name,
            "other": self.other.name,
            "differences": {name: {k: _finite(v) for k, v in row.items()} for name, row in rows.items()},
            "alike": {name: _finite(value) for name, value in self.alike.items()},
            "neighbours_kept": float(self.kept.mean()),
            "moved": self.moved().to_dict("records"),
        }


def beside(one: Space, other: Space) -> Beside:
    """Return what is to be said of two spaces of the same examples, without the intervals of the differences.

    Raises:
        IsobarError: the examples are not the same.
    """
    if not same_examples(one.probe, other.probe):
        raise IsobarError(
            f"{one.name} and {other.name} were not looked at by the same examples, so they can't be compared."
        )
    clouds = one.embeddings, other.embeddings
    values = tuple(measure(x, TOLD) for x in clouds)
    return Beside(one, other, values, compare_spaces(*clouds), neighbours_kept(*clouds, NEIGHBOURS))


def with_intervals(
    found: Beside,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Beside:
    """Return `found` with the differences and their intervals."""
    tell = (lambda done, total: progress("resamples", done, total)) if progress else None
    clouds = found.one.embeddings, found.other.embeddings
    return replace(found, differences=measure_differences(*clouds, TOLD, resamples, seed, progress=tell))


def sentence(found: Beside) -> str:
    """Return in a sentence how alike the two are, and what differs beyond chance."""
    apart = [
        name
        for name, (_, low, high) in found.differences.items()
        if (low > 0 or high < 0)
        and not math.isclose(*(side[name] for side in found.values), rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    ]
    said = [
        f"{MEASURES[name].label.lower()} {found.values[0][name]:.3f} → {found.values[1][name]:.3f}" for name in apart
    ]
    differs = f"beyond chance: {', '.join(said)}" if said else "no measure differs beyond chance"
    return (
        f"{found.other.name} beside {found.one.name}: CKA {found.alike['linear_cka_debiased']:.2f}, "
        f"{100 * found.kept.mean():.0f} % of nearest neighbours kept; {differs}."
    )


def same_examples(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two probe sets hold the same examples, row for row."""
    columns = [name for name in ("text", "text_pair", "label_name", "row") if name in one or name in other]
    return len(one) == len(other) and all(
        name in one and name in other and (one[name].to_numpy() == other[name].to_numpy()).all() for name in columns
    )


def against_the_first(spaces: Sequence[Space], **options) -> list[Beside]:
    """Return each of the others beside the first of `spaces`, with intervals."""
    return [with_intervals(beside(spaces[0], other), **options) for other in spaces[1:]]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
