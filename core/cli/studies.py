"""Commands that look at many models, or at one in many states, and tell what that says."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import RUNS, Address, Backend, Json, Processes, Runs
from core.cli.output import check_place, quiet, writing
from core.cli.progress import progress_bar, sweep_bar, time_in_all
from core.errors import IsobarError, RunFailedError
from core.json_text import json_text
from core.runs import layout
from core.studies.landscape import CELLS, Landscape, LandscapeSpec, read_landscape
from core.studies.layers import LayersSpec
from core.studies.study import StudySpec
from core.training.spec import read_yaml

commands = typer.Typer()


Into = Annotated[
    Path | None,
    typer.Option(
        help="The directory of the study; one that was cut short is gone on with. [default: a new one, which the explorer shows]",
        show_default=False,
    ),
]


def _help(field: str, of=LayersSpec) -> str:
    about = of.model_fields[field]
    default = about.default[0] if field == "tasks" else about.default
    return f"{about.description} [default: {default}]"


def _of(field: str) -> str:
    return _help(field, LandscapeSpec)


@commands.command()
def layers(
    models: Annotated[
        list[str] | None,
        typer.Argument(help=f"{LayersSpec.model_fields['models'].description} [default: minilm]", show_default=False),
    ] = None,
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
    spec: Annotated[
        Path | None, typer.Option(help="A YAML file of these settings; options given here win over it.")
    ] = None,
    runs: Runs = RUNS,
    into: Into = None,
    out: Annotated[Path | None, typer.Option(help="Also write a row for each layer to this file, as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Say what depth does to the space of one model or several, trained and untrained, with their drift and without."""
    given = {
        "models": models, "tasks": task, "examples": examples, "untrained": untrained, "pooling": pooling, "max_length": max_length,
        "max_seconds": max_seconds, "batch_size": batch_size, "device": device, "seed": seed,
    }  # fmt: skip
    chosen = LayersSpec.parse(
        {**_read(spec), **{name: value for name, value in given.items() if value not in (None, [])}}
    )
    check_place(out)

    from core.studies.looking import study_layers
    from core.training.progress import Stopped

    with quiet(as_json) as console, progress_bar(console) as progress:
        try:
            with _place(into, chosen, runs / layout.LAYERS) as path:
                found = study_layers(chosen, path, progress=progress)
        except Stopped:
            sys.exit(130)
    if out is not None:
        import pandas as pd

        from core.table_files import csv_of

        with writing(out) as file:
            file.write_text(csv_of(pd.DataFrame(found.rows)), encoding="utf-8")
    if as_json:
        print(json_text(found.as_dict()))
    else:
        from core.tables import print_layers_study

        print_layers_study(found)


@commands.command()
def landscape(
    file: Annotated[
        Path | None, typer.Argument(help="A landscape file (YAML); options given here win over it.", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option(help=_of("model"), show_default=False)] = None,
    task: Annotated[
        list[str] | None, typer.Option(help=f"{_of('tasks')} May be given several times.", show_default=False)
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{LandscapeSpec.model_fields['weights'].description} May be given several times.", show_default=False
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{LandscapeSpec.model_fields['also'].description} May be given several times.", show_default=False
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help=_of("seeds"), show_default=False)] = None,
    sentences: Annotated[int | None, typer.Option(help=_of("sentences"), show_default=False)] = None,
    sample: Annotated[str | None, typer.Option(help=_of("sample"), show_default=False)] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing; tell what the finished cells of --into say.")
    ] = False,
    runs: Runs = RUNS,
    into: Into = None,
    processes: Processes = 1,
    backend: Backend = "local",
    address: Address = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write the tables to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether the geometry of a space predicts the score after fine-tuning, and whether it says more than the noise does.

    Every state of the model is fine-tuned with every seed on every task: seventeen states, three seeds and one task are 51 runs.
    """
    given = {
        "model": model, "tasks": task, "weights": weights, "also": also, "seeds": seeds, "sentences": sentences, "sample": sample,
    }  # fmt: skip
    spec = LandscapeSpec.parse(
        {**_read(file), **{name: value for name, value in given.items() if value}}, "the settings"
    )
    check_place(out)
    if report_only:
        if into is None:
            raise IsobarError("Say with --into which landscape to tell of.")
        found = read_landscape(into)
    else:
        with _place(into, spec, runs / layout.LANDSCAPES) as path:
            found = _run_landscape(spec, path, runs, backend, processes, address)
    from core.tables import landscape_markdown, print_landscape

    if out is not None:
        with writing(out) as file:
            file.write_text(landscape_markdown(found), encoding="utf-8")
    if as_json:
        print(json_text(found.as_dict()))
    else:
        print_landscape(found)
    if found.failed:
        raise RunFailedError(
            f"{len(found.failed)} cells did not finish; the same command with --into goes on with them."
        )


def _run_landscape(
    spec: LandscapeSpec, path: Path, runs: Path, backend: str, processes: int, address: str
) -> Landscape:
    from core.studies.perturbing import study_landscape
    from core.studies.sweep import unfinished
    from core.studies.workers import workers
    from core.training.progress import Stopped

    with sweep_bar() as (tell, watch):
        todo = unfinished(spec, path / CELLS)
        tell(f"{len(todo)} of {len(spec.cells())} runs to make, in {path}: {time_in_all(todo, path / CELLS, runs)}.")
        try:
            return study_landscape(
                spec, path, lambda cells: workers(backend, processes, address, cells), tell=tell, watch=watch
            )
        except Stopped:
            sys.exit(130)


@contextmanager
def _place(into: Path | None, spec: StudySpec, folder: Path) -> Iterator[Path]:
    """Yield the directory that was asked for, or a new one in `folder`, which goes again where the study never began."""
    if into is not None:
        yield into
        return
    from core.runs import RunWriter

    with RunWriter.named(spec.run_name(), folder) as writer:
        yield writer.path


def _read(file: Path | None) -> dict:
    """Return the settings in a file; a study's own spec.yaml is one."""
    found = read_yaml(file, "file of a study", "'name: value' lines, as --help names them") if file is not None else {}
    return {name: value for name, value in found.items() if name != "format"}
