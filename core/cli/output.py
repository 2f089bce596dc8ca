"""What commands write: rows, JSON and files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from core.errors import IsobarError
from core.files import whole_output
from core.json_text import json_text


def check_place(out: Path | None) -> None:
    """Raise an IsobarError where the file `out` can't be, before any work is done for it."""
    if out is not None and not out.absolute().parent.is_dir():
        raise IsobarError(f"The file {out} can't be written: there is no folder {out.absolute().parent}.")
    if out is not None and out.is_dir():
        raise IsobarError(f"The file {out} can't be written: it is a folder.")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a path to write the file `path` to, which is whole or as it was before; an IsobarError says why it can't be written."""
    check_place(path)
    with whole_output(path) as temporary:
        yield temporary


def print_rows(rows: list[dict], out: Path | None, as_json: bool, above: str = "") -> None:
    """Print `rows` as a table or as JSON, and write them to the file `out` as Markdown."""
    from core import tables

    if out is not None:
        with writing(out) as file:
            file.write_text(above + tables.markdown(rows), encoding="utf-8")
    if as_json:
        print(json_text(rows))
    else:
        tables.print_rows(rows)


@contextmanager
def quiet(as_json: bool) -> Iterator:
    """Keep whatever libraries print off stdout while JSON is promised there; yields the console for progress."""
    from rich.console import Console

    with redirect_stdout(sys.stderr if as_json else sys.stdout):
        yield Console(stderr=True)
