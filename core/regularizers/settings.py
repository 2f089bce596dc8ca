"""What the settings of every regularizer share. Nothing here imports torch: forms, flags and readers of runs need none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scope = Literal["class", "global"]
Weight = Annotated[float, Field(ge=0, le=1000)]


@dataclass(frozen=True)
class Tokens:
    """Token states that a regularizer acts on, in place of the texts' embeddings.

    Attributes:
        layers: whose: "all" layers' but the input embeddings', a layer's by its number, or "layer", the one that the
            embeddings are taken from.
        padding: whether padding tokens count.
    """

    layers: str = "layer"
    padding: bool = False


class RegularizerSettings(BaseModel):
    """Settings of one regularizer; each file of a regularizer has a subclass called ``Settings``.

    The subclass's docstring says in a sentence what the regularizer does, for flags and forms.
    Fields have plain names (``weight``, ``scope``), a default, limits and a description with its reason. All that the
    regularizer's class takes under the same name is handed to it; what else there is says what it acts on.

    Attributes:
        label: what the regularizer is called in a sentence.
        factors: settings besides ``weight`` that weigh a part of the term, 0 where that is off.
        former: by setting, what a value was called before, and is still understood by: ``{"selection": {"old": "new"}}``.
        told_by: the setting whose value stands for the regularizer in names of runs and groups, if one does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    label: ClassVar[str]
    factors: ClassVar[tuple[str, ...]] = ()
    told_by: ClassVar[str] = ""
    former: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @classmethod
    def now(cls, settings: Mapping) -> dict:
        """Return `settings`, as they were recorded or typed, with values that are called otherwise now by that name."""
        return {
            name: cls.former.get(name, {}).get(value, value) if isinstance(value, str) else value
            for name, value in settings.items()
        }

    @model_validator(mode="before")
    @classmethod
    def _by_their_names_now(cls, given: object) -> object:
        return cls.now(given) if isinstance(given, Mapping) else given

    @property
    def tokens(self) -> Tokens | None:
        """The token states that it acts on; None where it acts on the texts' embeddings."""
        return None

    @property
    def fewest(self) -> int:
        """How many examples a cloud in the batch needs; with fewer it adds nothing to the loss."""
        return 0

    @property
    def without_effect(self) -> tuple[str, ...]:
        """Which settings, though they are set, do nothing beside the others; a run says so."""
        return ()

    @property
    def of_each_class(self) -> bool:
        """Whether each class of the batch is a cloud; else the batch is one."""
        return getattr(self, "scope", "global") == "class"

    @classmethod
    def words(cls, settings: Mapping) -> str:
        """Return what a regularizer of these recorded `settings` is called where there is little room."""
        return cls.label
