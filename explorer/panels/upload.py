"""Data of one's own: a file of texts is checked, looked at, and put where a spec can name it."""

import hashlib
import re
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.errors import IsobarError
from core.table_files import LINES, SUFFIXES, read_lines, read_table
from core.tasks.columns import (
    VALIDATION_SHARE,
    Columns,
    Labelled,
    Split,
    labelled_texts,
    resolve_columns,
    resolve_text_columns,
    unlabelled_texts,
)
from core.tasks.load import NO_LABELS
from explorer.panels import data, fitting, spec_form
from explorer.panels.words import plain

MEGABYTES = 50
FOLDER = ".uploads"  # in the folder of runs
_KINDS = [suffix[1:] for suffix in SUFFIXES]
_LEAST = 4  # texts of a class in the validation set
_PREVIEW = 5
_NONE = "(none)"
_ONE_CLOUD = "(none: one cloud)"


def upload(form: str, *, use: str, unlabelled: str = "") -> None:
    """Draw the choice of a file, its columns and first rows, and a button that puts them into `form`.

    Args:
        form: the key of a `spec_form`.
        use: what the validation set is for, in a few words.
        unlabelled: a sentence on what becomes of texts without labels; where it is empty, labels are needed.
    """
    with st.expander("Upload a file of texts", icon=":material/upload_file:"):
        st.caption(
            f"{', '.join(_KINDS)}{' (or txt, a text a line)' if unlabelled else ''}, UTF-8, up to {MEGABYTES} MB, "
            f"with a column of texts and {'maybe ' if unlabelled else ''}one of labels "
            f"(2 to 1,000 classes). One row in {round(1 / VALIDATION_SHARE)} is set apart {use}, so each class needs "
            f"at least {round(_LEAST / VALIDATION_SHARE)} texts. {unlabelled} The file stays on this machine."
        )
        file = st.file_uploader(
            "File of texts",
            type=[*_KINDS, LINES[1:]] if unlabelled else _KINDS,
            key=f"{form}upload",
            max_upload_size=MEGABYTES,
            label_visibility="collapsed",
        )
        if file is not None:
            _chosen(form, file.name, file.getvalue(), [_ONE_CLOUD] if unlabelled else [])


def _chosen(form: str, name: str, content: bytes, instead: list[str]) -> None:
    """Draw the file: its columns, its first rows, what is wrong with it; `instead` of a label column may be chosen."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        split = _table(_safe(name), digest, content)
    except IsobarError as error:
        st.error(plain(error, 400), icon=":material/error:")
        return
    columns = _columns(form, split, digest, instead)
    try:
        found = _texts(_safe(name), digest, columns, split)
    except IsobarError as error:
        st.error(plain(error, 400), icon=":material/error:")
        found = None
    table = split.table
    st.caption(f"The first {min(_PREVIEW, table.num_rows)} of {table.num_rows:,} rows")
    st.dataframe(table.slice(0, _PREVIEW).to_pandas(), hide_index=True, alt="The first rows of the uploaded file")
    if found is None:
        return
    counts = found.frame["label"].value_counts()
    few = counts[counts * VALIDATION_SHARE < _LEAST]
    st.caption(_summary(found, counts))
    if columns.label == NO_LABELS:
        if len(found.frame) < _LEAST:
            st.error(f"A shape needs at least {_LEAST} texts.", icon=":material/error:")
            return
    elif len(few):
        st.error(
            f"Class {plain(repr(few.index[0]), 40)} has {few.iloc[0]} texts; each class needs at least "
            f"{round(_LEAST / VALIDATION_SHARE)}, so that {_LEAST} of them can be set apart.",
            icon=":material/error:",
        )
        return
    st.button(
        "Use this file",
        key=f"{form}use",
        icon=":material/check:",
        on_click=_use,
        args=[form, name, content, digest, replace(found.columns, label=columns.label)],
    )


def _columns(form: str, split: Split, digest: str, instead: list[str]) -> Columns:
    """Draw the three choices, which start from a guess; a label of `NO_LABELS` is one `instead` of a column."""
    names = split.table.column_names
    guess = _guess(split, instead)
    chosen = []
    row = st.columns(3, gap="small")
    for column, role, label in zip(
        row, ("text", "text_pair", "label"), ("Text column", "Second text", "Label column"), strict=True
    ):
        options = [*{"text_pair": [_NONE], "label": instead}.get(role, []), *names]
        first = getattr(guess, role) or next((one for one in options if one not in names), None)
        with column:
            # The digest makes the choices those of this file: another file starts from its own guess.
            chosen.append(
                st.selectbox(
                    label,
                    options,
                    index=options.index(first) if first in options else None,
                    key=f"{form}upload-{role}-{digest[:8]}",
                    placeholder="Choose a column",
                )
            )
    return Columns(*({_NONE: None, _ONE_CLOUD: NO_LABELS}.get(name, name) for name in chosen))


def _guess(split: Split, instead: list[str]) -> Columns:
    for resolve in (resolve_columns, *([resolve_text_columns] if instead else [])):
        with suppress(IsobarError):
            return resolve(split, Columns())[0]
    return Columns()


def _summary(found: Labelled, counts) -> str:
    classes = ", ".join(f"{plain(name, 30)} {count:,}" for name, count in counts.head(8).items())
    more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
    notes = " ".join(plain(note, 200) for note in found.notes if not note.startswith("Columns guessed"))
    in_classes = f" in {len(counts)} classes: {classes}{more}" if len(found.label_names) > 1 else ", one cloud"
    return f"{len(found.frame):,} texts{in_classes}. {notes}"


def _use(form: str, name: str, content: bytes, digest: str, columns: Columns) -> None:
    """Store the file under its content's name, and put it and its columns into the form."""
    path = store(name, content, digest)
    spec_form.fill(
        {
            **spec_form.values(form),
            "task": str(path),
            "text_column": columns.text,
            "text_pair_column": columns.text_pair,
            "label_column": columns.label,
        },
        form,
    )
    fitting.follow("task", form)


def store(name: str, content: bytes, digest: str) -> Path:
    """Return where the file is kept: under its content's digest, so that the same path always means the same data."""
    folder = data.runs_dir() / FOLDER / digest[:16]
    path = folder / _safe(name)
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{path.name}.part"
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise IsobarError(f"The file can't be kept in {folder}: {error.strerror}.") from error
    return path


def _safe(name: str) -> str:
    """Return a file name of plain letters, of the same kind."""
    path = Path(name.replace("\\", "/"))
    stem = re.sub(r"[^\w.-]+", "-", path.stem).strip(".-")[:60] or "texts"
    return f"{stem}{path.suffix.lower()}"


# A file is read once, however often the page is drawn.
@st.cache_resource(max_entries=4, show_spinner="Reading the file…")
def _table(name: str, digest: str, _content: bytes) -> Split:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(_content)
        try:
            return Split(read_lines(path) if path.suffix == LINES else read_table(path), name)
        except IsobarError as error:
            raise IsobarError(str(error).replace(str(path), name)) from error


@st.cache_resource(max_entries=8, show_spinner=False)
def _texts(name: str, digest: str, columns: Columns, _split: Split) -> Labelled:
    return (unlabelled_texts if columns.label == NO_LABELS else labelled_texts)(_split, columns)


def label(task: str) -> str:
    """Return what to call a task in a list: of an uploaded file its name alone."""
    path = Path(task)
    return f"{path.name} (uploaded)" if path.parent.parent.name == FOLDER else task
