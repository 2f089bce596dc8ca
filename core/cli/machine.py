"""Commands about this machine and its files: its speed, what is installed, and weights in another form."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import RUNS, Json, Runs
from core.cli.output import check_place, print_rows, quiet
from core.cli.progress import progress_bar
from core.errors import IsobarError
from core.json_text import json_text
from core.logs import shown_by

commands = typer.Typer()


@commands.command()
def bench(
    what: Annotated[
        str,
        typer.Argument(
            help="topology, clouds (large ones), loops, measures, regularizers, step (their share of a training step), "
            "training (a step without padding), embedding (many texts), commands (whole processes), whole-training, "
            "growth (of the cost with the work), or app."
        ),
    ] = "topology",
    task: Annotated[
        list[str] | None,
        typer.Option(help="Of training and embedding: whose examples, as `isobar train` takes it; may be repeated."),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            help="Of commands, whole-training and app: a folder with another build, which is measured in turn with this one."
        ),
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(min=1, help="Of commands, whole-training and app: how often each build is measured.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as Markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Measure speed against the peers that are installed (pip install -e ".[bench]")."""
    from inspect import signature

    from core.benchmarks import BENCHMARKS
    from core.threads import cores

    if what not in BENCHMARKS:
        from core.errors import nearest

        raise IsobarError(
            f"There is no benchmark {what!r}; there are: {', '.join(BENCHMARKS)}.{nearest(what, BENCHMARKS)}"
        )
    given = {name: value for name, value in (("task", task), ("beside", beside), ("pairs", pairs)) if value}
    takes = {name: signature(measured).parameters for name, measured in BENCHMARKS.items()}
    for option in given:
        if option not in takes[what]:
            able = [name for name in BENCHMARKS if option in takes[name]]
            raise IsobarError(f"The benchmark {what!r} takes no --{option}; {', '.join(able)} do.")
    check_place(out)
    with quiet(as_json):
        rows = BENCHMARKS[what](**given)
    # In a table that others read: no place of this machine.
    words = [f"--task {one if Path(one).anchor == '' else Path(one).name}" for one in task or []]
    words += ["--beside BUILD"] * (beside is not None) + [f"--pairs {pairs}"] * (pairs is not None)
    made = " ".join(["isobar bench", what, *words])
    print_rows(rows, out, as_json, f"Made by `{made}` on {cores()} cores.\n\n")


@commands.command()
def doctor(
    runs: Runs = RUNS,
    models: Annotated[
        bool,
        typer.Option(
            "--models",
            help="Instead try every type of classifier of texts, images and sounds that transformers knows, each as a tiny random checkpoint; takes minutes.",
        ),
    ] = False,
    self_test: Annotated[
        bool,
        typer.Option(help="Train a tiny model, stop it, resume it, and compare; about ten seconds, nothing is kept."),
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="With --models: also write the table to this file, as Markdown.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what this installation can do and what it lacks, and try it."""
    if models:
        _try_models(out, as_json)
        return
    if out is not None:
        raise IsobarError("--out needs --models, whose table it takes.")
    from dataclasses import asdict

    from core.doctor import examine

    with quiet(as_json) as console:
        found = [asdict(finding) for finding in examine(runs)]
        if self_test:
            from core.self_test import self_test as tests

            with shown_by(logging.NullHandler()):  # that so small a model learns nothing is no news
                found += [asdict(finding) for finding in tests(console.print)]
    print_rows(found, None, as_json)
    if any(finding["state"] == "wrong" for finding in found):
        sys.exit(1)


def _try_models(out: Path | None, as_json: bool) -> None:
    check_place(out)
    with quiet(as_json) as console:
        from core.every_type import FAULT, heading, try_types

        with progress_bar(console) as progress:
            rows = try_types(progress=progress)
    print_rows(rows, out, as_json, heading(rows))
    if any(row["verdict"] == FAULT for row in rows):
        sys.exit(1)


@commands.command()
def convert(
    folder: Annotated[
        Path, typer.Argument(help="A checkpoint with config.json and pickled weights (.bin, .pt, .ckpt).")
    ],
    out: Annotated[Path, typer.Argument(help="The new folder, which `isobar inspect` and `train` take as a model.")],
    weights: Annotated[str | None, typer.Option(help="The file of the weights, where there are several.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="The model's type where config.json does not say it, such as bert.")
    ] = None,
    pieces: Annotated[
        str | None,
        typer.Option(
            help="A regular expression whose matches are the tokens, for a vocab.txt of something else than words: '.' "
            "for amino acids."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a checkpoint's pickled weights as safetensors; nothing in the files is run."""
    with quiet(as_json):
        from core.models.convert import convert_checkpoint

        done = convert_checkpoint(folder, out, weights=weights, model_type=kind, pieces=pieces)
    if as_json:
        print(json_text({"model": str(done.path), "tensors": done.tensors, "notes": list(done.notes)}))
    else:
        for line in (
            *done.notes,
            f"{done.tensors} tensors are in {done.path}; `isobar inspect {done.path}` looks at them.",
        ):
            print(line)
