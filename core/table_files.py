"""Files that hold a table, to Arrow tables: csv, tsv, JSON lines, json, parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import IsobarError
from core.interrupts import keeping_signals

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MOST_COLUMNS = 100_000  # what takes half a minute to read
MOST_ROWS = 50_000_000  # a few kilobytes of parquet can hold more
_DEEPEST = 64  # brackets in one another; at ten thousand Arrow ends the process
_JSON_TEXT = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"')
_LOOKED_AT = 1 << 16  # bytes of a csv, to tell what separates its cells
_FORMULA = re.compile(r"[=+\-@\t\r]")
LINES = ".txt"  # a text a line; no labels, so it can be looked at, and not trained on


def csv_of(frame: pd.DataFrame) -> str:
    """Return `frame` as csv for spreadsheets: a text that they would take for a formula has an apostrophe before it."""

    def harmless(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value

    return frame.map(harmless).rename(columns=harmless).to_csv(index=False)


def read_table(path: Path) -> pa.Table:
    """Return the file at `path` as a table; csv and tsv columns are all strings, several without a name are left out.

    Raises:
        IsobarError: the file is missing, empty, of another kind, not UTF-8, or has a row that can't be read.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise IsobarError(f"{path} is not a data file that can be read; it would end in {', '.join(SUFFIXES)}.")
    table = _READERS[suffix](path)
    check_width(path, table.num_columns)
    names = table.column_names
    if sum(not name.strip() for name in names) > 1:  # what spreadsheets write for columns that are not there
        table = table.select([number for number, name in enumerate(names) if name.strip()])
        names = table.column_names
    twice = first_twice(names)
    if twice is not None:
        raise IsobarError(f"{path} has two columns named {twice!r}; each column needs a name of its own.")
    if table.num_rows == 0:
        raise IsobarError(f"{path} has no rows; it needs at least one example of each class.")
    return table


def check_width(path: Path, columns: int) -> None:
    """Raise an IsobarError where a file has so many columns that it was hardly meant so; asked before it is read."""
    if columns > MOST_COLUMNS:
        raise IsobarError(
            f"{path} has {columns:,} columns, of which at most {MOST_COLUMNS:,} are read; each row is an example."
        )


def check_memory(path: Path, needed: int) -> None:
    """Raise an IsobarError where what is in a file would take more memory than is free; asked before it is read."""
    import psutil

    if needed > (free := psutil.virtual_memory().available):
        raise IsobarError(
            f"{path} would take about {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free; take a part of it."
        )


def check_parquet(path: Path) -> None:
    """Raise an IsobarError where a parquet file holds more rows or columns than are read, or than there is memory for."""
    from pyarrow import parquet

    about = parquet.read_metadata(path)
    check_width(path, about.num_columns)
    if about.num_rows > MOST_ROWS:
        raise IsobarError(
            f"{path} has {about.num_rows:,} rows, of which at most {MOST_ROWS:,} are read; take a part of it."
        )
    written = sum(about.row_group(k).total_byte_size for k in range(about.num_row_groups))
    check_memory(path, max(written, 8 * about.num_rows * about.num_columns))


def check_depth(path: Path, data: bytes) -> None:
    """Raise an IsobarError where JSON has so many brackets in one another that its readers would come to their end."""
    if data.count(b"[") + data.count(b"{") <= _DEEPEST:
        return
    brackets = np.frombuffer(_JSON_TEXT.sub(b"", data), np.uint8)
    brackets = brackets[np.isin(brackets, np.frombuffer(b"[]{}", np.uint8))]
    opened = np.isin(brackets, np.frombuffer(b"[{", np.uint8))
    if np.where(opened, 1, -1).cumsum().max(initial=0) > _DEEPEST:
        raise IsobarError(
            f"{path} has more than {_DEEPEST} brackets in one another; JSON of so many levels isn't read."
        )


def first_line(data: bytes) -> bytes:
    """Return what stands before the first end of a line, of whatever kind."""
    end = re.search(rb"[\r\n]", data)
    return data[: end.start()] if end else data


def first_twice(names: Iterable[str]) -> str | None:
    """Return the first of `names` that was there before, or None."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def read_lines(path: Path) -> pa.Table:
    """Return the lines of a plain text file as a table with the column ``text``; blank lines are left out.

    Raises:
        IsobarError: the file is missing, empty or not UTF-8.
    """
    import pyarrow as pa

    lines = re.split(r"\r\n|\n|\r", read_utf8(path, needs="one text a line").decode("utf-8"))
    return pa.table({"text": pa.array([line for line in lines if line.strip()], pa.string())})


def read_utf8(path: Path, needs: str = "a text column, a label column and rows") -> bytes:
    """Return the bytes of a file of text, less a byte order mark; `needs` says what an empty one lacks.

    Raises:
        IsobarError: the file is missing, empty or not UTF-8.
    """
    try:
        check_memory(path, 2 * path.stat().st_size)  # as it is, and as a table
        data = path.read_bytes()
    except OSError as error:
        raise IsobarError(f"{path} can't be read ({error.strerror}).") from error
    if not data.strip():
        raise IsobarError(f"{path} is empty; it needs {needs}.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise IsobarError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} at position {error.start}, on line {line}; "
            "save the file as UTF-8."
        ) from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _read_csv(path: Path, data: bytes) -> pa.Table:
    return _separated(path, data, separator_of(data))


def separator_of(data: bytes) -> str:
    """Return what stands between the cells: a comma, or where the header has none what every line has, as spreadsheets write."""
    lines = data[:_LOOKED_AT].decode("utf-8", "ignore").splitlines()
    whole = lines[:-1] if len(data) > _LOOKED_AT and len(lines) > 1 else lines  # the last may be cut
    lines = [line for line in whole if line.strip()] or [""]
    others = [one for one in (";", "\t", "|") if all(one in line for line in lines)]
    return others[0] if others and "," not in lines[0] else ","


def _separated(path: Path, data: bytes, delimiter: str, quote: str | bool = '"') -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    check_width(path, first_line(data).count(delimiter.encode()) + 1)
    # One block and one thread: only so does Arrow know the number of the row that it can't read.
    read = csv.ReadOptions(use_threads=False, block_size=max(1 << 20, min(len(data) + 1, 1 << 30)))
    parse = csv.ParseOptions(delimiter=delimiter, quote_char=quote, newlines_in_values=bool(quote))
    try:
        header = csv.open_csv(pa.py_buffer(data), read_options=read, parse_options=parse).schema.names
        # Everything is read as text: a column of digits may well be the sentences.
        convert = csv.ConvertOptions(column_types={name: pa.string() for name in header}, strings_can_be_null=False)
        return keeping_signals(
            csv.read_csv, pa.py_buffer(data), read_options=read, parse_options=parse, convert_options=convert
        )
    except pa.ArrowException as error:
        raise IsobarError(_csv_sentence(path, str(error))) from error


def _csv_sentence(path: Path, message: str) -> str:
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if found:
        row, expected, got = found.groups()
        return (
            f"{path} is malformed at row {row} (the header is row 1): it has {got} fields where the header has "
            f"{expected}; put a text that holds the separator, or a quotation mark, in double quotes."
        )
    return f"{path} can't be read as {path.suffix[1:]}: {message.splitlines()[0]}."


def _read_tsv(path: Path, data: bytes) -> pa.Table:
    # Most published tsv files use quotation marks as plain characters; a few quote as csv does, and need to where a
    # text holds a tab or a new line.
    try:
        return _unquote(_separated(path, data, "\t", quote=False))
    except IsobarError as unquoted:
        try:
            return _separated(path, data, "\t")
        except IsobarError:
            raise unquoted from None


def _unquote(table: pa.Table) -> pa.Table:
    """Return the table with cells that are quoted as in csv, from the first character to the last, made plain."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in table.columns:
        quoted = pc.match_substring_regex(column, r'^"(?:[^"]|"")+"$')
        plain = pc.replace_substring(pc.utf8_slice_codeunits(column, 1, -1), '""', '"')
        columns.append(pc.if_else(quoted, plain, column))
    return pa.table(columns, names=table.column_names)


def _read_jsonl(path: Path, data: bytes) -> pa.Table:
    import pyarrow as pa
    from pyarrow import json as arrow_json

    check_depth(path, data)
    check_width(path, first_line(data).count(b'":'))
    try:
        return arrow_json.read_json(
            pa.py_buffer(data),
            read_options=arrow_json.ReadOptions(block_size=max(1 << 20, min(len(data) + 1, 1 << 30))),
        )
    except pa.ArrowException as error:
        raise IsobarError(_jsonl_sentence(path, data, str(error))) from error


def _jsonl_sentence(path: Path, data: bytes, message: str) -> str:
    # Arrow counts rows within its own blocks, so the line is looked for again.
    for number, line in enumerate(data.decode("utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            return f"{path} is malformed at line {number}: {error.msg}; each line must be one JSON object."
        if not isinstance(row, dict):
            return f"{path} has a {type(row).__name__} at line {number}; each line must be one JSON object."
        if half := _half(row):
            return _half_sentence(path, f"line {number}", half)
    return f"{path} can't be read as JSON lines: {message.splitlines()[0]}; a column must keep one type in all rows."


def _read_json(path: Path, data: bytes) -> pa.Table:
    import pyarrow as pa

    check_depth(path, data)
    try:
        content = json.loads(data)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return _read_jsonl(path, data)
        raise IsobarError(f"{path} is malformed at line {error.lineno}: {error.msg}.") from error
    except ValueError as error:  # a number of thousands of digits
        raise IsobarError(f"{path} can't be read as json: {str(error).splitlines()[0]}.") from error
    if isinstance(content, dict) and all(isinstance(value, list) for value in content.values()) and len(content) == 1:
        content = next(iter(content.values()))
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise IsobarError(
            f"{path} holds no list of JSON objects; each example must be an object such as "
            '{"text": "...", "label": 0}.'
        )
    names = dict.fromkeys(name for row in content for name in row)
    check_width(path, len(names))
    if any(map(_half, names)):
        raise IsobarError(_half_sentence(path, "the name of a column", next(filter(None, map(_half, names)))))
    return pa.table({name: _json_column(path, name, [row.get(name) for row in content]) for name in names})


def _json_column(path: Path, name: str, values: list) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values)
    except OverflowError:  # numbers that no column can hold: what they are called by is all that they are good for
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    except UnicodeEncodeError as error:
        row = next(number for number, value in enumerate(values, start=1) if _half(value))
        raise IsobarError(_half_sentence(path, f"row {row}, column {name!a}", _half(values[row - 1]))) from error
    except pa.ArrowException as error:
        raise IsobarError(
            f"{path} mixes types in column {name!r} ({str(error).splitlines()[0]}); keep one type."
        ) from error


def _half(value) -> str:
    """Return the first character of a pair that has lost its other half, in a JSON value; empty where all are whole."""
    found = re.search("[\ud800-\udfff]", json.dumps(value, ensure_ascii=False))
    return f"\\u{ord(found[0]):04x}" if found else ""


def _half_sentence(path: Path, where: str, half: str) -> str:
    return f"{path} has half a character ({half} without its other half) in {where}; mend or remove it."


def _read_parquet(path: Path) -> pa.Table:
    from pyarrow import parquet

    try:
        if path.stat().st_size == 0:
            raise IsobarError(f"{path} is empty; it needs a text column, a label column and rows.")
        check_parquet(path)
        return parquet.read_table(path)
    except IsobarError:
        raise
    except Exception as error:
        # Arrow has an error for each thing that it can't do, and Python one for names that aren't UTF-8.
        said = " ".join(str(error).split())[:200].rstrip(".")
        raise IsobarError(f"{path} is not a parquet file that can be read: {said}.") from error


def _of_utf8(read: Callable[[Path, bytes], pa.Table]) -> Callable[[Path], pa.Table]:
    """Return the reader of a format that is text, of which `read` takes the bytes."""
    return lambda path: read(path, read_utf8(path))


_READERS: dict[str, Callable[[Path], pa.Table]] = {
    ".csv": _of_utf8(_read_csv),
    ".tsv": _of_utf8(_read_tsv),
    ".jsonl": _of_utf8(_read_jsonl),
    ".ndjson": _of_utf8(_read_jsonl),
    ".json": _of_utf8(_read_json),
    ".parquet": _read_parquet,
}

SUFFIXES = tuple(_READERS)
"""How the names of files end that hold tables; all that lists them asks here."""
