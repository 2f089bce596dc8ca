"""JSON and JSON lines: lists of vectors, columns of them, and what the programming interfaces of models answer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import IsobarError
from core.geometry.files.stored import Stored, Wanted
from core.geometry.files.tables import stored_of_table
from core.table_files import check_depth, check_width, read_table, read_utf8

if TYPE_CHECKING:
    import pyarrow as pa

_NEEDS = "a vector for each embedding"
_NAME = "embeddings"


def read_json(path: Path, wanted: Wanted) -> Stored:
    """Return the vectors of a JSON file: in objects at any depth, as a list of lists, or by name."""
    lines = path.suffix.lower() != ".json"
    with path.open("rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if lines and start == b"{":
        return stored_of_table(path, read_table(path), wanted)
    data = read_utf8(path, _NEEDS)
    check_depth(path, data)
    text = data.decode("utf-8")
    try:
        content = _lines(text) if lines else _json(text)
    except json.JSONDecodeError as error:
        raise IsobarError(f"The file {path} is malformed at line {error.lineno}: {error.msg}.") from error
    try:
        check_width(path, _width(content))
        table, notes = _table(content)
    except (ValueError, TypeError) as error:  # Arrow's are of these kinds
        raise IsobarError(f"The file {path} can't be read as columns: {str(error).splitlines()[0]}.") from error
    return stored_of_table(path, table, wanted, notes)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return _lines(text)
        raise


def _lines(text: str) -> list:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                error.lineno = number
                raise
    return rows


def _table(content: Any) -> tuple["pa.Table", tuple[str, ...]]:
    import pyarrow as pa

    if isinstance(content, list) and not all(isinstance(row, dict) for row in content):
        return pa.table({_NAME: pa.array(content)}), ()
    if isinstance(content, dict) and _by_name(content):
        note = f"Each of the {len(content):,} names has a vector."
        return pa.table({"name": list(content), _NAME: pa.array(list(content.values()))}), (note,)
    if isinstance(content, dict):
        content = _of_pandas(content) or [content]
    return pa.Table.from_pylist(content), ()


def _width(content: Any) -> int:
    """Return how many names the objects have that are rows."""
    rows = content if isinstance(content, list) else _of_pandas(content) or [] if isinstance(content, dict) else []
    return len({name for row in rows if isinstance(row, dict) for name in row})


def _of_pandas(content: dict) -> list[dict] | None:
    """Return the rows of a frame that pandas wrote: by columns, by rows, or split into names and rows; None of all else."""
    if {"columns", "data"} <= content.keys() <= {"columns", "data", "index"}:
        return [dict(zip(map(str, content["columns"]), row, strict=True)) for row in content["data"]]
    values = list(content.values())
    if not values or not all(isinstance(value, dict) for value in values):
        return None
    if all(_counts(value) and value.keys() == values[0].keys() for value in values):
        return [{name: column[row] for name, column in content.items()} for row in values[0]]
    return values if _counts(content) else None


def _counts(content: dict) -> bool:
    """Whether the names are 0, 1, 2 and so on, as pandas calls rows."""
    return len(content) > 1 and list(content) == [str(k) for k in range(len(content))]


def _by_name(content: dict) -> bool:
    """Whether an object is a dictionary from names to vectors: more names than numbers in each, else they are columns."""
    values = list(content.values())
    if not values or not all(isinstance(value, list) for value in values):
        return False
    lengths = {len(value) for value in values}
    return (
        len(lengths) == 1
        and len(values) > max(lengths) > 0
        and all(isinstance(cell, int | float) for cell in values[0])
    )
