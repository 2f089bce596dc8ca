"""The lesson as one HTML file that opens without a network: to show in class, and to take home."""

import re
from collections.abc import Iterator
from functools import cache, partial
from html import escape
from pathlib import Path
from string import Template

from core.topology.examples import example_cloud
from core.topology.filtration import filtration
from explorer.charts.descent import descent
from explorer.charts.filtration import growing
from explorer.panels import acting, board, play, points, rule, standalone
from explorer.panels.growing import shown
from explorer.panels.lesson import STEPS, Step

NAME = "isobar-lesson.html"
"""What it is called, and where the app has it."""

_TITLE = "What is a barcode?"
_TEMPLATE = Path(__file__).with_name("lesson.html")
_DRAWN = ("ring", 12, 0.1, 0)  # what the board starts with


@cache
def html() -> str:
    """Return the lesson: each step with its clouds, question and answer, and a board to draw on."""
    charts = {}
    parts = [part for name, step in STEPS.items() for part in _step(name, step, charts)]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        standalone.parts(charts),
        title=_TITLE,
        body="\n".join([_head(), *parts, _board()]),
        start=standalone.as_json(
            {"points": example_cloud(*_DRAWN).tolist(), "fewest": points.FEWEST, "most": points.MOST}
        ),
        board_style=board.style(),
        scripts=f"{board.script()}\n{play.script()}",
    )


def _head() -> str:
    return (
        f"<h1>{_TITLE}</h1><p>And what does the regularizer do to it? Five short steps with a question each. Move the "
        "sliders, or press Play; click a bar or an edge of the tree, and both are marked. The bar that never ends is that of the component left in the end: it has no length, is no feature and does not count in entropy. All of it is in this file: it needs "
        "no network.</p>"
    )


def _step(name: str, step: Step, charts: dict) -> Iterator[str]:
    """One step, whose charts are put into `charts`."""
    yield f"<h2>{name}. {escape(step.title)}</h2>{_marked_up(step.text)}"
    yield f'<p class="question">{escape(step.question)}</p>'
    yield f"<details><summary>Answer</summary><div>{_marked_up(step.answer)}</div></details>"
    for words, chosen in (step.choices or {"": step.own or step.setting}).items():
        cloud = points.from_address(chosen) if isinstance(chosen, str) else example_cloud(*_arguments(chosen))
        head = f"<h3>{escape(words)}</h3>" if words else ""
        told = _marked_up("\n\n".join(rule.told(filtration(cloud).lengths)))
        yield f'<div class="panel">{head}{_chart(f"growing-{len(charts)}", partial(growing, shown(cloud)), charts)}'
        yield f"<details><summary>How is the threshold found?</summary><div>{told}</div></details></div>"
        if step.acts:
            done = acting.acted(cloud, "all bars")
            drawn = _chart(f"acting-{len(charts)}", partial(descent, done), charts)
            yield f'<div class="panel"><h3>All bars, {acting.STEPS} gradient steps</h3>{drawn}</div>'


def _board() -> str:
    return (
        "<h2>Draw</h2><p>Bars, features, entropy and loops follow the points at once.</p>"
        '<div class="panel"><div class="place"></div></div>'
    )


def _arguments(setting: dict) -> tuple[str, int, float, int]:
    return setting["cloud"], setting["n"], setting["noise"], setting["seed"]


def _chart(key: str, make, charts: dict) -> str:
    charts[key] = make
    return f'<div class="chart" data-chart="{key}"></div>'


def _marked_up(text: str) -> str:
    """Return the lesson's own markdown, which has paragraphs, lists, bold and italics, as HTML."""
    return "".join(_block(block) for block in text.split("\n\n"))


def _block(block: str) -> str:
    words = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(block, quote=False))
    words = re.sub(r"\*(.+?)\*", r"<em>\1</em>", words)
    if not words.startswith("- "):
        return f"<p>{words}</p>"
    return f"<ul>{''.join(f'<li>{line[2:]}</li>' for line in words.splitlines())}</ul>"
