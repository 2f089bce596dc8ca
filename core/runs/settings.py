"""What the settings of a run say of its place among others: same experiment, same setting, and what varies.

Settings are dictionaries as spec.yaml holds them, so that a reader of runs needs no more than the files.
"""

from collections.abc import Mapping, Sequence

from core.regularizers.settings import SETTINGS

SETTINGS_OF = {name: tuple(settings.model_fields) for name, settings in SETTINGS.items()}
# The settings that say nothing in a run without regularizer.
OF_REGULARIZER = tuple(name for names in SETTINGS_OF.values() for name in names)
# The settings that change what is written down of a run, and not how it goes.
OF_BOOKKEEPING = ("record", "report_to", "log_every", "snapshots", "save_model")


def experiment(spec: Mapping) -> tuple:
    """Return what a run shares with its baseline and with its repetitions under other seeds; it can be a key."""
    return _key(spec, {"seed", "regularizer", *OF_REGULARIZER, *OF_BOOKKEEPING})


def setting(spec: Mapping) -> tuple:
    """Return what a run shares with its repetitions under other seeds; it can be a key."""
    return _key(spec, {"seed", *OF_BOOKKEEPING, *silent(spec)})


def silent(spec: Mapping) -> set[str]:
    """Return the settings that say nothing in this run: those of regularizers that it does not use."""
    used = _regularizers(spec)
    return {name for regularizer, names in SETTINGS_OF.items() if regularizer not in used for name in names}


def method(spec: Mapping) -> str:
    """Return a word for each regularizer, joined by ``+``: the selection for persistent entropy, else its name."""
    words = (str(spec.get("selection", name)) if name == "persistent-entropy" else name for name in _regularizers(spec))
    return "+".join(words) or "none"


def varying(specs: Sequence[Mapping]) -> list[str]:
    """Return the settings in which `specs` differ, seed and regularizer aside, in the order of the specs.

    A setting of a regularizer counts only where that is used.
    """
    seen: dict[str, set[str]] = {}
    for spec in specs:
        for key in spec.keys() - silent(spec):
            seen.setdefault(key, set()).add(str(spec[key]))
    order = dict.fromkeys(key for spec in specs for key in spec)
    apart = {"seed", "regularizer", "selection", *OF_BOOKKEEPING}
    return [key for key in order if len(seen.get(key, ())) > 1 and key not in apart]


def _regularizers(spec: Mapping) -> list[str]:
    return [name for name in str(spec.get("regularizer", "none")).split("+") if name != "none"]


def _key(spec: Mapping, without: set[str]) -> tuple:
    return tuple(sorted((key, str(value)) for key, value in spec.items() if key not in without))
