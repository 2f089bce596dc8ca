"""What a run can set of each regularizer: the one list that flags, YAML, form and comparison derive from.

Nothing here imports torch, so that whoever reads a run or prints a help text needs none.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

Selection = Literal["prominent", "all", "longest", "random"]
Scope = Literal["class", "global"]
Metric = Literal["euclidean", "cosine", "angular"]
Weight = Annotated[float, Field(ge=0, le=1000)]


class PersistentEntropySettings(BaseModel):
    """Of `PersistentEntropyLoss`."""

    weight: Weight = Field(1.0, description="Factor of the persistent entropy; 1 is the paper's.")
    selection: Selection = Field("prominent", description="Which bars count: the features, all, or an ablation.")
    longest: Annotated[int, Field(ge=2)] = Field(8, description="How many bars selection 'longest' keeps.")
    scope: Scope = Field("class", description="One cloud per class (fine-tuning), or the whole batch as one.")
    metric: Metric = Field("euclidean", description="Distance of embeddings: the paper's, 1 - cos, or the angle.")
    max_dim: Annotated[int, Field(ge=0, le=1)] = Field(
        0, description="1 also counts loops, the bars of dimension 1; slower, and computed on the host."
    )
    relative: bool = Field(False, description="Divide each class's entropy by its maximum, ln of its bars.")
    cohesion: Annotated[float, Field(ge=-1000, le=1000)] = Field(
        0.0,
        description="Factor of the mean length of the noise bars: above 0 it pulls them together, below 0 it pushes them "
        "apart. The authors' code has -0.05. Its unit is a length, so it means something else in every model.",
    )
    memory: Annotated[int, Field(ge=0, le=4096)] = Field(
        0, description="Past embeddings per class that join the cloud; 0 sees the batch alone."
    )


class RepulsionSettings(BaseModel):
    """Of `TotalPersistenceLoss` on the noise bars alone."""

    repulsion_weight: Weight = Field(
        0.05,
        description="Factor of the mean length of the noise bars, which grows: the published term without its entropy.",
    )


class TotalPersistenceSettings(BaseModel):
    """Of `TotalPersistenceLoss` on all bars."""

    persistence_weight: Weight = Field(
        0.05, description="Factor of the mean length of all bars, which grows: no selection, no entropy."
    )


class KoLeoSettings(BaseModel):
    """Of `KoLeoLoss`."""

    koleo_weight: Weight = Field(0.1, description="Factor of KoLeo's term; 0.1 is DINOv2's.")
    koleo_scope: Scope = Field(
        "global", description="Nearest neighbours in the whole batch, as in DINOv2, or in each text's own class."
    )


class IStarSettings(BaseModel):
    """Of `IStarLoss`."""

    istar_weight: Annotated[float, Field(ge=-1000, le=1000)] = Field(
        -1.0,
        description="Factor of 1 - IsoScore*: below 0 it lowers isotropy, which its paper finds better on most tasks, above 0 it raises it.",
    )
    istar_zeta: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="Weight of the covariance of a large sample in the batch's own; 0.2 is the authors'."
    )
    istar_layers: str = Field(
        "all",
        description="Whose token states I-STAR sees: 'all' layers' (the paper's), or one's, by its number as in 'layer'.",
    )
    istar_padding: bool = Field(
        False,
        description="Count padding tokens too, as the authors' code does; left out here, since how many there are depends on the batch.",
    )

    @field_validator("istar_layers", mode="before")
    @classmethod
    def _all_or_a_number(cls, value: object) -> str:
        text = str(value)
        if text != "all" and not text.removeprefix("-").isdecimal():
            raise ValueError("'all' or the number of a layer")
        return text


class CosineSettings(BaseModel):
    """Of `CosineLoss`."""

    cosine_weight: Weight = Field(
        1.0, description="Factor of the mean cosine of the batch's embeddings, which lies between -1 and 1."
    )
    cosine_of: Literal["texts", "tokens"] = Field(
        "texts",
        description="Whose cosines: of the texts' embeddings, or of the token states of 'layer', which I-STAR's authors compare with.",
    )


SETTINGS: dict[str, type[BaseModel]] = {
    "persistent-entropy": PersistentEntropySettings,
    "repulsion": RepulsionSettings,
    "total-persistence": TotalPersistenceSettings,
    "koleo": KoLeoSettings,
    "istar": IStarSettings,
    "cosine": CosineSettings,
}
LABELS = {
    "persistent-entropy": "Persistent entropy",
    "repulsion": "Repulsion",
    "total-persistence": "Total persistence",
    "koleo": "KoLeo",
    "istar": "I-STAR",
    "cosine": "Cosine",
}
