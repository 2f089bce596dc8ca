"""How a space changes with depth: several models beside each other, beside their untrained selves, with their drift and without.

Godey, de la Clergerie, Sagot, "Is Anisotropy Inherent to Transformers?" (arXiv:2306.07656) find that it is; Machina, Mercer,
"Anisotropy is Not Inherent to Transformers" (NAACL 2024) that it is mostly drift. What decides between them is one switch
away here: trained or not, with the common mean or without, whole examples or tokens, queries and keys.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from core.studies.study import FORMAT, StudySpec, read_study
from core.training.spec import slug

MEASURES = (
    "mean_cosine",
    "mean_cosine_centered",
    "mean_vector_share",
    "anisotropy_1",
    "anisotropy_1_centered",
    "isoscore",
    "effective_rank",
    "twonn",
    "barcode_entropy",
    "outlier_dimensions",
)
"""What is measured of every layer."""
LESS_DRIFT = {"mean_cosine": "mean_cosine_centered", "anisotropy_1": "anisotropy_1_centered"}
"""Measures about the origin, and the same about the mean; the others of :data:`MEASURES` do not see where the origin is."""
ALIKE = ("linear_cka_debiased", "mutual_knn")
"""How alike two models' layers are."""
POINTS = ("examples", "tokens", "queries", "keys")
"""What a point of the clouds is: a whole example by the pooling, or one of its positions' states, queries or keys."""

FILE = "layers.json"
Pooling = Literal["auto", "cls", "mean", "last"]


class LayersSpec(StudySpec):
    """What a study of layers looks at."""

    models: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)] = Field(
        ("minilm",), description="Built-in names, local folders or Hub ids."
    )
    tasks: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)] = Field(
        ("grammar",), description="A task for each kind of examples: each model reads the first that it can."
    )
    examples: Annotated[int, Field(ge=4, le=1_000_000)] = Field(
        1_000, description="Examples of a task; of more a seeded sample."
    )
    untrained: Annotated[int, Field(ge=0, le=20)] = Field(
        2, description="How many times each architecture is also looked at with random weights."
    )
    pooling: Pooling = Field("auto", description="How the states of an example become its embedding.")
    max_length: Annotated[int, Field(ge=4, le=8192)] = Field(128, description="Word pieces a text is cut to.")
    max_seconds: Annotated[float, Field(gt=0, le=600)] = Field(10.0, description="Seconds a sound is cut to.")
    batch_size: Annotated[int, Field(ge=1, le=4096)] = Field(32, description="Examples a forward pass.")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto takes cuda, then mps, then cpu.")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="Of the samples and the random weights.")

    lists: ClassVar[tuple[str, ...]] = ("models", "tasks")

    @property
    def name(self) -> str:
        """What a study of it is called: its models, in safe characters."""
        names = [slug(name) for name in self.models]
        return "_".join(names[:3]) + (f"_and-{len(names) - 3}-more" if len(names) > 3 else "")


@dataclass(frozen=True)
class LayersStudy:
    """What a study has found.

    Attributes:
        spec: what it looked at, as :class:`LayersSpec` has it.
        models: of each model its ``model``, ``type``, ``modality``, ``task``, ``pooling``, ``examples``, ``parameters``
            and ``notes``.
        rows: one a cloud: ``model``, ``weights`` (trained or untrained), ``seed`` (of untrained ones), ``points`` (one of
            :data:`POINTS`), ``layer`` (0 is the input embeddings), ``of`` (layers in all, the input's left out), and
            :data:`MEASURES`, None where one is undefined.
        matrices: of each model's trained ``input`` and ``output`` embedding matrix the same measures, a row for each.
        pairs: ``one``, ``other``, ``examples``, and of each of :data:`ALIKE` a list (layers of one) of lists (of other).
    """

    spec: dict
    models: list[dict] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    matrices: list[dict] = field(default_factory=list)
    pairs: list[dict] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return all of it, as the file has it."""
        return {"format": FORMAT, **{name: getattr(self, name) for name in self.__dataclass_fields__}}

    def profile(
        self, model: str, measure: str, points: str = "examples", weights: str = "trained"
    ) -> list[list[float]]:
        """Return the values of `measure` by layer: one list, or of untrained weights one a seed; NaN where undefined."""
        found: dict[object, list[float]] = {}
        for row in self.rows:
            if (row["model"], row["points"], row["weights"]) == (model, points, weights):
                value = row[measure]
                found.setdefault(row["seed"], []).append(math.nan if value is None else value)
        return list(found.values())


def read_layers(path: Path | str) -> LayersStudy:
    """Return the study in a directory, or in its file layers.json.

    Raises:
        IsobarError: there is none, or it is cut short or of a later version.
    """
    parts = LayersStudy.__dataclass_fields__
    found = read_study(path, FILE, "study of layers", tuple(name for name in parts if name != "spec"))
    return LayersStudy(**{name: found.get(name) or {} if name == "spec" else found[name] for name in parts})


def verdicts(study: LayersStudy, measure: str = "mean_cosine", points: str = "examples") -> list[str]:
    """Return a sentence on each model: what depth does to `measure`, what is left without drift, and with random weights."""
    from core.geometry.catalogue import MEASURES as CATALOGUE  # whoever reads settings alone waits for no numpy

    label, said = CATALOGUE[measure].label.lower(), []
    for about in study.models:
        name, parts = about["model"], []
        for profile in study.profile(name, measure, points):
            parts.append(f"{label} goes from {_told(profile[0])} to {_told(profile[-1])} with depth")
            if measure in LESS_DRIFT:
                centered = study.profile(name, LESS_DRIFT[measure], points)[0][-1]
                parts.append(f"it ends at {_told(centered)} where the common mean is taken off")
        last = sorted(profile[-1] for profile in study.profile(name, measure, points, "untrained"))
        ends = list(dict.fromkeys(map(_told, last)))
        if ends:
            band = ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"
            parts.append(f"{'' if parts else f'{label} ends '}at {band} with random weights")
        if parts:
            said.append(f"{name}: {', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}.")
    return said


def _told(value: float) -> str:
    return "no defined value" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"
