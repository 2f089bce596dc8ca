"""From a table with columns of any name to a `Task`: which column is what, which labels are which class."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError, nearest
from core.modalities import MODALITIES
from core.modalities.media import DECODERS
from core.tasks.labels import (
    MOST_CLASSES,
    DoubtfulLabelsError,
    NoLabelsError,
    class_names,
    is_number,
    label_series,
    plain,
    unlabelled,
    whole_numbers,
)
from core.tasks.media import cell_type, column_modality, read_cells
from core.tasks.metrics import metric_names
from core.tasks.sampling import stratified_rows
from core.tasks.task import Task, fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    import pyarrow as pa
    from datasets import Dataset

# In order of preference; compared without regard to case.
PAIR_COLUMNS = (
    ("text", "text_pair"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "answer"),
    ("question", "passage"),
    ("question", "context"),
    ("query", "passage"),
    ("query", "document"),
)
TEXT_COLUMNS = (
    "text",
    "sentence",
    "content",
    "review",
    "comment",
    "utterance",
    "document",
    "tweet",
    "question",
    "title",
)
LABEL_COLUMNS = (
    "label",
    "labels",
    "class",
    "target",
    "category",
    "gold_label",
    "is_duplicate",
    "intent",
    "sentiment",
    "topic",
    "y",
)

# Losing one text in twenty changes little; losing more means that something is wrong with the file.
MOST_EMPTY = 0.05
VALIDATION_SHARE = 0.2
# Columns of other names are told by what is in them, where only one can be meant.
_OFTEN = 4  # rows a value, on average, in a column of labels
_MANY_WORDS = 2  # in a cell of a column of texts, on average
ALL = "all {}"  # the one class of examples without labels


@dataclass(frozen=True)
class Columns:
    """The columns that the caller named; None is to be guessed (a second text may also be absent).

    `text` is the column of the example, be it a text, an image or a sound. Once they are found, a label of None means
    that there is none: all examples are one cloud, and `modality` says what the examples are.
    """

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    modality: str = "text"


@dataclass(frozen=True)
class Split:
    """A table and where it is from, for messages: a path, or ``split 'train' of glue/cola``.

    `home` is the folder that the paths in it start from.
    """

    table: pa.Table
    where: str
    home: Path = Path()

    @property
    def class_names(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes by column, where `datasets` has written them into the table beside numbers."""
        written = (self.table.schema.metadata or {}).get(b"huggingface")
        try:
            features = json.loads(written)["info"]["features"] if written else {}
            return {name: tuple(of["names"]) for name, of in features.items() if of.get("_type") == "ClassLabel"}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}


@dataclass(frozen=True)
class Labelled:
    """The usable rows of a table.

    Attributes:
        frame: ``text`` (``image``, ``audio``), ``text_pair`` where there are two, and ``label``, the class's name; indexed
            by data row from 1.
        label_names: the classes in order.
        columns: where they were read from.
        notes: what was guessed or dropped, a sentence each.
    """

    frame: pd.DataFrame
    label_names: tuple[str, ...]
    columns: Columns
    notes: tuple[str, ...]


def labelled_texts(split: Split, columns: Columns) -> Labelled:
    """Return the texts and classes in the table `split`.

    Raises:
        IsobarError: a column is missing, texts are empty, or labels are not classes.
    """
    found, notes = resolve_columns(split, columns)
    frame = _frame(split, found, notes)
    return Labelled(frame, class_names(frame["label"], split.where, found.label), found, tuple(notes))


def unlabelled_texts(split: Split, columns: Columns) -> Labelled:
    """Return the texts in the table `split`, whatever columns it has besides, in one class, ``all texts``.

    Raises:
        IsobarError: a column is missing, or texts are empty.
    """
    found, notes = resolve_text_columns(split, replace(columns, label=None))
    return Labelled(_frame(split, found, notes), (ALL.format(MODALITIES[found.modality].many),), found, tuple(notes))


def one_cloud(name: str, split: Split, columns: Columns, source: str, notes: tuple[str, ...] = ()) -> Task:
    """Return the texts in `split` as a task to be looked at: all in the validation split, one class, no metric."""
    texts = unlabelled_texts(split, columns)
    labels = _codes(texts.frame["label"], texts.label_names)
    train, validation = _dataset(texts.frame[:0], labels[:0]), _dataset(texts.frame, labels)
    return Task(
        name=name,
        train=train,
        validation=validation,
        label_names=texts.label_names,
        metrics=(),
        fingerprint=fingerprint(train, validation, texts.label_names),
        source=source,
        notes=(*notes, *texts.notes),
        modality=texts.columns.modality,
    )


def build_task(
    name: str,
    train: Split,
    validation: Split | None,
    columns: Columns,
    source: str,
    notes: tuple[str, ...] = (),
    seed: int | None = 0,
) -> Task:
    """Return the task in the table `train` and, if there is one, the table `validation`.

    Without `validation`, or where no row of it has a label, a stratified fifth of `train` is taken, by `seed`; with None for a
    seed all of `train`, which is then looked at and not trained on.

    Raises:
        IsobarError: a column is missing, texts are empty, or labels are not classes that both splits share.
    """
    labelled = labelled_texts(train, columns)
    train_frame, label_names, found = labelled.frame, labelled.label_names, labelled.columns
    notes = [*notes, *labelled.notes]
    if validation is not None and _has_no_labels(validation, found, label_names):
        notes.append(f"{validation.where} has no labels and was ignored.")
        validation = None
    validation_frame = None if validation is None else _frame(validation, found, notes, label_names)
    train_labels = _codes(train_frame["label"], label_names)
    if validation_frame is None and seed is None:
        train_frame, validation_frame, train_labels = train_frame[:0], train_frame, train_labels[:0]
        notes.append(
            f"{train.where} has no validation split, so all its rows are looked at; a model that was trained on them has seen them."
        )
    elif validation_frame is None:
        train_frame, validation_frame = _split(train_frame, train_labels, seed, train.where)
        train_labels = _codes(train_frame["label"], label_names)
        notes.append(
            f"{train.where} has no validation split, so a stratified {VALIDATION_SHARE:.0%} of its rows "
            f"({len(validation_frame)}) were taken for it with seed {seed}."
        )
    else:
        _check_seen(validation_frame["label"], label_names, validation.where, found.label)
    validation_labels = _codes(validation_frame["label"], label_names)
    names = _given_names(label_names, train.class_names.get(found.label))
    train_data = _dataset(train_frame, train_labels)
    validation_data = _dataset(validation_frame, validation_labels)
    return Task(
        name=name,
        train=train_data,
        validation=validation_data,
        label_names=names,
        metrics=metric_names(name),
        fingerprint=fingerprint(train_data, validation_data, names),
        source=source,
        notes=tuple(notes),
        modality=found.modality,
    )


def resolve_columns(split: Split, columns: Columns) -> tuple[Columns, list[str]]:
    """Return the three columns to read and, if any was guessed, a note that says so."""
    _check_there(split, columns)
    by_lower = _by_lower(split)
    label = columns.label or next((by_lower[n] for n in LABEL_COLUMNS if n in by_lower), None)
    label = label or _label_by_content(split, columns)
    return _with_texts(split, replace(columns, label=label), columns)


def resolve_text_columns(split: Split, columns: Columns) -> tuple[Columns, list[str]]:
    """Return the one or two columns of text to read and, if any was guessed, a note; a lone column needs no name."""
    _check_there(split, columns)
    names = split.table.column_names
    texts = replace(columns, text=names[0]) if len(names) == 1 else columns
    return _with_texts(split, texts, columns)


def _label_by_content(split: Split, columns: Columns) -> str:
    """Return the one column beside the named ones that can only be labels: of few values, each of them often there."""
    texts = {*TEXT_COLUMNS, *(name for pair in PAIR_COLUMNS for name in pair)}
    free = [name for name in _free(split, columns) if name.strip().lower() not in texts]
    found = [name for name in free if _repeats(split.table.column(name))]
    if len(found) == 1:
        return found[0]
    if found:
        raise DoubtfulLabelsError(
            f"{split.where} has several columns that may hold the labels, {_listed(found)}; name one."
        )
    raise NoLabelsError(
        f"{split.where} has no label column that could be guessed (such as 'label' or 'class') among "
        f"{_listed(split.table.column_names)}; name it."
    )


def _text_by_content(split: Split, columns: Columns) -> str | None:
    """Return the one column of sentences beside the named ones, or where none holds any the one of words; None where there is neither."""
    free = [name for name in _free(split, columns) if _is_text(split.table.column(name))]
    found = [name for name in free if _words(split.table.column(name)) >= _MANY_WORDS]
    found = found or [
        name for name in free if _words(split.table.column(name)) and not _repeats(split.table.column(name))
    ]
    if len(found) > 1:
        raise IsobarError(f"{split.where} has several columns that may hold the texts, {_listed(found)}; name one.")
    return found[0] if found else None


def _free(split: Split, columns: Columns) -> list[str]:
    return [name for name in split.table.column_names if name not in (columns.text, columns.text_pair, columns.label)]


def _is_text(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    kind = plain(column).type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether the column holds few values, each of which is there several times."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = plain(column).type
    if not (_is_text(column) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return False
    counts = pc.value_counts(plain(column)).field("counts").to_numpy()
    return 2 <= len(counts) <= MOST_CLASSES and _OFTEN * len(counts) <= len(column)


def _words(column: pa.ChunkedArray) -> float:
    """Return how many words its cells have on average."""
    import pyarrow.compute as pc

    return pc.mean(pc.count_substring_regex(pc.fill_null(plain(column), ""), r"\p{L}{2,}")).as_py()


def _check_there(split: Split, columns: Columns) -> None:
    names = split.table.column_names
    for wanted in (columns.text, columns.text_pair, columns.label):
        if wanted is not None and wanted not in names:
            raise IsobarError(
                f"{split.where} has no column {wanted!r}; its columns are {_listed(names)}.{nearest(wanted, names)}"
            )


def _by_lower(split: Split) -> dict[str, str]:
    return {name.strip().lower(): name for name in reversed(split.table.column_names)}


def _with_texts(split: Split, columns: Columns, given: Columns) -> tuple[Columns, list[str]]:
    """Return `columns` with the text columns guessed that it lacks, and a note of all that were not `given`."""
    text, pair, label = columns.text, columns.text_pair, columns.label
    if text is None:
        free = {lower: name for lower, name in _by_lower(split).items() if name not in (label, pair)}
        text = _guess_media(split, free.values())
        if text is None:
            text, guessed_pair = _guess_texts(split, free, columns)
            pair = pair or guessed_pair
    modality = column_modality(split.table.column(text))
    if pair is not None and "text_pair" not in MODALITIES[modality].columns:
        raise IsobarError(
            f"Column {text!r} of {split.where} holds {MODALITIES[modality].many}, and {pair!r} is asked for as a second text; an "
            f"example is two texts or one of the {MODALITIES[modality].many}."
        )
    if (label is not None and label in (text, pair)) or text == pair:
        raise IsobarError(
            f"Column {label if label in (text, pair) else text!r} of {split.where} is asked for twice; text, second "
            "text and label must be different columns."
        )
    named = {given.text, given.text_pair, given.label}
    guessed = [
        f"{role} from {name!r}"
        for role, name in ((MODALITIES[modality].one, text), ("second text", pair), ("label", label))
        if name is not None and name not in named
    ]
    note = [f"Columns guessed: {', '.join(guessed)}."] if guessed else []
    return Columns(text, pair, label, modality), note


def _guess_media(split: Split, names: Collection[str]) -> str | None:
    """Return the one column of images or sounds, known by what is in it and not by its name."""
    found = [
        name
        for name in split.table.column_names
        if name in names and column_modality(split.table.column(name)) != "text"
    ]
    if len(found) > 1:
        raise IsobarError(f"{split.where} has more than one column of images or sounds, {_listed(found)}; name one.")
    return found[0] if found else None


def _guess_texts(split: Split, free: dict[str, str], taken: Columns) -> tuple[str, str | None]:
    if taken.text_pair is None:
        for first, second in PAIR_COLUMNS:
            if first in free and second in free:
                return free[first], free[second]
    for name in TEXT_COLUMNS + tuple(first for first, _ in PAIR_COLUMNS):
        if name in free:
            return free[name], None
    if found := _text_by_content(split, taken):
        return found, None
    raise IsobarError(
        f"{split.where} has no text column that could be guessed (such as 'text', 'sentence', or 'sentence1' and "
        f"'sentence2'), nor a column of images or sounds or of their files' names, among {_listed(split.table.column_names)}; name it."
    )


def _frame(split: Split, columns: Columns, notes: list[str], classes: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the usable rows: the columns text and [text_pair], or image, or audio, and label (canonical strings).

    `classes` are those that are known already, of the training split.
    """
    _check_there(split, columns)
    frame = (_media if columns.modality in DECODERS else _texts)(split, columns, notes)
    if columns.label is None:
        return frame.assign(label=ALL.format(MODALITIES[columns.modality].many))
    frame = frame.assign(label=_labels(split, columns.label, classes))
    missing = frame["label"].eq("")
    if missing.any():
        count = int(missing.sum())
        raise IsobarError(
            f"{split.where} has {count} {'row' if count == 1 else 'rows'} without a label in column "
            f"{columns.label!r}, the first is data row {frame.index[missing][0]}; label or remove "
            f"{'it' if count == 1 else 'them'}."
        )
    left_out = unlabelled(frame["label"], classes, named=columns.label in split.class_names)
    if left_out.any():
        count, mark = int(left_out.sum()), frame["label"][left_out].iloc[0]
        notes.append(
            f"{split.where} has {count} {'row' if count == 1 else 'rows'} of {len(frame)} with {mark!r} for a label, which is "
            f"taken for none; {'it was' if count == 1 else 'they were'} left out."
        )
    elif not classes and set(frame["label"].unique()) in ({"-1", "0", "1"}, {"-1", "1"}):
        notes.append(
            f"In {split.where} {int(frame['label'].eq('-1').sum())} rows are labelled -1, which is taken for a class; if it "
            "says that they have no label, remove them."
        )
    return frame[~left_out]


def _labels(split: Split, column: str, classes: tuple[str, ...]) -> pd.Series:
    labels = label_series(split.table.column(column), split.where, column)
    return whole_numbers(labels) if all(map(is_number, classes)) else labels


def _has_no_labels(split: Split, columns: Columns, classes: tuple[str, ...]) -> bool:
    """Return whether no row has a label: benchmarks keep those of their test split secret."""
    _check_there(split, columns)
    labels = _labels(split, columns.label, classes)
    return bool((labels.eq("") | unlabelled(labels, classes)).all())


def _texts(split: Split, columns: Columns, notes: list[str]) -> pd.DataFrame:
    import pandas as pd

    texts = {"text": columns.text, "text_pair": columns.text_pair}
    texts = {role: name for role, name in texts.items() if name is not None}
    frame = pd.DataFrame({role: _text_series(split, name) for role, name in texts.items()})
    empty = frame.eq("").any(axis=1)
    if empty.any():
        what = f"{int(empty.sum())} empty {'text' if empty.sum() == 1 else 'texts'}, the first in data row {frame.index[empty][0]}"
        _drop(split, what, empty, f" in {' or '.join(repr(name) for name in texts.values())}", notes)
    return frame[~empty]


def _media(split: Split, columns: Columns, notes: list[str]) -> pd.DataFrame:
    import pandas as pd

    cells, problems = read_cells(split.table.column(columns.text), columns.modality, split.home, split.where)
    frame = pd.DataFrame({columns.modality: pd.Series(cells, index=_data_rows(cells), dtype=object)})
    useless = frame[columns.modality].isna()
    if problems:
        of = MODALITIES[columns.modality]
        what = f"{len(problems)} {of.one if len(problems) == 1 else of.many} that can't be used"
        _drop(split, what, useless, "", notes, f" The first: {problems[0]}")
    return frame[~useless]


def _drop(split: Split, what: str, dropped: pd.Series, in_columns: str, notes: list[str], first: str = "") -> None:
    """Take note that rows are `dropped` for `what` they are, or raise where these are too many."""
    count = int(dropped.sum())
    if count > MOST_EMPTY * len(dropped):
        raise IsobarError(
            f"{split.where} has {what} of {len(dropped)}; more than {MOST_EMPTY:.0%} is taken for a mistake{in_columns}.{first}"
        )
    notes.append(f"{split.where} has {what}; {'it was' if count == 1 else 'they were'} dropped.{first}")


def _data_rows(column) -> range:
    return range(1, len(column) + 1)


def _text_series(split: Split, name: str) -> pd.Series:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = plain(split.table.column(name))
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_null(column.type)):
        raise IsobarError(f"Column {name!r} of {split.where} holds {column.type} values; a text column holds strings.")
    column = pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.large_string()), ""))
    return column.to_pandas().set_axis(_data_rows(column))


def _codes(labels: pd.Series, names: tuple[str, ...]):
    return labels.map({name: index for index, name in enumerate(names)}).to_numpy(dtype="int64")


def _check_seen(labels: pd.Series, names: tuple[str, ...], where: str, column: str) -> None:
    unseen = labels[~labels.isin(names)]
    if len(unseen):
        raise IsobarError(
            f"{where} has the label {unseen.iloc[0]!r} (data row {unseen.index[0]}, column {column!r}), which no "
            f"training example has; the training labels are {_listed(names)}."
        )


def _given_names(labels: tuple[str, ...], given: tuple[str, ...] | None) -> tuple[str, ...]:
    if given is None or not all(label.isdigit() and int(label) < len(given) for label in labels):
        return labels
    return tuple(given[int(label)] for label in labels)


def _split(frame: pd.DataFrame, labels, seed: int, where: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    size = round(VALIDATION_SHARE * len(frame))
    if size < len(set(labels.tolist())):
        raise IsobarError(f"{where} has {len(frame)} rows, too few to split into training and validation.")
    rows = stratified_rows(labels, size, seed)
    taken = frame.index[rows]
    return frame.drop(index=taken), frame.loc[taken]


def _dataset(frame: pd.DataFrame, labels) -> Dataset:
    import pyarrow as pa
    from datasets import Dataset
    from datasets.table import InMemoryTable

    kinds = {name: pa.string() if name.startswith("text") else cell_type() for name in frame.columns if name != "label"}
    columns = {name: pa.array(frame[name].tolist(), kind) for name, kind in kinds.items()}
    return Dataset(InMemoryTable(pa.table({**columns, "label": pa.array(labels, pa.int64())})))


def _listed(names) -> str:
    shown = ", ".join(repr(str(name)) for name in list(names)[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")
