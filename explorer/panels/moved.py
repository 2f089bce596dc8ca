"""The view "Texts that moved", or images or sounds: whose neighbours, class distance or prediction training changed most."""

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import IsobarError
from core.geometry import class_silhouettes, neighbours_kept
from core.modalities import Modality
from core.runs import Run, Snapshot
from explorer.panels import address, classes, data
from explorer.panels.texts import cells, texts_of, thumbnails, unplayed
from explorer.panels.words import DASH, number, plain, without_minus_zero

NEIGHBOURS = 10
_MOST = 1000
NEAREST, _CLASS, _PREDICTION = "neighbours kept", "class distance", "prediction"
_JUDGED = ["turned", "wrong"]  # columns that are counted and not shown
_MEANING = {
    NEAREST: "What share of {a_one}'s {neighbours} nearest {many} before (Euclidean distance of embeddings) is among its "
    "{neighbours} nearest after; those that kept fewest stand first. Moved about at random, {a_one} would keep {chance}.",
    _CLASS: "How much nearer {a_one} is to the mean of its own class than to that of the nearest other: 1 on its own, "
    "0 half way, −1 on another (simplified silhouette, Hruschka et al., 2004); the greatest change stands first.",
    _PREDICTION: "{Many} whose predicted class is another one after than before; those that are wrong now stand first.",
}


def show(run: Run, before: Snapshot | None, after: Snapshot | None) -> None:
    """Draw the view."""
    kind = data.modality(run)
    if not comparable(before, after):
        st.info(
            f"To say what moved takes a snapshot before training and one after, of the same {kind.many}.",
            icon=":material/hourglass_empty:",
        )
        return
    try:
        frame = compared(run, before, after)
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    by = address.widget(
        st.segmented_control, "Sorted by", list(_MEANING), key="by", default=NEAREST, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    st.markdown(f"**{sentence(frame, kind, by)}**")
    st.caption(meaning(frame, kind, by))
    helps = {name: meaning(frame, kind, name) for name in (NEAREST, _CLASS)}
    frame = ordered(frame, by)
    whole, frame = len(frame), frame.head(_MOST).drop(columns=_JUDGED)
    if whole == 0:
        return
    if (shown := thumbnails(run, frame.index)) is not None:
        frame.insert(0, "image", shown)
    share = {"format": "percent", "min_value": 0.0, "max_value": 1.0}
    st.dataframe(
        without_minus_zero(frame, 2),
        hide_index=True,
        placeholder=DASH,
        height=470,
        alt=f"The {kind.many} of the probe set, sorted by {by}",
        column_config={
            "image": st.column_config.ImageColumn("", width=60),
            "text": st.column_config.TextColumn(kind.one, width=330),
            "kept": st.column_config.ProgressColumn(NEAREST, help=helps[NEAREST], **share),
            "old": st.column_config.NumberColumn("class distance", format="%.2f", help=helps[_CLASS]),
            "new": st.column_config.NumberColumn("after", format="%.2f"),
            "change": st.column_config.NumberColumn("change", format="%+.2f"),
        },
    )
    more = f"The first {_MOST:,} of {whole:,} are listed. " if whole > len(frame) else ""
    st.caption(f"{more}A click on a column's head sorts by it. {unplayed(run, frame.index)}")


def comparable(before: Snapshot | None, after: Snapshot | None) -> bool:
    """Whether there are two snapshots, of the same examples."""
    return before is not None and after is not None and len(before.labels) == len(after.labels)


def compared(run: Run, before: Snapshot, after: Snapshot) -> pd.DataFrame:
    """Return what became of each example between two `comparable` snapshots.

    Returns:
        One row an example: ``text``, ``class``, ``kept`` (the share of its nearest texts), ``old``, ``new``, ``change`` (of
        its class distance), ``prediction``, ``turned`` (the prediction is another one now), ``wrong`` (it is wrong now).

    Raises:
        IsobarError: there are too few examples to have neighbours.
    """
    kept, old, new = _computed((before.version, after.version), before, after)
    names = classes.names_of(run, before, after)
    return pd.DataFrame(
        {
            "text": cells(run, texts_of(run, len(kept)), range(len(kept))),
            "class": [names.get(int(k), "") for k in after.labels],
            "kept": kept,
            "old": old,
            "new": new,
            "change": new - old,
            "prediction": [
                names.get(int(b), "–") if a == b else f"{names.get(int(a), '–')} → {names.get(int(b), '–')}"
                for a, b in zip(before.predictions, after.predictions, strict=True)
            ],
            "turned": (before.predictions != after.predictions) & (before.predictions >= 0) & (after.predictions >= 0),
            "wrong": after.predictions != after.labels,
        }
    )


def ordered(frame: pd.DataFrame, by: str = NEAREST) -> pd.DataFrame:
    """Return the rows of `frame`, of `compared`, those that moved most first."""
    if by == _PREDICTION:
        return frame[frame["turned"]].sort_values(["wrong", "kept"], ascending=[False, True])
    order = frame["kept"] if by == NEAREST else -frame["change"].abs()
    return frame.iloc[np.argsort(order.to_numpy(), kind="stable")]


def meaning(frame: pd.DataFrame, kind: Modality, by: str = NEAREST) -> str:
    """Return what `frame`, of `compared` for examples of this `kind`, is sorted by."""
    return _MEANING[by].format(
        a_one=kind.a_one,
        many=kind.many,
        Many=kind.many.capitalize(),
        neighbours=NEIGHBOURS,
        chance=number(min(NEIGHBOURS / max(len(frame) - 1, 1), 1.0), 2),
    )


def sentence(frame: pd.DataFrame, kind: Modality, by: str = NEAREST) -> str:
    """Return in a sentence what happened to all examples of `frame`, of `compared` for those of this `kind`."""
    if by == NEAREST:
        none = int((frame["kept"] == 0).sum())
        return (
            f"The {kind.counted(len(frame))} kept {number(100 * float(frame['kept'].mean()), 1)} % of their nearest "
            f"neighbours; {none:,} kept none."
        )
    if by == _CLASS:
        if frame["change"].isna().all():
            return "There is only one class, so no other to be far from."
        nearer = int((frame["change"] > 0).sum())
        return (
            f"{nearer:,} of {kind.counted(len(frame))} moved towards their own class; the mean went from "
            f"{number(float(frame['old'].mean()), 2)} to {number(float(frame['new'].mean()), 2)}."
        )
    right = int((frame["turned"] & ~frame["wrong"]).sum())
    return f"{int(frame['turned'].sum()):,} of {len(frame):,} predictions changed; {right:,} of them are right now."


# `of` are the snapshots' versions: a resumed run writes snapshots anew.
@st.cache_data(max_entries=16, show_spinner="Finding the neighbours, before and after")
def _computed(of: tuple, _before: Snapshot, _after: Snapshot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kept = neighbours_kept(_before.embeddings, _after.embeddings, NEIGHBOURS)
    return kept, *(class_silhouettes(side.embeddings, side.labels) for side in (_before, _after))
