"""Embeddings that are in a file already: taken as an upload, looked at by Inspect as they are."""

import hashlib
from pathlib import Path

import streamlit as st

from core.errors import IsobarError
from core.file_version import FileVersion, file_version
from core.geometry.files import FORMATS, Stored, named, read_embeddings
from core.table_files import SUFFIXES
from core.training.spec import RunSpec
from core.training.stored import is_stored
from explorer.panels import address
from explorer.panels.upload import store
from explorer.panels.words import plain

MEGABYTES = 200
_NONE = "(none)"
_LABELS = ("label", "labels", "class", "y", "target")
_TEXTS = ("text", "sentence", "texts", "document", "content")
_PROBLEM = "embedded-problem"


def show(form: str) -> None:
    """Draw the choice of a file of embeddings, which becomes the model of `form`."""
    with st.expander("Upload embeddings", icon=":material/grain:"):
        st.caption(
            f"{', '.join(suffix[1:] for suffix in FORMATS)}, up to {MEGABYTES} MB: one vector a row. They are looked at as they "
            "are, by no model; the file stays on this machine. A larger one is named by its path, as the model."
        )
        st.file_uploader(
            "File of embeddings",
            type=[suffix[1:] for suffix in FORMATS],
            key=f"{form}embedded",
            max_upload_size=MEGABYTES,
            label_visibility="collapsed",
            on_change=_taken,
            args=[form],
        )
        if problem := st.session_state.get(_PROBLEM):
            st.error(plain(problem, 400), icon=":material/error:")


def columns(form: str, model: str) -> None:
    """Draw what is to be known of the file of embeddings that `form` has for a model: its labels and its texts."""
    try:
        found = _left_out(model, file_version(named(model)[0].expanduser()))
    except IsobarError as error:
        st.error(plain(error, 300), icon=":material/error:")
        return
    for column, (at, label) in zip(
        st.columns(2, gap="small"), (("label_column", "Labels"), ("text_column", "Texts")), strict=True
    ):
        with column:
            known = found if at == "label_column" or named(model)[0].suffix.lower() in SUFFIXES else ()
            now = address.read(at, None)
            address.widget(
                st.selectbox,
                label,
                list(dict.fromkeys(filter(None, (*known, now)))),
                key=form + at,
                at=at,
                default=None,
                placeholder=_NONE,
                accept_new_options=True,
                help="A column, an array or a file beside it." if at == "label_column" else "A column of the file.",
            )
    st.caption("Rows of the file are looked at as they are. Without labels they are one cloud.")


def _taken(form: str) -> None:
    file = st.session_state[f"{form}embedded"]
    st.session_state.pop(_PROBLEM, None)
    defaults = RunSpec.defaults()
    if file is None:
        if is_stored(address.read("model", defaults["model"])):
            address.put({name: defaults[name] for name in ("model", "label_column", "text_column")}, defaults)
        return
    try:
        content = file.getvalue()
        path = store(file.name, content, hashlib.sha256(content).hexdigest())
        left = _left_out(str(path), file_version(path))
    except IsobarError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    texts = left if path.suffix.lower() in SUFFIXES else ()
    chosen = {"model": str(path), "label_column": _first(left, _LABELS), "text_column": _first(texts, _TEXTS)}
    address.put({**{name: defaults[name] for name in ("layer", "pooling", "weights")}, **chosen}, defaults)


def _first(names: tuple[str, ...], usual: tuple[str, ...]) -> str | None:
    """Return the name that a column of this kind usually has, if one has it."""
    return next((name for word in usual for name in names if name.casefold() == word), None)


@st.cache_data(max_entries=8, show_spinner="Reading the file…")
def _left_out(model: str, version: FileVersion) -> tuple[str, ...]:
    path, column = named(model)
    found: Stored = read_embeddings(Path(path).expanduser(), None, column)
    return found.left_out
