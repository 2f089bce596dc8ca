"""Data of one's own: a file of texts is checked, looked at, and put where a spec can name it."""

import hashlib
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from core import files
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
from core.tasks.labels import DoubtfulLabelsError, NoLabelsError
from core.tasks.load import NO_LABELS
from core.tasks.sampling import FEWEST_PROBES, ONE_CLOUD
from core.training.spec import RunSpec
from explorer.panels import address, data, fitting
from explorer.panels.words import DASH, plain

MEGABYTES = 50
FOLDER = ".uploads"  # in the folder of runs
_KINDS = [suffix[1:] for suffix in SUFFIXES]
_PREVIEW = 5
_NONE = "(none)"
_ONE_CLOUD = "(none: one cloud)"
REFUSED = "The uploaded file can't be used as it is: see above. Choose its columns, mend it, or take it out."
"""Beside the button that is off because of it."""


@dataclass(frozen=True)
class Use:
    """What an uploaded file is for.

    Attributes:
        words: what is done with its texts, a sentence or more.
        least: texts that each class needs.
        unlabelled: whether texts without labels will do.
    """

    words: str
    least: int = FEWEST_PROBES
    unlabelled: bool = False


TO_TRAIN = Use(
    f"One row in {round(1 / VALIDATION_SHARE)} is set apart to score and to look at.",
    least=round(FEWEST_PROBES / VALIDATION_SHARE),
)
TO_LOOK_AT = Use(
    f"All rows are looked at. Without labels they are one cloud, of up to {ONE_CLOUD} times the texts a class.",
    unlabelled=True,
)


def take(form: str, use: Use) -> str:
    """Put the file that was uploaded, if any, and its columns into `form`; must come before the form is drawn.

    Whoever then chooses other data takes the upload back.

    Returns:
        a sentence that says why it can't be used, or nothing.
    """
    defaults = RunSpec.defaults()
    file, task = _file(form), address.read("task", defaults["task"])
    seen = st.session_state.get(f"{form}upload-seen")
    if file is None:
        return ""
    if seen and seen != (file.file_id, task) and seen[0] == file.file_id:
        st.session_state[f"{form}uploads"] = st.session_state.get(f"{form}uploads", 0) + 1  # of another key, so empty
        return ""
    try:
        content = file.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        split = _table(_safe(file.name), digest, content)
        columns = _asked(form, split, digest, use)
        found = _texts(_safe(file.name), digest, columns, split)
        _check(found, columns, use)
        path = str(store(file.name, content, digest))
    except IsobarError as error:
        st.session_state[f"{form}upload-seen"] = (file.file_id, task)
        return str(error)
    taken = {"text_column": found.columns.text, "text_pair_column": found.columns.text_pair}
    taken["label_column"] = columns.label or found.columns.label
    if any(address.read(name, defaults[name]) != column for name, column in taken.items()) or path != task:
        address.put({**taken, "task": path}, defaults)
    if path != task:
        fitting.follow("task", to_train=use is TO_TRAIN)
    st.session_state[f"{form}upload-seen"] = (file.file_id, path)
    return ""


def show(form: str, use: Use, problem: str) -> None:
    """Draw the choice of a file, its columns and first rows, and the `problem` that :func:`take` found."""
    with st.expander("Upload a file of texts", icon=":material/upload_file:"):
        kinds = f"{', '.join(_KINDS)}{' (or txt, a text a line)' if use.unlabelled else ''}"
        st.caption(
            f"{kinds}, UTF-8, up to {MEGABYTES} MB, with a column of texts and {'maybe ' if use.unlabelled else ''}one of "
            f"labels (2 to 1,000 classes, of at least {use.least} texts each). {use.words} The file stays on this machine."
        )
        st.file_uploader(
            "File of texts",
            type=[*_KINDS, LINES[1:]] if use.unlabelled else _KINDS,
            key=_key(form),
            max_upload_size=MEGABYTES,
            label_visibility="collapsed",
        )
        file = _file(form)
        if file is not None:
            _look(form, file.name, file.getvalue(), use, problem)
        if problem:
            st.error(plain(problem, 400), icon=":material/error:")


def _key(form: str) -> str:
    return f"{form}upload{st.session_state.get(f'{form}uploads', '')}"


def _file(form: str):
    return st.session_state.get(_key(form))


def _look(form: str, name: str, content: bytes, use: Use, problem: str) -> None:
    """Draw the file's columns and first rows, and in a line what is in it."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        split = _table(_safe(name), digest, content)
    except IsobarError:  # the problem
        return
    columns = _columns(form, split, digest, use)
    table = split.table
    st.caption(f"The first {min(_PREVIEW, table.num_rows)} of {table.num_rows:,} rows")
    st.dataframe(
        table.slice(0, _PREVIEW).to_pandas(),
        hide_index=True,
        placeholder=DASH,
        alt="The first rows of the uploaded file",
    )
    if not problem:
        st.caption(_summary(_texts(_safe(name), digest, columns, split)))


def _check(found: Labelled, columns: Columns, use: Use) -> None:
    """Raise an IsobarError where there are too few texts."""
    counts = found.frame["label"].value_counts()
    if columns.label == NO_LABELS:
        if len(found.frame) < FEWEST_PROBES:
            raise IsobarError(f"A shape needs at least {FEWEST_PROBES} texts.")
    elif counts.min() < use.least:
        apart = f", so that {FEWEST_PROBES} of them can be set apart" if use.least > FEWEST_PROBES else ""
        raise IsobarError(
            f"Class {counts.index[-1]!r} has {counts.min()} texts; each class needs at least {use.least}{apart}."
        )


def _asked(form: str, split: Split, digest: str, use: Use) -> Columns:
    """Return the columns that are chosen in the boxes of this file, which may not be drawn yet."""
    guess = _guess(split, use)
    chosen = {role: st.session_state.get(_box(form, role, digest)) or getattr(guess, role) for role in _ROLES}
    return Columns(**{role: {_NONE: None, _ONE_CLOUD: NO_LABELS}.get(name, name) for role, name in chosen.items()})


_ROLES = {"text": "Text column", "text_pair": "Second text", "label": "Label column"}


def _box(form: str, role: str, digest: str) -> str:
    # The digest makes the choices those of this file: another file starts from its own guess.
    return f"{form}upload-{role}-{digest[:8]}"


def _columns(form: str, split: Split, digest: str, use: Use) -> Columns:
    """Draw the three choices, which start from a guess; where that is in doubt nothing is chosen."""
    names = split.table.column_names
    guess = _guess(split, use)
    besides = {"text_pair": [_NONE], "label": [_ONE_CLOUD] if use.unlabelled else []}
    for column, (role, label) in zip(st.columns(3, gap="small"), _ROLES.items(), strict=True):
        options = [*besides.get(role, []), *names]
        first = {NO_LABELS: _ONE_CLOUD, None: _NONE if role == "text_pair" else None}.get(
            name := getattr(guess, role), name
        )
        with column:
            st.selectbox(
                label,
                options,
                index=options.index(first) if first in options else None,
                key=_box(form, role, digest),
                placeholder="Choose a column",
            )
    return _asked(form, split, digest, use)


def _guess(split: Split, use: Use) -> Columns:
    """Return the columns that are taken where none is chosen; None for a text or a label where that is in doubt."""
    try:
        return resolve_columns(split, Columns())[0]
    except DoubtfulLabelsError:
        label = None
    except NoLabelsError:
        label = NO_LABELS if use.unlabelled else None
    except IsobarError:
        return Columns()
    with suppress(IsobarError):
        return replace(resolve_text_columns(split, Columns())[0], label=label)
    return Columns(label=label)


def _summary(found: Labelled) -> str:
    counts = found.frame["label"].value_counts()
    classes = ", ".join(f"{plain(name, 30)} {count:,}" for name, count in counts.head(8).items())
    more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
    notes = " ".join(plain(note, 200) for note in found.notes if not note.startswith("Columns guessed"))
    in_classes = f" in {len(counts)} classes: {classes}{more}" if len(found.label_names) > 1 else ", one cloud"
    return f"{len(found.frame):,} texts{in_classes}. {notes}"


def store(name: str, content: bytes, digest: str) -> Path:
    """Return where the file is kept: under its content's digest, so that the same path always means the same data."""
    folder = data.runs_dir() / FOLDER / digest[:16]
    path = folder / _safe(name)
    if path.exists():
        return path
    try:
        files.make_folder(folder)
        files.write(path, content)
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
