"""What a task is: labelled texts in two splits, with the names of its classes and of its metrics."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Task:
    """A classification task, ready for a tokenizer.

    `train` and `validation` have the columns ``text``, ``text_pair`` (only where `has_pairs`) and ``label``
    (integers 0..C-1, an index into `label_names`). The first of `metrics` is the headline. `notes` says in one
    sentence each what was guessed or dropped on the way here.
    """

    name: str
    train: Dataset
    validation: Dataset
    label_names: tuple[str, ...]
    metrics: tuple[str, ...]
    fingerprint: str
    source: str
    notes: tuple[str, ...] = ()

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
    """Return the SHA-256 (hex) of the texts, labels and class names, in order.

    Only content counts: not the file format, the machine, nor how Arrow happens to have cut a column into chunks.
    """
    digest = hashlib.sha256()
    _update(digest, list(label_names))
    for split in (train, validation):
        columns = split[:]
        _update(digest, columns["text"])
        _update(digest, columns.get("text_pair", []))
        _update(digest, [str(label) for label in columns["label"]])
    return digest.hexdigest()


def _update(digest, column: list[str]) -> None:
    # Counts and lengths go in beside the text, so that no two different columns spell the same bytes.
    digest.update(f"{len(column)};".encode())
    for start in range(0, len(column), 10_000):
        chunk = column[start : start + 10_000]
        digest.update(",".join(str(len(text)) for text in chunk).encode())
        digest.update("".join(chunk).encode())
