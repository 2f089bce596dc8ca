"""What the command line prints: results as tables on a terminal, or as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.geometry import APART, COMPARISONS, MEASURES
from core.geometry.summary import Measured
from core.geometry.verdict import pooling_sentence
from core.modalities import MODALITIES
from core.runs import Run
from core.studies import beside
from core.studies.compare import Comparison, Group, called
from core.studies.landscape import Landscape
from core.studies.layers import LayersStudy, verdicts
from core.studies.predictions import predictions, verdict
from core.studies.reproduce import VERDICTS, Reproduction
from core.training.spec import slug

_DASH = "–"


def number(value, digits: int = 3) -> str:
    """Return `value` with `digits` decimals, or a dash where there is none."""
    if value is None or (isinstance(value, float) and value != value):
        return _DASH
    return f"{round(value, digits) + 0.0:.{digits}f}" if isinstance(value, float) else str(value)  # no -0.000


def print_report(report: Mapping) -> None:
    """Print before and after of the task metrics, the whole space's measures, and each class's barcode."""
    before, after = report.get("before", {}), report.get("after", {})
    console = Console()
    table = Table("measure", title="The space before and after", title_justify="left")
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    table.add_column("better is")
    for name in dict.fromkeys([*before, *after]):
        if name not in ("classes", "layers"):
            table.add_row(
                _label(name),
                number(before.get(name)),
                number(after.get(name)),
                _change(before, after, name),
                _better(name),
            )
    console.print(table)
    _say_what_it_cannot_tell(console, before)

    table = Table("class", title="Bars of each class", title_justify="left")
    columns = (
        ("entropy", "entropy of features, nats"),
        ("relative_entropy_all", "relative entropy, all bars"),
        ("kept", "features"),
        ("threshold", "threshold"),
        ("anisotropy_1_centered", "anisotropy 1, centered"),
    )
    for _, heading in columns:
        table.add_column(heading, justify="right")
    for label in before.get("classes", after.get("classes", {})):
        cells = []
        for key, _ in columns:
            old, new = (_of_class(side.get("classes", {}).get(label, {}), key) for side in (before, after))
            cells.append(f"{number(old)} → {number(new)}" if after else number(old))
        table.add_row(Text(label), *cells)
    console.print(table)


def _pooled(found) -> str:
    pooling = found.record.get("pooling")
    return f", pooling {pooling}" if pooling else ""


def print_inspection(found) -> None:
    """Print the measures of a checkpoint beside an isotropic Gaussian's, and each class's barcode."""
    console = Console()
    console.print(Text(f"{found.verdict.sentence}\n", style="bold"))
    n, d = found.embeddings.shape
    many = MODALITIES[found.record["task"]["modality"]].many
    table = Table(
        "measure",
        title=Text(f"The space of {found.model} on {found.task}: {n} {many}, {d} dimensions{_pooled(found)}"),
        title_justify="left",
    )
    for name in ("value", "isotropic Gaussian"):
        table.add_column(name, justify="right")
    table.add_column("better is")
    for name, value in {**found.measures, **found.metrics}.items():
        table.add_row(_label(name), number(value), number(found.reference.get(name)), _better(name))
    console.print(table)
    _say_what_it_cannot_tell(console, found.measures)
    table = Table("class", title="Bars of each class", title_justify="left")
    for name in (
        many,
        "bars",
        "features",
        "threshold",
        "entropy of features, nats",
        "relative entropy, all bars",
        "longest",
    ):
        table.add_column(name, justify="right")
    for shape in found.classes:
        longest = float(shape.lengths[0]) if len(shape.lengths) else None
        row = (
            shape.points,
            len(shape.lengths),
            int(shape.kept),
            shape.threshold,
            shape.entropy,
            shape.relative_entropy_all,
            longest,
        )
        table.add_row(Text(shape.name), *(number(cell) for cell in row))
    console.print(table)
    if found.layers:
        print_layers(found.layers)
    if sentence := pooling_sentence(found.measures, found.other_pooling):
        console.print(Text(sentence))
    for note in found.notes:
        console.print(Text(f"Note: {note}"))
    console.print(Text(found.read))


def print_side_by_side(found, pairs: Sequence[beside.Beside]) -> None:
    """Print the verdict on each of several models, and of each but the first what is to be said of it beside the first."""
    console = Console()
    for one in found:
        console.print(Text(f"{one.model}{_pooled(one)}. {one.verdict.sentence}"))
    for pair in pairs:
        table = Table("measure", title=Text(f"\n{beside.sentence(pair)}"), title_justify="left")
        for name in (pair.one.name, pair.other.name, "difference", "95 % interval"):
            table.add_column(Text(name), justify="right")
        for name, (value, low, high) in pair.differences.items():
            one, other = (side[name] for side in pair.values)
            table.add_row(
                _label(name),
                number(one),
                number(other),
                f"{value:+.3f}",
                f"[{low:+.3f}, {high:+.3f}]".replace("nan", _DASH),
            )
        for name, value in pair.alike.items():
            table.add_row(COMPARISONS[name].label, "", "", number(value), "")
        console.print(table)
        console.print(Text("Whose neighbours changed most:"))
        for row in pair.moved(5).itertuples(index=False):
            console.print(Text(f"  kept {100 * row.kept:3.0f} %  {' '.join(str(row.text).split())[:100]}"))
    console.print(Text(found[0].read.partition("; ")[2]))


def _say_what_it_cannot_tell(console: Console, measures: Mapping) -> None:
    """Say beside measures of classes what those of the whole cloud leave open."""
    if "between_share" in measures:
        console.print(Text(f"{APART}\n"))


def print_measures(rows: list[Measured], notes: Iterable[str] = ()) -> None:
    """Print what was measured and the notes, then measures of one cloud and of its classes beside an isotropic Gaussian's."""
    whole, classes = rows[0], len({row.label for row in rows if row.label is not None})
    counts = [(whole.n, "embedding", "s"), (whole.d, "dimension", "s")] + [(classes, "class", "es")] * bool(classes)
    print(", ".join(f"{count} {one}{many * (count != 1)}" for count, one, many in counts))
    for note in notes:
        print(note)
    print()
    print_rows(
        [
            {
                **({"of": "all" if row.label is None else f"class {row.label}"} if classes else {}),
                "measure": row.name,
                "value": row.value,
                **({"95 % interval": _interval(row)} if whole.low is not None else {}),
                "isotropic Gaussian": row.reference,
                "better": MEASURES[row.name].better,
                "definition": MEASURES[row.name].definition,
                "source": MEASURES[row.name].source,
            }
            for row in rows
        ]
    )
    for name in dict.fromkeys(row.name for row in rows if row.value != row.value and row.n > 1):
        print(f"\n{name} has no value where the table has a dash: it is undefined {MEASURES[name].undefined}.")


def _interval(row: Measured) -> str:
    return f"{number(row.low)} to {number(row.high)}" if row.low is not None else _DASH


def print_layers(layers: list[Mapping]) -> None:
    """Print a few measures of every layer, the input embeddings' first."""
    names = (
        "anisotropy_1_within",
        "anisotropy_1_centered",
        "anisotropy_1",
        "isoscore",
        "mean_cosine",
        "effective_rank",
    )
    names = [name for name in names if any(name in measures for measures in layers)]
    table = Table("layer", title="The space of each layer", title_justify="left")
    for name in names:
        table.add_column(_label(name), justify="right")
    for k, measures in enumerate(layers):
        table.add_row("input" if k == 0 else str(k), *(number(measures.get(name)) for name in names))
    Console().print(table)


def print_layers_study(found: LayersStudy) -> None:
    """Print a table of each model, a line for each layer: the mean cosine, trained, without drift and with random weights."""
    console = Console()
    for about in found.models:
        columns: dict[str, list[str]] = {}
        for points in ("examples", "tokens"):
            for heading, measure, weights in (
                (f"mean cosine, {points}", "mean_cosine", "trained"),
                ("centered", "mean_cosine_centered", "trained"),
                ("random weights", "mean_cosine", "untrained"),
            ):
                if profiles := found.profile(about["model"], measure, points, weights):
                    columns[f"{heading}{' ' * (points == 'tokens')}"] = [_range(values) for values in zip(*profiles)]
        title = f"{about['model']} ({about['type']}), {about['examples']:,} examples of {about['task']}, pooling {about['pooling']}"
        table = Table("layer", title=title, title_justify="left")
        for heading in columns:
            table.add_column(heading.strip(), justify="right")
        for k, cells in enumerate(zip(*columns.values())):
            table.add_row("input" if k == 0 else str(k), *cells)
        console.print(table)
    for points in ("examples", "tokens"):
        for sentence in verdicts(found, points=points):
            console.print(Text(f"Of {points}, {sentence}"))


def print_landscape(found: Landscape) -> None:
    """Print of each task what goes with its scores, and what that says."""
    for task in found.tasks:
        told = predictions(found, task)
        print_rows([one.as_row() for one in told])
        _say(verdict(task, told))


def landscape_markdown(found: Landscape) -> str:
    """Return the same as Markdown, with the points behind it."""
    parts = []
    for task in found.tasks:
        points, told = [point for point in found.points if point["task"] == task], predictions(found, task)
        parts += [f"## {slug(task)}: {len(points)} points", "", verdict(task, told), ""]
        parts += [markdown([one.as_row() for one in told])]
        names = ("model", "weights", "seed", "score")
        parts += [markdown([{name: _of_point(point, name) for name in names} for point in points])]
    return "\n".join(parts)


def _of_point(point: Mapping, name: str) -> str:
    value = point[name]
    return number(value) if isinstance(value, float) else str(value or ("as it is" if name == "weights" else value))


def _range(values: Sequence[float]) -> str:
    low, high = (number(some(values), 2) for some in (min, max))
    return low if low == high else f"{low} to {high}"


def print_runs(runs: Iterable[Run]) -> None:
    """Print one line a run."""
    table = Table("run", "state", "task metric", "anisotropy within classes", "IsoScore")
    for run in runs:
        before, after = run.report.get("before", {}), run.report.get("after", {})
        metric = run.report.get("metric", "")
        pairs = [
            f"{number(before.get(k))} → {number(after.get(k))}" for k in (metric, "anisotropy_1_within", "isoscore")
        ]
        note = run.note
        name = "\n".join(filter(None, (note.name, run.name, " ".join(f"#{tag}" for tag in note.tags))))
        table.add_row(Text(name), run.state, f"{metric} {pairs[0]}", *pairs[1:])
    Console().print(table)


def print_comparison(found: Comparison) -> None:
    """Print each group's means and differences from its baseline, a verdict for each, and the notes.

    As tables on a terminal and as Markdown elsewhere.
    """
    for model, task in dict.fromkeys((group.model, group.task) for group in found.groups):
        groups = [group for group in found.groups if (group.model, group.task) == (model, task)]
        _say(f"{model} on {task}, over seeds")
        print_rows([row for group in groups for row in _compared(group)])
        for line in ("", *(f"{group.called}: {group.verdict}" for group in groups)):
            _say(line)
    if any("between_share" in group.means for group in found.groups):
        _say(APART)
    for note in found.notes:
        _say(f"Note: {note}")


def _compared(group: Group) -> list[dict]:
    measures = (
        "anisotropy_1_within", "between_share", "nc1", "anisotropy_1_centered", "anisotropy_1", "isoscore",
    )  # fmt: skip
    rows = []
    for name in (n for n in (group.metric, *measures) if n in group.means):
        mean, change = group.means[name], group.differences.get(name)
        rows.append(
            {
                "group": "" if rows else group.called,
                "measure": called(name),
                "seeds": len(mean.seeds),
                "mean [95 % interval]": str(mean),
                "from the baseline": "" if change is None else str(change),
                "p": "" if change is None or change.p is None else f"{change.p:.3g}",
            }
        )
    return rows


def _say(line: str) -> None:
    """Print a line of text: on a terminal folded at its width, elsewhere a paragraph of its own."""
    if Console().is_terminal:
        Console().print(Text(line))
    else:
        print(f"{line}\n" if line else line)


def print_rows(rows: list[dict]) -> None:
    """Print rows of equal keys as a table; as Markdown where the output is no terminal, whose width would cut it."""
    console = Console()
    if not console.is_terminal:
        print(markdown(rows), end="")
        return
    table = Table(*(str(name) for name in rows[0]))
    for row in rows:
        table.add_row(*(Text(number(value)) for value in row.values()))
    console.print(table)


def markdown(rows: list[dict]) -> str:
    """Return rows of equal keys as a Markdown table."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([number(row.get(name)) for name in head] for row in rows)]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def print_reproduction(found: list[Reproduction]) -> None:
    """Print the claims and the ablation of each model and task, as tables on a terminal and as Markdown elsewhere."""
    if not Console().is_terminal:
        print(reproduction_markdown(found), end="")
        return
    for one in found:
        Console().print(Text(f"{one.name}: {_verdicts(one)}"))
        print_rows([claim.row() for claim in one.claims])
        print_rows(one.ablation_rows())
        for line in (_how_to_read(one), *(f"Note: {note}" for note in one.notes)):
            Console().print(Text(line))


def reproduction_markdown(found: list[Reproduction]) -> str:
    """Return the tables of claims and ablation as Markdown, with the sentences that say how to read them."""
    return "\n".join(
        f"# {one.name}\n\nOf {len(one.claims)} claims: {_verdicts(one)}.\n\n"
        + markdown([claim.row() for claim in one.claims])
        + f"\n{_how_to_read(one)}\n\n## Ablation\n\n"
        + markdown(one.ablation_rows())
        + "".join(f"\nNote: {note}\n" for note in one.notes)
        for one in found
    )


def _verdicts(one: Reproduction) -> str:
    given = [claim.verdict for claim in one.claims]
    return ", ".join(f"{word} {given.count(word)}" for word in VERDICTS)


def _how_to_read(one: Reproduction) -> str:
    noise = "unknown with one seed" if one.noise is None else f"{one.noise:.3f}"
    return (
        "Differences are paired by seed, their intervals bootstrapped over seeds, and p is that of the sign-flip test. "
        "Fewer than 5 seeds tell nothing. (a) and (c) hold, or do not, where the interval leaves out 0 and p is below "
        "0.1; of 5 seeds, all must agree for that. (b) holds where the interval leaves out a fall by more than the "
        f"baseline's standard deviation over seeds ({noise}), and does not where it leaves out everything else. "
        "The paper's figures are of the model named beside them."
    )


def _label(name: str) -> str:
    return MEASURES[name].label if name in MEASURES else name


def _better(name: str) -> str:
    return MEASURES[name].better if name in MEASURES else "higher"


def _change(before: Mapping, after: Mapping, name: str) -> str:
    old, new = before.get(name), after.get(name)
    return f"{new - old:+.3f}" if old is not None and new is not None else _DASH


def _of_class(summary: Mapping, key: str):
    return summary.get(key, summary.get("measures", {}).get(key))
