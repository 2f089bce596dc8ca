"""Which columns of a table are the embedding: a column of vectors, or the columns of numbers that belong together."""

import re
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import IsobarError, nearest
from core.geometry.files.stored import Stored, Wanted, columns, names
from core.table_files import check_width, first_twice

if TYPE_CHECKING:
    import pyarrow as pa

UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)?|__index_level_\d+__")
"""What pandas and Arrow call columns without a name, which hold an index."""

_NUMBERED = re.compile(r"(.*?)(\d+)")  # e0, e1, ...; dim_0, ...; or 0, 1, ...
_FAMILY = 3  # columns that are numbered alike belong together
_ID = re.compile(r"(?i)(.*[^a-z])?(id|ids|uid|uuid|idx|index|key|row|rownum|row_?number|nr|no)|[a-z]+Id")
_LABEL = re.compile(
    r"(?i)(.*[^a-z])?(label|labels|class|classes|target|cluster|fold|split|count|length|len|tokens)|(n|num)_.*"
)
_TOKENS = re.compile(
    r"(?i)(.*[^a-z])?(ids|mask|labels|tokens|offsets|types)"
)  # what lists of whole numbers usually are
_RISING = 8  # rows: so many numbers of a dimension don't rise one after another by chance (1 of 40,320)
_WORDS = re.compile(
    r"[A-Za-z_]\w*(?:\.\w+)?\(|,?\s*(?:dtype|device|grad_fn)=[^,)\]]*"
)  # np.float64(, array(, dtype=float32
_NUMPY = {"double": "float64", "float": "float32", "halffloat": "float16"}  # the names of Arrow's types
_BRACKETS = str.maketrans("[](){},;|", " " * 9)


def stored_of_table(
    path: Path,
    table: "pa.Table",
    wanted: Wanted,
    notes: Iterable[str] = (),
    *,
    named: bool = True,
    row_names: Sequence[str] = (),
) -> Stored:
    """Return the embeddings of a table, and its labels where they are asked for.

    A column of vectors (lists, or text such as "[0.1, 0.2]") is the embedding; lists of records are looked into. Where
    there is none, it is the columns of numbers: those numbered alike (e0, e1, ...), or all that hold no whole numbers
    among decimals, and no ids.

    Args:
        path: of the file, for sentences.
        table: the rows.
        wanted: the names of the columns of labels and of embeddings.
        notes: what is known of the file already.
        named: whether the columns have names of their own.
        row_names: columns that are known to hold no data.

    Raises:
        IsobarError: nothing in it is an embedding, or several columns may be; a column that is asked for is not there;
            vectors of different lengths.
    """
    check_width(path, table.num_columns)
    notes = list(notes)
    metadata = table.schema.pandas_metadata or {}
    row_names = [*row_names, *(name for name in metadata.get("index_columns", []) if isinstance(name, str))]
    table = _flat(table)
    table, lost = _records(path, _whole_matrix(table))
    if lost:
        notes.append(f"Left out: {lost} {'row' if lost == 1 else 'rows'} without a vector.")
    labels = _labels(path, table, wanted.labels, named)
    if wanted.labels is not None and "" in (labels if labels is not None else ()):
        notes.append(f"Rows with nothing in {wanted.labels!r} are a class without a name.")
    vectors = {name: column for name, column in _columns(table) if name != wanted.labels and is_vector(column.type)}
    vectors |= {
        name: column
        for name, column in _columns(table)
        if name != wanted.labels and name not in vectors and _spelled(column)
    }
    chosen = _chosen_vector(path, table, vectors, wanted)
    if chosen is None:
        return _of_numbers(path, table, wanted, labels, notes, named, row_names)
    column = vectors[chosen]
    x = _parsed(path, chosen, column) if _is_text(column.type) else _stacked(path, chosen, column)
    left = [name for name in table.column_names if name not in (chosen, wanted.labels)]
    return Stored(x, labels, tuple(notes), f"column {chosen!r}", str(x.dtype), tuple(left))


def is_vector(kind: Any) -> bool:
    """Whether Arrow's type `kind` is of lists of numbers, or of lists of such."""
    inner = _inner(kind)
    return inner is not None and (_is_numeric(inner) or is_vector(inner))


def _compute() -> Any:
    """Return Arrow's functions, which are made when it is imported and which type checkers don't see."""
    import pyarrow.compute

    return pyarrow.compute


def _inner(kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    t = pa.types
    lists = (t.is_list, t.is_large_list, t.is_fixed_size_list, t.is_list_view, t.is_large_list_view)
    return kind.value_type if any(of(kind) for of in lists) else None


def _is_numeric(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _columns(table: "pa.Table") -> Iterable[tuple[str, Any]]:
    return zip(table.column_names, table.columns)


def _flat(table: "pa.Table") -> "pa.Table":
    """Return the table with the fields of records as columns, called by their path."""
    import pyarrow as pa

    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    return table


def _whole_matrix(table: "pa.Table") -> "pa.Table":
    """Return the table; of one row that holds a matrix, a row for each of the matrix and of the lists beside it."""
    import pyarrow as pa

    if table.num_rows != 1:
        return table
    lists = {name: column.combine_chunks() for name, column in _columns(table) if _inner(column.type) is not None}
    lists = {name: column.flatten() for name, column in lists.items() if column.null_count == 0}
    matrices = {name: len(column) for name, column in lists.items() if is_vector(column.type)}
    if len(set(matrices.values())) != 1:
        return table
    n = next(iter(matrices.values()))
    return _flat(pa.table({name: column for name, column in lists.items() if len(column) == n}))


def _records(path: Path, table: "pa.Table") -> tuple["pa.Table", int]:
    """Return the table with a row for each record of its list of records, where the vectors are there; and rows without."""
    import pyarrow as pa

    pc = _compute()

    lost = 0
    while not any(is_vector(kind) for kind in table.schema.types):
        found = [
            field.name
            for field in table.schema
            if _inner(field.type) is not None and pa.types.is_struct(_inner(field.type)) and _leads(_inner(field.type))
        ]
        if not found:
            return table, lost
        if len(found) > 1:
            raise IsobarError(f"The file {path} has vectors in several lists of records: {names(found)}; keep one.")
        column = table[found[0]].combine_chunks()
        rows = pc.list_parent_indices(column)
        lost += table.num_rows - len(pc.unique(rows))
        records = pa.table({found[0]: pc.list_flatten(column)})
        beside = {name: values.take(rows) for name, values in _columns(table) if name != found[0]}
        table = pa.table({**beside, **dict(_columns(_flat(records)))})
    return table, lost


def _leads(kind: Any) -> bool:
    """Whether in records of this type there is a vector."""
    import pyarrow as pa

    for k in range(kind.num_fields):
        inner = kind.field(k).type
        if is_vector(inner) or (pa.types.is_struct(inner) and _leads(inner)):
            return True
        below = _inner(inner)
        if below is not None and pa.types.is_struct(below) and _leads(below):
            return True
    return False


def _find(path: Path, table: "pa.Table", asked: str, named: bool = True) -> str:
    """Return the name of the column that is asked for, by its whole name or the last part of its path."""
    known = table.column_names
    found = [name for name in known if name == asked] or [name for name in known if name.endswith(f".{asked}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise IsobarError(f"The file {path} has several columns {asked!r}: {names(found)}.")
    without = "" if named else " It has no header: its columns are called 0, 1, 2 and so on."
    raise IsobarError(f"The file {path} has no column {asked!r}.{nearest(asked, known)}{without}")


def _labels(path: Path, table: "pa.Table", asked: str | None, named: bool) -> np.ndarray | None:
    if asked is None:
        return None
    column = table[_find(path, table, asked, named)]
    if _inner(column.type) is not None:
        raise IsobarError(f"The column {asked!r} of {path} holds lists; labels are one for each row.")
    values = column.to_pylist()
    if any(isinstance(value, float) for value in values) and all(
        value is None or (isinstance(value, float) and value.is_integer()) for value in values
    ):
        values = [None if value is None else int(value) for value in values]  # a gap had made them decimals
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _chosen_vector(path: Path, table: "pa.Table", vectors: dict[str, Any], wanted: Wanted) -> str | None:
    """Return which of the columns of vectors is the embedding, or None where there is none."""
    if wanted.column is not None:
        if wanted.column in vectors:
            return wanted.column
        if _families(table.column_names).get(wanted.column):
            return None
        name = _find(path, table, wanted.column)
        if name not in vectors:
            raise IsobarError(
                f"The column {wanted.column!r} of {path} holds no vectors; name a column of lists of numbers, or what "
                "the names of several columns begin with before their number."
            )
        return name
    even = [name for name, column in vectors.items() if _is_text(column.type) or _even(column)]
    decimal = [name for name in even if _of_decimals(vectors[name])]
    numeric = [name for name, column in _columns(table) if _is_numeric(column.type)]
    sets = [
        prefix for prefix, some in _families(numeric).items() if not all(_is_integer(table[name].type) for name in some)
    ]
    candidates = decimal or ([] if sets else [name for name in even if not _TOKENS.fullmatch(name)])
    several = [*candidates, *sets] if candidates else []
    if len(several) > 1:
        what = (
            f"{len(candidates)} columns of vectors: {names(candidates)}"
            if not sets
            else (f"{columns(candidates)} of vectors and columns that are numbered: {names(sets)}")
        )
        raise IsobarError(f"The file {path} has {what}; choose one with --column NAME.")
    if candidates or sets:
        return next(iter(candidates), None)
    uneven = [name for name in vectors if name not in even]
    return uneven[0] if uneven and not numeric else None


def _of_decimals(column: Any) -> bool:
    """Whether a column of vectors holds decimals; of text the first cell tells."""
    if _is_text(column.type):
        return re.search(r"\d\.|\.\d|\de-", _first_cell(column)) is not None
    kind = _inner(column.type)
    while _inner(kind) is not None:
        kind = _inner(kind)
    return not _is_integer(kind)


def _first_cell(column: Any) -> str:
    return next((cell.as_py() for cell in column if cell.is_valid and cell.as_py().strip()), "")


def _is_integer(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind)


def _even(column: Any) -> bool:
    """Whether all lists are equally long, so that they may be vectors."""
    import pyarrow as pa

    pc = _compute()

    if any(of(column.type) for of in (pa.types.is_fixed_size_list,)) or isinstance(column.type, pa.BaseExtensionType):
        return True
    return len(pc.unique(pc.list_value_length(column)).drop_null()) == 1


def _stacked(path: Path, name: str, column: Any) -> np.ndarray:
    """Return a column of lists as an array, of the type that they are stored as."""
    import pyarrow as pa

    pc = _compute()

    parts = []
    row = 0
    for chunk in column.chunks:
        if isinstance(chunk.type, pa.BaseExtensionType):
            chunk = chunk.storage
        if chunk.null_count:
            missing = row + pc.index(chunk.is_null(), True).as_py()
            raise IsobarError(
                f"The column {name!r} of {path} has no vector in {column.null_count} of {len(column)} rows, first in row "
                f"{missing}; leave such rows out."
            )
        lengths = pc.list_value_length(chunk).to_numpy()
        values = chunk.flatten()
        while _inner(values.type) is not None:
            if not (lengths == 1).all():
                raise IsobarError(
                    f"The column {name!r} of {path} holds several vectors in a row; pool them, so that each row has one."
                )
            lengths, values = pc.list_value_length(values).to_numpy(), values.flatten()
        if pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        d = parts[0].shape[1] if parts else (int(lengths[0]) if len(lengths) else 0)
        uneven = np.flatnonzero(lengths != d)
        if uneven.size:
            raise IsobarError(
                f"The column {name!r} of {path} has {lengths[uneven[0]]} numbers in row {row + uneven[0]} where the first row "
                f"has {d}; vectors need one length."
            )
        if len(lengths):
            parts.append(values.to_numpy(zero_copy_only=False).reshape(-1, d))
        row += len(chunk)
    return np.concatenate(parts) if parts else np.empty((0, 0))


def _spelled(column: Any) -> bool:
    """Whether cells of text are vectors, by the first of them that holds anything."""
    if not _is_text(column.type):
        return False
    plain = _WORDS.sub(" ", _first_cell(column))
    if not re.fullmatch(r"\s*[\[({].*[\])}]\s*\)?", plain, re.DOTALL):
        # without brackets a vector has some decimals, or it could be a date, a sum or a list of ids
        cells = plain.translate(_BRACKETS).split()
        return len(cells) >= _FAMILY and all(map(_is_number, cells)) and "." in plain
    cells = [cell for cell in plain.translate(_BRACKETS).split() if cell != "..."]
    return len(cells) > 1 and all(map(_is_number, cells))


def _parsed(path: Path, name: str, column: Any) -> np.ndarray:
    """Return vectors that are spelled out in cells of text."""
    rows: list[np.ndarray] = []
    for row, cell in enumerate(column.to_pylist()):
        plain = _WORDS.sub(" ", cell or "").translate(_BRACKETS)
        if "..." in plain:
            raise IsobarError(
                f"The column {name!r} of {path} has '...' in row {row}, where whoever wrote it left numbers out; write the lists "
                "in full (NumPy: x.tolist())."
            )
        try:
            values = np.array(plain.split(), dtype=np.float64)
        except ValueError as error:
            raise IsobarError(
                f"The column {name!r} of {path} has no vector in row {row}: {str(cell)[:40]!r}."
            ) from error
        if not values.size or (rows and values.size != rows[0].size):
            than = f" where the first row has {rows[0].size}" if rows else ""
            raise IsobarError(f"The column {name!r} of {path} has {values.size} numbers in row {row}{than}.")
        rows.append(values)
    return np.stack(rows)


def _of_numbers(
    path: Path,
    table: "pa.Table",
    wanted: Wanted,
    labels: np.ndarray | None,
    notes: list[str],
    named: bool,
    row_names: Sequence[str],
) -> Stored:
    """Return the columns of numbers that are dimensions, with a note on all that are none."""
    label = _find(path, table, wanted.labels) if wanted.labels is not None else None
    known = [name for name in table.column_names if name != label]
    twice = first_twice(known)
    if twice is not None:
        raise IsobarError(f"The file {path} has two columns named {twice!r}; each needs a name of its own.")
    kinds = {name: table[name].type for name in known}
    numeric = {name for name in known if _is_numeric(kinds[name])}
    family = _family(path, known, numeric, wanted.column) if named else []
    broken = [name for name in family if name not in numeric]
    if broken:
        raise IsobarError(f"The file {path} has no numbers in {columns(broken)}{_first_text(table, broken[0])}.")

    taken, left = list(known), []

    def leave(some: Iterable[str], why: str) -> list[str]:
        """Take columns out of those that are taken, for a reason with a gap for their names; return them."""
        several = set(some)
        some = [name for name in taken if name in several]
        if some:
            left.append(f"Left out, {why.format(columns(some))}.")
            taken[:] = [name for name in taken if name not in several]
        return some

    leave(row_names, "as an index: {}, the rows' names")
    leave(filter(UNNAMED.fullmatch, taken), "as an index: {}, without a name in the header")
    leave([name for name in taken if str(kinds[name]) == "null"], "being empty: {}")
    leave([name for name in taken if name not in numeric], "not being numbers: {}")
    values = {name: _numbers(table[name]) for name in taken}
    decimal = {name for name in taken if not _is_integer(kinds[name])}
    no_data = leave(
        [name for name in taken[: len(taken) * (len(taken) > 1)] if _is_id(name, values[name], named)], "as ids: {}"
    )
    if family:
        leave(set(taken) - set(family), f"beside columns {family[0]!r} to {family[-1]!r}: {{}}")
    elif decimal:
        # Without names a label stands first or last; in few rows a dimension's numbers may be whole by chance.
        suspects = taken if named else [known[0], known[-1]] if table.num_rows >= _RISING else []
        whole = [name for name in suspects if name in values and name not in decimal and _varies(values[name])]
        no_data += leave(whole, "being whole numbers among decimals: {}")
    elif named:
        no_data += leave(filter(_LABEL.fullmatch, taken), "as labels: {}")
    if not taken:
        if no_data:
            raise IsobarError(
                f"The file {path} has no embedding: {columns(no_data)} {'holds' if len(no_data) == 1 else 'hold'} ids, labels or counts."
            )
        raise IsobarError(
            f"The file {path} has no column of numbers that are an embedding, and none of lists; what it has: {columns(known)}."
        )
    notes += left
    odd = [name for name in taken if name not in decimal]
    if not decimal.isdisjoint(taken) and odd and not family:
        notes.append(
            f"Counted among the dimensions, though of whole numbers: {columns(odd)}; labels are named by --labels."
        )
    if len(taken) == 1:
        notes.append(
            f"All that is measured is one column of numbers, {taken[0]!r}; an embedding has several, or is a column of lists."
        )
    numbers = [name for name in taken if named and _is_number(name) and not name.isdecimal()]
    if numbers:
        notes.append(
            f"Taken as names, though numbers: {columns(numbers)}; a first line that is a row needs a header above."
        )
    what = f"columns {taken[0]!r} to {taken[-1]!r}" if family else columns(taken)
    kept = set(taken)
    types = dict.fromkeys(_NUMPY.get(str(kinds[name]), str(kinds[name])) for name in taken)
    return Stored(
        np.stack([values[name] for name in taken], axis=1),
        labels,
        tuple(notes),
        what if named else "",
        " and ".join(types),
        tuple(name for name in known if name not in kept),
    )


def _numbers(column: Any) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _varies(values: np.ndarray) -> bool:
    return len(np.unique(values)) > 1


def _is_id(name: str, values: np.ndarray, named: bool) -> bool:
    """Whether whole numbers tell rows apart: they rise from row to row, or are called so."""
    if not np.isfinite(values).all() or not (values == np.round(values)).all():
        return False
    rises = len(values) >= _RISING and bool((np.diff(values) > 0).all())
    return rises or (named and bool(_ID.fullmatch(name)))


def _families(known: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns that are numbered alike, by what their names begin with."""
    found: dict[str, list[str]] = {}
    for name in known:
        numbered = _NUMBERED.fullmatch(name)
        if numbered and not UNNAMED.fullmatch(name):
            found.setdefault(numbered[1], []).append(name)
    return {prefix: some for prefix, some in found.items() if len(some) >= _FAMILY}


def _family(path: Path, known: Sequence[str], numeric: Set[str], asked: str | None) -> list[str]:
    """Return the columns that are numbered alike and hold numbers, most of them; none where no columns do."""
    families = _families(known)
    if asked is not None:
        return families[asked]
    families = {prefix: some for prefix, some in families.items() if 2 * len(numeric & set(some)) > len(some)}
    if len(families) > 1:
        found = ", ".join(f"{some[0]!r} to {some[-1]!r}" for some in families.values())
        raise IsobarError(
            f"The file {path} has {len(families)} sets of numbered columns: {found}; choose one with --column "
            f"{next(iter(families))!r}."
        )
    return next(iter(families.values()), [])


def _first_text(table: "pa.Table", name: str) -> str:
    for row, cell in enumerate(table[name].to_pylist()):
        if cell is not None and not _is_number(str(cell)):
            return f": {str(cell)[:40]!r} in row {row}"
    return ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
