"""What a person says of a run, its name, tags and a text, and the way into the trash and out of it."""

import streamlit as st

from core.errors import IsobarError
from core.runs import Run
from core.runs.notes import LONGEST, Note, write_note
from core.runs.trash import restore, trash, trashed
from explorer.panels import address, data
from explorer.panels.words import moment, plain

_PROBLEM, _TAKEN_OUT = "keeping-problem", "keeping-taken-out"
_LISTED = 5


def note(run: Run) -> None:
    """Draw a run's name, tags and text to change, and what throws it away."""
    of = data.row(run).note
    name = data.name_of(run)
    with st.form(f"note-{name}", border=False):
        st.text_input("Name", of.name, key=f"note-name-{name}", max_chars=LONGEST["name"], placeholder="Task and model")
        st.text_input("Tags", ", ".join(of.tags), key=f"note-tags-{name}", placeholder="for the paper, to check")
        st.text_area("Note", of.text, key=f"note-text-{name}", max_chars=LONGEST["text"])
        st.form_submit_button("Save", on_click=_save, args=[run, name], width="stretch")
    st.caption("Lists show the name and the tags, and are filtered by all three.")
    under_way = run.state in ("running", "queued")
    st.button(
        "Move to the trash",
        key="trash",
        icon=":material/delete:",
        type="tertiary",
        on_click=_throw_away,
        args=[run],
        disabled=under_way,
        help="It can be taken out again." if not under_way else "Stop it first.",
    )
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(plain(problem, 300), icon=":material/error:")


def thrown_away() -> None:
    """Draw what was thrown away last, each with its way back; nothing where the trash is empty."""
    if st.session_state.pop(_TAKEN_OUT, False):
        st.rerun()  # of the whole app: the list is a part of it that is drawn by itself
    found = trashed(data.runs_dir())
    if not found:
        return
    with st.popover(f"Trash ({len(found):,})", icon=":material/delete:", type="tertiary"):
        for one in found[:_LISTED]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"{plain(one.name, 120)}, thrown away {moment(one.moment)}")
                st.button("Take out", key=f"restore-{one.path.parent.name}-{one.name}", on_click=_take_out, args=[one])
        more = f"{len(found) - _LISTED:,} more are in it. " if len(found) > _LISTED else ""
        st.caption(f"{more}`isobar runs empty-trash` removes them for good.")
        if problem := st.session_state.pop(_PROBLEM, ""):
            st.error(plain(problem, 300), icon=":material/error:")


def _save(run: Run, name: str) -> None:
    values = (st.session_state[f"note-{part}-{name}"] for part in ("name", "tags", "text"))
    named, tags, text = (value or "" for value in values)
    _tried(lambda: write_note(run.path, Note.of(named, tags.split(","), text)))


def _throw_away(run: Run) -> None:
    def done() -> None:
        trash(run)
        data.forget_names()
        st.session_state.pop("run", None)
        address.only()

    _tried(done)


def _take_out(one) -> None:
    def done() -> None:
        run = restore(one)
        data.forget_names()
        address.only(run=run.name)
        st.session_state[_TAKEN_OUT] = True

    _tried(done)


def _tried(act) -> None:
    try:
        act()
    except IsobarError as error:
        st.session_state[_PROBLEM] = str(error)
