"""Commands about runs that are there: list, compare, report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.children import python_module
from core.cli.options import RUNS, Json, Runs
from core.cli.output import writing
from core.training.spec import RunSpec

commands = typer.Typer()


@commands.command(name="runs")
def runs_(runs: Runs = RUNS, as_json: Json = False) -> None:
    """List the runs, newest first."""
    from core.runs import list_runs

    found = list_runs(runs)
    if as_json:
        rows = [
            {"run": str(r.path), "state": r.state, "spec": r.spec, "difference": r.report.get("difference", {})}
            for r in found
        ]
        print(json.dumps(rows))
    elif not found:
        print(f"No runs in {runs} yet; `isobar train` makes one.")
    else:
        from core.tables import print_runs

        print_runs(found)


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

        with writing(csv):
            csv.write_text(csv_of(pd.DataFrame(found.rows())), encoding="utf-8")
    if as_json:
        print(json.dumps(found.as_dict()))
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
