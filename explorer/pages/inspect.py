"""What is the shape of this checkpoint's space? Nothing is trained: choose, wait a moment, look."""

from pathlib import Path

import pandas as pd
import streamlit as st
import yaml

from core.errors import IsobarError
from core.models import BUILT_IN as MODELS
from core.runs import Run, layout
from core.table_files import csv_of
from core.tasks import BUILT_IN as TASKS
from core.training.stored import is_stored
from explorer import jobs, report
from explorer.panels import (
    address,
    atlas,
    barcodes,
    beside,
    cloud,
    data,
    embedded,
    figure,
    fitting,
    links,
    merges,
    progress,
    reference,
    space,
    spec_form,
    standing,
    upload,
)
from explorer.panels.words import moment, plain

FORM = "inspect_"
TITLE = "This checkpoint"
VIEWS = {
    "Barcodes": lambda run, snapshot: barcodes.show(run, snapshot, titles=(TITLE,)),
    "Cloud": cloud.alone,
    "Merges": merges.show,
    "Anisotropy": space.directions,
    "Layers": space.layers,
    "Beside another": beside.show,
}
_PHASES = {
    "loading": "loading model and data",
    "embedding": "embedding the {many}",
    "base": "embedding them with the untouched model",
}
_RECENT = 12


def page() -> None:
    """Draw the inspection that the address names, or the form of a new one."""
    name = address.read("of", None)
    if name is None:
        _form()
        return
    try:
        run = data.inspection(name)
    except IsobarError as error:
        st.error(plain(error, 300), icon=":material/link_off:")
        _new()
        return
    _header(run)
    if run.state in ("running", "queued"):
        _watch(name)
    elif run.state == "finished":
        _found(run)
    else:
        _ended(run)


def _new() -> None:
    st.page_link(links.INSPECT, label="New inspection", icon=":material/add:", query_params=spec_form.left(FORM))


def _form() -> None:
    _filled_from_address()
    st.subheader("What is the shape of a checkpoint's space?", anchor=False)
    stored = is_stored(spec_form.value("model"))
    not_taken = "" if stored else upload.take(FORM, upload.TO_LOOK_AT)
    spec, problem = spec_form.parsed(FORM)
    models, recent = data.models(), [data.inspection(name) for name in data.inspections()[:_RECENT]]
    seen = [data.spec(run) for run in recent]
    many = "rows" if stored else fitting.many(spec_form.value("task"), spec)
    form, side = st.columns([5, 3], gap="large")
    with form:
        with st.container(border=True, gap="medium"):
            left, right = st.columns(2, gap="medium")
            with left:
                spec_form.field(
                    "model",
                    problem,
                    options=[*MODELS, *models, *(s["model"] for s in seen if isinstance(s.get("model"), str))],
                    label="Model",
                    form=FORM,
                    format_func=lambda path: models.get(path) or upload.label(path),
                )
                chosen = MODELS.get(spec_form.value("model"))
                st.caption(
                    chosen.title
                    if chosen
                    else "A run's model, a local folder, an id on the Hub, or a file of embeddings."
                )
            with right:
                if stored:
                    embedded.columns(FORM, spec_form.value("model"))
                else:
                    spec_form.field(
                        "task",
                        problem,
                        options=[*TASKS, *(s["task"] for s in seen if isinstance(s.get("task"), str))],
                        label="Data",
                        form=FORM,
                        format_func=upload.label,
                    )
                    st.caption(
                        f"Built in, a local folder or file, or an id on the Hub. Of what is split, its validation {many} are looked at."
                    )
            row = st.columns(3, gap="medium")
            of_model = () if stored else (("layer", "Layer"), ("pooling", "Pooling"))
            for column, (field, label) in zip(
                row, (*of_model, ("probe_per_class", f"{many.capitalize()} per class")), strict=False
            ):
                with column:
                    spec_form.field(field, problem, label=label, form=FORM)
        if not stored:
            upload.show(FORM, upload.TO_LOOK_AT, not_taken)
        embedded.show(FORM)
        with st.expander("More settings", icon=":material/tune:", expanded=_is_of_more(problem)):
            row = st.columns(3, gap="small", vertical_alignment="bottom")
            for index, field in enumerate(_OF_ROWS if stored else _MORE):
                with row[index % 3]:
                    spec_form.field(field, problem, form=FORM)
        if problem and not any(spec_form.concerns(name, problem) for name in (*_SHOWN, *_MORE)):
            st.error(plain(problem, 300), icon=":material/error:")
        if not_taken:
            st.error(upload.REFUSED, icon=":material/upload_file:")
        ready = spec is not None and not not_taken
        asked = st.button(
            "Inspect", type="primary", icon=":material/biotech:", disabled=not ready, on_click=address.catch_up
        )
        if asked and ready:
            path = jobs.inspect(spec.baseline(), data.runs_dir())
            data.forget_names()
            address.only(of=path.name)
            st.rerun()
        st.caption("Nothing is trained. The built-in model and 400 texts take about ten seconds on two cores.")
    with side:
        _recent(recent)


_OF_ROWS = ("seed",)
_MORE = ("max_length", "seed", "device", "text_column", "text_pair_column", "label_column")


def _is_of_more(problem: str) -> bool:
    return any(spec_form.concerns(name, problem) for name in _MORE)


def _recent(runs: list[Run]) -> None:
    st.markdown("**Inspections so far**")
    if not runs:
        st.caption("None yet. What is found is kept, and stands here.")
    for run in runs:
        settings = data.spec(run)
        word = "" if run.state == "finished" else f" · {run.state}"
        with st.container(gap=None):
            st.page_link(
                links.INSPECT, label=_title(settings), icon=":material/biotech:", query_params={"of": run.name}
            )
            st.caption(f"{_of_what(run)} · {moment(run.name)}{word}")


def _title(settings: dict) -> str:
    """Return what was inspected on what; of a run's model, what the run began with."""
    if is_stored(str(settings.get("model", ""))):
        return f"Embeddings: {plain(data.short(settings['model']), 40)}"
    origin = _origin(settings)
    model = data.spec(origin).get("model", "?") if origin else settings.get("model", "?")
    trained = ", fine-tuned," if origin else ""
    return f"{plain(data.short(model), 30)}{trained} on {plain(data.short(settings.get('task', '?')), 30)}"


def _origin(settings: dict) -> Run | None:
    """Return the run whose model was inspected, or None."""
    path = Path(str(settings.get("model", "")))
    if path.name != layout.MODEL or path.parent.parent.absolute() != data.runs_dir().absolute():
        return None
    try:
        return data.find(path.parent.name)
    except IsobarError:
        return None


def _of_what(run: Run) -> str:
    settings = data.spec(run)
    layer = settings.get("layer", -1)
    pooling = data.record(run).get("pooling") or settings.get("pooling", "?")  # what auto came to
    if is_stored(str(settings.get("model", ""))):
        return plain(pooling, 12)
    return f"{'last layer' if layer == -1 else f'layer {plain(layer, 8)}'} · {plain(pooling, 12)}"


def _filled_from_address() -> None:
    """Take another inspection's settings, which the address names, into the form."""
    like = address.read("like", None)
    if like is None:
        return
    address.only()
    try:
        spec_form.fill(data.spec(data.inspection(like)))
    except IsobarError as error:
        st.toast(plain(error, 200), icon=":material/error:")


def _header(run: Run) -> None:
    settings = data.spec(run)
    left, right = st.columns([4, 4], vertical_alignment="bottom", gap="small")
    with left:
        st.subheader(_title(settings), anchor=False)
    with (
        right,
        st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"),
    ):
        with st.popover("Settings", icon=":material/tune:"):
            own = {key: value for key, value in settings.items() if key in (*_MORE, *_SHOWN)}
            st.code(yaml.safe_dump(own, sort_keys=False, allow_unicode=True), language="yaml")
            st.page_link(
                links.INSPECT, label="Use these settings", icon=":material/replay:", query_params={"like": run.name}
            )
        if run.state == "finished":
            with st.popover("Save", icon=":material/download:"):
                _saves(run)
        _new()
    snapshot = data.before(run) if run.state == "finished" else None
    n, d = snapshot.embeddings.shape if snapshot else (0, 0)
    shape = f"{data.modality(run).counted(n)} · {d:,} dimensions" if n else ""
    facts = [shape, _of_what(run), f"seed {plain(settings.get('seed', '?'))}", moment(run.name)]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge("inspection", color="gray", icon=":material/biotech:")
        st.caption(" · ".join(fact for fact in facts if fact), width="content")
        if origin := _origin(settings):
            label, query = f"Its run: seed {plain(data.spec(origin).get('seed', '?'))}", {"run": origin.name}
            st.page_link(links.RUN, label=label, icon=":material/equalizer:", query_params=query, width="content")


_SHOWN = ("model", "task", "pooling", "layer", "probe_per_class")


@st.fragment(run_every=0.7)
def _watch(name: str) -> None:
    """Say how far the work has come, with a stop button; once it ends, the page is drawn anew."""
    run = data.inspection(name)
    if run.state not in ("running", "queued"):
        st.rerun()
    words = _PHASES.get(run.status.get("phase") or "", "about to start" if run.state == "queued" else "measuring")
    words = words.format(many=fitting.many(str(data.spec(run).get("task", ""))))
    with st.container(border=True):
        progress.show(run, *progress.counted(run, words), key="stop-inspection")
    st.caption("This goes on if the page is closed; its address shows what was found.")


def _ended(run: Run) -> None:
    if run.state == "stopped":
        st.warning("Stopped before anything was found.", icon=":material/stop_circle:")
    else:
        progress.failed(run)
    st.page_link(
        links.INSPECT,
        label="Change the settings and try again",
        icon=":material/replay:",
        query_params={"like": run.name},
    )


def _found(run: Run) -> None:
    snapshot = data.before(run)
    if not data.report(run):
        st.warning("The report (report.json) can't be read: the cards stay empty.", icon=":material/broken_image:")
    if snapshot is None:
        st.error("The embeddings of this inspection can't be read; inspect again.", icon=":material/broken_image:")
        st.page_link(links.INSPECT, label="Inspect again", icon=":material/replay:", query_params={"like": run.name})
        return
    if data.probe(run).empty:
        st.warning(f"The {data.modality(run).many} (probe.parquet) can't be read.", icon=":material/broken_image:")
    standing.show(snapshot)
    reference.show(run)
    view = address.widget(
        st.segmented_control,
        "View",
        list(VIEWS),
        key="view-inspection",
        default="Barcodes",
        required=True,
        label_visibility="collapsed",
    )
    VIEWS[view](run, snapshot)
    for note in data.recorded_task(run).get("notes") or []:
        st.caption(plain(note, 300))


def _saves(run: Run) -> None:
    """Draw what can be saved: a line more for each form."""
    st.caption(figure.HINT)
    forms = [
        ("Report, HTML", "report.html", "text/html", lambda: report.html(run).encode()),
        (
            "Measures and bars, JSON",
            "inspection.json",
            "application/json",
            lambda: (run.path / layout.INSPECTION).read_bytes(),
        ),
        (
            "Numbers, CSV",
            "numbers.csv",
            "text/csv",
            lambda: _csv(pd.DataFrame(reference.differences(run))),
        ),
        (
            "Bars, CSV",
            "bars.csv",
            "text/csv",
            lambda: _csv(barcodes.bars_table(run, here=data.before(run)).drop(columns="side", errors="ignore")),
        ),
    ]
    for label, suffix, kind, make in forms:
        st.download_button(label, make, f"{run.name}-{suffix}", kind, on_click="ignore", width="stretch")
    atlas.download(run)


def _csv(frame: pd.DataFrame) -> bytes:
    return csv_of(frame).encode()


page()
