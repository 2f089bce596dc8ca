"""What an example is, and how it becomes what a model takes: one class for each kind of data."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import IsobarError
from core.modalities.media import name_of

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from torch import Tensor

Collate = Callable[[Sequence[Mapping]], "dict[str, Tensor]"]


@dataclass(frozen=True)
class Cut:
    """How much of an example is read.

    Attributes:
        tokens: of a text.
        seconds: of a sound.
    """

    tokens: int = 128
    seconds: float = 10.0


_UNKNOWN = 0.1  # of a text's pieces: some names and signs are unknown to most tokenizers


@dataclass(frozen=True, eq=False)
class Rows(Sequence):
    """Examples as a model takes them, a dictionary each; what is large in them is made when it is asked for.

    Attributes:
        data: the rows.
        costs: (n,) what each takes beside the others: positions that are computed. Batches are of rows of like cost.
        same: (n,) a number for each, the same for the same input (:func:`numbered`).
        share: (n,) how much of each was read, 1 where none of it was cut off.
        cut_to: what the others were cut to, such as "128 word pieces (max_length)".
        pieces: (n, 2) of texts: how many pieces of each the tokenizer doesn't know, and how many it made.
    """

    data: Dataset
    costs: np.ndarray
    same: np.ndarray
    share: np.ndarray | float = 1.0
    cut_to: str = ""
    pieces: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, number: int) -> dict:
        return self.data[int(number)]

    def take(self, numbers: Sequence[int]) -> Rows:
        """Return some of them."""
        share = self.share if isinstance(self.share, float) else self.share[numbers]
        pieces = None if self.pieces is None else self.pieces[numbers]
        return Rows(self.data.select(numbers), self.costs[numbers], self.same[numbers], share, self.cut_to, pieces)

    def notes(self, many: str) -> list[str]:
        """Return what should be known of how the examples, in words `many`, were read: how much was cut, how much is unknown."""
        return [note for note in (self._cut_note(many), self._unknown_note(many)) if note]

    def _unknown_note(self, many: str) -> str:
        unknown, made = (0, 0) if self.pieces is None else self.pieces.sum(0).tolist()
        if unknown <= _UNKNOWN * made:
            return ""
        whole = int((self.pieces[:, 0] == self.pieces[:, 1]).sum())
        return (
            f"Of the {many}' word pieces {unknown / made:.0%} are unknown to the tokenizer, which reads all of them as one and the same"
            f"{f'; {whole:,} of {len(self):,} consist of nothing else' if whole else ''}. Is the model one of this language?"
        )

    def _cut_note(self, many: str) -> str:
        import numpy as np

        share = np.broadcast_to(self.share, len(self))
        cut = share < 1
        if not cut.any():
            return ""
        note = (
            f"{int(cut.sum()):,} of {len(self):,} {many} were cut to {self.cut_to}: {share[cut].mean():.0%} of each was read on "
            f"average, {share.min():.0%} of the longest."
        )
        alike = len(self) - len(np.unique(self.same))
        return note + (f" To the model {alike:,} of the {len(self):,} are the same as another." if alike else "")

    def __getitems__(self, numbers: Sequence[int]) -> list[dict]:
        """Return several rows, as torch's loader asks for a batch."""
        return self.data.__getitems__([int(number) for number in numbers])


def numbered(inputs: Iterable[Hashable]) -> np.ndarray:
    """Return a number for each of the `inputs`, (n,) int64 in the order in which they first appear: the same for the same."""
    import numpy as np

    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(one, len(seen)) for one in inputs], dtype=np.int64)


@dataclass(frozen=True)
class Preview:
    """A file that shows an example to a person.

    Attributes:
        suffix: such as ``.png``.
        content: the whole file.
    """

    suffix: str
    content: bytes


def decoded(data: Dataset, column: str, decode: Callable[[Mapping], Any]) -> Dataset:
    """Return rows with what `decode` makes of each cell in `column`, its ``name`` and ``labels``, made when they are asked for."""

    def rows(batch):
        cells = batch[column]
        made, names = [decode(cell) for cell in cells], [name_of(cell, f"{column} data") for cell in cells]
        return {column: made, "name": names, "labels": batch["label"]}

    return data.select_columns([column, "label"]).with_transform(rows)


def digests(cells: Iterable[Mapping]) -> Iterator[bytes]:
    """Yield a digest of each file."""
    return (hashlib.blake2b(cell["bytes"], digest_size=16).digest() for cell in cells)


def check_processor_file(name: str, source, many: str) -> None:
    """Raise an IsobarError where the folder `source` doesn't say how `many` (images, sounds) become the model's input."""
    there = (
        [source / file for file in ("preprocessor_config.json", "processor_config.json")]
        if isinstance(source, Path)
        else []
    )
    if there and not any(file.exists() for file in there):
        raise IsobarError(
            f"The folder of the model {name!r} has no preprocessor_config.json, which says how {many} become its input; "
            "copy it from where the model is from."
        )


class Modality(ABC):
    """One kind of data: what its classifiers are, and how its examples become their tensors.

    Attributes:
        name: its key in :data:`core.modalities.MODALITIES`.
        one, many: an example, and several, in words for a person.
        columns: of a task's splits, what an example consists of; the first is always there.
        auto: transformers' class that loads its classifiers.
        mapping: transformers' table of their types, in `transformers.models.auto.modeling_auto`.
        usual: a few well-known types of models that `auto` loads.
        refused: the types of these classifiers that can't be used, and why: "The model ... (type) <why>".
    """

    name: str
    one: str
    many: str
    columns: tuple[str, ...]
    auto: str
    mapping: str
    usual: tuple[str, ...]
    refused: Mapping[str, str] = {}

    @property
    def a_one(self) -> str:
        """An example, with its article."""
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"

    def counted(self, count: int) -> str:
        """Return so many examples in words: "1 image", "1,200 images"."""
        return f"{count:,} {self.one if count == 1 else self.many}"

    def types(self) -> Mapping[str, Any]:
        """Return the types of models that `auto` maps to a classifier."""
        from transformers.models.auto import modeling_auto

        return getattr(modeling_auto, self.mapping)

    def check(self, name: str, config) -> None:  # noqa: B027  (most need none)
        """Raise an IsobarError where the model `name` with this `config`, of one of the :meth:`types`, can't be used."""

    @abstractmethod
    def load_processor(self, name: str, source, config, **options):
        """Return what turns examples into tensors for the model at `source`, which a person calls `name`.

        Raises:
            IsobarError: it can't read examples as they are.
        """

    def fit(self, processor, model) -> None:  # noqa: B027
        """Let `processor` give what `model` takes, and the model know of it what it must."""

    @abstractmethod
    def encode(self, data: Dataset, processor, config, cut: Cut) -> Rows:
        """Return the examples in `data` (its columns and ``label``) as rows with ``labels``."""

    @abstractmethod
    def collator(self, processor, config) -> Collate:
        """Return what makes a batch of tensors of a list of rows, ``labels`` (b,) among them."""

    @abstractmethod
    def told(self, data: Dataset) -> dict[str, list]:
        """Return what tells a person which examples `data` holds: the column ``text``, and ``text_pair`` of pairs."""

    def preview(self, cell, cut: Cut) -> Preview | None:
        """Return a file that shows the example in `cell`, or None where :meth:`told` says all there is.

        Raises:
            IsobarError: it can't be decoded.
        """
        return None
