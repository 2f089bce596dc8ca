"""What a landscape says: how every measure goes with the scores, and whether it says more than the level of the noise does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.geometry.catalogue import MEASURES as CATALOGUE
from core.studies.landscape import NOISE, Landscape, noise_level
from core.training.spec import slug

_RESAMPLES = 2_000
_FEWEST = 5  # points that a correlation is told of


@dataclass(frozen=True)
class Prediction:
    """How one predictor goes with the scores of a task.

    Attributes:
        name: of the measure, or :data:`NOISE`.
        n, pearson, spearman: over all points that have a value, with 95 % intervals as (value, low, high).
        ladder: Spearman over the points on the ladder of noise, and ``given_noise`` the partial one given its level.
        off: Spearman over the points that are on no ladder.
    """

    name: str
    n: int
    pearson: tuple[float, float, float]
    spearman: tuple[float, float, float]
    ladder: tuple[float, float, float]
    given_noise: tuple[float, float, float]
    off: tuple[float, float, float]

    def as_row(self) -> dict:
        """Return it as a row of a table."""
        label = CATALOGUE[self.name].label if self.name in CATALOGUE else self.name
        told = {
            "Pearson": self.pearson,
            "Spearman": self.spearman,
            "on the ladder": self.ladder,
            "given the noise": self.given_noise,
            "off the ladder": self.off,
        }
        return {"predictor": label, "points": self.n, **{name: _told(value) for name, value in told.items()}}


def predictions(found: Landscape, task: str) -> list[Prediction]:
    """Return how every predictor goes with the scores of `task`; what predicts best, given the noise, first.

    Intervals are percentiles of a bootstrap that draws states, with all their seeds, and not points: the repetitions of one
    state are no independent witnesses.
    """
    points = [point for point in found.points if point["task"] == task]
    scores = np.array([point["score"] for point in points], float)
    noise = np.array([noise_level(point) for point in points])
    states = _numbered([(point["model"], point["weights"]) for point in points])
    told = []
    for name in found.predictors():
        values = noise if name == NOISE else np.array([_number(point.get(name)) for point in points])
        here = np.isfinite(values) & np.isfinite(scores)
        on = here & np.isfinite(noise)
        off = here & (~np.isfinite(noise) | (noise == 0))
        undefined = (math.nan,) * 3
        told.append(
            Prediction(
                name,
                int(here.sum()),
                _interval(_pearson, states[here], values[here], scores[here]),
                _interval(_spearman, states[here], values[here], scores[here]),
                _interval(_spearman, states[on], values[on], scores[on]),
                undefined if name == NOISE else _interval(_partial, states[on], values[on], scores[on], noise[on]),
                undefined if name == NOISE else _interval(_spearman, states[off], values[off], scores[off]),
            )
        )
    return sorted(told, key=lambda one: (one.name != NOISE, -_strength(one)))


def _strength(one: Prediction) -> float:
    value = one.given_noise[0] if math.isfinite(one.given_noise[0]) else one.spearman[0]
    return abs(value) if math.isfinite(value) else -1.0


def verdict(task: str, told: Sequence[Prediction]) -> str:
    """Return in a sentence or three whether geometry predicts the score of `task`, and whether it says more than the noise does.

    Args:
        task: that the predictions are of.
        told: as :func:`predictions` returns them.
    """
    if not told or not math.isfinite(told[0].ladder[0]) or len(told) < 2:
        return f"{slug(task)}: too few finished points to tell."
    noise, measures = told[0], told[1:]
    best = max(measures, key=lambda one: abs(one.spearman[0]) if math.isfinite(one.spearman[0]) else -1)
    words = [
        f"{slug(task)}: on the ladder, the level of the noise alone ranks the scores at Spearman {noise.ladder[0]:+.2f}.",
        f"Of the measures {_name(best)} goes with them most, {_told(best.spearman)} over all {best.n} points.",
    ]
    left = [
        one for one in measures if math.isfinite(one.given_noise[1]) and one.given_noise[1] * one.given_noise[2] > 0
    ]
    if left:
        first = left[0]
        chance = f"{len(left)} of {len(measures)} measures do, and about {max(1, round(0.05 * len(measures)))} would by chance"
        words.append(f"Given the noise, {_name(first)} still says something, {_told(first.given_noise)}: {chance}.")
    else:
        words.append("Given the noise, no measure says anything more that this many points could tell.")
    return " ".join(words)


def _name(one: Prediction) -> str:
    return CATALOGUE[one.name].label if one.name in CATALOGUE else one.name


def _told(value: tuple[float, float, float]) -> str:
    middle, low, high = value
    if not math.isfinite(middle):
        return "–"
    return f"{middle:+.2f}" + (f" [{low:+.2f}, {high:+.2f}]" if math.isfinite(low) and math.isfinite(high) else "")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _numbered(keys: Sequence) -> np.ndarray:
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys], dtype=int)


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the correlation along the last axis; NaN where one does not vary."""
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    lengths = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(lengths > 0, np.clip((x * y).sum(-1) / lengths, -1, 1), np.nan)


def _spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _pearson(_ranks(x), _ranks(y))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks along the last axis; of the same values, as the scores beside every predictor, they are taken once."""
    return _ranked(values.tobytes(), values.shape)


@lru_cache(maxsize=16)
def _ranked(content: bytes, shape: tuple[int, ...]) -> np.ndarray:
    import pandas as pd

    values = np.frombuffer(content).reshape(shape)
    # As scipy.stats.rankdata, which takes longer to import than to rank.
    return pd.DataFrame(np.atleast_2d(values)).rank(axis=1).to_numpy().reshape(shape)


def _partial(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of `x` and `y` less what the ranks of `given` say of both."""
    x, y, given = _ranks(x), _ranks(y), _ranks(given)
    xy, xz, yz = _pearson(x, y), _pearson(x, given), _pearson(y, given)
    left = (1 - xz**2) * (1 - yz**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(left > 1e-12, np.clip((xy - xz * yz) / np.sqrt(left), -1, 1), np.nan)


def _interval(statistic, states: np.ndarray, *columns: np.ndarray) -> tuple[float, float, float]:
    """Return the statistic of the columns and the 95 % interval of its bootstrap over states; NaN of fewer than five points."""
    if len(states) < _FEWEST:
        return (math.nan,) * 3
    rows = _resamples(states.tobytes())
    resampled = statistic(*(column[rows] for column in columns))
    known = resampled[np.isfinite(resampled)]
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) > len(rows) / 2 else (math.nan, math.nan)
    return float(statistic(*columns)), float(low), float(high)


@lru_cache(maxsize=16)
def _resamples(of: bytes) -> np.ndarray:
    """Return the rows of each resample: states drawn with replacement, each with all its points.

    Where some states have fewer points than others, as many are drawn of each, so that all resamples are of one size.
    """
    states, draw = np.frombuffer(of, dtype=int), np.random.default_rng(0)
    rows_of = [np.flatnonzero(states == state) for state in np.unique(states)]
    most = max(len(rows) for rows in rows_of)
    chosen = draw.integers(len(rows_of), size=(_RESAMPLES, len(rows_of)))
    whole = np.array([rows if len(rows) == most else draw.choice(rows, most) for rows in rows_of])
    return whole[chosen].reshape(_RESAMPLES, -1)
