"""All measures there are, found in the files of :mod:`core.geometry.measures`: behind hover texts, cards, `--help` and `measure()`."""

from importlib import import_module
from pkgutil import iter_modules
from textwrap import wrap
from typing import get_args

from core.geometry import measures as package
from core.geometry.measures import INFINITY, Measure, Topic


def _declared() -> list[Measure]:
    """All measures, by topic; of one topic the main ones first, then by file and as they stand there."""
    files = sorted(file.name for file in iter_modules(package.__path__))
    found = [one for file in files for one in import_module(f"{package.__name__}.{file}").MEASURES]
    topics = get_args(Topic)
    return sorted(found, key=lambda one: (topics.index(one.topic), not one.main))


_DECLARED = _declared()

MEASURES = {one.name: one for one in _DECLARED if "two clouds" not in one.needs}
"""The measures of one cloud, by name."""

COMPARISONS = {one.name: one for one in _DECLARED if "two clouds" in one.needs}
"""The measures of two clouds of the same examples, by name."""

MAIN = tuple(name for name, about in MEASURES.items() if about.main)
"""The measures that cost milliseconds; the rest look at neighbours, cells or subsamples."""

RENAMED = {about.formerly: name for name, about in MEASURES.items() if about.formerly}
"""Names of the version before, and what they stood for; they go with the next one."""


def explain_measures() -> str:
    """Return a paragraph on every measure: what it is, its ends, its range, its source."""
    return "".join(_explained(about) for about in MEASURES.values())


def _explained(about: Measure) -> str:
    low, high = ("∞" if limit == INFINITY else f"{limit:g}" for limit in about.range)
    unit = f" {about.unit}" if about.unit else ""
    way = {"disputed": "which way is better is disputed", "neither": "neither way is better"}
    better = way.get(about.better, f"better is {about.better}")
    lines = [f"  {about.name} ({about.label})"]
    lines += wrap(about.definition, 98, initial_indent=_INDENT, subsequent_indent=_INDENT)
    lines.append(
        f"{_INDENT}Range {low} to {high}{unit}; isotropic {about.isotropic}, degenerate {about.degenerate}; {better}."
    )
    more = [f"Source: {about.source}."]
    if about.undefined:
        more.append(f"Undefined {about.undefined}.")
    if about.of_labels:
        more.append("Needs the labels of the rows.")
    if about.package:
        more.append(f"Needs the package {about.package}, which the extra `{about.extra}` brings.")
    for sentence in more:
        lines += wrap(sentence, 98, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return "".join(f"{line}\n" for line in lines)


_INDENT = " " * 6
