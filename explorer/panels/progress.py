"""How far work has come, with a button that stops it, and why it failed."""

import streamlit as st

from core.runs import Run, layout
from core.runs.pace import duration
from explorer import jobs
from explorer.panels.words import plain

PHASES = {
    "loading": "loading model and data",
    "embedding": "embedding the probe set",
    "training": "training",
    "scoring": "scoring the validation set",
    "saving": "saving",
}


def progress_of(run: Run) -> tuple[float, str]:
    """Return how far a running run has come, between 0 and 1, and a few words on it."""
    status = run.status
    step, total = status.get("step") or 0, status.get("total_steps") or 0
    words = PHASES.get(status.get("phase") or "", "starting")
    if total:
        words += f", step {step:,} of {total:,}"
    if status.get("seconds_left"):
        words += f", {duration(status['seconds_left'])} left"
    return (min(step / total, 1.0) if total else 0.0), words


def counted(run: Run, words: str) -> tuple[float, str]:
    """Return what share of its parts an inspection or a study has done, and `words` with their number."""
    done, total = run.status.get("done") or 0, run.status.get("total") or 0
    return (min(done / total, 1.0), f"{words}, {done:,} of {total:,}") if total > 1 else (0.0, words)


def show(run: Run, share: float, words: str, *, key: str) -> None:
    """Draw how far `run` has come, and a button, called `key`, that stops it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(share, text=plain(words[:1].upper() + words[1:], 120))
        asked = (run.path / layout.STOP).exists()
        st.button(
            "Stopping…" if asked else "Stop",
            key=key,
            on_click=jobs.stop,
            args=[run],
            disabled=asked,
            icon=":material/stop:",
        )


def failed(run: Run, first: str = "") -> None:
    """Say why `run` failed, after what stands `first`, and offer its log."""
    why = plain(run.status.get("error") or "It left no word why it failed.", 500)
    st.error(f"{first} {why}".strip(), icon=":material/error:")
    if log := run.log(4000).strip():
        with st.expander("Log"):
            st.code(log, language=None, height=300)
