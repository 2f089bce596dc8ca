"""The header of a run: three numbers that count most, each beside the baseline's, and the rest behind a switch."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from core.geometry import APART
from core.runs import Run
from core.studies.compare import FEWEST_SEEDS, Difference
from explorer.panels import address, data
from explorer.panels.words import DASH, meaning, number, signed

FIRST = ("anisotropy_1_within", "effective_rank")
"""What stands beside the task's metric."""
ENTROPY = "relative_entropy_all"
REST = (
    "between_share", "nc1", ENTROPY, "anisotropy_1_centered", "anisotropy_1", "isoscore", "mean_cosine",
)  # fmt: skip
ABREAST = 1 + len(FIRST)  # of the first cards in a row
_REST_ABREAST = 4
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
    for name in rows((headline(run), *FIRST), REST, many=data.modality(run).many):
        _card(name, before.get(name), after.get(name), other.get(name), from_baseline(run, baseline, name))


def rows(first: Sequence[str], rest: Sequence[str], *, many: str) -> Iterator[str]:
    """Yield the name of each card, inside of its frame: the `first`, and where they are asked for the `rest`.

    `many` is what the examples are called.
    """
    yield from _frames(first, ABREAST)
    if not rest or not address.widget(st.toggle, "More measures", key="more", default=False):
        return
    yield from _frames(rest, _REST_ABREAST)
    st.caption(
        f"Of all {many} together anisotropy, IsoScore and mean cosine can't tell a stretched space from classes that are "
        "well apart.",
        help=APART,
    )


def _frames(names: Sequence[str], in_a_row: int) -> Iterator[str]:
    for start in range(0, len(names), in_a_row):
        columns = st.columns(in_a_row, gap="small", wrap=False)
        for column, name in zip(columns, names[start : start + in_a_row], strict=False):
            with column, st.container(border=True, height="stretch", gap=None, key=f"card-{name}"):
                yield name


class Change(NamedTuple):
    """What is said of how a number changed.

    Attributes:
        by: how much; None where that isn't known.
        words: from what, and what that means.
        colour: green where it is better, red where it is worse, gray where neither can be said.
        noise: whether it can be told from chance; empty where it is since before training.
    """

    by: float | None
    words: str = ""
    colour: str = "gray"
    noise: str = ""


def change(
    name: str, before: float | None, after: float | None, baseline: float | None, over_seeds: Difference | None
) -> Change:
    """Return how a number changed: from the baseline's where that is there, or else since before training.

    `over_seeds` is the difference from the baseline over seeds.
    """
    since = before if baseline is None else baseline
    if after is None or since is None:
        return Change(None)
    by = after - since
    word, colour = _verdict(meaning(name).better, by)
    if baseline is None:
        return Change(by, word if word == "unchanged" else f"{word} since before", colour)
    # One seed, or several that disagree, make nothing better; and what all together say may not be so of this one.
    told = over_seeds is not None and over_seeds.direction * by > 0
    words = word if word == "unchanged" else f"from the baseline{f', {word}' if told else ''}"
    return Change(by, words, colour if told else "gray", noise(over_seeds))


def _card(
    name: str, before: float | None, after: float | None, baseline: float | None, over_seeds: Difference | None
) -> None:
    about, found = meaning(name), change(name, before, after, baseline, over_seeds)
    by = None if found.by is None else round(found.by, 3) + 0.0
    st.metric(
        about.label,
        number(after if after is not None else before),
        delta=None if by is None else f"{by:{'+.3f' if by else '.3f'}}",
        delta_arrow="auto" if by else "off",
        delta_color=found.colour,
        delta_description=found.words or None,
        help=about.definition,
    )
    said = [f"before {number(before)}"] if after is not None else ["before training" if before is not None else DASH]
    said += [f"baseline {number(baseline)}"] if baseline is not None else []
    st.caption(" · ".join(said))
    if found.noise:
        st.caption(found.noise)


def from_baseline(run: Run, baseline: Run | None, name: str) -> Difference | None:
    """Return by how much a number of `run`, and of its repetitions under other seeds, is above that of their baselines.

    None where there is no baseline, or none has the number.
    """
    if baseline is None:
        return None
    by_seed: dict[int, float] = {}
    for seed, (ours, theirs) in _pairs(data.name_of(run), data.run_stamp(run), run).items():
        a, b = ours.get(name), theirs.get(name)
        if a is not None and b is not None and math.isfinite(a - b):
            by_seed[seed] = a - b
    return Difference.of(by_seed) if by_seed else None


# Looked for once for all cards; another seed may end at any time.
@st.cache_data(max_entries=64, ttl=5.0, show_spinner=False)
def _pairs(name: str, of: tuple, _run: Run) -> dict[int, tuple[dict[str, float], dict[str, float]]]:
    """Return by seed the numbers after training of a run's newest repetition, and of that one's baseline."""
    found: dict[int, tuple[dict[str, float], dict[str, float]]] = {}
    for other in data.repetitions(_run):
        seed = data.spec(other).get("seed", 0)
        if seed not in found and (its := data.baseline_of(other)):
            found[seed] = sides(other)[1], sides(its)[1]
    return found


def noise(change: Difference | None) -> str:
    """Return whether a change from the baseline can be told from chance, in words."""
    seeds = len(change.seeds) if change else 1
    if seeds == 1:
        return "one seed: it may be noise"
    said = f"{seeds} seeds: {signed(change.mean)} [{signed(change.low)}, {signed(change.high)}]"
    if seeds < FEWEST_SEEDS:
        return f"{said}, too few to tell"
    return f"{said}, {'beyond' if change.direction else 'within'} noise"


def _verdict(better: str, by: float) -> tuple[str, str]:
    """Return a word for what a change means where `better` is "higher", "lower", "disputed" or "neither", and its colour."""
    if round(by, 3) == 0:
        return "unchanged", "gray"
    if better not in ("higher", "lower"):
        return ("disputed" if better == "disputed" else "changed"), "gray"
    return _VERDICTS[(by > 0) == (better == "higher")]


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
