"""Commands that look at many models, or at one in many states, and tell what that says."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import RUNS, Json, Runs
from core.cli.output import check_place, quiet, writing
from core.cli.progress import progress_bar
from core.runs import layout
from core.studies.layers import LayersSpec

commands = typer.Typer()


def _help(field: str) -> str:
    about = LayersSpec.model_fields[field]
    default = about.default[0] if field == "tasks" else about.default
    return f"{about.description} [default: {default}]"


@commands.command()
def layers(
    models: Annotated[
        list[str], typer.Argument(help=LayersSpec.model_fields["models"].description, show_default=False)
    ],
    task: Annotated[
        list[str] | None, typer.Option(help=f"{_help('tasks')} May be given several times.", show_default=False)
    ] = None,
    examples: Annotated[int | None, typer.Option(help=_help("examples"), show_default=False)] = None,
    untrained: Annotated[int | None, typer.Option(help=_help("untrained"), show_default=False)] = None,
    pooling: Annotated[str | None, typer.Option(help=_help("pooling"), show_default=False)] = None,
    max_length: Annotated[int | None, typer.Option(help=_help("max_length"), show_default=False)] = None,
    max_seconds: Annotated[float | None, typer.Option(help=_help("max_seconds"), show_default=False)] = None,
    batch_size: Annotated[int | None, typer.Option(help=_help("batch_size"), show_default=False)] = None,
    device: Annotated[str | None, typer.Option(help=_help("device"), show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help=_help("seed"), show_default=False)] = None,
    runs: Runs = RUNS,
    into: Annotated[
        Path | None,
        typer.Option(
            help="The directory of the study; one that was cut short is gone on with. [default: a new one, which the explorer shows]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write a row for each layer to this file, as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Say what depth does to the space of one model or several, trained and untrained, with their drift and without."""
    given = {
        "tasks": task, "examples": examples, "untrained": untrained, "pooling": pooling, "max_length": max_length,
        "max_seconds": max_seconds, "batch_size": batch_size, "device": device, "seed": seed,
    }  # fmt: skip
    spec = LayersSpec.parse({"models": models, **{name: value for name, value in given.items() if value is not None}})
    check_place(out)

    from core.studies.looking import study_layers
    from core.training.progress import Stopped

    with quiet(as_json) as console, progress_bar(console) as progress:
        try:
            found = study_layers(spec, into or _new(runs / layout.LAYERS, spec), progress=progress)
        except Stopped:
            sys.exit(130)
    if out is not None:
        import pandas as pd

        with writing(out):
            pd.DataFrame(found.rows).to_csv(out, index=False)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        from core.tables import print_layers_study

        print_layers_study(found)


def _new(folder: Path, spec: LayersSpec) -> Path:
    name = f"{datetime.now():%Y-%m-%dT%H-%M-%S}_{spec.name}"
    path, count = folder / name, 2
    while path.exists():
        path, count = path.with_name(f"{name}-{count}"), count + 1
    return path
