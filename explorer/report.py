"""The report: one HTML file of a run that opens without a network, with the charts of the app in it.

`isobar report` writes it, and the page of a run offers it. Every text of the run is escaped, and the
page forbids itself to fetch anything.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from html import escape
from pathlib import Path
from string import Template

import altair as alt
import numpy as np
import pandas as pd
import yaml

from core.errors import IsobarError
from core.runs import Run, Snapshot, load_run
from explorer.charts.linked import SELECTION
from explorer.charts.plane import common_plane
from explorer.charts.style import BEFORE, DARK, LIGHT, class_colour, config
from explorer.panels import anisotropy, barcodes, cards, data, space, training
from explorer.panels.figure import spec_of
from explorer.panels.words import STATES, meaning, number, signed

_MOST_BARS = 8000  # of all charts together: the file stays below 5 MB
_MERGES = 8  # how many of a class's longest bars are listed with their texts
_LONGEST_TEXT = 400
_TEMPLATE = Path(__file__).with_name("report.html")

Charts = dict[str, Callable[[], alt.TopLevelMixin]]


def html(run: Run) -> str:
    """Return the report of `run`, an inspection or one that was cut short included.

    Raises:
        IsobarError: there is no snapshot to report on.
    """
    before, after = data.before(run), data.after(run)
    if before is None and after is None:
        raise IsobarError(f"The run {run.name} has no snapshot that can be read, so there is nothing to report.")
    charts: Charts = {}
    parts = [
        _head(run),
        *_numbers(run, alone=after is None),
        *_barcodes(run, before, after, charts),
        *_spectrum(run, before, after, charts),
        *_training(run, charts),
        *_merges(run, before, after),
        *_settings(run),
    ]
    colours = {
        f"{name}_{part}": getattr(theme, part)
        for name, theme in (("light", LIGHT), ("dark", DARK))
        for part in ("background", "panel", "text", "line", "accent")
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        colours,
        title=escape(_title(run)),
        body="\n".join(parts),
        charts=_json({key: _spec(make) for key, make in charts.items()}),
        configs=_json({"light": config(LIGHT), "dark": config(DARK)}),
        vega=_vega(),
        selection=SELECTION,
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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise IsobarError(f"The file {path} can't be written: {error.strerror}.") from error
    return len(content)


def _title(run: Run) -> str:
    row = data.row(run)
    return f"{row.task} · {row.model}"


def _head(run: Run) -> str:
    of = "inspection" if data.is_inspection(run) else data.regularized(data.spec(run))
    facts = [STATES[run.state][2], of, *data.facts(run), data.name_of(run)]
    notes = "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in data.missing(run))
    return f'<h1>{escape(_title(run))}</h1><p class="soft">{escape(" · ".join(facts))}</p>{notes}'


def _numbers(run: Run, *, alone: bool) -> Iterator[str]:
    """The cards of the run's header, and what they mean."""
    before, after = cards.sides(run)
    other = data.baseline_of(run)
    report = data.report(run)
    beside = {
        "baseline": cards.sides(other)[1] if other else {},
        "untouched": report.get("base") or {},  # of an inspection
        "isotropic": report.get("isotropic") or {},
    }
    names = [n for n in (cards.headline(run), *cards.MEASURES, cards.ENTROPY) if n in before or n in after]
    yield '<div class="cards">'
    for name in names:
        about = meaning(name)
        a, b = before.get(name), after.get(name)
        lines = [f"<span>{escape(about.label)}</span>"]
        lines.append(f"<b>{number(a)}{'' if alone else f' → {number(b)}'}</b>")
        if a is not None and b is not None and not alone:
            word, _ = cards.verdict(about.better, b - a)
            lines.append(f'<span class="{word}">{signed(b - a)} {word}</span>')
        for word, value in ((word, side.get(name)) for word, side in beside.items()):
            if value is not None:
                lines.append(f'<br><span class="soft">{word} {number(value)}</span>')
        yield f'<div class="card" title="{escape(about.definition)}">{"".join(lines)}</div>'
    yield "</div><details><summary>What these numbers mean</summary><dl>"
    for name in names:
        about = meaning(name)
        yield f"<dt>{escape(about.label)}</dt><dd>{escape(about.definition)}</dd>"
    yield "</dl></details>"


def _barcodes(run: Run, before: Snapshot | None, after: Snapshot | None, charts: Charts) -> Iterator[str]:
    """Each class before beside after, over its spanning tree, on shared axes."""
    first = space.HERE.capitalize() if data.is_inspection(run) else "Before"
    sides = [(word, side) for word, side in ((first, before), ("After", after)) if side is not None]
    texts = barcodes.texts_of(run)
    labels = sorted({shape.label for _, side in sides for shape in side.classes})
    room = max(_MOST_BARS // max(len(labels) * len(sides), 1), 2)
    yield "<h2>Barcodes</h2>"
    yield (
        "<p>A bar is as long as the distance at which two components of a class meet: <em>n</em> embeddings have "
        "<em>n</em> − 1 bars, the edges of their minimum spanning tree. Bars that stand out are features (solid), the "
        "rest is noise (pale); the threshold (dashed) is the length of the shortest feature. The slider tries others; "
        "a click on a bar or an edge marks both and says which texts it joins.</p>"
    )
    for label in labels:
        shapes = [next((s for s in side.classes if s.label == label), None) for _, side in sides]
        drawn = [(w, side, s) for (w, side), s in zip(sides, shapes) if s is not None and len(s.lengths) > 1]
        name = next((s.name for s in shapes if s is not None and s.name), f"class {label}")
        yield f'<div class="panel"><h3><span style="color:{class_colour(label)}">■</span> {escape(name)}</h3>'
        if not drawn:
            yield "<p>Fewer than three embeddings make no tree to look at.</p></div>"
            continue
        longest = max(float(s.lengths[0]) for _, _, s in drawn) * 1.02 or 1.0
        most = max(min(len(s.lengths), room) for _, _, s in drawn)
        planes = common_plane([side.embeddings[side.labels == label] for _, side, _ in drawn])
        extent = max(float(np.abs(p).max()) for p in planes) * 1.05 or 1.0
        if any(len(s.lengths) > room for _, _, s in drawn):
            yield f'<p class="soft">The {room:,} longest of {max(len(s.lengths) for _, _, s in drawn):,} bars.</p>'
        yield '<div class="row">'
        for (word, side, shape), plane in zip(drawn, planes):
            key = f"barcode-{label}-{word.lower().replace(' ', '-')}"
            charts[key] = partial(
                barcodes.linked,
                shape,
                side,
                plane,
                texts,
                room=room,
                title=word,
                longest=longest,
                most=most,
                extent=extent,
                colour=BEFORE if word == "Before" else class_colour(label),
                hollow=word == "Before",
                description=barcodes.description(word, name, shape),
            )
            yield _figure(key, said=True)
        yield "</div></div>"


def _spectrum(run: Run, before: Snapshot | None, after: Snapshot | None, charts: Charts) -> Iterator[str]:
    yield "<h2>Anisotropy</h2>"
    sides = {name: side for name, side in (("before", before), ("after", after)) if side is not None}
    said = "Grey is before, green after."
    if data.is_inspection(run):
        found = anisotropy.drawn(run, {space.HERE: before or after}, center=True, colours=space.COLOURS)
        said = "Green is this checkpoint."
    else:
        found = anisotropy.drawn(run, sides, center=True)
    charts.update(found)
    yield f'<div class="row">{"".join(_panel(key) for key in list(found)[:2])}</div>'
    yield "".join(_panel(key) for key in list(found)[2:])
    yield f'<p class="soft">{said} {escape(anisotropy.explained(center=True))}</p>'


def _training(run: Run, charts: Charts) -> Iterator[str]:
    if not run.rows("step"):
        return
    found = training.drawn(run)
    charts.update(found)
    yield "<h2>Training</h2>"
    yield f'<div class="row three">{"".join(_panel(key) for key in found)}</div>'


def _merges(run: Run, before: Snapshot | None, after: Snapshot | None) -> Iterator[str]:
    """The texts that each class's longest bars finally join."""
    texts = barcodes.texts_of(run)
    shown = after or before
    if texts is None or shown is None:
        return
    yield f"<h2>Longest merges{' after training' if after else ''}</h2>"
    for shape in shown.classes:
        yield (
            f'<div class="panel"><h3><span style="color:{class_colour(shape.label)}">■</span> '
            f"{escape(shape.name or f'class {shape.label}')}</h3><table>"
            '<tr><th class="n">bar</th><th>kind</th><th class="n">length</th><th>joins</th><th>with</th></tr>'
        )
        for rank in range(min(_MERGES, len(shape.lengths))):
            kind = "feature" if shape.features[rank] else "noise"
            ends = "".join(f"<td>{escape(_text(texts, row))}</td>" for row in shape.edges[rank])
            yield (
                f'<tr><td class="n">{rank + 1}</td><td>{kind}</td>'
                f'<td class="n">{number(float(shape.lengths[rank]))}</td>{ends}</tr>'
            )
        yield "</table></div>"


def _text(texts: pd.Series, row: int) -> str:
    if row >= len(texts):
        return f"Text {row} (not stored)"
    text = " ".join(str(texts.iloc[row]).split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _settings(run: Run) -> Iterator[str]:
    settings = dict(data.spec(run))
    record = settings.pop("record", None)
    yield "<h2>Settings</h2>"
    yield f"<pre>{escape(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))}</pre>"
    if record:
        yield "<h2>Versions, device and data</h2>"
        yield f"<pre>{escape(yaml.safe_dump(record, sort_keys=False, allow_unicode=True))}</pre>"


def _panel(key: str) -> str:
    return f'<div class="panel">{_figure(key)}</div>'


def _figure(key: str, *, said: bool = False) -> str:
    words = '<p class="said soft"></p>' if said else ""
    return f'<figure><div class="chart" data-chart="{escape(key)}"></div>{words}</figure>'


def _spec(make: Callable[[], alt.TopLevelMixin]) -> dict:
    spec = spec_of(make)
    spec.pop("config", None)
    return spec


def _json(value: object) -> str:
    # Inside of a script element "<" could end it; inside of a JSON string it can be written so.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


@cache
def _vega() -> str:
    import vl_convert  # takes its time to start

    return vl_convert.javascript_bundle().replace("</script", "<\\/script")


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
