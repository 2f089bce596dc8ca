"""The cards of an inspection: each measure beside what an isotropic cloud and the untouched model would show."""

from html import escape

import streamlit as st

from core.geometry import MEASURES
from core.geometry.verdict import pooling_sentence
from core.runs import Run
from explorer.charts.style import BEFORE, SPACE
from explorer.panels import cards, data
from explorer.panels.words import meaning, number, plain

_COLLAPSED = {"isoscore": 0.0, "effective_rank": 1.0, "relative_entropy_all": 0.0, "nc1": 0.0}  # of the others it is 1


def show(run: Run) -> None:
    """Draw the cards, and below them what their marks mean."""
    found = {name: (value, track) for name, value, track in tracks(run)}
    first, rest = list(found)[: cards.ABREAST], list(found)[cards.ABREAST :]
    for name in cards.rows(first, rest, many=data.modality(run).many):
        about, (value, track) = meaning(name), found[name]
        st.metric(about.label, number(value), help=about.definition)
        st.html(track)
    st.caption(marks(run))
    if sentence := by_other_pooling(run):
        st.caption(plain(sentence, 300))


def tracks(run: Run) -> list[tuple[str, float | None, str]]:
    """Return of each card its measure, its value, and as HTML the line on which the values are marked."""
    report, many = data.report(run), data.modality(run).many
    here, isotropic, base = (cards.numbers(report.get(side) or {}) for side in ("before", "isotropic", "base"))
    metric = report.get("metric")
    # A checkpoint that has a head for these classes can be scored on them; examples without labels have no classes, so
    # that measures of the whole cloud stand in front.
    first = [name for name in (metric, *cards.FIRST, "mean_cosine", "anisotropy_1_centered") if name in here]
    first = first[: cards.ABREAST]
    return [
        (name, here.get(name), _track(name, here.get(name), isotropic.get(name), base.get(name), bool(base), many))
        for name in (*first, *(name for name in cards.REST if name in here and name not in first))
    ]


def marks(run: Run) -> str:
    """Return what the marks on the cards' lines mean."""
    found = ["▏ isotropic Gaussian cloud of as many points and dimensions", "● this checkpoint"]
    if data.report(run).get("base"):
        found.append("○ untouched: before its run")
    said = " · ".join(found) + ". The line runs from isotropic, left, to collapsed, right."
    if "nc1" in (data.report(run).get("before") or {}):  # there are classes
        said += " Of the whole cloud, between classes and of NC1 the right end can be success too: a head that has its classes apart."
    return said


def by_other_pooling(run: Run) -> str:
    """Return what the main measures would be by the other usual pooling; empty where it is not known."""
    report = data.report(run)
    return pooling_sentence(report.get("before") or {}, report.get("other_pooling") or {})


def _track(
    name: str, here: float | None, isotropic: float | None, base: float | None, has_base: bool, many: str
) -> str:
    """Return a line from isotropic to collapsed with the values marked on it, and the values in words."""
    is_metric = name not in MEASURES and name != cards.ENTROPY
    rows = [f"on these {many}"] if is_metric else [f"isotropic {number(isotropic)}"]
    if has_base and not is_metric:
        rows.append(f"untouched {number(base)}")
    words = "".join(f"<div>{escape(row)}</div>" for row in rows)
    marks = ""
    if isotropic is not None:
        for value, style in (
            (isotropic, f"width:2px;height:14px;top:-5px;background:{BEFORE}"),
            (base, f"width:9px;height:9px;top:-4px;margin-left:-4px;border-radius:50%;border:2px solid {BEFORE}"),
            (here, f"width:11px;height:11px;top:-4px;margin-left:-5px;border-radius:50%;background:{SPACE}"),
        ):
            if value is not None:
                place = 100 * _place(name, value, isotropic)
                marks += f'<span style="position:absolute;box-sizing:border-box;left:{place:.1f}%;{style}"></span>'
        marks = (
            f'<div aria-hidden="true" style="position:relative;height:3px;border-radius:2px;margin:.55rem .4rem .7rem;'
            f'background:color-mix(in srgb,currentColor 22%,transparent)">{marks}</div>'
        )
    return f'{marks}<div style="font-size:.8rem;line-height:1.4;font-variant-numeric:tabular-nums">{words}</div>'


def _place(name: str, value: float, isotropic: float) -> float:
    """Return where `value` lies between what an isotropic cloud shows (0) and a collapsed one (1)."""
    collapsed = _COLLAPSED.get(name, 1.0)
    if collapsed == isotropic:
        return 0.0
    return min(max((value - isotropic) / (collapsed - isotropic), 0.0), 1.0)


def differences(run: Run) -> list[dict]:
    """Return every number of an inspection as rows of a table: the whole space's, an isotropic cloud's, the base's."""
    report = data.report(run)
    sides = {
        "this checkpoint": report.get("before") or {},
        "isotropic": report.get("isotropic") or {},
        "untouched": report.get("base") or {},
    }
    sides = {side: found for side, found in sides.items() if found}
    rows = [
        {
            "of": f"all {data.modality(run).many}",
            "number": name,
            **{side: found.get(name) for side, found in sides.items()},
        }
        for name, value in (report.get("before") or {}).items()
        if isinstance(value, int | float)
    ]
    for label, summary in (report.get("before") or {}).get("classes", {}).items():
        classes = {side: (found.get("classes") or {}).get(label) or {} for side, found in sides.items()}
        for name, value in summary.items():
            if isinstance(value, int | float) and name != "label":
                rows.append({"of": label, "number": name, **{side: c.get(name) for side, c in classes.items()}})
    return rows
