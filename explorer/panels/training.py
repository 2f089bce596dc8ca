"""What happens while a run trains: six charts over the optimizer steps, the same while it goes on and afterwards."""

from collections.abc import Callable
from itertools import cycle

import altair as alt
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.regularizers.registry import REGULARIZERS
from core.runs import Run
from core.runs.checkpoints import step_of
from core.runs.pace import duration, running_seconds
from core.runs.settings import label
from explorer import jobs
from explorer.charts.history import history
from explorer.charts.style import BEFORE, CLASS_COLOURS, SPACE, class_colour
from explorer.panels import cards, data, progress
from explorer.panels.figure import figure
from explorer.panels.words import meaning, number, plain

_TERMS = tuple(
    dict.fromkeys(("#B07D00", "#7B5EA7", "#3A8F87", *CLASS_COLOURS))
)  # of several regularizers, in their order

OUTSIDE = (
    "It was trained outside, by somebody's own Trainer: these are the settings that this Trainer said, and it can't be run "
    "again or resumed from here."
)


@st.fragment(run_every=1.5)
def watch(name: str, *, numbers: bool = False) -> None:
    """Draw progress, a stop button and the charts of a run that runs or waits; once it ends, the page is drawn anew.

    Where `numbers` are asked for, so are its cards.
    """
    run = data.find(name)
    if run.state not in ("running", "queued"):
        st.rerun()
    if numbers:
        cards.show(run, data.baseline_of(run))
    if run.state == "queued":
        ahead = jobs.ahead(data.runs_dir(), run)
        words = f"Waiting its turn, {ahead} ahead." if ahead else "About to start."
        share = 0.0
    else:
        share, words = progress.progress_of(run)
    progress.show(run, share, words, key="stop")
    charts(run)


def charts(run: Run) -> None:
    """Draw those of the six charts that there is something to draw of: none before the first step."""
    events = data.events(run)
    found = drawn(run)
    of = (str(run.path), data.events_stamp(run), run.status.get("total_steps"), tuple(_class_names(run, events)))
    names = list(found)
    for start in range(0, len(names), 3):
        for column, name in zip(st.columns(3, gap="small"), names[start : start + 3], strict=False):
            with column, st.container(border=True):
                figure(found[name], key=f"history-{name}", of=of)
    if names:
        st.caption(_times(events))
    for note in data.notes(run):
        st.caption(plain(note, 400))


def drawn(run: Run) -> dict[str, Callable[[], alt.LayerChart]]:
    """Return what makes each of the six charts, by its name; those without a value are left out."""
    events = data.events(run)
    total = run.status.get("total_steps") or None
    classes = _class_names(run, events)
    colours = {name: class_colour(int(label)) for label, name in classes.items()}
    metric = cards.headline(run)
    about = meaning(metric)
    columns = {
        "loss": {"task_loss": "task loss"},
        "regularizer": _terms(events),
        "metric": {f"metrics/{metric}": about.label},
        "entropy": {f"classes/{k}/relative_entropy": name for k, name in classes.items()},
        "bars": {f"classes/{k}/features": name for k, name in classes.items()},
        "anisotropy": {
            "measures/anisotropy_1_within": "within classes",
            "measures/anisotropy_1_centered": "centered",
            "measures/anisotropy_1": "uncentered",
            "measures/between_share": "share between",
        },
    }
    made = {
        "loss": lambda: history(
            _long(events, "step", columns["loss"]),
            title="Task loss",
            value="nats",
            colours={"task loss": SPACE},
            total_steps=total,
            zero=True,
            description="Task loss at each logged step",
        ),
        "regularizer": lambda: history(
            _long(events, "step", columns["regularizer"]),
            title="Regularizer",
            value="added to the loss",
            colours=dict(zip(_terms(events).values(), cycle(_TERMS))),
            total_steps=total,
            description="What each regularizer adds to the loss, at each logged step",
        ),
        "metric": lambda: history(
            _long(events, "evaluation", columns["metric"]),
            title=f"{about.label} on the validation set",
            value=about.label,
            colours={about.label: SPACE},
            total_steps=total,
            points=True,
            zero=True,
            description=f"{about.label} at each evaluation",
        ),
        "entropy": lambda: history(
            _long(events, "step", columns["entropy"]),
            title="Entropy in the batch",
            value="share of maximum",
            colours=colours,
            total_steps=total,
            description="Relative persistent entropy of the features of each class in the batch",
        ),
        "bars": lambda: history(
            _long(events, "step", columns["bars"]),
            title="Features in the batch",
            value="features",
            colours=colours,
            total_steps=total,
            zero=True,
            digits="d",
            description="How many bars of each class were features in the batch",
        ),
        "anisotropy": lambda: history(
            _long(events, "probe", columns["anisotropy"]),
            title="Anisotropy 1 of the probe set",
            value="share",
            colours={
                "within classes": SPACE,
                "centered": CLASS_COLOURS[0],
                "uncentered": BEFORE,
                "share between": CLASS_COLOURS[2],
            },
            total_steps=total,
            domain=(0, 1),
            points=True,
            description="Anisotropy of the probe set at each snapshot, within classes, centered and not, and the share of "
            "the strongest direction that lies between classes",
        ),
    }
    there = {column for column in events if events[column].notna().any()}
    return {name: make for name, make in made.items() if there & set(columns[name])}


def resume(run: Run) -> None:
    """Draw the button that continues a run which was stopped or failed, where it left a checkpoint."""
    checkpoint = run.checkpoint
    if data.is_sample(run) or checkpoint is None:
        return
    st.button(
        f"Resume from step {step_of(checkpoint):,}",
        key="resume",
        type="primary",
        icon=":material/resume:",
        on_click=_resume,
        args=[run],
        help="Goes on from the last checkpoint, in this run's directory, when it is its turn.",
    )


def _resume(run: Run) -> None:
    try:
        jobs.resume(data.find(run.name))  # as it is now: another window may have been faster
    except IsobarError as error:
        st.toast(plain(error, 200), icon=":material/error:")


def ended(run: Run) -> str:
    """Return in a sentence how the run ended and how long it took."""
    events = data.events(run)
    took = f" after {duration(running_seconds(events))}" if "time" in events else ""
    step = run.status.get("step")
    at = f" at step {step:,} of {run.status.get('total_steps', 0):,}" if step else ""
    return {"finished": f"Finished{took}.", "stopped": f"Stopped{at}{took}."}.get(run.state, f"Failed{at}{took}.")


def _class_names(run: Run, events: pd.DataFrame) -> dict[str, str]:
    names = data.recorded_task(run).get("label_names") or []
    keys = {column.split("/")[1] for column in events.columns if column.startswith("classes/")}
    keys = sorted(keys, key=lambda key: (len(key), key))  # numbers
    return {key: str(names[int(key)]) if key.isdigit() and int(key) < len(names) else f"class {key}" for key in keys}


def _long(events: pd.DataFrame, kind: str, columns: dict[str, str]) -> pd.DataFrame:
    """One row a step and series; columns that were never logged make no rows."""
    there = {column: name for column, name in columns.items() if column in events}
    if "kind" not in events or not there:
        return pd.DataFrame({"step": [], "series": [], "value": []})
    rows = events.loc[events["kind"] == kind, ["step", *there]]
    rows = rows.melt("step", var_name="series", value_name="value").dropna().astype({"step": int, "value": float})
    return rows.assign(series=rows["series"].map(there))


def _terms(events: pd.DataFrame) -> dict[str, str]:
    """Return the columns of what the regularizers add to the loss: each for itself, or of older runs the sum."""
    each = {f"regularizers/{name}": label(name) for name in REGULARIZERS if f"regularizers/{name}" in events}
    return each if len(each) > 1 else {"regularizer": "regularizer"}


def _times(events: pd.DataFrame) -> str:
    """How long a step takes, and what share of that is the regularizer's."""
    if "step_seconds" not in events:
        return "No step is logged yet."
    seconds = events["step_seconds"].dropna().astype(float)
    words = f"A step takes {number(1000 * seconds.median(), 1)} ms (median)"
    if "regularizer_seconds" not in events or seconds.sum() <= 0:
        return f"{words}."
    share = events["regularizer_seconds"].dropna().astype(float).sum() / seconds.sum()
    return f"{words}; the regularizer's share of it is {number(100 * share, 1)} %."
