"""What the studies of many models, or of one in many states, share: how they are asked for, and how what they found is read."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import IsobarError, nearest
from core.regularizers.chosen import sentence

FORMAT = 1
"""Of the file in which a study keeps what it has found."""


class StudySpec(BaseModel, ABC):
    """What a study looks at.

    Attributes:
        lists: the fields in which nothing may stand twice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    lists: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def name(self) -> str:
        """What a study of it is called, in safe characters."""

    def run_name(self) -> str:
        """Return the name of its directory: when, and what it is called."""
        return f"{datetime.now():%Y-%m-%dT%H-%M-%S}_{self.name}"

    @classmethod
    def parse(cls, values: Mapping, where: str = "the options") -> Self:
        """Return the spec with these `values`.

        Raises:
            IsobarError: one sentence for the first that is unknown, of the wrong kind or out of range, or stands twice.
        """
        for key in values:
            if key not in cls.model_fields:
                raise IsobarError(f"There is no {key!r} in {where}.{nearest(str(key), cls.model_fields)}")
        try:
            spec = cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            raise IsobarError(sentence(first, str(first["loc"][0]), (), where)) from error
        for name in cls.lists:
            given = getattr(spec, name)
            twice = next((one for one in given if given.count(one) > 1), None)
            if twice is not None:
                raise IsobarError(f"{twice!r} stands twice under {name} in {where}; once is enough.")
        spec.check(where)
        return spec

    def check(self, where: str) -> None:
        """Raise an IsobarError where its values don't go together."""


def read_study(path: Path | str, file: str, what: str, lists: tuple[str, ...]) -> dict:
    """Return what the `file` of the study in the directory `path`, or the file `path`, holds.

    Args:
        path: of either.
        file: what the study's file is called in its directory.
        what: what it is called in messages, such as "study of layers".
        lists: what must be there as a list.

    Raises:
        IsobarError: there is none, or it is cut short or of a later version.
    """
    place = Path(path) / file if Path(path).is_dir() else Path(path)
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsobarError(f"There is no {what} at {place} ({error.strerror}).") from error
    except ValueError as error:
        raise IsobarError(f"The {what} {place} is cut short or no JSON; run it again.") from error
    if not isinstance(found, dict) or not all(isinstance(found.get(name), list) for name in lists):
        raise IsobarError(f"The file {place} holds no {what}.")
    if found.get("format") != FORMAT:
        raise IsobarError(
            f"The {what} {place} has the format {found.get('format')}, and this version reads {FORMAT}; update Isobar."
        )
    return found
