"""What the settings of a run say of its place among others: same experiment, same setting, and what varies.

Settings are dictionaries as spec.yaml holds them, so that a reader of runs needs no more than the files.
"""

import json
from collections.abc import Mapping, Sequence

from core.regularizers.registry import REGULARIZERS, settings_class

# The settings that change what is written down of a run, and not how it goes.
OF_BOOKKEEPING = ("report_to", "log_every", "snapshots", "save_model", "checkpoint_minutes")

OUTSIDE = "trained_outside"
"""A setting that says, where it is true, that somebody's own Trainer trained the model: the others are what is known of it."""


def regularizers(spec: Mapping) -> dict[str, dict]:
    """Return the settings of each regularizer of a run by name; what can't be read is left out.

    Settings that came after the run was recorded are at their defaults.
    """
    found = spec.get("regularizers")
    if not isinstance(found, Mapping):
        return {}
    return {
        str(name): {**_defaults(str(name)), **(now(str(name), settings) if isinstance(settings, Mapping) else {})}
        for name, settings in found.items()
    }


def flat(spec: Mapping) -> dict:
    """Return all settings of a run one beside the other, those of its regularizers as ``koleo.weight``."""
    found = {key: value for key, value in spec.items() if key != "regularizers"}
    for name, settings in regularizers(spec).items():
        found.update({f"{name}.{key}": value for key, value in settings.items()})
    return found


def experiment(spec: Mapping) -> tuple:
    """Return what a run shares with its baseline and with its repetitions under other seeds; it can be a key."""
    return _key(spec, {"seed", "regularizers", *OF_BOOKKEEPING})


def setting(spec: Mapping) -> tuple:
    """Return what a run shares with its repetitions under other seeds; it can be a key."""
    return _key({**spec, "regularizers": regularizers(spec)}, {"seed", *OF_BOOKKEEPING})


def method(spec: Mapping) -> str:
    """Return a word for each regularizer, joined by ``+``: its name, or the value of the setting that it is told by."""
    return "+".join(_word(name, settings) for name, settings in regularizers(spec).items()) or "none"


def former_method(spec: Mapping) -> str:
    """Return what :func:`method` was before values had the names that they have now."""
    words = []
    for name, settings in regularizers(spec).items():
        before = (
            {new: old for old, new in settings_class(name).former.get(_told_by(name), {}).items()}
            if name in REGULARIZERS
            else {}
        )
        words.append(before.get(word := _word(name, settings), word))
    return "+".join(words) or "none"


def words(spec: Mapping) -> str:
    """Return what the regularizers of a run are called where there is little room; ``baseline`` where there is none."""
    if "regularizers" not in spec:
        return "?"
    said = [
        settings_class(name).words(settings) if name in REGULARIZERS else name
        for name, settings in regularizers(spec).items()
    ]
    return " + ".join(said) or "baseline"


def label(name: str) -> str:
    """Return what the regularizer `name` is called in a sentence; one that isn't known goes by its name."""
    return settings_class(name).label if name in REGULARIZERS else name


def varying(specs: Sequence[Mapping]) -> list[str]:
    """Return the settings in which `specs` differ, seed and method aside, in the order of the specs.

    A setting of a regularizer, as ``koleo.weight``, counts only where that is used.
    """
    seen: dict[str, set[str]] = {}
    for spec in (flats := [flat(spec) for spec in specs]):
        for key, value in spec.items():
            seen.setdefault(key, set()).add(str(value))
    apart = {"seed", *OF_BOOKKEEPING, *(f"{name}.{_told_by(name)}" for spec in specs for name in regularizers(spec))}
    order = dict.fromkeys(key for spec in flats for key in spec)
    return [key for key in order if len(seen[key]) > 1 and key not in apart]


def now(name: str, settings: Mapping) -> dict:
    """Return recorded settings of the regularizer `name` with their values as they are called now."""
    return settings_class(name).now(settings) if name in REGULARIZERS else dict(settings)


def _word(name: str, settings: Mapping) -> str:
    return str(settings.get(_told_by(name), name))


def _told_by(name: str) -> str:
    return settings_class(name).told_by if name in REGULARIZERS else ""


def _defaults(name: str) -> dict:
    if name not in REGULARIZERS:
        return {}
    return {key: field.default for key, field in settings_class(name).model_fields.items()}


def _key(spec: Mapping, without: set[str]) -> tuple:
    def told(value: object) -> str:
        return json.dumps(value, sort_keys=True, default=str) if isinstance(value, Mapping) else str(value)

    return tuple(sorted((key, told(value)) for key, value in spec.items() if key not in without))
