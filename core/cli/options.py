"""Options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

Runs = Annotated[Path, typer.Option("--runs", help="Where run directories are kept.", envvar="ISOBAR_RUNS")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
RUNS = Path("runs")
Processes = Annotated[
    int, typer.Option(min=1, max=256, help="Cells at a time on one machine; its cores are divided among them.")
]
Backend = Annotated[str, typer.Option(help="Where cells run: local (processes of this machine) or ray (a cluster).")]
Address = Annotated[
    str, typer.Option(help="Of the Ray cluster: auto finds one that runs, local starts one on this machine.")
]
