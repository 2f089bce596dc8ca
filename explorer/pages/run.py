"""What changed? One run: its header, and below it one view at a time."""

import pandas as pd
import streamlit as st
import yaml

from core.errors import IsobarError
from core.runs import Run
from core.table_files import csv_of
from explorer import report
from explorer.panels import (
    address,
    anisotropy,
    atlas,
    barcodes,
    cards,
    cloud,
    data,
    figure,
    keeping,
    links,
    moved,
    paper,
    progress,
    timeline,
    training,
)
from explorer.panels.words import STATES, plain

_MOVED = "{} that moved"
_TEXTS_MOVED = _MOVED.format("Texts")
# A view more is a line more: its name, in the address too, and what draws it.
VIEWS = {
    "Barcodes": barcodes.show,
    "Cloud": cloud.show,
    "Timeline": timeline.show,
    "Anisotropy": anisotropy.show,
    _TEXTS_MOVED: moved.show,
    "Figure": paper.show,
    "Training": lambda run, before, after: training.charts(run),
}


def page() -> None:
    """Draw the run that the address names, or the newest."""
    name = address.read("run", None) or data.newest()
    if name is None:
        _nothing_yet()
        return
    try:
        run = data.find(name)
    except IsobarError as error:
        _not_found(error)
        return
    if run.refused:
        st.error(plain(run.refused, 300), icon=":material/update:")
        return
    st.session_state["run"] = name
    if address.read("run", None) is None:
        address.write({"run": name})
        st.rerun()  # the sidebar marks the run that the address names
    _header(run)
    _state(run)
    before, after = data.before(run), data.after(run)
    if before is None and after is None and run.state not in ("running", "queued"):
        return
    if run.state in ("running", "queued"):
        training.watch(name, numbers=True)
        return
    baseline = data.baseline_of(run)
    cards.show(run, baseline)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        view = address.widget(
            st.segmented_control,
            "View",
            list(VIEWS),
            key="view",
            default="Barcodes",
            required=True,
            format_func=lambda view: (
                _MOVED.format(data.modality(run).many.capitalize()) if view == _TEXTS_MOVED else view
            ),
            label_visibility="collapsed",
        )
        if baseline:
            st.page_link(
                links.RUN,
                label="Baseline: the same seed without the regularizer",
                icon=":material/compare_arrows:",
                query_params={"run": data.name_of(baseline), "view": view},
            )
    VIEWS[view](run, before, after)


def _header(run: Run) -> None:
    settings = data.spec(run)
    row = data.row(run)
    colour, _, word = STATES[run.state]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        st.subheader(plain(row.title, 100), anchor=False, width="content")
        buttons = st.container(horizontal=True, width="content", gap="small")
    with buttons:
        with st.popover("Settings", icon=":material/tune:"):
            st.code(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), language="yaml", height=420)
            if data.trained_outside(run):
                st.caption(training.OUTSIDE)
            else:
                st.page_link(
                    links.TRAIN, label="Use these settings", icon=":material/replay:", query_params={"like": row.name}
                )
        if not data.is_sample(run):
            with st.popover("Note", icon=":material/edit_note:"):
                keeping.note(run)
        with st.popover("Export", icon=":material/download:"):
            _exports(run)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if data.is_sample(run):
            st.badge("sample run", color="green", icon=":material/inventory_2:")
        st.badge(word, color=colour)
        st.badge(plain(data.regularized(settings)), color="gray")
        named = [row.task, row.model] if row.note.name else []
        tags = [f"#{tag}" for tag in row.note.tags]
        st.caption(" · ".join(plain(fact) for fact in [*named, *data.facts(run), *tags]), width="content")
    if row.note.text:
        st.text(row.note.text)


def _exports(run: Run) -> None:
    st.caption(figure.HINT)
    name = data.name_of(run)
    st.download_button(
        "Report, HTML",
        lambda: report.html(run).encode(),
        f"{name}.html",
        "text/html",
        on_click="ignore",
        disabled=not run.steps,
        width="stretch",
    )
    st.download_button(
        "Numbers, CSV",
        lambda: csv_of(pd.DataFrame(cards.table(run))).encode(),
        f"{name}-numbers.csv",
        "text/csv",
        on_click="ignore",
        disabled=not data.report(run),
        width="stretch",
    )
    st.download_button(
        "Bars, CSV",
        lambda: csv_of(barcodes.bars_table(run, before=data.before(run), after=data.after(run))).encode(),
        f"{name}-bars.csv",
        "text/csv",
        on_click="ignore",
        disabled=not run.steps,
        width="stretch",
    )
    atlas.download(run)
    st.download_button(
        "Log",
        lambda: run.log(1_000_000).encode(),
        f"{name}-log.txt",
        "text/plain",
        on_click="ignore",
        disabled=not run.log(1000).strip(),
        width="stretch",
    )


def _state(run: Run) -> None:
    """Say what is to be known of this run before its numbers are read."""
    if data.is_sample(run):
        st.info(
            "This run ships with Isobar, so that there is something to look at before anything was trained. "
            "**Train** makes your own.",
            icon=":material/inventory_2:",
        )
    if run.state == "failed":
        progress.failed(run, training.ended(run))
        training.resume(run)
        if not run.steps and not data.trained_outside(run):
            st.page_link(
                links.TRAIN,
                label="Change the settings and start again",
                icon=":material/replay:",
                query_params={"like": data.name_of(run)},
            )
    if run.state == "stopped":
        words = (
            "What is shown as after is how far it came."
            if data.after(run)
            else "It left no snapshot but the one before training."
            if run.steps
            else "It left no snapshot."
        )
        st.warning(f"{training.ended(run)} {words}", icon=":material/stop_circle:")
        training.resume(run)
    for sentence in data.missing(run):
        st.warning(sentence, icon=":material/broken_image:")


def _nothing_yet() -> None:
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.subheader("No runs yet", anchor=False)
        st.text("A run fine-tunes a model, with or without the regularizer, and shows its space before and after.")
        st.page_link(links.TRAIN, label="Train", icon=":material/play_arrow:")


def _not_found(error: IsobarError) -> None:
    st.error(plain(error, 300), icon=":material/link_off:")
    st.text("The run may have been moved or deleted. The runs there are stand on the left.")
    st.page_link(links.RUN, label="Show the newest run", icon=":material/equalizer:", query_params={})
    st.session_state.pop("run", None)


page()
