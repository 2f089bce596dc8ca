"""What the files of a run hold, as far as somebody reads it: of what kind each entry is. What is of another kind is left out."""

import math
from collections.abc import Callable, Mapping

_DEEPEST = 12
Kind = Callable[[object], bool]


def fitting(values: Mapping, kinds: Mapping[str, Kind]) -> tuple[dict, list[str]]:
    """Return the entries of `values` that are of their kind, or of none that is known, and the names of the others.

    An entry that is null is left out where its kind is known, and not named.
    """
    found, wrong = {}, []
    for name, value in values.items():
        if not isinstance(name, str) or not is_shallow(value):
            wrong.append(str(name)[:80])
        elif name not in kinds or kinds[name](value):
            found[name] = value
        elif value is not None:
            wrong.append(name)
    return found, wrong


def is_text(value: object) -> bool:
    """Whether `value` is a text."""
    return isinstance(value, str)


def is_number(value: object) -> bool:
    """Whether `value` is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_whole(value: object) -> bool:
    """Whether `value` is a whole number of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def is_texts(value: object) -> bool:
    """Whether `value` is a list of texts."""
    return isinstance(value, list) and all(map(is_text, value))


def is_measures(value: object) -> bool:
    """Whether `value` holds numbers by name, undefined ones among them, and perhaps such of classes and layers."""
    return isinstance(value, Mapping) and all(_is_measure(name, entry) for name, entry in value.items())


def is_settings(value: object) -> bool:
    """Whether `value` holds the settings of regularizers by name."""
    return isinstance(value, Mapping) and all(of is None or isinstance(of, Mapping) for of in value.values())


def is_shallow(value: object, deepest: int = _DEEPEST) -> bool:
    """Whether no list or mapping lies in more than `deepest` others."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return deepest > 0 and all(is_shallow(entry, deepest - 1) for entry in inside)


def is_event(row: object) -> bool:
    """Whether `row` is a line of events.jsonl: a step, and what its kind has."""
    if not isinstance(row, Mapping) or not is_shallow(row) or not is_text(row.get("kind")):
        return False
    kinds = {**_EVENT, **_EVENTS.get(row["kind"], {})}
    needed = ("step", *_EVENTS.get(row["kind"], {}))
    return all(name in row for name in needed) and all(
        kind(row[name]) for name, kind in kinds.items() if row.get(name) is not None or name in needed
    )


def _is_measure(name: object, value: object) -> bool:
    if name == "classes":
        return isinstance(value, Mapping) and all(isinstance(of, Mapping) for of in value.values())
    if name == "layers":
        return isinstance(value, list) and all(isinstance(of, Mapping) for of in value)
    return isinstance(name, str) and (value is None or is_number(value))


STATUS: Mapping[str, Kind] = {
    **dict.fromkeys(("state", "host", "heartbeat", "birth", "error", "phase", "started", "device"), is_text),
    **dict.fromkeys(("pid", "step", "total_steps", "done", "total"), is_whole),
    **dict.fromkeys(("seconds_left", "queued"), is_number),
}
SPEC: Mapping[str, Kind] = {
    **dict.fromkeys(("model", "task", "weights", "pooling", "schedule", "precision", "device", "lora"), is_text),
    **dict.fromkeys(("seed", "layer", "batch_size", "max_steps", "max_length", "accumulation"), is_whole),
    **dict.fromkeys(("learning_rate", "epochs", "warmup", "weight_decay", "max_grad_norm", "max_seconds"), is_number),
    "regularizers": is_settings,
}
REPORT: Mapping[str, Kind] = {
    **dict.fromkeys(("before", "after", "difference", "isotropic"), is_measures),
    "metric": is_text,
    "label_names": is_texts,
}
RECORD: Mapping[str, Kind] = {
    **dict.fromkeys(("platform", "device", "pooling", "states", "idle"), is_text),
    **dict.fromkeys(("versions", "model"), lambda value: isinstance(value, Mapping)),
    "task": lambda value: (
        isinstance(value, Mapping)
        and all(is_texts(value.get(name) or []) for name in ("label_names", "metrics", "notes"))
    ),
}
_EVENT: Mapping[str, Kind] = {
    "step": is_whole,
    **dict.fromkeys(("time", "epoch", "task_loss", "regularizer", "learning_rate", "step_seconds"), is_number),
    **dict.fromkeys(("regularizers", "regularizers_seconds", "classes"), lambda value: isinstance(value, Mapping)),
}
_EVENTS: Mapping[str, Mapping[str, Kind]] = {
    "note": {"text": is_text},
    "probe": {"measures": is_measures},
    "evaluation": {"metrics": is_measures},
}
