"""Fine-tune, with and without: choose, start, watch."""

import streamlit as st

from core.errors import IsobarError
from core.models import BUILT_IN as MODELS
from core.runs import Run
from core.runs.pace import duration
from core.studies.compare import FEWEST_SEEDS
from core.studies.estimate import rounded
from core.tasks import BUILT_IN as TASKS
from core.training.presets import about, preset_settings, presets
from core.training.spec import RunSpec, overlaid
from explorer import jobs
from explorer.panels import address, cards, data, links, progress, spec_form, training, upload
from explorer.panels.estimate import Estimate, estimate, least_memory
from explorer.panels.words import plain

_MOST_SEEDS = 20


def page() -> None:
    """Draw the run that the address names, or the form of a new one."""
    name = address.read("run", None)
    if name is None:
        _form()
        return
    try:
        run = data.find(name)
    except IsobarError as error:
        st.error(plain(error, 300), icon=":material/link_off:")
        st.page_link(links.TRAIN, label="New run", icon=":material/add:", query_params=spec_form.left())
        return
    st.session_state["run"] = name
    _watched(run, name)


def _form() -> None:
    _filled_from_address()
    st.subheader("Fine-tune, with and without the regularizer", anchor=False)
    not_taken = upload.take(spec_form.KEY, upload.TO_TRAIN)
    spec, problem = spec_form.parsed()
    recent = map(data.find, data.names()[:50])
    seen = [data.spec(run) for run in recent if not data.trained_outside(run)]
    form, side = st.columns([5, 3], gap="large")
    with form:
        with st.container(border=True, gap="medium"):
            left, right = st.columns(2, gap="medium")
            with left:
                known = [*MODELS, *(s["model"] for s in seen if isinstance(s.get("model"), str))]
                spec_form.field("model", problem, options=known, label="Model")
                chosen = MODELS.get(spec_form.value("model"))
                st.caption(chosen.title if chosen else "A local folder, or an id on the Hub.")
            with right:
                known = [*TASKS, *(s["task"] for s in seen if isinstance(s.get("task"), str))]
                spec_form.field("task", problem, options=known, label="Task", format_func=upload.label)
                st.caption(_about_task(spec_form.value("task")))
            spec_form.field("regularizers", problem, label="Regularizer")
        upload.show(spec_form.KEY, upload.TO_TRAIN, not_taken)
        with st.expander("More settings", icon=":material/tune:", expanded=bool(problem)):
            spec_form.more(problem)
        if not_taken:
            st.error(upload.REFUSED, icon=":material/upload_file:")
        _start(None if not_taken else spec, problem)
    with side:
        st.markdown("**Spec**", help="Everything that decides the outcome; `isobar train --spec FILE` runs the same.")
        st.code(_yaml(spec), language="yaml", height=330)
        with st.popover("Start from a preset", icon=":material/bookmark:", width="stretch"):
            for name, path in presets().items():
                st.button(name, on_click=_take_preset, args=(name,), width="stretch", key=f"preset_{name}")
                st.caption(plain(about(path), 400))
        with st.popover("Paste a spec", icon=":material/content_paste:", width="stretch"):
            text = st.text_area("A spec as YAML; what it leaves out keeps its default.", key="pasted", height=200)
            st.button("Use it", on_click=_paste, disabled=not text.strip())
            if st.session_state.get("paste_problem"):
                st.error(plain(st.session_state["paste_problem"], 300))


def _start(spec: RunSpec | None, problem: str) -> None:
    if problem and not spec_form.is_told(problem):
        st.error(plain(problem, 300))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        clicked = st.button(
            "Start", type="primary", icon=":material/play_arrow:", disabled=spec is None, on_click=address.catch_up
        )
        seeds = address.widget(
            st.number_input,
            "Seeds",
            key="seeds",
            default=1,
            min_value=1,
            max_value=_MOST_SEEDS,
            width=130,
            help="So many runs of the same settings, of this seed and those that follow it: one seed can't tell a change from "
            f"noise, {FEWEST_SEEDS} may.",
        )
        both = address.widget(
            st.toggle,
            "Also run the baseline with the same seed" if seeds == 1 else "Also run the baseline of each seed",
            key="baseline",
            default=False,
            disabled=spec is None or not spec.regularizers,
            help="A further run of the same settings without the regularizer, which the first is then compared with.",
        )
    runs = [] if spec is None else _runs(spec, seeds, both)
    if spec is not None:
        found = estimate(spec)
        st.caption(found.words + _in_all(found, len(runs)))
        if memory := least_memory(spec):
            st.caption(memory)
    waiting = jobs.ahead(data.runs_dir())
    if waiting:
        said = "run is" if waiting == 1 else "runs are"
        st.caption(
            f"{waiting} {said} under way or waiting; {'this one waits its turn' if len(runs) < 2 else 'these wait their turns'}."
        )
    if clicked and runs:
        paths = [jobs.start(run, data.runs_dir()) for run in runs]
        data.forget_names()
        address.only(run=paths[0].name)
        st.rerun()


def _runs(spec: RunSpec, seeds: int, both: bool) -> list[RunSpec]:
    """Return what Start starts, in that order: each seed, and its baseline after it."""
    found = []
    for seed in range(spec.seed, spec.seed + seeds):
        one = spec.model_copy(update={"seed": seed})
        found += [one, one.baseline()] if both and spec.regularizers else [one]
    return found


def _in_all(found: Estimate, runs: int) -> str:
    if runs < 2:
        return ""
    return f" {runs} runs, one after the other" + (
        f": about {duration(rounded(runs * found.seconds))}." if found.seconds else "."
    )


def _watched(run: Run, name: str) -> None:
    row = data.row(run)
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    with left:
        st.subheader(
            f"{plain(row.task)} · {plain(row.model)} · {plain(row.method)} · seed {plain(row.seed)}", anchor=False
        )
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.page_link(links.TRAIN, label="New run", icon=":material/add:", query_params=spec_form.left())
        st.page_link(links.RUN, label="Show the run", icon=":material/equalizer:", query_params={"run": name})
    if run.state in ("running", "queued"):
        training.watch(name)
        return
    if run.state == "failed":
        progress.failed(run, training.ended(run))
        training.resume(run)
        if not data.trained_outside(run):
            st.page_link(
                links.TRAIN,
                label="Change the settings and start again",
                icon=":material/replay:",
                query_params={"like": name},
            )
    elif run.state == "stopped":
        st.warning(training.ended(run), icon=":material/stop_circle:")
        training.resume(run)
    else:
        st.success(training.ended(run), icon=":material/check_circle:")
        cards.show(run, data.baseline_of(run))
    training.charts(run)


def _filled_from_address() -> None:
    like = address.read("like", None)
    if like is None:
        return
    address.only()
    try:
        run = data.find(like)
        if data.trained_outside(run):
            raise IsobarError(training.OUTSIDE)
        spec_form.fill(data.spec(run))
    except IsobarError as error:
        st.toast(plain(error, 200), icon=":material/error:")


def _paste() -> None:
    try:
        spec_form.fill(spec_form.from_yaml(st.session_state["pasted"]))
        st.session_state["paste_problem"] = ""
    except IsobarError as error:
        st.session_state["paste_problem"] = str(error)


def _take_preset(name: str) -> None:
    """Fill the form with a preset; the model, the task and the seed stay."""
    kept = {key: value for key, value in spec_form.values().items() if key in ("model", "task", "seed")}
    spec_form.fill(overlaid(kept, preset_settings(name)))


def _yaml(spec: RunSpec | None) -> str:
    return spec.to_yaml() if spec else "# The settings need a correction first."


def _about_task(name: str) -> str:
    return {
        "grammar": "Built in: is this sentence acceptable? One sentence, two classes, like CoLA.",
        "paraphrase": "Built in: do these two sentences say the same? Two classes, like MRPC.",
        "digits": "Built in: which digit is this image? Ten classes, for a model of images such as tiny-vit (the preset digits).",
        "tones": "Built in: which of Mandarin's four tones is this sound? For a model of sounds such as tiny-ast (the preset tones).",
    }.get(name, "A local folder or file, or an id on the Hub, such as glue/cola.")


page()
