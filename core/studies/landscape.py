"""Does geometry predict the score? Many states of a model, the measures of each, and what each scores after fine-tuning.

Marbut, Chandler, Wheeler, "Exploring the Relationship of Geometry and Model Performance" (arXiv:2406.12159), perturb a model's
weights by noise and correlate measures of its space with its scores. Over a ladder of noise the level of the noise itself
ranks the scores, and whatever follows it seems to predict them; so the level is a predictor here among the others, every
correlation stands also as the partial one given it, and there are states that are on no ladder.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from core.errors import IsobarError
from core.geometry.catalogue import MEASURES as CATALOGUE
from core.models.changes import Change
from core.studies.study import FORMAT, StudySpec, read_study
from core.training.spec import RunSpec, slug

MEASURES = (
    "patchiness_additive",
    "patchiness_product",
    "patchiness_kmeans",
    "eee",
    "vrm",
    "gaussianity",
    "isoscore",
    "anisotropy_1",
    "anisotropy_1_centered",
    "mean_cosine",
    "mean_cosine_centered",
    "mean_vector_share",
    "effective_rank",
    "participation_ratio_corrected",
    "alpha_req",
    "twonn",
    "uniformity",
    "barcode_entropy",
    "outlier_dimensions",
)
"""What is measured of each state's token states; those whose package is missing are left out."""
NOISE = "noise level"
"""The predictor that is no measure."""
LADDER = "noise"
"""The change of weights whose amounts are the ladder."""
FILE = "landscape.json"
CELLS = "cells"  # the runs, in the directory of a study

_RESAMPLES = 2_000
_FEWEST = 5  # points that a correlation is told of


class LandscapeSpec(StudySpec):
    """What a landscape is made of."""

    model: str = Field("minilm", description="Built-in name, local folder or Hub id.")
    tasks: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)] = Field(
        ("grammar",), description="What every state is fine-tuned on, task by task."
    )
    weights: Annotated[tuple[str, ...], Field(min_length=1, max_length=200)] = Field(
        (
            "",
            *(f"noise({share:g})" for share in (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3)),
            "relative-noise(0.2)",
            "relative-noise(0.5)",
            "last-layers(1)",
            "last-layers(2)",
            "last-layers(3)",
            "shuffled(0.1)",
            "shuffled(0.5)",
            "untrained",
        ),
        description="The states of the model: changes of its weights, of which an empty one leaves them as they are.",
    )
    also: tuple[str, ...] = Field((), description="Further models, such as those of regularized runs, as they are.")
    seeds: Annotated[int, Field(ge=1, le=100)] = Field(3, description="How often each state is made and fine-tuned.")
    sentences: Annotated[int, Field(ge=2, le=100_000)] = Field(
        1_000, description="Training examples whose tokens are measured; the same of every state."
    )
    sample: Literal["task", "built"] = Field(
        "task",
        description="task: texts of the task; built: words drawn one by one, as frequent as in the task's texts and in as long texts.",
    )
    train: dict = Field(default_factory=dict, description="Settings of the fine-tuning, as `isobar train` has them.")

    @field_validator("weights")
    @classmethod
    def _weights_are_legible(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(Change.parse(one) or "") for one in given)
        except IsobarError as error:
            raise ValueError(f"changes of weights: {str(error).rstrip('.')}") from error

    lists: ClassVar[tuple[str, ...]] = ("tasks", "weights", "also")

    def check(self, where: str) -> None:
        """Raise an IsobarError where a setting of the fine-tuning is wrong, or the landscape's own."""
        for key in self.train:
            if key in ("model", "task", "weights", "seed", "regularizer", "regularizers"):
                raise IsobarError(f"train.{key} in {where} is decided by the landscape; leave it out.")
        self.cells(where)

    def cells(self, where: str = "the landscape") -> list[RunSpec]:
        """Return one spec a run: every state fine-tuned on every task with every seed, seed by seed."""
        states = [(self.model, weights) for weights in self.weights] + [(model, "") for model in self.also]
        return [
            RunSpec.parse(
                {**self.train, "model": model, "weights": weights, "task": task, "seed": seed, "regularizer": "none"},
                where,
            )
            for seed in range(self.seeds)
            for model, weights in states
            for task in self.tasks
        ]

    @property
    def name(self) -> str:
        """What a study of it is called: model and tasks, in safe characters."""
        return "_".join(slug(name) for name in (self.model, *self.tasks[:3]))


@dataclass(frozen=True)
class Landscape:
    """What a landscape study has found so far.

    Attributes:
        spec: as :class:`LandscapeSpec` has it.
        points: one a finished cell: ``model``, ``weights`` (the change, "" of none), ``seed``, ``task``, ``metric``,
            ``score``, and the measures of its token states before fine-tuning, None where one is undefined.
        failed: cells that did not finish, by name, and why.
    """

    spec: dict
    points: list[dict] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """Return all of it, as the file has it."""
        return {"format": FORMAT, "spec": self.spec, "points": self.points, "failed": self.failed}

    @property
    def tasks(self) -> list[str]:
        """The tasks that points are of."""
        return list(dict.fromkeys(point["task"] for point in self.points))

    def predictors(self) -> list[str]:
        """Return the noise level, and the measures that any point has a value of."""
        return [NOISE, *(name for name in MEASURES if any(point.get(name) is not None for point in self.points))]


def read_landscape(path: Path | str) -> Landscape:
    """Return the study in a directory, or in its file landscape.json.

    Raises:
        IsobarError: there is none, or it is cut short or of a later version.
    """
    found = read_study(path, FILE, "landscape", ("points",))
    return Landscape(found.get("spec") or {}, found["points"], found.get("failed") or {})


def noise_level(point: Mapping) -> float:
    """Return the share of noise in a point's weights: 0 where they are as they were, NaN where the change is of another kind."""
    change = Change.parse(point["weights"])
    if change is None:
        return 0.0
    return change.amount if change.kind == LADDER else math.nan


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
        return f"{task}: too few finished points to tell."
    noise, measures = told[0], told[1:]
    best = max(measures, key=lambda one: abs(one.spearman[0]) if math.isfinite(one.spearman[0]) else -1)
    words = [
        f"{task}: on the ladder, the level of the noise alone ranks the scores at Spearman {noise.ladder[0]:+.2f}.",
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
