"""The command `isobar`: a thin shell over `core`. Heavy libraries are imported by the commands that need them."""

import atexit
import inspect
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from core.children import keep_path_safe, python_module
from core.errors import IsobarError, RunFailedError
from core.training.spec import RunSpec

cli = typer.Typer(
    name="isobar",
    help="Fine-tune transformers with a topological regularizer and see the shape of their latent space.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help appears at once; rich would cost a third of the time to print it
)
Runs = Annotated[Path, typer.Option("--runs", help="Where run directories are kept.", envvar="ISOBAR_RUNS")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
_RUNS = Path("runs")
_PROBE_OPTIONS = (
    "pooling", "layer", "max_length", "probe_per_class", "seed", "device", "text_column", "text_pair_column", "label_column",
)  # fmt: skip


def main() -> None:
    """Run the command line; exit codes: 0 done, 2 the request was wrong, 1 it failed underway, 130 interrupted."""
    keep_path_safe()
    try:
        cli()
    except IsobarError as error:
        print(f"isobar: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, RunFailedError) else 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away, as `isobar runs | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _with_spec_options(*names: str) -> Callable:
    """Give a command one option for each field of RunSpec (or for `names` of them), collected in its `settings`."""

    def decorate(command: Callable) -> Callable:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]
        fields = {n: f for n, f in RunSpec.model_fields.items() if n in names or not names}
        options = [_option(name, field) for name, field in fields.items() if name not in {p.name for p in own}]

        def with_settings(**given: Any) -> None:
            settings = {name: given.pop(name) for name in list(given) if name in fields and name not in own_names}
            command(**given, settings={k: v for k, v in settings.items() if v is not None})

        own_names = {p.name for p in own}
        with_settings.__name__, with_settings.__doc__ = command.__name__, command.__doc__
        with_settings.__signature__ = inspect.Signature([*own, *options])
        return with_settings

    return decorate


def _option(name: str, field) -> inspect.Parameter:
    choices = RunSpec.choices(name)
    default = "" if field.default in (None, "") else f" [default: {field.default}]"
    kind = next((k for k in (bool, int, float) if field.annotation is k), str)
    flag = "--" + name.replace("_", "-")
    option = typer.Option(
        f"{flag}/--no-{name.replace('_', '-')}" if kind is bool else flag,
        help=(field.description or "") + (f" One of: {', '.join(choices)}." if choices else "") + default,
        show_default=False,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


@cli.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        app()


@cli.command()
def app(
    runs: Runs = _RUNS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the app in the browser.")] = True,
) -> None:
    """Open the explorer in the browser (the default command)."""
    home = Path(__file__).resolve().parent.parent
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", port)) == 0:
            raise IsobarError(
                f"Port {port} is in use, perhaps by an Isobar that is open already at http://localhost:{port}; "
                f"choose another one, for instance --port {port + 1 if port < 65535 else 8501}."
            )
    settings = tomllib.loads((home / "explorer" / "streamlit.toml").read_text(encoding="utf-8"))
    command = python_module("streamlit", "run", str(home / "explorer" / "app.py"))
    command += [f"--{name}={value}" for name, value in _flat(settings)]
    command += [f"--server.port={port}", "--server.address=localhost", f"--server.headless={str(not browser).lower()}"]
    environment = {**os.environ, "ISOBAR_RUNS": str(runs.absolute())}
    process = subprocess.Popen(command, env=environment)
    try:
        sys.exit(process.wait())
    except KeyboardInterrupt:
        process.wait()
        sys.exit(130)


@cli.command()
@_with_spec_options()
def train(
    settings: dict,
    runs: Runs = _RUNS,
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
    chosen = RunSpec.parse({**base, **settings}, where="the options")

    # Read once, when torch loads: threads that wait asleep cost little alone; beside other work those that spin made
    # a step six times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from core.training.trainer import train as run_it

    first = os.environ.get("RANK", "0") == "0"  # of the processes that `accelerate launch` starts, one speaks
    with _quiet(as_json) as console, _told_by(console) if first else nullcontext() as progress:
        run = run_it(chosen, run_dir, runs_dir=runs, resume=resume, progress=progress)
    report = run.report
    if not first:
        pass
    elif as_json:
        print(json.dumps({"run": str(run.path), "before": report.get("before"), "after": report.get("after")}))
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


@cli.command(name="inspect")
@_with_spec_options(*_PROBE_OPTIONS)
def inspect_(
    settings: dict,
    model: Annotated[
        str | None, typer.Argument(help="Built-in name, local folder or Hub id. [default: minilm]", show_default=False)
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Built-in name, local folder or file, or Hub id. [default: grammar]", show_default=False),
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="A YAML file of settings; options given here win over it.")] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Also write everything, embeddings and texts too, into this new directory.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Show the shape of a checkpoint's space, without training."""
    base = RunSpec.from_yaml(spec).model_dump() if spec is not None else {}
    named = {name: value for name, value in (("model", model), ("task", task)) if value is not None}
    chosen = RunSpec.parse({**base, **settings, **named}, where="the options")
    _check_place(out)

    from core.training.callbacks import Stopped
    from core.training.inspection import inspect_checkpoint, record_inspection

    with _quiet(as_json) as console, _progress_bar(console) as progress:
        if run_dir is None:
            found = inspect_checkpoint(chosen.model, chosen.task, spec=chosen, progress=progress)
        else:
            try:
                _, found = record_inspection(chosen, run_dir, progress=progress)
            except Stopped:
                sys.exit(130)
    text = json.dumps(found.as_dict())
    if out is not None:
        with _writing(out):
            out.write_text(text, encoding="utf-8")
    if as_json:
        print(text)
    else:
        from core.tables import print_inspection

        print_inspection(found)


class _ExplainsMeasures(TyperCommand):
    def format_epilog(self, ctx, formatter) -> None:
        """Add a paragraph on every measure, from the table that the app's hover texts come from."""
        from core.geometry.catalogue import explain_measures

        formatter.write(f"\nThe measures:\n\n{explain_measures()}")


@cli.command(name="measure", cls=_ExplainsMeasures)
def measure_(
    file: Annotated[Path, typer.Argument(help="Embeddings, one a row: .npy, .csv, .parquet or .safetensors.")],
    measures: Annotated[
        str,
        typer.Option(help="Joined by commas: names, main (those that cost milliseconds) or all."),
    ] = "main",
    labels: Annotated[
        str | None,
        typer.Option(help="Column or tensor of labels: each class is measured too, and how they stand apart."),
    ] = None,
    tensor: Annotated[str | None, typer.Option(help="Which tensor of a .safetensors file.")] = None,
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
    the file, such as which columns were left out, and on measures then go to stderr.
    """
    from core.geometry.files import read_embeddings
    from core.geometry.report import chosen
    from core.geometry.summary import summarize

    names, notes = chosen([name.strip() for name in measures.split(",")], labels is not None)
    stored = read_embeddings(file, labels, tensor)
    with _progress_on_terminal() if intervals else nullcontext() as told:
        found = summarize(
            stored.embeddings,
            stored.labels,
            names,
            resamples=200 if intervals else 0,
            seed=seed,
            progress=(lambda done, total: told("resamples", done, total)) if told else None,
        )
    notes = (*stored.notes, *notes)
    if as_json:
        print(*notes, sep="\n", end="\n" * bool(notes), file=sys.stderr)
        print(json.dumps([row.as_dict() for row in found]))
    else:
        from core.tables import print_measures

        print_measures(found, notes)


@cli.command(name="runs")
def runs_(runs: Runs = _RUNS, as_json: Json = False) -> None:
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


@cli.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="RUNS...", help="Runs in --runs, run directories, or folders of them.")
    ],
    runs: Runs = _RUNS,
    csv: Annotated[Path | None, typer.Option(help="Also write every group's measures to this file, as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Average runs over their seeds, each beside its baseline of the same seed, and say what changed."""
    from core.runs.compare import compare as compare_runs
    from core.runs.reader import find_runs

    found = compare_runs(find_runs(names, runs), defaults=RunSpec.defaults())
    if csv is not None:
        import pandas as pd

        with _writing(csv):
            pd.DataFrame(found.rows()).to_csv(csv, index=False)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        from core.tables import print_comparison

        print_comparison(found)


Processes = Annotated[
    int, typer.Option(min=1, max=256, help="Cells at a time on one machine; its cores are divided among them.")
]
Backend = Annotated[str, typer.Option(help="Where cells run: local (processes of this machine) or ray (a cluster).")]
Address = Annotated[
    str, typer.Option(help="Of the Ray cluster: auto finds one that runs, local starts one on this machine.")
]


@cli.command()
def sweep(
    file: Annotated[Path, typer.Argument(help="YAML with base, grid, cells and baselines; see assets/sweeps/.")],
    runs: Runs = _RUNS,
    processes: Processes = 1,
    backend: Backend = "local",
    address: Address = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Run every combination of some settings beside its baseline; finished cells are not run again."""
    from core.training.sweep import Sweep, summary

    chosen = Sweep.from_yaml(file)
    _check_place(out)
    found = _run_cells(chosen, runs, backend, processes, address)
    if found:
        _print_rows(summary(found), out, as_json)
    elif as_json:
        print("[]")
    _check_all_finished(len(found), len(chosen.cells()))


@cli.command()
def tradeoff(
    file: Annotated[Path, typer.Argument(help='A sweep file whose cells are called "METHOD WEIGHT".')],
    runs: Runs = _RUNS,
    against: Annotated[
        str, typer.Option(help="The method that the others are compared with; the file's first if empty.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as Markdown.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Also write the curves to this file, as SVG.")] = None,
    as_json: Json = False,
) -> None:
    """Say what flatness costs: the scores of a sweep's methods where they flatten the space alike. Nothing is run."""
    from core.training.sweep import Sweep
    from core.training.tradeoff import curves, tradeoff_rows

    _check_place(out)
    _check_place(picture)
    metric, found = curves(Sweep.from_yaml(file), runs)
    names = [curve.name for curve in found]
    if against and against not in names:
        raise IsobarError(f"There is no method {against!r} with finished runs; there are: {', '.join(names)}.")
    _print_rows(tradeoff_rows(metric, found, against), out, as_json)
    if picture is not None:
        command = python_module("explorer", "tradeoff", str(file), "--runs", str(runs), "--out", str(picture))
        if code := subprocess.run(command, check=False).returncode:
            sys.exit(code)


@cli.command()
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
    runs: Runs = _RUNS,
    processes: Processes = 1,
    backend: Backend = "local",
    address: Address = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write the tables to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Check the paper's claims one by one, with every rival of the regularizer; finished cells are not run again."""
    from core.tables import print_reproduction, reproduction_markdown
    from core.training.reproduce import adapted, read_preset
    from core.training.reproduce import reproduce as claims_of

    chosen = adapted(read_preset(preset), model, task or [], seeds)
    _check_place(out)
    cells = chosen.cells()
    if not report_only:
        finished = len(_run_cells(chosen, runs, backend, processes, address))
        if not finished:
            _check_all_finished(0, len(cells))
    found = claims_of(chosen, runs)
    if out is not None:
        with _writing(out):
            out.write_text(reproduction_markdown(found), encoding="utf-8")
    if as_json:
        print(json.dumps([one.as_dict() for one in found]))
    else:
        print_reproduction(found)
    if not report_only:
        _check_all_finished(finished, len(cells))


def _run_cells(chosen, runs: Path, backend: str, processes: int, address: str) -> list:
    """Run a sweep under a bar of its progress; SIGTERM is taken as Ctrl-C is."""
    from core.training.sweep import check_cells, run_sweep, unfinished
    from core.training.workers import workers

    if not (todo := unfinished(chosen, runs)):
        return run_sweep(chosen, runs, None)
    check_cells(todo)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with workers(backend, processes, address, runs) as executor, _sweep_bar() as (tell, watch):
            return run_sweep(chosen, runs, executor, tell=tell, watch=watch)
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_all_finished(finished: int, cells: int) -> None:
    if finished < cells:
        raise RunFailedError(
            f"{cells - finished} of {cells} cells did not finish, as told above; the same command goes on with them."
        )


@cli.command()
def report(
    run: Annotated[str, typer.Argument(help="A run directory, or the name of a run in --runs.")],
    runs: Runs = _RUNS,
    out: Annotated[Path | None, typer.Option(help="The file to write; by default the run's name, here.")] = None,
    as_json: Json = False,
) -> None:
    """Write a run as one HTML file that opens without a network."""
    path = Path(run) if Path(run).is_dir() else runs / run
    command = python_module("explorer", "report", str(path))
    command += ["--out", str(out)] * (out is not None) + ["--json"] * as_json
    sys.exit(subprocess.run(command, env={**os.environ, "ISOBAR_RUNS": str(runs.absolute())}, check=False).returncode)


@cli.command()
def bench(
    what: Annotated[
        str,
        typer.Argument(
            help="topology, clouds (large ones), measures, regularizers, step (their share of a training step), "
            "training (a step without padding), or app."
        ),
    ] = "topology",
    task: Annotated[
        list[str] | None, typer.Option(help="Of training: whose texts, as `isobar train` takes it; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Measure speed against the peers that are installed (pip install -e ".[bench]")."""
    from core.benchmarks import BENCHMARKS
    from core.threads import cores

    if what not in BENCHMARKS:
        from core.errors import nearest

        raise IsobarError(
            f"There is no benchmark {what!r}; there are: {', '.join(BENCHMARKS)}.{nearest(what, BENCHMARKS)}"
        )
    if task and what != "training":
        raise IsobarError(f"The benchmark {what!r} takes no --task; training does.")
    _check_place(out)
    with _quiet(as_json):
        rows = BENCHMARKS[what](task) if task else BENCHMARKS[what]()
    _print_rows(rows, out, as_json, f"Made by `isobar bench {what}` on {cores()} cores.\n\n")


def _check_place(out: Path | None) -> None:
    """Raise an IsobarError where the file `out` can't be, before any work is done for it."""
    if out is not None and not out.absolute().parent.is_dir():
        raise IsobarError(f"The file {out} can't be written: there is no folder {out.absolute().parent}.")
    if out is not None and out.is_dir():
        raise IsobarError(f"The file {out} can't be written: it is a folder.")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    _check_place(path)
    try:
        yield
    except OSError as error:
        raise IsobarError(f"The file {path} can't be written: {error.strerror}.") from error


@cli.command()
def doctor(
    runs: Runs = _RUNS,
    models: Annotated[
        bool,
        typer.Option(
            "--models",
            help="Instead try every type of text classifier that transformers knows, each as a tiny random checkpoint; takes minutes.",
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="With --models: also write the table to this file, as Markdown.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what this installation can do and what it lacks."""
    if models:
        _try_models(out, as_json)
        return
    if out is not None:
        raise IsobarError("--out needs --models, whose table it takes.")
    from dataclasses import asdict

    from core.doctor import examine

    with _quiet(as_json):
        found = [asdict(finding) for finding in examine(runs)]
    _print_rows(found, None, as_json)
    if any(finding["state"] == "wrong" for finding in found):
        sys.exit(1)


def _try_models(out: Path | None, as_json: bool) -> None:
    _check_place(out)
    with _quiet(as_json) as console:
        from core.every_type import FAULT, heading, try_types

        with _progress_bar(console) as progress:
            rows = try_types(progress=progress)
    _print_rows(rows, out, as_json, heading(rows))
    if any(row["verdict"] == FAULT for row in rows):
        sys.exit(1)


def _print_rows(rows: list[dict], out: Path | None, as_json: bool, above: str = "") -> None:
    from core.tables import markdown, print_rows

    if out is not None:
        with _writing(out):
            out.write_text(above + markdown(rows), encoding="utf-8")
    if as_json:
        print(json.dumps(rows))
    else:
        print_rows(rows)


@contextmanager
def _quiet(as_json: bool) -> Iterator:
    """Keep whatever libraries print off stdout while JSON is promised there; yields the console for progress."""
    from rich.console import Console

    with redirect_stdout(sys.stderr if as_json else sys.stdout):
        yield Console(stderr=True)


@contextmanager
def _told_by(console) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar, and above it what the training has to say."""
    from rich.logging import RichHandler

    log = logging.getLogger("isobar")
    handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with _progress_bar(console) as progress:
            yield progress
    finally:
        log.removeHandler(handler)


@contextmanager
def _progress_bar(console) -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=False) as bar:
        rows: dict[str, Any] = {}

        def progress(phase: str, done: int, total: int) -> None:
            if phase not in rows:
                rows[phase] = bar.add_task(phase, total=total)
            bar.update(rows[phase], completed=done, total=total)

        yield progress


@contextmanager
def _progress_on_terminal() -> Iterator[Callable[[str, int, int], None] | None]:
    """Show a progress bar on stderr, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with _progress_bar(console) if console.is_terminal else nullcontext() as progress:
        yield progress


@contextmanager
def _sweep_bar() -> Iterator[tuple[Callable, Callable]]:
    """Yield what tells a line above the bars, and what brings the bars up to date: one of the whole, one a running cell."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, refresh_per_second=2, speed_estimate_period=3600) as bar:
        whole = None
        rows: dict[str, Any] = {}

        def watch(standing) -> None:
            nonlocal whole
            if whole is None:  # what had finished before says nothing of the speed
                whole = bar.add_task("cells", total=standing.total, completed=standing.done)
            failed = f", {len(standing.failed)} failed" if standing.failed else ""
            bar.update(
                whole, completed=standing.done, description=f"{standing.finished}/{standing.total} cells{failed}"
            )
            for name in rows.keys() - standing.running.keys():
                bar.remove_task(rows.pop(name))
            for name, (phase, done, total) in standing.running.items():
                if name not in rows:
                    rows[name] = bar.add_task(name, total=None)
                bar.update(rows[name], description=f"  {name} {phase}", completed=done, total=total or None)

        yield lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True), watch


def _flat(settings: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``section.name`` and value of nested TOML tables, as command-line flags want them."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else value


if __name__ == "__main__":
    main()
