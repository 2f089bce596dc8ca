"""Text that holds numbers: separated values with a header or without, and word vectors."""

import csv
import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import IsobarError
from core.geometry.files.stored import Stored, Wanted
from core.geometry.files.tables import stored_of_table
from core.interrupts import keeping_signals
from core.table_files import check_width, first_line, read_utf8

if TYPE_CHECKING:
    import pyarrow as pa

NEEDS = "a row of numbers for each embedding"
_SAMPLE_BYTES, _SAMPLE_ROWS = 1 << 22, 20  # that tell how a file is written
_COUNTED = 8  # so many whole numbers that count up are names: no row of an embedding does
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_WHOLE = re.compile(r"[+-]?\d+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How a file of separated values is written.

    Attributes:
        delimiter: between two cells.
        decimal: the sign in a number, a point or a comma.
        rows: the first rows, as cells.
        score: the share of cells that are numbers.
        row_names: whether the header has a cell less than each row, as R writes the names of rows.
    """

    delimiter: str
    decimal: str
    rows: tuple[tuple[str, ...], ...]
    score: float
    row_names: bool = False

    def plain(self, cell: str) -> str:
        """Return a cell with a decimal point where it has a decimal comma."""
        return cell.replace(",", ".", 1) if self.decimal == "," and _DECIMAL_COMMA.fullmatch(cell) else cell


def read_csv(path: Path, wanted: Wanted) -> Stored:
    """Return the embeddings of a file of values that commas separate, or whatever does."""
    return _separated(path, read_utf8(path, NEEDS), wanted, ",;\t| ")


def read_tsv(path: Path, wanted: Wanted) -> Stored:
    """Return the embeddings of a file of values that tabs separate; labels may stand in a metadata file beside it."""
    return _separated(path, read_utf8(path, NEEDS), wanted, "\t,;| ")


def read_words(path: Path, wanted: Wanted) -> Stored:
    """Return word vectors: a line each, a token (which may hold spaces) and its numbers; with a line of counts or without.

    So word2vec, fastText and GloVe write them. Lines of numbers alone, as NumPy writes them, are read too.
    """
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    # At "\n" and at spaces only: tokens of the published files hold other characters that Unicode calls spaces or ends.
    lines = [line.rstrip(b" \t\r") for line in data.split(b"\n")]
    lines = [line.lstrip(b" ") if line.startswith(b"  ") else line for line in lines if line]
    if not lines:
        raise IsobarError(f"The file {path} is empty; it needs {NEEDS}.")
    sample = b"\n".join(lines[:_SAMPLE_ROWS]).decode("utf-8", "replace")
    separated = _dialect(sample, "\t,;|")
    if separated is not None and separated.score > 0.5:
        return _separated(path, read_utf8(path, NEEDS), wanted, "\t,;|")
    for asked, what in ((wanted.labels, "labels"), (wanted.column, "column")):
        if asked is not None:
            raise IsobarError(f"The file {path} holds vectors without names of columns; there is no {what} {asked!r}.")
    counts = lines[0].split()
    counted = len(counts) == 2 and all(re.fullmatch(rb"\d+", cell) for cell in counts) and len(lines) > 1
    if counted and len(lines[1].split(b" ")) != 2:
        expected, d, lines = int(counts[0]), int(counts[1]), lines[1:]
    else:
        expected, d = None, _width(lines)
    tokens, numbers = [], []
    for number, line in enumerate(lines, start=1 + (expected is not None)):
        cells = line.split() if d < 0 else line.rsplit(b" ", d)
        if len(cells) != abs(d) + (d > 0):
            wrong = f"{len(cells)} numbers" if d < 0 else f"no token and {d} numbers"
            raise IsobarError(
                f"The file {path} is malformed at line {number}: it has {wrong}, as the first lines have."
            )
        tokens.append(b"" if d < 0 else cells[0])
        numbers.append(b" ".join(cells[d > 0 :]))
    try:
        x = np.loadtxt(io.BytesIO(b"\n".join(numbers)), ndmin=2, comments=None)
    except ValueError as error:
        raise IsobarError(f"The file {path} can't be read as word vectors: {str(error).split(';')[0]}.") from error
    notes = []
    if expected is not None and expected != len(x):
        notes.append(f"Its first line promises {expected:,} vectors; there are {len(x):,}.")
    what = "vectors without tokens" if d < 0 else f"tokens from {_word(tokens[0])} to {_word(tokens[-1])}"
    return Stored(x, None, tuple(notes), what, "decimals")


def _word(token: bytes) -> str:
    return repr(token.decode("utf-8", "replace"))


def _width(lines: Sequence[bytes]) -> int:
    """Return how many numbers end each line after its token; minus as many where lines have numbers alone."""
    sample = [line.split() for line in lines[:1000]]
    counts = [len(cells) for cells in sample]
    most = max(set(counts), key=counts.count) if counts else 0
    if len(set(counts)) == 1 and all(_is_number(cell) for cells in sample for cell in cells[:1]):
        return -most
    return max(most - 1, 1)


def _separated(path: Path, data: bytes, wanted: Wanted, delimiters: str) -> Stored:
    data = data.lstrip(b"\r\n")
    notes = []
    hint = re.match(rb"(?i)sep=(.)\r?\n", data)  # which Excel writes and reads
    if hint:
        data, delimiters = data[hint.end() :], hint[1].decode()
    header = first_line(data)
    check_width(path, max(header.count(one.encode()) for one in delimiters) + 1)
    dialect = _dialect(_sample(data), delimiters)
    if dialect is None:
        dialect = Dialect(delimiters[0], ".", tuple(_rows(_sample(data), delimiters[0])), 0.0)
    first = list(dialect.rows[0]) if dialect.rows else []
    if dialect.row_names:
        first = ["", *first]
    named = dialect.row_names or _is_header([dialect.plain(cell) for cell in first], dialect.rows[1:], wanted)
    if dialect.delimiter != delimiters[0] or dialect.decimal == ",":
        commas = " and with decimal commas" if dialect.decimal == "," else ""
        notes.append(f"Read with {_NAMES.get(dialect.delimiter, repr(dialect.delimiter))} between cells{commas}.")
    table = _table(path, data, dialect, len(first), named)
    if not named:
        titles = [str(k) for k in range(len(first))]
    else:
        # Names as pandas gives them; it may have done so once already, of an index that was written twice.
        titles = [name or f"Unnamed: {k}" for k, name in enumerate(first)]
        titles = [name if first[k] or name not in first else f"{name}.{k + 1}" for k, name in enumerate(titles)]
    if wanted.labels in titles:
        k = titles.index(wanted.labels)
        if str(table.schema.field(k).type) == "null":  # Arrow calls a column so in which every cell is "NA" or the like
            table = table.set_column(k, str(k), _table(path, data, dialect, len(first), named, text=k).column(k))
    row_names = titles[:1] if dialect.row_names else []
    return stored_of_table(path, table.rename_columns(titles), wanted, notes, named=named, row_names=row_names)


def _table(path: Path, data: bytes, dialect: Dialect, width: int, named: bool, text: int | None = None) -> "pa.Table":
    """Return the rows as columns of the types that Arrow finds, called 0, 1, 2, ...; column `text` as strings."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    known = [str(k) for k in range(width)]
    try:
        return keeping_signals(
            arrow_csv.read_csv,
            pa.py_buffer(data),
            # One block and one thread: only so does Arrow know the number of the row that it can't read.
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=max(1 << 20, min(len(data) + 1, 1 << 30)),
                column_names=known,
                skip_rows_after_names=int(named) - int(dialect.row_names),
                skip_rows=int(dialect.row_names),
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                decimal_point=dialect.decimal,
                strings_can_be_null=False,  # "NA" is a name where a column is text
                column_types={} if text is None else {str(text): pa.string()},
            ),
        )
    except pa.ArrowException as error:
        found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error))
        if found is None:
            raise IsobarError(f"The file {path} can't be read as a table: {str(error).splitlines()[0]}.") from error
        row, expected, got = found.groups()
        raise IsobarError(
            f"The file {path} can't be read: row {row} has {got} {'cell' if got == '1' else 'cells'} where the first row has {expected}."
        ) from error


def _sample(data: bytes) -> str:
    part = data[:_SAMPLE_BYTES]
    if len(part) < len(data) and b"\n" in part:
        part = part[: part.rindex(b"\n")]
    return part.decode("utf-8", "ignore")


def _rows(sample: str, delimiter: str) -> list[tuple[str, ...]]:
    rows = []
    csv.field_size_limit(_SAMPLE_BYTES)  # a vector in a cell may be longer than what Python takes as it is
    for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
        if row:
            rows.append(tuple(cell.strip() for cell in row))
        if len(rows) == _SAMPLE_ROWS:
            break
    return rows


def _dialect(sample: str, delimiters: str) -> Dialect | None:
    """Return how the rows are written: so that all are as wide, and most cells numbers. None where none of the ways fits."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for delimiter in delimiters:
            try:
                rows = _rows(sample, delimiter)
            except csv.Error:
                continue
            if not rows:
                continue
            width = len(rows[-1])
            short = len(rows) > 1 and len(rows[0]) == width - 1  # as R writes the names of rows
            if width < 2 or any(len(row) != width for row in rows[short:]):
                continue
            cells = [cell for row in rows[1 if len(rows) > 1 else 0 :] for cell in row]
            commas = any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells) and not any(
                "." in c for c in cells if _is_number(c)
            )
            one = Dialect(delimiter, "," if commas else ".", tuple(rows), 0.0, short)
            score = sum(_is_number(one.plain(cell)) for cell in cells) / len(cells)
            found.append(replace(one, score=score))
    return max(found, key=lambda one: (not one.row_names, one.score), default=None)


def _is_header(first: Sequence[str], others: Sequence[Sequence[str]], wanted: Wanted) -> bool:
    """Whether the first line names the columns: a line of numbers does not, unless it counts them."""
    if any(asked is not None and asked in first and not asked.isdecimal() for asked in (wanted.labels, wanted.column)):
        return True
    numbers = [cell for cell in first if _is_number(cell)]
    if not numbers:
        return any(first) and not any(cell.startswith("[") for cell in first)
    if not all(_WHOLE.fullmatch(cell) for cell in numbers):
        return False
    # So pandas writes columns that were given no names, with its index or without. In a table of few whole numbers, which
    # embeddings rarely are, the same line is a row.
    start = int(numbers[0])
    if start not in (0, 1) or [int(cell) for cell in numbers] != list(range(start, start + len(numbers))):
        return False
    beside = len(numbers) < len(first) and (
        first[0] == "" or any(first[k] and not _is_number(first[k]) for k in range(len(first)))
    )
    whole = all(_WHOLE.fullmatch(cell) or not cell for row in others for cell in row)
    return beside or len(numbers) >= _COUNTED or not whole


def _is_number(cell: str | bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
