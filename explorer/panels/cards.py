"""The header of a run: each measure before and after, which way is better, and the baseline's beside it."""

from collections.abc import Iterator, Mapping, Sequence

import streamlit as st

from core.geometry import APART
from core.runs import Run
from explorer.panels import data
from explorer.panels.words import DASH, meaning, number

CLASSES = ("anisotropy_1_within", "between_share", "nc1")
WHOLE = ("anisotropy_1_centered", "anisotropy_1", "isoscore", "mean_cosine")
ENTROPY = "relative_entropy_all"
_IN_A_ROW = 5
_VERDICTS = {True: ("better", "green"), False: ("worse", "red")}


def sides(run: Run) -> tuple[dict[str, float], dict[str, float]]:
    """Return every number of the run's header before and after: of its report, or else of what there is so far."""
    report = data.report(run)
    if report.get("before"):
        return tuple(numbers(report.get(side) or {}) for side in ("before", "after"))
    scores = _scores(run)
    found = []
    for snapshot, step in ((data.before(run), 0), (data.after(run), max(scores, default=0))):
        classes = {s.name or str(s.label): s.summary() for s in snapshot.classes} if snapshot else {}
        measures = snapshot.measures if snapshot else {}
        found.append({**numbers({**measures, "classes": classes}), **(scores.get(step, {}) if snapshot else {})})
    return found[0], found[1]


def headline(run: Run) -> str:
    """Return the name of the task's first metric; of a training outside without any, of its loss."""
    recorded = data.recorded_task(run).get("metrics") or ["loss" if data.trained_outside(run) else "accuracy"]
    return data.report(run).get("metric") or recorded[0]


def show(run: Run, baseline: Run | None) -> None:
    """Draw the cards."""
    before, after = sides(run)
    other = sides(baseline)[1] if baseline else {}
    for name in rows(run, (headline(run), *CLASSES, ENTROPY), WHOLE):
        _card(name, before.get(name), after.get(name), other.get(name) if baseline else None)


def rows(run: Run, within: Sequence[str], whole: Sequence[str]) -> Iterator[str]:
    """Yield the name of each card, inside of its frame: a row within classes, one of the whole cloud and what it can't tell."""
    for names in (within, whole):
        columns = st.columns(_IN_A_ROW, gap="small", wrap=False)
        for column, name in zip(columns, names, strict=False):
            with column, st.container(border=True, height="stretch", gap=None, key=f"card-{name}"):
                yield name
    if set(CLASSES) & set(within):
        (columns[-1] if len(whole) < _IN_A_ROW else st).caption(
            f"Of all {data.modality(run).many} together: these can't tell a stretched space from classes that are well apart.",
            help=APART,
        )


def _card(name: str, before: float | None, after: float | None, baseline: float | None) -> None:
    about = meaning(name)
    change = after - before if after is not None and before is not None else None
    word, colour = verdict(about.better, change)
    st.metric(
        about.label,
        f"{number(before)} → {number(after)}" if after is not None else number(before),
        delta=round(change, 3) + 0.0 if change is not None else None,
        format=None if change is None else "%+.3f" if round(change, 3) else "%.3f",
        delta_color=colour,
        delta_description=word,
        help=about.definition,
    )
    if baseline is not None:
        st.caption(f"baseline {number(baseline)}")
    elif change is None:
        st.caption("before training" if before is not None else DASH)


def verdict(better: str, change: float | None) -> tuple[str | None, str]:
    """Return a word for what a change means where `better` is "higher", "lower", "disputed" or "neither", and its colour."""
    if change is None or round(change, 3) == 0:
        return ("unchanged" if change is not None else None), "gray"
    if better not in ("higher", "lower"):
        return ("disputed" if better == "disputed" else "changed"), "gray"
    return _VERDICTS[(change > 0) == (better == "higher")]


def numbers(side: Mapping) -> dict[str, float]:
    """Return the numbers of one side of a report by name, the entropies as means over its classes."""
    found = {k: v for k, v in side.items() if isinstance(v, int | float)}
    for name in ("relative_entropy", "relative_entropy_all"):
        of_classes = [c.get(name) for c in (side.get("classes") or {}).values()]
        of_classes = [v for v in of_classes if v is not None and v == v]
        if of_classes:
            found[name] = sum(of_classes) / len(of_classes)
    return found


def _scores(run: Run) -> dict[int, dict[str, float]]:
    rows = run.rows("evaluation")
    return {row["step"]: row["metrics"] for row in rows if isinstance(row.get("metrics"), dict) and "step" in row}


def table(run: Run) -> list[dict]:
    """Return every number of the run as rows of a table: whole space and classes, before, after, difference."""
    report = data.report(run)
    rows = []

    def add(of: str, old: Mapping, new: Mapping) -> None:
        for name in dict.fromkeys([*old, *new]):
            a, b = old.get(name), new.get(name)
            if isinstance(a if a is not None else b, int | float):
                difference = b - a if a is not None and b is not None else None
                rows.append({"of": of, "number": name, "before": a, "after": b, "difference": difference})

    old, new = report.get("before") or {}, report.get("after") or {}
    add("all", old, new)
    for label in dict.fromkeys([*(old.get("classes") or {}), *(new.get("classes") or {})]):
        a, b = ((side.get("classes") or {}).get(label) or {} for side in (old, new))
        add(label, {**a, **(a.get("measures") or {})}, {**b, **(b.get("measures") or {})})
    return rows
