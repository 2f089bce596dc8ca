"""`isobar app`, which is `isobar` alone."""

import os
import socket
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from core.children import python_module
from core.cli.options import RUNS, Runs
from core.errors import IsobarError

commands = typer.Typer()


@commands.command()
def app(
    runs: Runs = RUNS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the app in the browser.")] = True,
) -> None:
    """Open the explorer in the browser (the default command)."""
    home = Path(__file__).resolve().parents[2]
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
    sys.stdout.flush()
    # In this process's place: whoever ends this one, by whatever signal, ends the server and frees its port.
    os.execve(command[0], command, environment)


def _flat(settings: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``section.name`` and value of nested TOML tables, as command-line flags want them."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else value
