"""The regularizers of a run: their names with their settings, as a mapping or as one line of text."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, get_args, get_origin

from pydantic import ValidationError

from core.errors import IsobarError, nearest
from core.regularizers.registry import REGULARIZERS, settings_class
from core.regularizers.settings import RegularizerSettings

NONE = "none"
_TERM = re.compile(r"\s*([^\s()+,=]+)\s*(?:\(([^()]*)\))?\s*")
_EXAMPLE = "such as 'koleo', 'koleo(weight=0.1)', or several joined by '+'; 'none' is the baseline"


class Regularizers(Mapping[str, RegularizerSettings]):
    """The settings of each regularizer of a run, by name, in the order of the registry; empty in a baseline.

    Immutable and hashable. As text, settings at their defaults are left out:
    ``persistent-entropy(weight=0.3, selection=all) + koleo``, or ``none``.
    """

    def __init__(self, settings: Mapping[str, RegularizerSettings]):
        self._settings = {name: settings[name] for name in REGULARIZERS if name in settings}

    @classmethod
    def parse(cls, given: object, where: str = "the settings") -> "Regularizers":
        """Return what `given` says: a text, a mapping of names to settings, or regularizers already.

        Raises:
            IsobarError: a name or setting is unknown, a value wrong, or the text can't be read.
        """
        if isinstance(given, Regularizers):
            return given
        if isinstance(given, str):
            given = _read(given, where)
        if not isinstance(given, Mapping):
            raise IsobarError(
                f"regularizer is {given!r}, but should be a text {_EXAMPLE}; or each name with its settings (in {where})."
            )
        return cls({str(name): _settings(str(name), values, where) for name, values in given.items()})

    def dump(self) -> dict[str, dict]:
        """Return all settings as plain dictionaries, defaults too."""
        return {name: settings.model_dump() for name, settings in self.items()}

    def __getitem__(self, name: str) -> RegularizerSettings:
        return self._settings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __hash__(self) -> int:
        return hash(tuple(self._settings.items()))

    def __str__(self) -> str:
        return " + ".join(_told(name, settings) for name, settings in self.items()) or NONE

    def __repr__(self) -> str:
        return str(self)


def setting_choices(name: str, setting: str) -> tuple[str, ...]:
    """Return the values that a setting of the regularizer `name` is limited to, or none where it isn't."""
    annotation = settings_class(name).model_fields[setting].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def explain_regularizers() -> str:
    """Return a paragraph on each regularizer: what it does, and its settings with their defaults."""
    return "\n\n".join(
        "\n".join([f"{name}: {settings_class(name).__doc__}", *_explained(name)]) for name in REGULARIZERS
    )


def _explained(name: str) -> Iterator[str]:
    for setting, field in settings_class(name).model_fields.items():
        choices = setting_choices(name, setting)
        of = f" One of: {', '.join(choices)}." if choices else ""
        yield f"  {setting}={_plain(field.default)}  {field.description}{of}"


def _read(text: str, where: str) -> dict[str, dict]:
    if text.strip() == NONE:
        return {}
    found: dict[str, dict] = {}
    rest = text
    while match := _TERM.match(rest):
        name, inside = match[1], match[2]
        if name in found:
            raise IsobarError(f"regularizer is {text!r}, but should name {name} once (in {where}).")
        pairs = [part.partition("=") for part in (inside or "").split(",") if part.strip()]
        if any(not sign or not value.strip() for _, sign, value in pairs):
            break
        found[name] = {key.strip(): value.strip() for key, _, value in pairs}
        if len(found[name]) < len(pairs):
            raise IsobarError(f"regularizer is {text!r}, which sets a setting of {name} twice (in {where}).")
        rest = rest[match.end() :]
        if not rest and (NONE not in found):
            return found
        if not rest.startswith("+"):
            break
        rest = rest[1:]
    raise IsobarError(f"regularizer is {text!r}, but should be a text {_EXAMPLE} (in {where}).")


def _settings(name: str, values: object, where: str) -> RegularizerSettings:
    if name not in REGULARIZERS:
        known = (*REGULARIZERS, NONE)
        raise IsobarError(
            f"regularizer names {name!r}, but there are: {', '.join(known)} (in {where}).{nearest(name, known)}"
        )
    kind = settings_class(name)
    if isinstance(values, RegularizerSettings):
        return values
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise IsobarError(f"{name} is {values!r}, but should hold its settings, as 'name: value' lines (in {where}).")
    for key in values:
        if key not in kind.model_fields:
            raise IsobarError(
                f"{name} has no setting {str(key)!r} (in {where}); it has: {', '.join(kind.model_fields)}."
                f"{nearest(str(key), kind.model_fields)}"
            )
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        setting = str(first["loc"][0])
        raise IsobarError(sentence(first, f"{name}.{setting}", setting_choices(name, setting), where)) from error


def sentence(error: Mapping, name: str, choices: tuple[str, ...], where: str) -> str:
    """Return what pydantic's `error` says of the setting `name`, with the nearest of its `choices`."""
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    hint = nearest(str(error["input"]), choices) if choices else ""
    return f"{name} is {error['input']!r}, but should be {message} (in {where}).{hint}"


def _told(name: str, settings: RegularizerSettings) -> str:
    given = settings.model_dump(exclude_defaults=True)
    return f"{name}({', '.join(f'{key}={_plain(value)}' for key, value in given.items())})" if given else name


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
