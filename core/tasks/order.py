"""The classes of a task in the order of a checkpoint's outputs: matched by name, and a score only where they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.tasks.labels import number_or_name
from core.tasks.task import Task

_SHOWN = 6
_NO_NAME = re.compile(r"label[\s_-]*\d+", re.IGNORECASE)  # what transformers writes where nobody has named the outputs
_TRUTH = {"false": "0", "no": "0", "true": "1", "yes": "1"}


def in_order(task: Task, outputs: Sequence[str]) -> tuple[Task, bool]:
    """Return the task with its classes numbered as a checkpoint's `outputs` are, and whether its predictions can be scored.

    Names are the same where they are but for case and punctuation. Outputs without names, and classes that are numbers,
    go by number. What was assumed, and why there is no score, is a note of the task; its names stay those of the data, its
    fingerprint and what is drawn of it too.

    Args:
        task: with classes in the data's own order.
        outputs: the names of the checkpoint's outputs; empty where it has none for this task.
    """
    names = task.label_names
    if not outputs or not task.has_labels:
        return task, True
    if len(outputs) != len(names):
        return task.noted(
            f"The checkpoint tells {len(outputs)} classes apart ({_listed(outputs)}), the data have {len(names)} "
            f"({_listed(names)}): its head was made anew, so what it predicts before training says nothing."
        ), False
    matched = _matched(names, outputs)
    if matched is not None:
        if matched == list(range(len(names))):
            return task, True
        ordered = _reordered(task, matched)
        return ordered.noted(f"The classes are in the order of the checkpoint's: {_listed(ordered.label_names)}."), True
    numbers = [str(number) for number in range(len(names))]
    if all(_NO_NAME.fullmatch(name) for name in outputs):
        if list(names) == numbers:
            return task, True
        return task.noted(
            "The checkpoint doesn't name its classes; they are assumed to be the data's in their order: "
            f"{_listed(names)}. If they are not, its score says nothing."
        ), True
    if list(names) == numbers:
        pairs = [f"{number} is {name!r}" for number, name in zip(names, outputs)]
        return task.noted(
            f"Labels that are numbers go by the checkpoint's own numbers: {_listed(pairs, quoted=False)}."
        ), True
    return task.noted(
        f"The checkpoint's classes are {_listed(outputs)}, the data's {_listed(names)}: which is which can't be told by "
        "name, so what it predicts before training says nothing."
    ), False


def _matched(names: Sequence[str], outputs: Sequence[str]) -> list[int] | None:
    """Return which of the `names` each output is, or None where they can't be told."""
    for key in (str, _letters, _truth, _only_number):
        found = _by(key, names, outputs)
        if found is not None:
            return found
    return None


def _by(key: Callable[[str], str], names: Sequence[str], outputs: Sequence[str]) -> list[int] | None:
    of_names, of_outputs = [key(name) for name in names], [key(name) for name in outputs]
    if "" in of_names or len(set(of_names)) < len(names) or sorted(of_names) != sorted(of_outputs):
        return None
    return [of_names.index(name) for name in of_outputs]


def _letters(name: str) -> str:
    number = number_or_name(name.strip())
    return number if number.startswith("-") else re.sub(r"[\W_]+", "", number).casefold()


def _truth(name: str) -> str:
    return _TRUTH.get(_letters(name), _letters(name))


def _only_number(name: str) -> str:
    found = re.findall(r"\d+", name)  # "4 stars"
    return str(int(found[0])) if len(found) == 1 and not _NO_NAME.fullmatch(name) else ""


def _reordered(task: Task, matched: list[int]) -> Task:
    import numpy as np
    import pyarrow as pa
    from datasets import Dataset
    from datasets.table import InMemoryTable

    new = np.argsort(matched)  # by the data's number

    def numbered(data: Dataset) -> Dataset:
        table = data.with_format("arrow")[:]
        labels = pa.array(new[np.asarray(data["label"][:], dtype=np.int64)], pa.int64())
        return Dataset(InMemoryTable(table.set_column(table.column_names.index("label"), "label", labels)))

    return replace(
        task,
        train=numbered(task.train),
        validation=numbered(task.validation),
        label_names=tuple(task.label_names[number] for number in matched),
        order=tuple(new.tolist()),
    )


def _listed(names: Sequence[str], *, quoted: bool = True) -> str:
    shown = ", ".join(repr(str(name)) if quoted else name for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
