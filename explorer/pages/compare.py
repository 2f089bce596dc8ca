"""Is it worth it? Runs beside each other, over seeds and beside their baselines."""

import zlib

import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import APART
from core.runs import Run
from explorer.panels import address, comparison, data, entries, links
from explorer.panels.words import DASH, plain, without_minus_zero

_TABLE = "compare:table"  # in the session: how often the table was made anew, and the runs that it holds as picked
_SHOWN = 200  # rows of the table; the filter finds the others
_MOST = 60  # runs that are picked where the address names none


def page() -> None:
    """Draw the runs that the address names, or those of the newest finished run's task and model."""
    shown = _shown()
    if not shown:
        _nothing_yet()
        return
    asked = address.read("runs", None)
    picked = _first_picks(shown) if asked is None else list(dict.fromkeys(address.parts_of(asked)))
    runs, gone = _found(picked)
    picked = _pick(shown, [data.name_of(run) for run in runs])
    if picked is not None:
        address.write({"runs": address.text_of(picked)})
        st.rerun()
    for sentence in gone:
        st.warning(plain(sentence, 300), icon=":material/link_off:")
    if not runs:
        st.info("Pick runs in the table: some with the regularizer, and their baselines.", icon=":material/check_box:")
        return
    _verdict(runs)
    st.subheader("Barcodes of two of them", anchor=False)
    comparison.side_by_side(runs)


def _shown() -> list[str]:
    names = data.names()
    wanted = st.text_input(
        "Filter the table",
        key="compare-filter",
        placeholder="Filter by model, task, regularizer, seed",
        label_visibility="collapsed",
        icon=":material/search:",
        live="300ms",
    )
    found = entries.found(names, wanted or "")
    if len(found) > _SHOWN:
        st.caption(f"The newest {_SHOWN} of {len(found):,} runs; the filter finds the others.")
    return found[:_SHOWN] + entries.found(data.samples(), wanted or "")


def _first_picks(shown: list[str]) -> list[str]:
    finished = [name for name in shown if data.find(name).state == "finished"]
    of = {name: [data.spec(data.find(name)).get(key) for key in ("task", "model")] for name in finished}
    # The samples are for those who have nothing of their own.
    same = [name for name in finished if of[name] == of[finished[0]]]
    own = [name for name in same if name not in data.samples()]
    return (own or same)[:_MOST]


def _found(names: list[str]) -> tuple[list[Run], list[str]]:
    runs, gone = [], []
    for name in names:
        try:
            runs.append(data.find(name))
        except IsobarError as error:
            gone.append(str(error))
    return runs, gone


def _pick(shown: list[str], picked: list[str]) -> list[str] | None:
    """Draw the table; returns the names that are picked if they are not those that were."""
    frame = comparison.table(data.find(name) for name in shown)
    rows = [index for index, name in enumerate(shown) if name in picked]
    # The table keeps what is picked in it. Where something else changed the address, as a step back does, it is another one; so
    # it is where its rows are others, which are known by their places.
    turn, held = st.session_state.get(_TABLE, (0, picked))
    turn += held != picked
    event = st.dataframe(
        without_minus_zero(frame, 3),
        key=f"runs-{zlib.crc32(','.join(shown).encode())}-{turn}",
        hide_index=True,
        height=230,
        placeholder=DASH,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows}},
        column_order=[name for name in frame.columns if name != "run"],
        column_config={
            **{
                name: st.column_config.NumberColumn(name, format="%.3f")
                for name in ("score", "anisotropy within before", "after", "change")
            },
            "weight": st.column_config.Column("weight", width=_width(frame["weight"])),
        },
        alt="The runs: pick those that are to be compared",
    )
    chosen = {shown[row] for row in event.selection.rows if row < len(shown)}
    now = [name for name in picked if name in chosen or name not in shown]
    now += [name for name in shown if name in chosen and name not in now]
    st.session_state[_TABLE] = turn, now
    addressed = address.read("runs", None) is not None
    return now if now != picked or (not addressed and now) else None


def _width(column: pd.Series) -> int | None:
    """Return how many pixels a column of text needs to be read whole; None where it is as narrow as a number."""
    longest = max((len(value) for value in column if isinstance(value, str)), default=0)
    return 18 + 6 * longest if longest > 8 else None


def _verdict(runs: list[Run]) -> None:
    try:
        found = comparison.compared(runs)
    except IsobarError as error:
        st.info(plain(error, 600), icon=":material/balance:")
        return
    comparison.verdicts(found)
    about = address.widget(
        st.segmented_control,
        "Anisotropy",
        list(comparison.MEASURES),
        key="about",
        default=next(iter(comparison.MEASURES)),
        required=True,
        label_visibility="collapsed",
    )
    comparison.charts(found, comparison.MEASURES[about])
    st.caption(APART)
    if found.notes:
        with st.expander(f"Left out: {len(found.notes)}", icon=":material/info:"):
            for note in found.notes:
                st.markdown(f"- {plain(note, 400)}")
    with st.expander("Every measure, with mean, interval and difference", icon=":material/table:"):
        comparison.numbers(found)
        st.caption(
            "Means over seeds with 95 % bootstrap intervals; differences are paired by seed, p is of the sign-flip test."
        )


def _nothing_yet() -> None:
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.subheader("No runs to compare", anchor=False)
        st.text("A run and its baseline, of one seed or better of several, are compared here.")
        st.page_link(links.TRAIN, label="Train", icon=":material/play_arrow:")


page()
