"""What earlier versions wrote, in the form of this one. All that is known of old forms stands here.

Format 1 had every regularizer's settings as flat names beside the run's own (``koleo_weight``), whether the run used it
or not, and the record (versions, machine, data) in spec.yaml too. Format 2 has one mapping, ``regularizers``, and
record.yaml. A value that has another name now is said by its regularizer's ``Settings.former``.
"""

from collections.abc import Mapping
from functools import cache
from logging import getLogger

from core.runs.settings import now

FORMAT = 2

# By the flat name: the regularizer, its setting, and the default that format 1 had, for runs from before the setting was.
_FLAT = {
    "weight": ("persistent-entropy", "weight", 1.0),
    "selection": ("persistent-entropy", "selection", "features"),
    "longest": ("persistent-entropy", "longest", 8),
    "scope": ("persistent-entropy", "scope", "class"),
    "metric": ("persistent-entropy", "metric", "euclidean"),
    "max_dim": ("persistent-entropy", "max_dim", 0),
    "relative": ("persistent-entropy", "relative", False),
    "cohesion": ("persistent-entropy", "cohesion", 0.0),
    "memory": ("persistent-entropy", "memory", 0),
    "repulsion_weight": ("repulsion", "weight", 0.05),
    "persistence_weight": ("total-persistence", "weight", 0.05),
    "koleo_weight": ("koleo", "weight", 0.1),
    "koleo_scope": ("koleo", "scope", "global"),
    "istar_weight": ("istar", "weight", -1.0),
    "istar_zeta": ("istar", "zeta", 0.2),
    "istar_layers": ("istar", "layers", "all"),
    "istar_padding": ("istar", "padding", False),
    "cosine_weight": ("cosine", "weight", 1.0),
    "cosine_of": ("cosine", "of", "texts"),
}
FLAT_NAMES = {flat: default for flat, (_, _, default) in _FLAT.items()}
"""The flat names of format 1, which are still understood where settings are given, with their defaults."""
_FLAT_OF = {(regularizer, setting): flat for flat, (regularizer, setting, _) in _FLAT.items()}
_log = getLogger("isobar")


def refusal(values: Mapping, where: str) -> str:
    """Return the sentence that refuses a file of a later format, or an empty string."""
    given = values.get("format", 1)
    if not isinstance(given, int) or given <= FORMAT:
        return ""
    return (
        f"{where} is of format {given}, which a later version of Isobar wrote; this one reads formats up to {FORMAT}. "
        "A newer Isobar opens it."
    )


def settings_now(values: Mapping) -> dict:
    """Return the settings in a run's spec.yaml, of any format up to this one, as a run has them now; no record, no format."""
    found = {name: value for name, value in values.items() if name not in ("format", "record")}
    if isinstance(found.get("regularizers"), Mapping):
        found["regularizers"] = {
            name: now(str(name), settings) if isinstance(settings, Mapping) else settings
            for name, settings in found["regularizers"].items()
        }
    if values.get("format", 1) != 1 or "regularizer" not in values:
        return found
    names = [name for name in str(found.pop("regularizer")).split("+") if name != "none"]
    regularizers: dict[str, dict] = {name: {} for name in names}
    for flat, (regularizer, setting, default) in _FLAT.items():
        value = found.pop(flat, default)
        if regularizer in regularizers:
            regularizers[regularizer][setting] = value
    regularizers = {name: now(name, settings) for name, settings in regularizers.items()}
    place = list(values).index("regularizer")  # where format 1 had it, for those who read it from top to bottom
    items = list(found.items())
    before = sum(name in found for name in list(values)[:place])
    return dict([*items[:before], ("regularizers", regularizers), *items[before:]])


def is_settings_of_a_run(values: Mapping) -> bool:
    """Whether a YAML file's `values` were written by a run, and not by a person."""
    return "format" in values or "record" in values


def dotted(flat: str) -> str:
    """Return what the flat name is called now: ``koleo.weight`` for ``koleo_weight``."""
    regularizer, setting, _ = _FLAT[flat]
    return f"{regularizer}.{setting}"


def flat(regularizer: str, setting: str) -> str:
    """Return what format 1 called a setting; what it didn't know goes by its present name."""
    return _FLAT_OF.get((regularizer, setting), f"{regularizer}.{setting}")


@cache
def tell_of_flat_names(names: tuple[str, ...]) -> None:
    """Say once that the flat `names`, which somebody still has, are written otherwise now."""
    now: dict[str, list[str]] = {}
    for name in names:
        regularizer, setting, _ = _FLAT[name]
        now.setdefault(regularizer, []).append(f"{setting}=…")
    form = " + ".join(f"{regularizer}({', '.join(settings)})" for regularizer, settings in now.items())
    several = len(names) > 1
    _log.warning(
        "Note: %s %s now: regularizer %s, or %s in a file. The old name%s understood for one more version.",
        ", ".join(names),
        "are settings of their regularizers" if several else "is a setting of its regularizer",
        form,
        " and ".join(dotted(name) for name in names),
        "s are" if several else " is",
    )


@cache
def tell_of_no_effect(names: tuple[str, ...]) -> None:
    """Say once that the flat `names` are of regularizers that the run does not use."""
    _log.warning(
        "Note: %s %s no effect here: the run does not use %s.",
        ", ".join(names),
        "have" if len(names) > 1 else "has",
        " or ".join(dict.fromkeys(_FLAT[name][0] for name in names)),
    )
