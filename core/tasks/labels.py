"""A column of labels, to classes: which labels are one class, in which order classes are, and which rows have none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.errors import IsobarError

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    import pyarrow as pa

MOST_CLASSES = 1000
# How rows without a label are marked: in data sets of the Hub, and in SNLI and MultiNLI where the annotators disagreed.
_MARKS = ("-1", "-")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+")


class NoLabelsError(IsobarError):
    """No column holds labels: none is called so, or what it holds are not classes, or a single one."""


class DoubtfulLabelsError(NoLabelsError):
    """Several columns may hold labels, and none was named."""


def label_series(column: pa.ChunkedArray, where: str, name: str) -> pd.Series:
    """Return the labels as strings, by data row from 1: true and false become 1 and 0, missing ones are empty.

    Raises:
        NoLabelsError: the column `name` of `where` holds values that can't be classes.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = plain(column)
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_floating(kind):
        values = pc.drop_null(column)
        fractional = pc.not_equal(pc.floor(values), values)
        if pc.any(fractional).as_py():
            raise not_classes(where, name, f"numbers such as {values.filter(fractional)[0].as_py():g}")
        large = pc.greater_equal(pc.abs(values), 2.0**53)
        if pc.any(large).as_py():  # neighbours are the same number there
            raise not_classes(where, name, f"numbers such as {values.filter(large)[0].as_py():g}")
        column = column.cast(pa.int64(), safe=False)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        raise NoLabelsError(
            f"Column {name!r} of {where} holds {kind} values, which are not classes: several labels of an example can't be "
            "told apart at once; keep one of them, in a column of its own."
        )
    elif not (
        pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_null(kind)
    ):
        raise not_classes(where, name, f"{kind} values")
    labels = pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.large_string()), ""))
    return labels.to_pandas().set_axis(range(1, len(labels) + 1))


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column without a dictionary of its values."""
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def whole_numbers(labels: pd.Series) -> pd.Series:
    """Return the labels with whole numbers that are written as decimals, such as 3.0 or 3e0, as 3; only if all are numbers."""
    distinct = [label for label in labels.unique() if label not in ("", *_MARKS)]
    if not all(map(is_number, distinct)):
        return labels
    return labels.map({label: number_or_name(label) for label in labels.unique()})


def is_number(label: str) -> bool:
    """Return whether the label is a number, whole or not."""
    return _NUMBER.fullmatch(label) is not None


def number_or_name(label: str) -> str:
    """Return a whole number that is written as a decimal without its fraction, and any other label as it is."""
    if _WHOLE.fullmatch(label) or not is_number(label) or not float(label).is_integer():
        return label
    return str(int(float(label)))


def unlabelled(labels: pd.Series, classes: Collection[str], *, named: bool = False) -> pd.Series:
    """Return which rows are marked as having no label, by -1 or "-".

    Args:
        labels: (n,) as :func:`label_series` gives them.
        classes: those that are known already, as of a training split; of none, what else stands in `labels` decides: -1 is
            a class beside numbers that are not 0 to C - 1, and beside 0 and 1, where it may be their opposite.
        named: whether the numbers stand for names, among which -1 can have none.
    """
    found = set(labels.unique())
    for mark in _MARKS:
        others = found - {mark}
        if mark not in found or mark in classes:
            continue
        counts = [str(number) for number in range(len(others))]
        if classes or named or (others == set(counts) and len(others) > 2 if mark == "-1" else _are_words(others)):
            return labels.eq(mark)
    return labels.ne(labels)


def _are_words(labels: Collection[str]) -> bool:
    return len(labels) > 1 and all(any(letter.isalnum() for letter in label) for label in labels)


def class_names(labels: pd.Series, where: str, column: str) -> tuple[str, ...]:
    """Return the distinct labels of the training split, whole numbers by value and anything else in sorted order.

    Raises:
        NoLabelsError: there is a single one, or far too many, or they are measurements.
    """
    distinct = labels.unique().tolist()
    if len(distinct) < 2:
        raise NoLabelsError(
            f"{where} has a single class, {distinct[0]!r} in column {column!r}; a classification task needs at least "
            "two."
        )
    if len(distinct) > MOST_CLASSES or 2 * len(distinct) > len(labels):
        raise not_classes(where, column, f"{len(distinct)} different values in {len(labels)} rows")
    if all(_WHOLE.fullmatch(label) for label in distinct):
        return tuple(sorted(distinct, key=int))
    fractions = [label for label in distinct if _is_fraction(label)]
    if len(fractions) and all(_is_fraction(label) or _WHOLE.fullmatch(label) for label in distinct):
        raise not_classes(where, column, f"numbers such as {fractions[0]}")
    return tuple(sorted(distinct))


def not_classes(where: str, column: str, what: str) -> NoLabelsError:
    """Return the error that says that the column of `where` holds `what`, and no classes."""
    return NoLabelsError(
        f"Column {column!r} of {where} holds {what}, which are not classes; a label is one of a few names or whole "
        "numbers. Scores can't be trained on, only their examples looked at as one cloud: label column 'none'."
    )


def _is_fraction(label: str) -> bool:
    try:
        return not float(label).is_integer()
    except (ValueError, OverflowError):
        return False
