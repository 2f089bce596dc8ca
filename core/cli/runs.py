"""Commands about runs that are there: list, name, throw away, compare, report."""

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.children import python_module
from core.cli.options import RUNS, Json, Runs
from core.cli.output import check_place, writing
from core.json_text import json_text
from core.training.spec import RunSpec

commands = typer.Typer()


kept = typer.Typer(help="List the runs, newest first; or name them, throw them away, and take them back.")
commands.add_typer(kept, name="runs")
Folder = Annotated[Path | None, typer.Option("--runs", help="Where run directories are kept.", show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Runs in --runs, or run directories.")]


@kept.callback(invoke_without_command=True)
def runs_(context: typer.Context, runs: Runs = RUNS, as_json: Json = False) -> None:
    """List the runs, newest first; or name them, throw them away, and take them back."""
    if context.invoked_subcommand:
        context.obj = runs
        return
    from core.runs import list_runs

    found = list_runs(runs)
    if as_json:
        rows = [
            {
                "run": str(r.path),
                "state": r.state,
                "spec": r.spec,
                "difference": r.report.get("difference", {}),
                "note": asdict(r.note),
            }
            for r in found
        ]
        print(json_text(rows))
    elif not found:
        print(f"No runs in {runs} yet; `isobar train` makes one.")
    else:
        from core.tables import print_runs

        print_runs(found)


@kept.command()
def rm(context: typer.Context, names: Names, runs: Folder = None) -> None:
    """Throw runs away: into a trash in the folder of runs, from which `isobar runs restore` takes them back."""
    from core.runs.reader import find_run
    from core.runs.trash import trash

    for run in [find_run(name, runs or context.obj) for name in names]:
        trash(run)
        print(f"{run.name} is in the trash; `isobar runs restore {run.name}` takes it back.")


@kept.command()
def restore(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Runs in the trash; without any, what is in it is told.")
    ] = None,
    runs: Folder = None,
) -> None:
    """Take runs back from the trash; of several that had one name, the one that was thrown away last."""
    from core.runs.trash import last_trashed, trashed
    from core.runs.trash import restore as restored

    folder = runs or context.obj
    for one in [last_trashed(name, folder) for name in names or []]:
        print(f"{one.name} is back: {restored(one).path}")
    if not names:
        for one in (found := trashed(folder)):
            print(f"{one.moment}  {one.name}")
        print(f"{len(found)} in the trash of {folder}." if found else f"The trash of {folder} is empty.")


@kept.command()
def empty_trash(context: typer.Context, runs: Folder = None) -> None:
    """Remove for good what is in the trash."""
    from core.runs.trash import empty

    count = empty(runs or context.obj)
    print(f"{count} run{'s' * (count != 1)} removed.")


@kept.command()
def note(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A run in --runs, or a run directory.")],
    shown: Annotated[
        str | None, typer.Option("--name", help="What lists are to call it; an empty one takes it off.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag, in place of those it has; may be repeated, or empty.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What there is to say of it.")] = None,
    runs: Folder = None,
    as_json: Json = False,
) -> None:
    """Give a run a name, tags and a text; without any of them, print what it has."""
    from core.runs.notes import Note, write_note
    from core.runs.reader import find_run

    run = find_run(name, runs or context.obj)
    found = run.note
    if (shown, tags, text) != (None, None, None):
        found = Note.of(
            found.name if shown is None else shown,
            tags if tags is not None else found.tags,
            found.text if text is None else text,
        )
        write_note(run.path, found)
    if as_json:
        print(json_text(asdict(found)))
    elif not found:
        print(f"{run.name} has no name, tags or text; --name, --tag and --text give it some.")
    else:
        print("\n".join(part for part in (found.name, " ".join(f"#{tag}" for tag in found.tags), found.text) if part))


@commands.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="RUNS...", help="Runs in --runs, run directories, or folders of them.")
    ],
    runs: Runs = RUNS,
    csv: Annotated[Path | None, typer.Option(help="Also write every group's measures to this file, as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Average runs over their seeds, each beside its baseline of the same seed, and say what changed."""
    from core.runs.reader import find_runs
    from core.studies.compare import compare as compare_runs

    found = compare_runs(find_runs(names, runs), defaults=RunSpec.defaults())
    if csv is not None:
        import pandas as pd

        from core.table_files import csv_of

        with writing(csv) as file:
            file.write_text(csv_of(pd.DataFrame(found.rows())), encoding="utf-8")
    if as_json:
        print(json_text(found.as_dict()))
    else:
        from core.tables import print_comparison

        print_comparison(found)


@commands.command()
def report(
    run: Annotated[str, typer.Argument(help="A run directory, or the name of a run in --runs.")],
    runs: Runs = RUNS,
    out: Annotated[Path | None, typer.Option(help="The file to write; by default the run's name, here.")] = None,
    as_json: Json = False,
) -> None:
    """Write a run as one HTML file that opens without a network."""
    path = Path(run) if Path(run).is_dir() else runs / run
    command = python_module("explorer", "report", str(path))
    command += ["--out", str(out)] * (out is not None) + ["--json"] * as_json
    sys.exit(subprocess.run(command, env={**os.environ, "ISOBAR_RUNS": str(runs.absolute())}, check=False).returncode)


@commands.command()
def atlas(
    run: Annotated[str, typer.Argument(help="A run or inspection directory, or the name of a run in --runs.")],
    runs: Runs = RUNS,
    out: Annotated[
        Path | None, typer.Option(help="The parquet file to write; by default the run's name, here.")
    ] = None,
    places: Annotated[str, typer.Option(help="What x and y are: axes (principal ones) or umap (extra umap).")] = "axes",
) -> None:
    """Write a run's space as a table that Embedding Atlas opens: places, texts, labels, vectors, neighbours."""
    from core.runs.reader import find_run
    from core.studies.atlas import command, write_atlas

    found = find_run(run, runs)
    out = out or Path(f"{found.name}-atlas.parquet")
    check_place(out)
    rows = write_atlas(found, out, places)
    print(f"Wrote {rows:,} rows to {out}. To open it, with embedding-atlas installed:\n{command(out)}")
