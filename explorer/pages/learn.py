"""What is a barcode, and what does the regularizer do to it? Points in the plane, to try it on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.topology.examples import EXAMPLES, example_cloud
from core.topology.filtration import filtration
from explorer import lesson_file
from explorer.charts.descent import Descent, descent
from explorer.charts.filtration import Growing, growing
from explorer.charts.rule import rule as walked
from explorer.charts.style import projected
from explorer.panels import acting, address, board, lesson, play, points, rule
from explorer.panels.figure import figure
from explorer.panels.growing import shown
from explorer.panels.words import DASH, length, number, plain, signed

OWN = "your points"
_FREE = "free"
_LESSONS = [_FREE, *lesson.STEPS]
_DEFAULTS = {"cloud": "two clusters", "n": 40, "noise": 0.1, "seed": 0, "own": "", "act": False}
_BLANK = (OWN, "")
_PROJECTOR = Path(__file__).resolve().parents[1] / "frame" / "projector.css"
_OPENED = ("projector", "draw", "rule", "table")  # what a person has opened stays open from one step to the next


def page() -> None:
    """Draw the cloud that the address names, its barcode, and what the regularizer does to it."""
    step, defaults = _step(), _defaults()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        head = st.container(width="content")
        right = st.container(width="content", horizontal=True, vertical_alignment="center", gap="small")
    with right:
        if step == _FREE:  # in a lesson the head says so
            st.caption("Lesson", width="content")
        address.widget(
            st.segmented_control,
            "Lesson",
            _LESSONS,
            key="lesson",
            default=_FREE,
            required=True,
            label_visibility="collapsed",
            on_change=lambda: _set_up(address.own_value("lesson")),
        )
        projector = address.widget(
            st.toggle,
            "Projector",
            key="projector",
            default=False,
            help="For a room: larger type, thicker lines, nothing beside the lesson.",
        )
        drawing = address.widget(
            st.toggle,
            "Draw",
            key="draw",
            default=False,
            help="Points to move, with a barcode that follows at once.",
        )
    if projector:
        st.html(_PROJECTOR)
    dressed = projected if projector else None
    if step in lesson.STEPS:
        head.subheader(f"{step}. {lesson.STEPS[step].title}", anchor=False)
        lesson.show(step, _set_up, _show)
        with right, st.popover("Cloud", icon=":material/scatter_plot:", type="tertiary", help="Change the cloud"):
            cloud, of = _chosen(defaults)
    else:
        head.subheader("What is a barcode?", anchor=False)
        cloud, of = _chosen(defaults)
    if drawing or of == _BLANK:
        with st.container(border=True, key="board-box"):
            board.show(np.empty((0, 2)) if cloud is None else cloud, _drawn)
    if cloud is None:
        return
    found = _growing(of, cloud)
    with st.container(border=True, key="growing-box"):
        figure(lambda: growing(found, description=_said(found)), key="growing", of=of, dressed=dressed)
        if step not in lesson.STEPS:
            st.caption(
                "A disc of diameter e grows around every point, and points whose discs touch are joined into a "
                "component. Each time two components meet, one of them ends: that is a bar, as long as e is then. "
                "Three points joined to one another are a filled triangle. Solid bars are features, pale ones noise; dashed "
                "is the threshold."
            )
        st.caption(
            "One component is left in the end: its bar never ends, so it has no length, is no feature and does not count "
            "in entropy. Click a bar or an edge of the tree, and both are marked. Click a loop: the thick edge begins it, "
            "the thin one ends it."
        )
        with st.container(horizontal=True, gap="medium"):
            ruled = address.widget(st.toggle, "How is the threshold found?", key="rule", default=False)
            listed = address.widget(st.toggle, "Bars as a table", key="table", default=False)
        if listed:
            st.dataframe(
                found.bars[["bar", "length", "kind"]],
                hide_index=True,
                placeholder=DASH,
                height=280,
                alt="The bars of dimension 0, longest first",
            )
    if ruled:
        with st.container(border=True, key="rule-box"):
            _rule(filtration(cloud).lengths, of, dressed)
    _regularizer(cloud, of, defaults["act"], dressed)
    play.show("growing-box", "acting-box")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="take-away"):
        st.link_button("The lesson as one file", lesson_file.NAME, icon=":material/download:")
        st.caption(
            "All five steps and the board, for class: it opens in any browser, without a network.", width="content"
        )


def _chosen(defaults: dict) -> tuple[np.ndarray | None, tuple]:
    """Return the chosen cloud, or None where there is none yet, and what it is known by."""
    columns = st.columns([5, 5, 5, 4], gap="small", vertical_alignment="bottom")
    with columns[0]:
        name = address.widget(
            st.selectbox,
            "Cloud",
            [*EXAMPLES, OWN],
            key="cloud",
            default=defaults["cloud"],
            format_func=str.capitalize,
            filter_mode=None,
        )
    own = name == OWN
    with columns[1]:
        n = address.widget(
            st.slider,
            "Points",
            key="n",
            default=defaults["n"],
            min_value=points.FEWEST,
            max_value=points.MOST,
            disabled=own,
        )
    with columns[2]:
        noise = address.widget(
            st.slider,
            "Noise",
            key="noise",
            default=defaults["noise"],
            min_value=0.0,
            max_value=0.5,
            step=0.01,
            disabled=own,
            help="Standard deviation of each point's displacement, where the cloud has a radius of about 1.",
        )
    with columns[3]:
        seed = address.widget(
            st.number_input, "Seed", key="seed", default=defaults["seed"], min_value=0, max_value=9999, disabled=own
        )
    if own:
        return _own(defaults["own"])
    return example_cloud(name, n, noise, seed), (name, n, noise, seed)


def _own(default: str) -> tuple[np.ndarray | None, tuple]:
    """Return the points of a file, or those of the address; while points are drawn there is no file beside them."""
    text = address.read("own", default)
    try:
        if not text or not address.read("draw", False):
            text = _of_file(text) or text
        return (points.from_address(text), (OWN, text)) if text else (None, _BLANK)
    except IsobarError as error:
        st.error(plain(error, 300), icon=":material/error:")
        return None, ()


def _of_file(shown: str) -> str:
    """Return the points of a file as the address has them, and write them there; nothing without a file."""
    left, right = st.columns(2, gap="medium")
    with left:
        file = st.file_uploader(
            "A CSV file with two columns of numbers",
            type=["csv", "tsv", "txt"],
            key="file",
            max_upload_size=1,
            help=f"A row a point, with or without a header; {points.FEWEST} to {points.MOST} points, of more the first "
            f"{points.MOST} are taken; up to {points.LARGEST // 1_000_000} MB. The file stays on this machine, the "
            "points are kept in the address.",
        )
    with right:
        if file is None:
            if not shown:
                st.info(
                    f"Draw {points.FEWEST} to {points.MOST} points below, or take a file: a row is a point, two numbers, "
                    "with or without a header.",
                    icon=":material/draw:",
                )
            return ""
        numbers = points.read_columns(file.getvalue())
        names = list(numbers.columns)
        columns = st.columns(2, gap="small")
        with columns[0]:
            x = st.selectbox("x", names, key="x")
        with columns[1]:
            y = st.selectbox("y", names, 1, key="y")
        st.dataframe(numbers.head(100), placeholder=DASH, height=118, alt="The columns of numbers in the file")
    cloud = points.cloud(numbers, x, y)
    if len(numbers) > len(cloud):
        st.caption(f"The first {len(cloud)} of {len(numbers):,} points.")
    text = points.to_address(cloud)
    if shown != text:
        address.write({"own": text})
    return text


def _rule(lengths: np.ndarray, of: tuple, dressed: Callable | None) -> None:
    """Explain how the features among the bars that are shown are found."""
    steps = rule.steps_of(lengths)
    left, right = st.columns([11, 9], gap="medium") if len(steps) else (st.container(), None)
    with left:
        for paragraph in rule.told(lengths):
            st.markdown(paragraph)
    if right is not None:
        with right:
            figure(lambda: walked(steps, description=_said_of_walks(steps)), key="rule", of=of, dressed=dressed)
            st.dataframe(
                steps[steps["walk"] == steps["walk"].max()].drop(columns=["walk", "stop"]),
                hide_index=True,
                placeholder=DASH,
                height=min(38 + 35 * int((steps["walk"] == steps["walk"].max()).sum()), 220),
                alt="The last walk, step by step",
            )


def _drawn(cloud: np.ndarray) -> None:
    """Show the points that a person has drawn."""
    address.put({"cloud": OWN, "own": points.to_address(cloud), "draw": True}, {**_defaults(), "draw": False})


def _regularizer(cloud: np.ndarray, of: tuple, default: bool, dressed: Callable | None) -> None:
    """Draw what gradient descent on the regularizer makes of the points, once it is asked for."""
    st.subheader("What does the regularizer do to it?", anchor=False)
    st.caption(
        "The regularizer adds minus the entropy to the loss. Here nothing else acts on the points: "
        f"{acting.STEPS} steps of gradient descent."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        choice = address.widget(
            st.segmented_control,
            "What it acts on",
            list(acting.CHOICES),
            key="raise",
            default="all bars",
            required=True,
            label_visibility="collapsed",
            format_func=str.capitalize,
            help="Whose entropy is raised; and whether cohesion times the mean noise bar is added to the loss.",
        )
        acts = address.read("act", default)
        how = {"on_click": address.put, "args": [{"act": not acts}, {"act": default}]}
        if acts:
            st.button("Put the points back", icon=":material/undo:", **how)
        else:
            st.button("Let the regularizer act", type="primary", icon=":material/play_arrow:", key="act-button", **how)
    st.caption(_explained(cloud, choice))
    if not acts:
        return
    with st.spinner("Loading torch, the first time …"):
        done = _acted(of, choice, cloud)
    with st.container(border=True, key="acting-box"):
        figure(
            lambda: descent(done, description=_said_of(done, choice)), key="acting", of=(*of, choice), dressed=dressed
        )
        st.caption(
            "Hollow: before. Filled: now. The cloud is drawn at equal spread in every step, since entropy does not "
            "change with the scale; how far the whole cloud drifts outwards or shrinks does not show."
        )


def _explained(cloud: np.ndarray, choice: str) -> str:
    """Say what acts on the points, and how strongly."""
    if choice == "features only":
        return "Only the entropy of the features is raised; noise bars are left to themselves."
    if choice == "all bars":
        return "The entropy of all bars is raised: every bar counts."
    factor, published = acting.cohesion(cloud, choice), acting.CHOICES[choice]["cohesion"]
    if not factor:
        return "The entropy of the features is raised. This cloud has no noise bars for cohesion to act on."
    what = (
        "With **cohesion** above 0 the mean noise bar is added to the loss: noise bars get *shorter*."
        if factor > 0
        else "As in the authors' published code, with **cohesion** below 0, the mean noise bar is subtracted from the loss: "
        "noise bars get *longer*, points are pushed apart."
    )
    return (
        f"The entropy of the features is raised. {what} Its effect depends on the unit: {signed(factor, 2)} here acts as "
        f"{signed(published, 2)} does on MiniLM's embeddings, whose noise bars are about {number(acting.EMBEDDED, 1)} long; "
        f"this cloud's are {number(published / factor * acting.EMBEDDED, 2)}."
    )


def _step() -> str:
    """Return which step of the lesson the address names, or that it is none."""
    return address.read("lesson", _FREE, _LESSONS)


def _defaults() -> dict:
    """Return what the page's widgets show where the address says nothing: of a step of the lesson, its own cloud."""
    step = lesson.STEPS.get(_step())
    if step is None:
        return _DEFAULTS
    return {**_DEFAULTS, **({"cloud": OWN} if step.own else {}), **step.setting, "own": step.own, "act": step.acts}


def _set_up(name: str) -> None:
    """Set the page up for a step of the lesson; free, it keeps the cloud."""
    was = _defaults()
    kept = {at: address.read(at, default) for at, default in was.items()} if name == _FREE else {}
    opened = {at: address.read(at, False) for at in _OPENED}
    address.only(**({"lesson": name} if name != _FREE else {}))
    address.put(opened | kept, {**_DEFAULTS, **dict.fromkeys(_OPENED, False)})


def _show(cloud: str | dict) -> None:
    """Show a cloud of the lesson: points, as the address has them, or an example, as the widgets have it."""
    shown = {"cloud": OWN, "own": cloud} if isinstance(cloud, str) else {**cloud, "own": ""}
    address.put(shown, _defaults())


# A cloud is known by what it was made from.
@st.cache_data(max_entries=64, show_spinner=False)
def _growing(of: tuple, _cloud: np.ndarray) -> Growing:
    return shown(_cloud)


@st.cache_data(max_entries=32, show_spinner=False)
def _acted(of: tuple, choice: str, _cloud: np.ndarray) -> Descent:
    return acting.acted(_cloud, choice)


def _said(found: Growing) -> str:
    lengths = found.bars["length"]
    features = int((found.bars["kind"] == "feature").sum())
    loops = [f"; the longest from {length(row.birth)} to {length(row.death)}" for row in found.loops.itertuples()][:1]
    return (
        f"A cloud of {len(lengths) + 1} points whose discs grow with the slider, and its barcode: {len(lengths)} bars, "
        f"the longest {length(float(lengths.max()))}, the shortest {length(float(lengths.min()))}; {features} features; "
        f"threshold {length(found.threshold)}; entropy {number(found.entropy)} nats; {len(found.loops)} loops"
        f"{''.join(loops)}."
    )


def _said_of_walks(steps: pd.DataFrame) -> str:
    ends = steps[steps["stop"]]
    walks = "; ".join(f"walk {row.walk} at step {row.i}, C = {number(row.ratio)}" for row in ends.itertuples())
    return f"The sum of all bars before a step over the sum after it, step by step. Where each walk stops: {walks}."


def _said_of(done: Descent, choice: str) -> str:
    rows = done.entropy.set_index(["series", "step"])["nats"]
    last = len(done.path) - 1
    changes = "; ".join(
        f"of {name} from {number(float(rows[name, 0]))} to {number(float(rows[name, last]))} nats"
        for name in ("all bars", "features")
    )
    return f"{last} gradient steps, {choice}: cloud, bars and entropy. Entropy {changes}."


page()
