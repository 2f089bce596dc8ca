"""Does geometry predict the score? Many states of a model, the measures of each, and what each scores after fine-tuning.

Marbut, Chandler, Wheeler, "Exploring the Relationship of Geometry and Model Performance" (arXiv:2406.12159), perturb a model's
weights by noise and correlate measures of its space with its scores. Over a ladder of noise the level of the noise itself
ranks the scores, and whatever follows it seems to predict them; so the level is a predictor here among the others, every
correlation stands also as the partial one given it, and there are states that are on no ladder.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from core.errors import IsobarError
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
