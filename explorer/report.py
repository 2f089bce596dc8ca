"""The report: one HTML file of a run that opens without a network, with the charts of the app in it.

`isobar report` writes it, and the page of a run offers it. Every text of the run is escaped, and the
page forbids itself to fetch anything.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from string import Template

import altair as alt
import numpy as np
import pandas as pd
import yaml

from core import files
from core.errors import IsobarError
from core.geometry import APART, ClassShape
from core.geometry import merges as merges_of
from core.runs import Run, Snapshot, load_run
from explorer.charts.cloud import BRUSH
from explorer.charts.linked import SELECTION, longest_entropies
from explorer.charts.plane import common_plane
from explorer.charts.style import BEFORE, class_colour, rounded
from explorer.charts.timeline import MOMENT
from explorer.panels import (
    anisotropy,
    barcodes,
    cards,
    classes,
    cloud,
    data,
    merges,
    moved,
    reference,
    space,
    standalone,
    standing,
    timeline,
    training,
)
from explorer.panels.texts import data_uri, markup, texts_of
from explorer.panels.words import FIVE, STATES, meaning, number, signed

_MOST_BARS = 8000  # of all barcodes together: the file stays below 5 MB
_OPEN = 12  # classes whose charts are unfolded; of these alone the merges are listed
_PLACES = {"longest": 876_543.5, "most": 987_654, "extent": 765_432.5}  # in a form: what no chart has
_MOST_FRAMES = 12  # of the timeline
_MOST_MOVED = 30  # of the texts that moved
_LONGEST_TEXT = 300
_MOST_BYTES = 12_000_000  # of images or sounds; of thumbnails and short sounds all there are
_CLASSES = {"green": "better", "red": "worse", "gray": "soft"}  # of the page, by the colour of a change
_TEMPLATE = Path(__file__).with_name("report.html")

Charts = dict[str, Callable[[], alt.TopLevelMixin] | dict]
"""By name what makes a chart, or what fills in the form of one."""


def html(run: Run) -> str:
    """Return the report of `run`, an inspection or one that was cut short included.

    Raises:
        IsobarError: there is no snapshot to report on.
    """
    before, after = data.before(run), data.after(run)
    if before is None and after is None:
        raise IsobarError(f"The run {run.name} has no snapshot that can be read, so there is nothing to report.")
    charts: Charts = {}
    forms: dict[str, dict] = {}
    examples = _Examples(run)
    parts = [
        *_standing(run, before, charts),
        *_numbers(run, alone=after is None),
        *_barcodes(run, before, after, charts, forms),
        *_cloud(run, before, after, charts),
        *_timeline(run, before, after, charts),
        *_spectrum(run, before, after, charts),
        *_layers(run, before, charts),
        *_moved(run, before, after, examples),
        *_training(run, charts),
        *_merges(run, before, after, examples),
        *_settings(run),
    ]
    examples.fill()
    kind = data.modality(run)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        standalone.parts(charts),
        title=escape(_title(run)),
        body="\n".join([_head(run), *examples.said(), *parts]),
        forms=standalone.as_json(forms),
        texts=standalone.as_json([_text(text) for text in examples.texts] if examples.texts is not None else []),
        examples=standalone.as_json({"one": kind.one, "many": kind.many, "files": examples.held}),
        selection=SELECTION,
        brush=BRUSH,
        moment=MOMENT,
        least_height="200px",
    )


def write(run: Run, path: Path) -> int:
    """Write the report of `run` to `path`, whole or not at all; returns its size in bytes.

    Raises:
        IsobarError: there is nothing to report, or the file can't be written.
    """
    if not path.absolute().parent.is_dir():
        raise IsobarError(f"The file {path} can't be written: there is no folder {path.absolute().parent}.")
    if path.is_dir():
        raise IsobarError(f"The file {path} can't be written: it is a folder; name a file in it.")
    content = html(run).encode()
    try:
        files.write(path, content)
    except OSError as error:
        raise IsobarError(f"The file {path} can't be written: {error.strerror}.") from error
    return len(content)


def _title(run: Run) -> str:
    row = data.row(run)
    return f"{row.task} · {row.model}"


def _head(run: Run) -> str:
    of = "inspection" if data.is_inspection(run) else data.regularized(data.spec(run))
    facts = [STATES[run.state][2], of, *data.facts(run), data.name_of(run)]
    notes = "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in [*data.missing(run), *data.notes(run)])
    return f'<h1>{escape(_title(run))}</h1><p class="soft">{escape(" · ".join(facts))}</p>{notes}'


def _standing(run: Run, before: Snapshot | None, charts: Charts) -> Iterator[str]:
    """Of an inspection: has it collapsed?"""
    if before is None or not data.report(run).get("isotropic"):
        return
    found = standing.found_of(before)
    yield f"<p><b>{escape(found.sentence)}</b></p>"
    if math.isfinite(found.standing.directions):
        charts["standing"] = standing.drawn(found)
        yield _panel("standing")
        yield f'<p class="soft">{escape(standing.ABOUT)}</p>'


def _numbers(run: Run, *, alone: bool) -> Iterator[str]:
    """The cards of the run's header, and what they mean."""
    inspected = bool(data.report(run).get("isotropic"))
    found = reference.tracks(run) if inspected else list(_changes(run, alone=alone))
    yield '<div class="cards">'
    for name, value, more in found:
        about = meaning(name)
        shown = value if isinstance(value, str) else number(value)
        yield (
            f'<div class="card" title="{escape(about.definition)}"><span>{escape(about.label)}</span>'
            f"<b>{shown}</b>{more}</div>"
        )
    yield "</div>"
    if inspected:
        for sentence in filter(None, (reference.marks(run), reference.by_other_pooling(run))):
            yield f'<p class="soft">{escape(sentence)}</p>'
    if any(name == "anisotropy_1_within" for name, _, _ in found):
        yield f'<p class="soft">{escape(APART)}</p>'
    yield "<details><summary>What these numbers mean</summary><dl>"
    for name, _, _ in found:
        about = meaning(name)
        yield f"<dt>{escape(about.label)}</dt><dd>{escape(about.definition)}</dd>"
    yield "</dl></details>"


def _changes(run: Run, *, alone: bool) -> Iterator[tuple[str, str, str]]:
    """Of each card the measure, its value before and after, and as HTML what that means and the baseline's."""
    before, after = cards.sides(run)
    other = data.baseline_of(run)
    baseline = cards.sides(other)[1] if other else {}
    for name in (cards.headline(run), *cards.FIRST, *cards.REST):
        a, b = before.get(name), after.get(name)
        if a is None and b is None:
            continue
        lines = []
        if not alone:
            change = cards.change(name, a, b, baseline.get(name), cards.from_baseline(run, other, name))
            if change.by is not None:
                lines.append(f'<span class="{_CLASSES[change.colour]}">{signed(change.by)} {change.words}</span>')
            if name in baseline:
                said = " · ".join(filter(None, (f"baseline {number(baseline[name])}", change.noise)))
                lines.append(f'<br><span class="soft">{said}</span>')
        yield name, number(a) if alone else f"{number(a)} → {number(b)}", "".join(lines)


def _barcodes(
    run: Run, before: Snapshot | None, after: Snapshot | None, charts: Charts, forms: dict[str, dict]
) -> Iterator[str]:
    """Each class before beside after, over its spanning tree, on shared axes; of many classes all but the first are folded.

    What the charts of a side have in common is in `forms`, once; in `charts` is what each class has of its own.
    """
    first = space.HERE.capitalize() if data.is_inspection(run) else "Before"
    sides = [(word, side) for word, side in ((first, before), ("After", after)) if side is not None]
    texts = texts_of(run)
    labels = sorted({shape.label for _, side in sides for shape in side.classes})
    room = max(_MOST_BARS // max(len(labels) * len(sides), 1), 2)
    yield "<h2>Barcodes</h2>"
    yield (
        "<p>A bar is as long as the distance at which two components of a class meet: <em>n</em> embeddings have "
        "<em>n</em> − 1 bars, the edges of their minimum spanning tree. Bars that stand out are features (solid), the "
        "rest is noise (pale); the threshold (dashed) is the length of the shortest feature. Where no bar stands out, it is "
        f"drawn all the same: {FIVE} The slider tries others; a click on a bar or an edge marks both and says which "
        f"{data.modality(run).many} it joins.</p>"
    )
    for place, label in enumerate(labels):
        shapes = [next((s for s in side.classes if s.label == label), None) for _, side in sides]
        drawn = [(w, side, s) for (w, side), s in zip(sides, shapes) if s is not None and len(s.lengths) > 1]
        name = next((s.name for s in shapes if s is not None and s.name), f"class {label}")
        head = barcodes.headline(name, class_colour(label), shapes)
        if not drawn:
            yield f'<div class="panel">{head}<p>Fewer than three embeddings make no tree to look at.</p></div>'
            continue
        longest = max(float(s.lengths[0]) for _, _, s in drawn) * 1.02 or 1.0
        most = max(min(len(s.lengths), room) for _, _, s in drawn)
        planes = common_plane([side.embeddings[side.labels == label] for _, side, _ in drawn])
        extent = max(float(np.abs(p).max()) for p in planes) * 1.05 or 1.0
        said, figures = "", []
        if any(len(s.lengths) > room for _, _, s in drawn):
            said = f'<p class="soft">The {room:,} longest of {max(len(s.lengths) for _, _, s in drawn):,} bars.</p>'
        for (word, side, shape), plane in zip(drawn, planes):
            key = f"barcode-{label}-{word.lower().replace(' ', '-')}"
            charts[key] = {
                "form": word,
                "longest": longest,
                "most": most,
                "extent": extent,
                "colour": BEFORE if word == "Before" else class_colour(label),
                "description": barcodes.description(word, name, shape),
                **_own(shape, side, plane, room),
            }
            if word not in forms:
                hollow = word == "Before"
                forms[word] = _form(
                    partial(barcodes.linked, shape, side, plane, texts, room=room, title=word, hollow=hollow)
                )
            figures.append(_figure(key, said=True))
        body = f'{said}<div class="row">{"".join(figures)}</div>'
        if place < _OPEN:
            yield f'<div class="panel">{head}{body}</div>'
        else:
            yield f'<details class="panel"><summary>{head}</summary>{body}</details>'


def _cloud(run: Run, before: Snapshot | None, after: Snapshot | None, charts: Charts) -> Iterator[str]:
    if data.is_inspection(run):
        return  # of one side alone the trees above are the cloud
    sides = {name: side for name, side in (("before", before), ("after", after)) if side is not None}
    names = classes.names_of(run, *sides.values())
    yield "<h2>Cloud</h2>"
    try:
        shown = cloud.prepared(run, sides, list(names), names)
    except IsobarError as error:
        yield f"<p>{escape(str(error))}</p>"
        return
    charts["cloud"] = shown.chart
    yield _panel("cloud", said=True)
    yield f'<p class="soft">{escape(shown.said())}</p>'


def _timeline(run: Run, before: Snapshot | None, after: Snapshot | None, charts: Charts) -> Iterator[str]:
    try:
        film = timeline.film_of(run, timeline.thinned(run.steps, _MOST_FRAMES)) if len(run.steps) > 1 else None
    except IsobarError:
        return  # no principal axes: the cloud has said so
    if film is None or len(film.steps) < 2:
        return
    names = classes.names_of(run, before, after)
    barred = list(names)[: timeline.CLASSES]
    charts["timeline"] = partial(timeline.drawn, run, film, names=names, chosen=barred, at=len(film.steps) - 1)
    limits = timeline.left_out(run, film, barred)
    if len(barred) < len(names):
        limits += f" Bars are those of the first {len(barred)} of {len(names)} classes."
    yield "<h2>Timeline</h2>"
    yield _panel("timeline", said=True)
    yield (
        f'<p class="soft">{timeline.EXPLAINED} A click on a bar or an edge says which {data.modality(run).many} it joins; one on a point of '
        f"the lower row leads to that step. {limits}</p>"
    )


def _spectrum(run: Run, before: Snapshot | None, after: Snapshot | None, charts: Charts) -> Iterator[str]:
    yield "<h2>Anisotropy</h2>"
    sides = {name: side for name, side in (("before", before), ("after", after)) if side is not None}
    about = anisotropy.first(sides)
    said = "Grey is before, green after."
    if data.is_inspection(run):
        sides = {space.HERE: before or after}
        found = anisotropy.drawn(run, sides, about=about, colours=space.COLOURS)
        found.pop("layers", None)  # all measures of them have a chapter of their own
        said = "Green is this checkpoint."
    else:
        found = anisotropy.drawn(run, sides, about=about)
    charts.update(found)
    yield f'<div class="row">{"".join(_panel(key) for key in list(found)[:2])}</div>'
    yield "".join(_panel(key) for key in list(found)[2:])
    yield f'<p class="soft">{said} {escape(anisotropy.explained(about))} {escape(anisotropy.alone(about, sides))}</p>'
    counts, outliers = anisotropy.outliers(sides)
    yield f"<h3>{escape(meaning('outlier_dimensions').label)}: {counts}</h3>"
    if outliers.empty:
        yield f'<p class="soft">{anisotropy.NO_OUTLIERS}</p>'
        return
    heads = {"dimension": "n", **{f"{side}, times the mean variance": "n" for side in sides}}
    yield _table(
        heads, ((f"{row[0]:.0f}", *(number(value, 1) for value in row[1:])) for row in outliers.to_numpy().tolist())
    )


def _layers(run: Run, snapshot: Snapshot | None, charts: Charts) -> Iterator[str]:
    """Of an inspection every measure layer by layer."""
    found = space.profiles(run, snapshot) if data.is_inspection(run) and snapshot is not None else {}
    if not found:
        return
    charts.update(found)
    yield "<h2>Layers</h2>"
    yield f'<div class="row">{"".join(_panel(key) for key in found)}</div>'
    yield f'<p class="soft">{escape(space.explained(run, snapshot))}</p>'


def _moved(run: Run, before: Snapshot | None, after: Snapshot | None, examples: "_Examples") -> Iterator[str]:
    if not moved.comparable(before, after):
        return
    try:
        found = moved.compared(run, before, after)
    except IsobarError:
        return  # too few examples to have neighbours
    texts, kind = texts_of(run, len(found)), data.modality(run)
    yield f"<h2>{kind.many.capitalize()} that moved</h2>"
    yield f"<p>{escape(moved.sentence(found, kind))}</p>"
    yield f'<p class="soft">{escape(moved.meaning(found, kind))}</p>'
    heads = {
        kind.one: "",
        "class": "name",
        moved.NEAREST: "n",
        "class distance": "n",
        "after": "n",
        "prediction": "name",
    }
    rows = (
        (
            _Markup(examples.markup(run, texts, row.Index)),
            row[2],
            f"{number(100 * row.kept, 0)} %",
            number(row.old, 2),
            number(row.new, 2),
            row.prediction,
        )
        for row in moved.ordered(found).head(_MOST_MOVED).itertuples()
    )
    yield f'<div class="panel scroll">{_table(heads, rows)}</div>'
    if len(found) > _MOST_MOVED:
        yield f'<p class="soft">The first {_MOST_MOVED} of {len(found):,} are listed.</p>'


def _training(run: Run, charts: Charts) -> Iterator[str]:
    if not run.rows("step"):
        return
    found = training.drawn(run)
    charts.update(found)
    yield "<h2>Training</h2>"
    yield f'<div class="row three">{"".join(_panel(key) for key in found)}</div>'


def _merges(run: Run, before: Snapshot | None, after: Snapshot | None, examples: "_Examples") -> Iterator[str]:
    """The examples that each class's longest and shortest bars finally join."""
    texts = texts_of(run)
    shown = after or before
    if texts is None or shown is None:
        return
    yield f"<h2>Merges{' after training' if after else ''}</h2>"
    yield f"<p>{merges.explained(data.modality(run))}</p>"
    if len(shown.classes) > _OPEN:
        yield (
            f'<p class="soft">Of the first {_OPEN} of {len(shown.classes):,} classes; a click on a bar of any class above says '
            "what it joins.</p>"
        )
    for shape in shown.classes[:_OPEN]:
        found, colour = merges_of(shape), class_colour(shape.label)
        if found:
            both = "".join(f"<div>{words}</div>" for words in merges.lists(run, found, colour, texts, examples.markup))
            name = shape.called
            yield f'<div class="panel">{barcodes.headline(name, colour, [shape])}<div class="row">{both}</div></div>'


class _Examples:
    """The images or sounds that the report holds, each once, however often it is shown: what shows it names its row.

    Attributes:
        held: of the rows, the files as addresses.
        texts: the probe set's, all of them.
    """

    def __init__(self, run: Run):
        self.held: dict[int, str] = {}
        self.texts = texts_of(run)
        self._run, self._room = run, _MOST_BYTES

    def markup(self, run: Run, texts: pd.Series | None, row: int) -> str:
        """Return the example of a row as HTML."""
        return markup(run, texts, row, longest=_LONGEST_TEXT, source=self._source)

    def _source(self, run: Run, row: int) -> str:
        if row not in self.held and (content := data_uri(run.preview(row))) and len(content) <= self._room:
            self.held[row] = content
            self._room -= len(content)
        return f'data-example="{row}"' if row in self.held else ""

    def fill(self) -> None:
        """Take in as many others as there is room for, since a click may ask for any."""
        for row in range(len(self.texts) if self.texts is not None else 0):
            self._source(self._run, row)

    def said(self) -> Iterator[str]:
        """How many there are, and what is missing."""
        kind, whole = data.modality(self._run), len(self.texts) if self.texts is not None else 0
        if len(self.held) == whole > 0:
            yield f'<p class="soft">This file holds all {kind.counted(whole)} of the probe set, each once.</p>'
        elif self.held:
            yield (
                f'<p class="soft">This file holds {len(self.held):,} of the {kind.counted(whole)} of the probe set, '
                "those of the lists below first; the others are named.</p>"
            )


def _text(text: str) -> str:
    """Return `text` in a line, cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def _settings(run: Run) -> Iterator[str]:
    settings, record = data.spec(run), data.record(run)
    yield "<h2>Settings</h2>"
    yield f"<pre>{escape(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))}</pre>"
    if record:
        yield "<h2>Versions, device and data</h2>"
        yield f"<pre>{escape(yaml.safe_dump(record, sort_keys=False, allow_unicode=True))}</pre>"


class _Markup(str):
    """HTML, where other cells of a table are text."""


def _panel(key: str, *, said: bool = False) -> str:
    return f'<div class="panel">{_figure(key, said=said)}</div>'


def _table(heads: dict[str, str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; `heads` says of each column its head and its cells' class in the style sheet."""
    kinds = [f' class="{kind}"' if kind else "" for kind in heads.values()]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(heads, kinds, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell if isinstance(cell, _Markup) else escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _figure(key: str, *, said: bool = False) -> str:
    words = '<div class="said soft"></div>' if said else ""
    return f'<figure><div class="chart" data-chart="{escape(key)}"></div>{words}</figure>'


def _form(make: Callable[..., alt.TopLevelMixin]) -> dict:
    """Return the description of a barcode's chart with "@name" wherever a class has something of its own."""
    spec = standalone.description(partial(make, colour="@colour", description="@description", **_PLACES))
    places = {value: f"@{name}" for name, value in _PLACES.items()} | {-_PLACES["extent"]: "@-extent"}
    spec["datasets"] = {
        name: "@bars" if rows and "rank" in rows[0] else "@points" for name, rows in spec["datasets"].items()
    }

    def placed(part):
        if isinstance(part, list):
            return [placed(one) for one in part]
        if not isinstance(part, dict):
            return places.get(part, part) if isinstance(part, int | float) else part
        if part.get("name") in ("lengths", "entropies") and "expr" in part:
            return {"name": part["name"], "value": f"@{part['name']}"}
        if part.get("name") == "features" and "bind" in part:
            return {**part, "value": "@features", "bind": {**part["bind"], "max": "@most_features"}}
        return {key: placed(one) for key, one in part.items()}

    return placed(spec)


def _own(shape: ClassShape, side: Snapshot, plane: np.ndarray, room: int) -> dict:
    """Return the bars of a class, as columns, with the ends of their edges, which are its points: what a form leaves out."""
    rows = np.flatnonzero(side.labels == shape.label)
    lengths, ends, plane = rounded(shape.lengths[:room], 6), shape.edges[:room], rounded(plane)
    (x, y), (x2, y2) = (plane[np.searchsorted(rows, ends[:, end])].T for end in (0, 1))
    bars = {"length": lengths, "row": ends[:, 0], "other": ends[:, 1], "x": x, "y": y, "x2": x2, "y2": y2}
    bars["feature"] = shape.features[:room].astype(int)
    return {
        "features": max(min(shape.kept, len(lengths)), 1),
        "most_features": max(len(lengths), 2),
        "entropies": longest_entropies(lengths).round(6).tolist(),
        "bars": {name: values.tolist() for name, values in bars.items()},
    }


def main(arguments: list[str]) -> int:
    """Write the report that `arguments` ask for, and say where it is; returns the exit code."""
    parser = argparse.ArgumentParser(prog="isobar report")
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    run = load_run(options.run)
    out = options.out or Path(f"{run.name}.html")
    size = write(run, out)
    print(json.dumps({"report": str(out), "bytes": size}) if options.json else f"{out} ({size / 1e6:.1f} MB)")
    return 0
