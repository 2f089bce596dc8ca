"""Commands that train: one run, many, and the paper's claims."""

import atexit
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from core.children import python_module
from core.cli.options import RUNS, Address, Backend, Json, Processes, Runs
from core.cli.output import check_place, print_rows, quiet, writing
from core.cli.progress import sweep_bar, time_in_all, told_by
from core.cli.spec_options import with_spec_options
from core.errors import IsobarError, RunFailedError
from core.json_text import json_text
from core.training.spec import RunSpec, overlaid

commands = typer.Typer()


class _ExplainsRegularizers(TyperCommand):
    def format_epilog(self, ctx, formatter) -> None:
        """Add a paragraph on each regularizer and its settings, from their own files."""
        from core.regularizers.chosen import explain_regularizers

        formatter.write(
            f"\nRegularizers, as --regularizer takes them, with their settings:\n\n{explain_regularizers()}\n"
        )


@commands.command(cls=_ExplainsRegularizers)
@with_spec_options()
def train(
    settings: dict,
    runs: Runs = RUNS,
    spec: Annotated[Path | None, typer.Option(help="A YAML file of settings; options given here win over it.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from: paper (the method as the paper's text has it), or authors (as their notebook "
            "trains); options given here win over it."
        ),
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="The run directory; by default a new one in --runs.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --run-dir from its last checkpoint.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fine-tune a model with the regularizer, and show its space before and after."""
    base: dict = {}
    if resume:
        if run_dir is None:
            raise IsobarError("--resume needs --run-dir, the run that is to be continued.")
        spec = spec or run_dir / "spec.yaml"
    if spec is not None and preset is not None:
        raise IsobarError("--preset and --spec (or --resume) both say what to start from; give one of them.")
    if preset is not None:
        from core.training.presets import preset_settings

        base = preset_settings(preset)
    if spec is not None:
        base = RunSpec.from_yaml(spec).model_dump()
    chosen = RunSpec.parse(overlaid(base, settings), where="the options")

    # Read once, when torch loads: threads that wait asleep cost little alone; beside other work those that spin made
    # a step six times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from core.training.fit import train as run_it

    first = os.environ.get("RANK", "0") == "0"  # of the processes that `accelerate launch` starts, one speaks
    with quiet(as_json) as console, told_by(console) if first else nullcontext() as progress:
        run = run_it(chosen, run_dir, runs_dir=runs, resume=resume, progress=progress)
    report = run.report
    if not first:
        pass
    elif as_json:
        print(json_text({"run": str(run.path), "before": report.get("before"), "after": report.get("after")}))
    else:
        from core.tables import print_report

        print_report(report)
        print(f"Run directory: {run.path}" + (" (stopped; --resume continues it)" if run.state == "stopped" else ""))
    code = 130 if run.state == "stopped" else 0
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # Not by way of Python's own end: a late thread of the process group's would ask for its lock, and abort the process.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    if code:
        sys.exit(code)


@commands.command()
def sweep(
    file: Annotated[Path, typer.Argument(help="YAML with base, grid, cells and baselines; see assets/sweeps/.")],
    runs: Runs = RUNS,
    processes: Processes = 1,
    backend: Backend = "local",
    address: Address = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Run every combination of some settings beside its baseline; finished cells are not run again."""
    from core.studies.sweep import Sweep, summary

    chosen = Sweep.from_yaml(file)
    check_place(out)
    found = _run_cells(chosen, runs, backend, processes, address)
    if found:
        print_rows(summary(found), out, as_json)
    elif as_json:
        print("[]")
    _check_all_finished(len(found), len(chosen.cells()))


@commands.command()
def tradeoff(
    file: Annotated[Path, typer.Argument(help='A sweep file whose cells are called "METHOD WEIGHT".')],
    runs: Runs = RUNS,
    against: Annotated[
        str, typer.Option(help="The method that the others are compared with; the file's first if empty.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as Markdown.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Also write the curves to this file, as SVG.")] = None,
    as_json: Json = False,
) -> None:
    """Say what flatness costs: the scores of a sweep's methods where they flatten the space alike. Nothing is run."""
    from core.studies.sweep import Sweep
    from core.studies.tradeoff import curves, tradeoff_rows

    check_place(out)
    check_place(picture)
    metric, found = curves(Sweep.from_yaml(file), runs)
    names = [curve.name for curve in found]
    if against and against not in names:
        raise IsobarError(f"There is no method {against!r} with finished runs; there are: {', '.join(names)}.")
    print_rows(tradeoff_rows(metric, found, against), out, as_json)
    if picture is not None:
        command = python_module("explorer", "tradeoff", str(file), "--runs", str(runs), "--out", str(picture))
        if code := subprocess.run(command, check=False).returncode:
            sys.exit(code)


@commands.command()
def reproduce(
    preset: Annotated[
        str,
        typer.Option(
            help="grammar (what comes with Isobar), cola, mrpc, paper (BERT and RoBERTa on GLUE), or a sweep file."
        ),
    ] = "grammar",
    model: Annotated[
        str | None, typer.Option(help="Instead of the preset's: built-in name, local folder or Hub id.")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Instead of the preset's, may be given several times: name, local folder or Hub id."),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=1000, help="How many; the presets have 5.")] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing; tell what the finished cells say.")
    ] = False,
    runs: Runs = RUNS,
    processes: Processes = 1,
    backend: Backend = "local",
    address: Address = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write the tables to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Check the paper's claims one by one, with every rival of the regularizer; finished cells are not run again."""
    from core.studies.reproduce import adapted, read_preset
    from core.studies.reproduce import reproduce as claims_of
    from core.tables import print_reproduction, reproduction_markdown

    chosen = adapted(read_preset(preset), model, task or [], seeds)
    check_place(out)
    cells = chosen.cells()
    if not report_only:
        finished = len(_run_cells(chosen, runs, backend, processes, address))
        if not finished:
            _check_all_finished(0, len(cells))
    found = claims_of(chosen, runs)
    if out is not None:
        with writing(out) as file:
            file.write_text(reproduction_markdown(found), encoding="utf-8")
    if as_json:
        print(json_text([one.as_dict() for one in found]))
    else:
        print_reproduction(found)
    if not report_only:
        _check_all_finished(finished, len(cells))


def _run_cells(chosen, runs: Path, backend: str, processes: int, address: str) -> list:
    """Run a sweep under a bar of its progress."""
    from core.studies.sweep import check_cells, run_sweep, unfinished
    from core.studies.workers import workers

    if not (todo := unfinished(chosen, runs)):
        return run_sweep(chosen, runs, None)
    check_cells(todo)

    with workers(backend, processes, address, runs) as executor, sweep_bar() as (tell, watch):
        tell(f"{len(todo)} of {len(chosen.cells())} cells to run: {time_in_all(todo, runs)}.")
        return run_sweep(chosen, runs, executor, tell=tell, watch=watch)


def _check_all_finished(finished: int, cells: int) -> None:
    if finished < cells:
        raise RunFailedError(
            f"{cells - finished} of {cells} cells did not finish, as told above; the same command goes on with them."
        )
