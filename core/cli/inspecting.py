"""Commands that look and train nothing: a checkpoint, or any embeddings."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from core.cli.options import Json
from core.cli.output import check_place, quiet, writing
from core.cli.progress import progress_bar, progress_on_terminal
from core.cli.spec_options import with_spec_options
from core.errors import IsobarError
from core.json_text import json_text
from core.training.spec import RunSpec

commands = typer.Typer()
_PROBE_OPTIONS = (
    "weights", "pooling", "layer", "max_length", "probe_per_class", "seed", "device", "text_column", "text_pair_column", "label_column",
)  # fmt: skip


@commands.command(name="inspect")
@with_spec_options(*_PROBE_OPTIONS)
def inspect_(
    settings: dict,
    model: Annotated[
        list[str] | None,
        typer.Argument(
            help="Built-in name, local folder or Hub id; or a file of embeddings, FILE or FILE:column=NAME, with --label-column. "
            "[default: minilm] Several are compared by the same examples, each with "
            "the first; MODEL:layer=3,pooling=cls looks at that layer and pooling of it.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Built-in name, local folder or file, or Hub id. [default: grammar]", show_default=False),
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="A YAML file of settings; options given here win over it.")] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Also write everything, embeddings and examples too, into this new directory.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Show the shape of a checkpoint's space, without training."""
    base = RunSpec.from_yaml(spec).model_dump() if spec is not None else {}
    models = model or []
    named = {name: value for name, value in (("model", next(iter(models), None)), ("task", task)) if value is not None}
    chosen = RunSpec.parse({**base, **settings, **named}, where="the options")
    check_place(out)
    if len(models) > 1:
        if run_dir is not None:
            raise IsobarError(
                "--run-dir takes one model; inspect each into a directory, and the app puts them side by side."
            )
        _side_by_side(models, chosen, out, as_json)
        return

    from core.training.inspection import inspect_checkpoint, record_inspection
    from core.training.progress import Stopped

    with quiet(as_json) as console, progress_bar(console) as progress:
        if run_dir is None:
            found = inspect_checkpoint(chosen.model, chosen.task, spec=chosen, progress=progress)
        else:
            try:
                _, found = record_inspection(chosen, run_dir, progress=progress)
            except Stopped:
                sys.exit(130)
    if not _told(found.as_dict(), out, as_json):
        from core.tables import print_inspection

        print_inspection(found)


def _side_by_side(models: list[str], spec: RunSpec, out: Path | None, as_json: bool) -> None:
    from core.studies.beside import Space, against_the_first
    from core.training.inspection import inspect_side_by_side

    with quiet(as_json) as console, progress_bar(console) as progress:
        found = inspect_side_by_side(models, spec=spec, progress=progress)
        spaces = [Space(one.model, one.embeddings, one.probe) for one in found]
        pairs = against_the_first(spaces, seed=spec.seed, progress=progress)
    both = {"inspections": [one.as_dict() for one in found], "comparisons": [pair.as_dict() for pair in pairs]}
    if not _told(both, out, as_json):
        from core.tables import print_side_by_side

        print_side_by_side(found, pairs)


def _told(found: dict, out: Path | None, as_json: bool) -> bool:
    """Write what was `found` as JSON where that is asked for; returns whether it was printed so."""
    text = json_text(found)
    if out is not None:
        with writing(out) as file:
            file.write_text(text, encoding="utf-8")
    if as_json:
        print(text)
    return as_json


class _ExplainsMeasures(TyperCommand):
    def format_epilog(self, ctx, formatter) -> None:
        """Add a paragraph on every measure, from the table that the app's hover texts come from."""
        from core.geometry.catalogue import explain_measures

        formatter.write(f"\nThe measures:\n\n{explain_measures()}")


@commands.command(name="measure", cls=_ExplainsMeasures)
def measure_(
    file: Annotated[
        Path,
        typer.Argument(
            help="Embeddings, one a row: .npy, .npz, .safetensors, .csv, .tsv, .json, .jsonl, .parquet, .txt, .vec, .h5, .h5ad "
            "and others, or a folder of a data set (docs/formats.md)."
        ),
    ],
    measures: Annotated[
        str,
        typer.Option(help="Joined by commas: names, main (those that cost milliseconds) or all."),
    ] = "main",
    labels: Annotated[
        str | None,
        typer.Option(
            help="Column, tensor or file of labels, FILE or FILE:column=NAME: each class is measured too, and how they stand apart."
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            "--tensor",
            help="Which column of vectors or which tensor, where a file has several; or what the names of several columns "
            "begin with before their number.",
        ),
    ] = None,
    intervals: Annotated[
        bool,
        typer.Option(
            "--intervals", help="Add a 95 % bootstrap interval to the whole cloud's; takes about 200 times as long."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap and the isotropic reference.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure the shape of any embeddings, beside an isotropic Gaussian cloud of the same size.

    With --json each row has n and d, what was measured; null is undefined, and "infinity" a value without bound. Notes on
    the file and on measures, and the line on what was read of it and what was left out, then go to stderr.
    """
    from core.geometry.cloud import as_cloud
    from core.geometry.files import read_embeddings
    from core.geometry.repeats import repeat_notes
    from core.geometry.report import chosen
    from core.geometry.summary import summarize

    names, notes = chosen([name.strip() for name in measures.split(",")], labels is not None)
    stored = read_embeddings(file, labels, column)
    cloud = as_cloud(stored.embeddings)
    with progress_on_terminal() if intervals else nullcontext() as told:
        found = summarize(
            cloud,
            stored.labels,
            names,
            resamples=200 if intervals else 0,
            seed=seed,
            progress=(lambda done, total: told("resamples", done, total)) if told else None,
        )
    notes = (*stored.notes, *notes, *repeat_notes(cloud, names))
    if as_json:
        print(*notes, stored.read, sep="\n", file=sys.stderr)
        print(json_text([row.as_dict() for row in found]))
    else:
        from core.tables import print_measures

        print_measures(found, notes)
        print(f"\n{stored.read}")
