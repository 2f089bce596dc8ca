"""Stratified samples: of the training split, of a lone file, and of the validation split as the probe set.

All draws are by numpy's RandomState, whose stream is frozen: the same seed gives the same rows under every version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import IsobarError

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

    from core.tasks.task import Task

# Below this a class has no shape: three points always lie in a plane, and its barcode has two bars.
FEWEST_PROBES = 4
# Texts without labels, looked at as one cloud, are so many times as many: what two classes show.
ONE_CLOUD = 2


def stratified_rows(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Return `size` row numbers, ascending, with each class's share as in `labels` (n,) and at least one of each.

    Shares are rounded by the largest remainder; ties go to the lower class.
    """
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * (size / len(labels))
    quota = np.clip(np.floor(exact).astype(int), 1, counts)
    by_remainder = np.argsort(quota - exact, kind="stable")
    while quota.sum() < size:
        for c in by_remainder:
            if quota.sum() < size and quota[c] < counts[c]:
                quota[c] += 1
    while quota.sum() > size and quota.max() > 1:
        quota[quota.argmax()] -= 1
    random = np.random.RandomState(seed)
    rows = [random.permutation(np.flatnonzero(labels == label))[:n] for label, n in zip(classes, quota)]
    return np.sort(np.concatenate(rows))


def take_rows(data: Dataset, rows: np.ndarray) -> Dataset:
    """Return the rows of `data` with these numbers, as a data set of its own rather than an index into `data`."""
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable(data.with_format("arrow")[:].take(rows)))


def scored_part(task: Task, size: int) -> Dataset:
    """Return a stratified sample of `size` of the validation split, the same for every run; all of it where there are no more, or `size` is 0."""
    import numpy as np

    if not 0 < size < len(task.validation):
        return task.validation
    return take_rows(task.validation, stratified_rows(np.asarray(task.validation["label"][:]), size, seed=0))


def probe_set(task: Task, per_class: int, seed: int) -> Dataset:
    """Return a fixed, stratified sample of the validation split: up to `per_class` examples of each class.

    It has the columns of the split and ``row`` (index in the validation split, ascending). A class with fewer
    examples gives all it has.

    Raises:
        IsobarError: `per_class` or the validation examples of a class are fewer than 4.
    """
    import numpy as np

    if per_class < FEWEST_PROBES:
        raise IsobarError(
            f"A probe set of {per_class} examples a class is too small; at least {FEWEST_PROBES} are needed."
        )
    labels = np.asarray(task.validation["label"][:])
    random = np.random.RandomState(seed)
    rows = []
    for index in task.own_order:
        name = task.label_names[index]
        of_class = np.flatnonzero(labels == index)
        if len(of_class) < FEWEST_PROBES:
            raise IsobarError(
                f"Class {name!r} has {len(of_class)} {'example' if len(of_class) == 1 else 'examples'} in the "
                f"validation split of task {task.name!r}; the probe set needs at least {FEWEST_PROBES} of each class."
            )
        rows.append(random.permutation(of_class)[:per_class])
    chosen = np.sort(np.concatenate(rows))
    return take_rows(task.validation, chosen).add_column("row", chosen.tolist())
