"""What a task is: labelled texts, images or sounds in two splits, with the names of its classes and of its metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.modalities import MODALITIES

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Task:
    """A classification task, ready for a model's own encoding.

    `train` and `validation` have the columns of their `modality` (``text``, ``image`` or ``audio``; ``text_pair`` only
    where `has_pairs`), and ``label`` (integers 0..C-1, an index into `label_names`). A text is a string; an image or
    a sound a cell as in :mod:`core.modalities.media`. The first of `metrics` is the headline. `notes` says in one
    sentence each what was guessed or dropped on the way here. `order` has the classes in the data's own order, where they
    are numbered otherwise (:func:`core.tasks.order.in_order`): what is drawn and which class F1 is of goes by it.
    """

    name: str
    train: Dataset
    validation: Dataset
    label_names: tuple[str, ...]
    metrics: tuple[str, ...]
    fingerprint: str
    source: str
    notes: tuple[str, ...] = ()
    modality: str = "text"
    order: tuple[int, ...] = ()

    def noted(self, note: str) -> Task:
        """Return the task with one more note."""
        return replace(self, notes=(*self.notes, note))

    @property
    def own_order(self) -> tuple[int, ...]:
        """The numbers of the classes in the data's own order, which is that of the numbers unless `order` says another."""
        return self.order or tuple(range(self.num_labels))

    @property
    def positive(self) -> int:
        """The number of the class that F1 is of, where there are two: the second in the data's own order."""
        return self.own_order[1] if self.num_labels > 1 else 1

    @property
    def has_pairs(self) -> bool:
        """Whether an example is two texts rather than one."""
        return "text_pair" in self.train.column_names

    @property
    def has_labels(self) -> bool:
        """Whether there are classes to tell apart; without, the texts are one cloud to be looked at."""
        return self.num_labels > 1

    @property
    def num_labels(self) -> int:
        """The number of classes, C."""
        return len(self.label_names)


def fingerprint(train: Dataset, validation: Dataset, label_names: tuple[str, ...]) -> str:
    """Return the SHA-256 (hex) of the examples, labels and class names, in order.

    Only content counts: of an image or a sound its file's bytes, and not the file's name, the machine, nor how Arrow
    happens to have cut a column into chunks.
    """
    digest = hashlib.sha256()
    _update(digest, list(label_names))
    for split in (train, validation):
        example = next(one.columns[0] for one in MODALITIES.values() if one.columns[0] in split.column_names)
        _update(digest, split[example])
        _update(digest, split["text_pair"] if "text_pair" in split.column_names else [])
        _update(digest, [str(label) for label in split["label"][:]])
    return digest.hexdigest()


def _update(digest, column: Sequence) -> None:
    # Counts and lengths go in beside the content, so that no two different columns spell the same bytes.
    digest.update(f"{len(column)};".encode())
    for start in range(0, len(column), 10_000):
        chunk = column[start : start + 10_000]
        if isinstance(chunk[0], dict):
            chunk = [cell["bytes"] for cell in chunk]
        digest.update(",".join(str(len(one)) for one in chunk).encode())
        for one in chunk:
            digest.update(one.encode() if isinstance(one, str) else one)
