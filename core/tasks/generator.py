"""From patterns to a balanced, shuffled, repetition-free list of examples, and from that to a `Task`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from core.errors import IsobarError
from core.tasks.lexicon import Hand
from core.tasks.metrics import metric_names

if TYPE_CHECKING:
    from core.tasks.task import Task

Pattern = Callable[[Hand], object]

# So many draws in a row that bring nothing new mean that a pattern is exhausted.
_PATIENCE = 2000


@dataclass(frozen=True)
class Row:
    """One example: its one or two texts, its label, and the phenomenon and pattern that it came from."""

    texts: tuple[str, ...]
    label: int
    phenomenon: str
    pattern: str


def generate(
    rows_of: Callable[[Pattern, Hand], list[tuple[tuple[str, ...], int]]],
    patterns: Mapping[str, Mapping[Pattern, int]],
    split: str,
    size: int,
    seed: int,
) -> list[Row]:
    """Return `size` distinct examples (one more, if `size` is odd), in random order.

    Every pattern gets a share by its weight. Only whole sets are taken, so that both labels
    are equally frequent and each word occurs equally often with each.

    Raises:
        IsobarError: the patterns can't make so many.
    """
    random = Random(f"{seed} {split}")
    counts = {(phenomenon, pattern): 0 for phenomenon, group in patterns.items() for pattern in group}
    exhausted: set = set()
    seen: set[tuple[str, ...]] = set()
    rows: list[Row] = []
    while len(rows) < size:
        open_ = [key for key in counts if key not in exhausted]
        if not open_:
            raise IsobarError(f"This built-in task has only {len(rows)} different {split} examples; ask for fewer.")
        # The one that is furthest behind.
        phenomenon, pattern = min(open_, key=lambda key: counts[key] / patterns[key[0]][key[1]])
        for _ in range(_PATIENCE):
            made = rows_of(pattern, Hand(random, split))
            if made and not any(texts in seen for texts, _ in made):
                break
        else:
            exhausted.add((phenomenon, pattern))
            continue
        seen.update(texts for texts, _ in made)
        counts[phenomenon, pattern] += len(made)
        rows += [Row(texts, label, phenomenon, pattern.__name__.strip("_")) for texts, label in made]
    return [rows[i] for i in sorted(range(len(rows)), key=[random.random() for _ in rows].__getitem__)]


def make_built_in(
    name: str, train: list[Row], validation: list[Row], label_names: tuple[str, ...], source: str
) -> Task:
    """Return the `Task` of generated examples."""
    from core.tasks.task import Task, fingerprint

    train_data, validation_data = _dataset(train), _dataset(validation)
    return Task(
        name=name,
        train=train_data,
        validation=validation_data,
        label_names=label_names,
        metrics=metric_names(name),
        fingerprint=fingerprint(train_data, validation_data, label_names),
        source=source,
    )


def _dataset(rows: list[Row]):
    from datasets import Dataset

    columns = {"text": [row.texts[0] for row in rows]}
    if len(rows[0].texts) == 2:
        columns["text_pair"] = [row.texts[1] for row in rows]
    return Dataset.from_dict({**columns, "label": [row.label for row in rows]})
