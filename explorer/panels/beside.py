"""The view "Beside another": a checkpoint and another one, or another layer or pooling of it, on the same examples."""

import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import COMPARISONS
from core.runs import Run, Snapshot
from core.studies.beside import NEIGHBOURS, RESAMPLES, Beside, Space, beside, same_examples, sentence, with_intervals
from core.training.stored import is_stored
from explorer.panels import address, classes, cloud, data, links
from explorer.panels.texts import cells, texts_of, thumbnails, unplayed
from explorer.panels.words import DASH, meaning, moment, number, plain, without_minus_zero

_LOOK_BACK = 60  # of the newest inspections


def show(run: Run, snapshot: Snapshot) -> None:
    """Draw the view."""
    many = data.modality(run).many
    others = {
        other.name: other for other in map(data.inspection, data.inspections()[:_LOOK_BACK]) if _alike(run, other)
    }
    again = {"label": "Inspect another model, layer or pooling on them", "icon": ":material/add:"}
    if not others:
        st.info(f"No other inspection is of the same {many} yet.", icon=":material/compare:")
        st.page_link(links.INSPECT, query_params={"like": run.name}, **again)
        return
    name = address.widget(
        st.selectbox,
        "Beside",
        list(others),
        key="beside",
        default=next(iter(others)),
        format_func=lambda name: f"{label(others[name])} · {moment(name)}",
    )
    st.page_link(links.INSPECT, query_params={"like": run.name}, width="content", **again)
    other = others[name]
    there = data.before(other)
    try:
        found = beside(_space(run), _space(other))
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    above = st.container()  # is filled last: the intervals take a while, and the rest is there at once
    _cloud(run, snapshot, there, found)
    _moved(run, found)
    with above:
        found = _with_intervals((snapshot.version, there.version), found)
        st.markdown(f"**{plain(sentence(found), 600)}**")
        _differences(found)


def label(run: Run) -> str:
    """Return what an inspection is called beside others: its model, layer and pooling."""
    settings = data.spec(run)
    layer = settings.get("layer", -1)
    pooling = data.record(run).get("pooling") or settings.get("pooling", "?")
    model = data.models().get(str(settings.get("model")), data.short(settings.get("model", "?")))
    if is_stored(str(settings.get("model", ""))):
        return model
    return f"{model}, {'last layer' if layer == -1 else f'layer {layer}'}, {pooling}"


def _alike(run: Run, other: Run) -> bool:
    """Whether another inspection looked at the same examples."""
    if other.path == run.path or other.state != "finished" or data.before(other) is None:
        return False
    one, two = data.probe(run), data.probe(other)
    return not one.empty and len(one) == len(two) and same_examples(one, two)


def _space(run: Run) -> Space:
    return Space(label(run), data.before(run).embeddings, data.probe(run))


# `of` are the snapshots' versions.
@st.cache_data(max_entries=16, show_spinner=f"Drawing {RESAMPLES} resamples of both…")
def _with_intervals(of: tuple, _found: Beside) -> Beside:
    return with_intervals(_found)


def _differences(found: Beside) -> None:
    rows = [
        {
            "measure": meaning(name).label,
            "this": found.values[0][name],
            "other": found.values[1][name],
            "difference": value,
            "from": low,
            "to": high,
        }
        for name, (value, low, high) in found.differences.items()
    ]
    with st.container(horizontal=True, gap="medium"):
        for name, value in found.alike.items():
            about = COMPARISONS[name]
            st.markdown(f"{about.label} **{number(value)}**", help=about.definition, width="content")
    st.dataframe(
        without_minus_zero(pd.DataFrame(rows), 3),
        hide_index=True,
        placeholder=DASH,
        alt="Each measure of both, and their difference with its interval",
        column_config={
            **{name: st.column_config.NumberColumn(format="%.3f") for name in ("this", "other")},
            **{name: st.column_config.NumberColumn(format="%+.3f") for name in ("difference", "from", "to")},
        },
    )
    st.caption(
        f"Difference: the other less this. From, to: its 95 % interval, of {RESAMPLES} resamples, each of the same examples on "
        "both sides; where it leaves out 0, the difference is more than chance."
    )


def _cloud(run: Run, one: Snapshot, other: Snapshot, found: Beside) -> None:
    names = classes.names_of(run, one, other)
    cloud.drawn(
        run,
        {"before": one, "after": other},
        list(names),
        names,
        own=True,
        titles={"before": found.one.name, "after": found.other.name},
        key="cloud-beside",
    )


def _moved(run: Run, found: Beside) -> None:
    kind = data.modality(run)
    frame = found.moved()
    rows = frame.index.to_numpy()
    frame["text"] = cells(run, texts_of(run, len(found.kept)), rows)
    if (shown := thumbnails(run, rows)) is not None:
        frame.insert(0, "image", shown)
    st.markdown(f"**The {kind.many} whose neighbours changed most**")
    st.dataframe(
        frame,
        hide_index=True,
        placeholder=DASH,
        alt=f"The {kind.many} that kept the fewest of their nearest neighbours",
        column_config={
            "image": st.column_config.ImageColumn("", width=60),
            "text": st.column_config.TextColumn(kind.one, width=420),
            "kept": st.column_config.ProgressColumn(
                "neighbours kept",
                format="percent",
                min_value=0.0,
                max_value=1.0,
                help=f"What share of its {NEIGHBOURS} nearest neighbours is the same in both spaces (Euclidean distance).",
            ),
        },
    )
    if said := unplayed(run, rows):
        st.caption(said)
