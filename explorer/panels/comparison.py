"""Runs beside each other: the table to pick from, means and differences over seeds, barcodes of any two."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.geometry import ClassShape
from core.runs import Run, Snapshot
from core.studies.compare import Comparison, Group, compare
from core.training.spec import RunSpec
from explorer.charts.linked import SELECTION
from explorer.charts.style import LARGE, class_colour
from explorer.charts.tradeoff import BASELINE, differences, differences_height, group_colours, tradeoff
from explorer.panels import address, barcodes, cards, classes, data
from explorer.panels.figure import figure
from explorer.panels.texts import texts_of
from explorer.panels.words import DASH, day, meaning, number, plain, without_minus_zero

MEASURES = {
    "within classes": "anisotropy_1_within",
    "centered": "anisotropy_1_centered",
    "uncentered": "anisotropy_1",
    "share between classes": "between_share",
    "NC1": "nc1",
}


def table(runs: Iterable[Run]) -> pd.DataFrame:
    """Return one row a run, with what there is to sort and pick by."""
    rows = []
    for run in runs:
        row, settings, report = data.row(run), data.spec(run), data.report(run)
        before, after = report.get("before") or {}, report.get("after") or {}
        metric = cards.headline(run)
        rows.append(
            {
                "run": row.name,
                "began": "ships with Isobar" if data.is_sample(run) else day(row.began),
                "state": run.state,
                "task": row.task,
                "model": row.model,
                "regularizer": row.method,
                "weight": _weight(settings),
                "seed": settings.get("seed"),
                "metric": meaning(metric).label if after else "",
                "score": after.get(metric),
                "anisotropy within before": before.get("anisotropy_1_within"),
                "after": after.get("anisotropy_1_within"),
                "change": row.change,
            }
        )
    if any(isinstance(row["weight"], str) for row in rows):  # a column is of one kind
        rows = [{**row, "weight": f"{row['weight']:g}"} if isinstance(row["weight"], float) else row for row in rows]
    return pd.DataFrame(rows)


def _weight(settings: dict) -> float | str | None:
    """Return the run's weight; of several regularizers all, in the order of their names: ``1 (cohesion -0.05) + 0.1``."""
    of: dict[str, list[str]] = {}
    for key, value in (found := data.weights(settings)).items():
        name, _, setting = key.partition(".")
        of.setdefault(name, []).append(
            f"{value:g}" if setting == "weight" else f"{setting} {value:g}".replace("_", " ")
        )
    if len(found) < 2:
        return next(map(float, found.values()), None)
    return " + ".join(first + (f" ({', '.join(more)})" if more else "") for first, *more in of.values())


def compared(runs: list[Run]) -> Comparison:
    """Return the groups of `runs` with their differences and verdicts.

    Raises:
        IsobarError: none of them is finished, or they have nothing in common.
    """
    return _compared(tuple(data.run_stamp(run) for run in runs), runs)


@st.cache_data(max_entries=32, show_spinner=False)
def _compared(key: tuple, _runs: list[Run]) -> Comparison:
    return compare(_runs, defaults=RunSpec.defaults())


def verdicts(found: Comparison) -> None:
    """Say in a sentence what each regularizer changed."""
    said = []
    titles = _titles(found)
    for group in found.groups:
        if group.method == "none" and any(g.differences for g in found.groups):
            continue
        about = f"{titles[group.task, group.model]}, " if len(titles) > 1 else ""
        said.append(f"**{plain(about + group.called, 120)}**: {plain(group.verdict, 600)}")
    with st.container(border=True):
        st.markdown("\n\n".join(said))


def charts(found: Comparison, measure: str) -> None:
    """Draw anisotropy against the task metric, and the paired differences, of each task and model."""
    for place, (of, title) in enumerate(_titles(found).items()):
        groups = [group for group in found.groups if (group.task, group.model) == of]
        _charts_of(groups, measure, title, key=f"{place + 1}-{''.join(c if c.isalnum() else '-' for c in title)}")


def _titles(found: Comparison) -> dict[tuple[str, str], str]:
    """Return what each task and model are called: by the last part of their names, or as many as tell them apart."""
    pairs = list(dict.fromkeys((group.task, group.model) for group in found.groups))
    titles = {pair: " · ".join(map(data.short, pair)) for pair in pairs}
    for parts in (2, 3):
        if len(set(titles.values())) < len(pairs):
            titles = {pair: " · ".join("/".join(Path(name).parts[-parts:]) for name in pair) for pair in pairs}
    return titles


def _charts_of(groups: list[Group], measure: str, title: str, *, key: str) -> None:
    metric = groups[0].metric
    points, pairs, means = _points(groups, measure, metric)
    if points.empty:
        st.caption(f"{plain(title)}: none of the runs has both numbers.")
        return
    of = (title, measure, *(estimate.values for group in groups for estimate in group.means.values()))
    colours = group_colours([group.called for group in groups if group.differences])
    left, right = st.columns([3, 2], gap="small")
    with left, st.container(border=True):
        figure(
            lambda: tradeoff(
                points,
                pairs,
                means,
                x=_axis(measure),
                y=_axis(metric),
                title=f"{title}: a line joins a run to the baseline of its seed",
                description=" ".join(group.verdict for group in groups),
                height=max(2 * differences_height(len(colours)) + 50, LARGE),
            ),
            key=f"tradeoff-{key}",
            of=of,
        )
    with right:
        for name in (measure, metric):
            _differences(groups, name, key=f"difference-{name}-{key}", of=(*of, name))


def _differences(groups: list[Group], name: str, *, key: str, of: tuple) -> None:
    there = [group for group in groups if name in group.differences]
    if not there:
        return
    seeds = pd.DataFrame(
        [
            {"group": group.called, "seed": seed, "difference": round(value, 5)}
            for group in there
            for seed, value in zip(group.differences[name].seeds, group.differences[name].values)
        ]
    )
    means = pd.DataFrame(
        [
            {"group": group.called, "difference": change.mean, "low": change.low, "high": change.high}
            for group in there
            for change in (group.differences[name],)
        ]
    )
    colours = {n: c for n, c in group_colours([group.called for group in groups]).items() if n in set(means["group"])}
    with st.container(border=True):
        figure(
            lambda: differences(
                seeds,
                means,
                value=["from the baseline", *["95 % interval"] * bool(means["low"].notna().any())],
                title=meaning(name).label,
                colours=colours,
                description="; ".join(
                    f"{row.group}: {number(row.difference)} [{number(row.low)}, {number(row.high)}]"
                    for row in means.itertuples(index=False)
                ),
            ),
            key=key,
            of=of,
        )


def _points(groups: list[Group], x: str, y: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the frames that `tradeoff` draws."""
    where: dict[tuple[str, int], tuple[float, float]] = {}
    points, pairs, means = [], [], []
    for group in groups:
        if x not in group.means or y not in group.means:
            continue
        across, up = group.means[x], group.means[y]
        heights = dict(zip(up.seeds, up.values))
        for seed, value in zip(across.seeds, across.values):
            if seed in heights:
                where[group.name, seed] = value, heights[seed]
                points.append(
                    {"group": group.called, "seed": seed, "run": group.runs[seed], "x": value, "y": heights[seed]}
                )
        means.append(
            {
                "group": group.called, "seeds": len(across.seeds), "x": across.mean, "y": up.mean,
                "low_x": across.low, "high_x": across.high, "low_y": up.low, "high_y": up.high,
            }
        )  # fmt: skip
    for group in groups:
        for seed in group.differences[x].seeds if x in group.differences else ():
            ours, theirs = where.get((group.name, seed)), where.get((group.baseline, seed))
            if ours and theirs:
                pairs.append(
                    {"group": group.called, "seed": seed, "x": ours[0], "y": ours[1], "x2": theirs[0], "y2": theirs[1]}
                )
    columns = ["group", "seed", "x", "y", "x2", "y2"]
    return pd.DataFrame(points), pd.DataFrame(pairs, columns=columns), pd.DataFrame(means)


def _axis(name: str) -> str:
    about = meaning(name)
    return f"{about.label} ({about.better} is better)" if about.better in ("higher", "lower") else about.label


def numbers(found: Comparison) -> None:
    """Draw the table of every measure: mean, interval, paired difference."""
    frame = pd.DataFrame(found.rows())
    frame["measure"] = [meaning(name).label for name in frame["measure"]]
    st.dataframe(
        without_minus_zero(frame, 3),
        hide_index=True,
        height=360,
        placeholder=DASH,
        alt="Every measure of each group: mean over seeds, interval, difference from the baseline",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in frame.select_dtypes("float").columns
        },
    )


@st.fragment
def side_by_side(runs: list[Run]) -> None:
    """Draw the barcodes of two of `runs`, chosen here, on shared axes."""
    there = {data.name_of(run): run for run in _baseline_first(runs) if run.steps}
    if len(there) < 2:
        st.caption("Pick two runs that have snapshots, and their barcodes stand here side by side.")
        return
    names = list(there)
    *two, which = st.columns([2, 2, 1], gap="small")
    pair = [
        there[
            address.widget(
                column.selectbox, side, names, key=side.lower(), default=name, always=True, format_func=_run_label
            )
        ]
        for column, side, name in zip(two, ("Left", "Right"), names, strict=False)
    ]
    sides = [data.after(run) or data.before(run) for run in pair]
    # By name: of another task the same number is another class.
    called = [
        {
            name: label
            for label, name in classes.names_of(run, side).items()
            if side and any(shape.label == label for shape in side.classes)
        }
        for run, side in zip(pair, sides, strict=True)
    ]
    found = list(dict.fromkeys([*called[0], *called[1]]))
    if not found:
        st.caption("Neither of them has a snapshot that can be read.")
        return
    name = address.widget(which.selectbox, "Class", found, key="class", default=found[0])
    _pair(pair, sides, [of.get(name) for of in called])


def _baseline_first(runs: list[Run]) -> list[Run]:
    """Return `runs` with the newest that has its baseline among them in front, right after that baseline."""
    paths = {run.path: run for run in runs}
    for run in runs:
        baseline = data.baseline_of(run)
        if baseline is not None and baseline.path in paths:
            pair = [paths[baseline.path], run]
            return pair + [other for other in runs if other not in pair]
    return runs


def _pair(runs: list[Run], sides: list[Snapshot | None], labels: list[int | None]) -> None:
    shapes = [
        next((s for s in side.classes if s.label == label), None) if side else None
        for side, label in zip(sides, labels, strict=True)
    ]
    drawn = [shape for shape in shapes if shape is not None and len(shape.lengths) > 1]
    longest = max((float(shape.lengths[0]) for shape in drawn), default=1.0) * 1.02 or 1.0
    most = max((min(len(shape.lengths), barcodes.ROOM) for shape in drawn), default=1)
    of = tuple(side and side.version for side in sides)
    planes = barcodes.planes(of, labels, sides)
    extents = [float(np.abs(p).max()) * 1.05 or 1.0 if p is not None and p.size else 1.0 for p in planes]
    if len({side.embeddings.shape[1] for side in sides if side is not None}) == 1:
        extents = [max(extents)] * len(extents)
    for place, column in enumerate(st.columns(2, gap="small")):
        run, side, shape, plane = runs[place], sides[place], shapes[place], planes[place]
        with column, st.container(border=True):
            if side is None or shape is None or plane is None or len(shape.lengths) < 2:
                st.caption(f"{plain(_run_label(data.name_of(run)), 120)}: no barcode of this class.")
                continue
            texts, extent = texts_of(run), extents[place]
            barcodes.say_left_out(shape)
            event = figure(
                lambda run=run, side=side, shape=shape, plane=plane, texts=texts, extent=extent: _tree(
                    run, side, shape, plane, texts, longest=longest, most=most, extent=extent
                ),
                key=f"pair-{place}",
                about=(run.name, labels[place]),
                of=(of, place, *labels),
                on_select="rerun",
                selection_mode=SELECTION,
            )
            barcodes.joined(event, run, shape, texts)


def _tree(run: Run, side: Snapshot, shape: ClassShape, plane: np.ndarray, texts: pd.Series | None, **axes):
    row = data.row(run)
    return barcodes.linked(
        shape,
        side,
        plane,
        texts,
        title=f"{row.method}, seed {row.seed}"[:40].replace("'", "’").replace("\\", ""),
        colour=class_colour(shape.label),
        hollow=row.method == BASELINE,
        kind=data.modality(run).one,
        description=barcodes.description("After" if side.step else "Before", shape.name, shape),
        **axes,
    )


def _run_label(name: str) -> str:
    row = data.row(data.find(name))
    return f"{row.method}, seed {row.seed} · {row.title}"
