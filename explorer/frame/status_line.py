"""The line at the bottom: what this machine is, what it is doing, for how long still, and how to stop it."""

import streamlit as st

from explorer import jobs
from explorer.panels import data
from explorer.panels.progress import progress_of
from explorer.panels.words import plain


def show() -> None:
    """Draw the line."""
    with st.bottom:
        _line()


@st.fragment(run_every=2.0)
def _line() -> None:
    active = data.active()
    running = [run for run in active if run.state == "running"]
    waiting = len(active) - len(running)
    with st.container(key="status-line", horizontal=True, vertical_alignment="center", gap="medium"):
        st.caption(_device(), width="content")
        if running:
            run = running[0]
            row = data.row(run)
            share, words = progress_of(run)
            besides = ((len(running) - 1, "more running"), (waiting, "waiting"))
            others = "".join(f" · {count} {what}" for count, what in besides if count)
            st.caption(f"**{plain(row.title, 50)}** · {words}{others}", width="content")
            st.progress(share)
            st.button("Stop", key=f"stop-{run.name}", on_click=jobs.stop, args=[run], icon=":material/stop:")
        elif waiting:
            st.caption(f"{waiting} waiting to start", width="content")
        else:
            st.caption(" · ".join(data.others_under_way()) or "no run under way", width="content")


@st.cache_data(show_spinner=False)
def _device() -> str:
    return jobs.device()
