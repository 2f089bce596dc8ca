"""The runs, in the sidebar: newest first, filtered as one types, each a link to its page."""

import streamlit as st

from explorer import places
from explorer.panels import address, data, entries, keeping, links
from explorer.panels.words import STATES, plain

_SHOWN = 25


@st.fragment(run_every=5.0)
def show() -> None:
    """Draw the filter box and the list; brought up to date every few seconds."""
    names = data.names()
    wanted = st.text_input(
        "Filter runs",
        key="filter",
        placeholder="Filter runs",
        label_visibility="collapsed",
        icon=":material/search:",
        live="300ms",
        persist_state="session",
    )
    found = entries.found(names, wanted or "")
    shown = found[: st.session_state.get("runs_shown", _SHOWN)]
    samples = entries.found([data.SAMPLE] if places.has_sample() else [], wanted or "")
    with st.container(key="runs", gap=None):
        if not names:
            st.caption("No runs yet. **Train** starts one.")
        open_run, view = address.read("run", None), address.read("view", None)
        for name in [*shown, *samples]:
            _entry(name, open_run, view)
        if names and not found and not samples:
            st.caption(f"None of {len(names):,} runs matches.")
    if len(found) > len(shown):
        st.button(
            f"Show more ({len(found) - len(shown):,})",
            type="tertiary",
            on_click=lambda: st.session_state.update(runs_shown=len(shown) + 4 * _SHOWN),
        )
    keeping.thrown_away()


def _entry(name: str, open_run: str | None, view: str | None) -> None:
    try:
        row = data.row(data.find(name))
    except Exception:  # gone, or unreadable beyond recognition: the list must not fail with it
        return
    colour, dot, word = STATES[row.state]
    with st.container(key="run-open" if name == open_run else f"run-{name}", gap=None):
        st.page_link(
            links.RUN,
            label=f":{colour}[{dot}] {plain(row.title, 54)}",
            icon="",
            # Whoever looks through runs looks at the same view of each.
            query_params={"run": name} if view is None else {"run": name, "view": view},
            help=f"{word}; {plain(name, 120)}" if name != data.SAMPLE else "A run that ships with Isobar",
            width="stretch",
        )
        st.caption(" · ".join(plain(said, 40) for said in entries.details(row)))
        if change := entries.changed(row):
            st.caption(plain(change))
