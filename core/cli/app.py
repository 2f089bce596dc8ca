"""`isobar app`, which is `isobar` alone."""

import os
import secrets
import socket
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from core.children import python_module
from core.cli.options import RUNS, Runs
from core.errors import IsobarError

_HERE = ("localhost", "127.0.0.1", "::1")
_ALL = ("0.0.0.0", "::")
commands = typer.Typer()


@commands.command()
def app(
    runs: Runs = RUNS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the app in the browser.")] = True,
    host: Annotated[
        str,
        typer.Option(
            help="The address that is listened on. Any other than localhost lets other machines in, with the token that is "
            "printed, or that ISOBAR_TOKEN holds."
        ),
    ] = "localhost",
) -> None:
    """Open the explorer in the browser (the default command); it listens on this machine alone, and reports to nobody."""
    home = Path(__file__).resolve().parents[2]
    _check_address("localhost" if host in _ALL else host, port)
    settings = tomllib.loads((home / "explorer" / "streamlit.toml").read_text(encoding="utf-8"))
    environment = {**os.environ, "ISOBAR_RUNS": str(runs.absolute())}
    environment.pop("ISOBAR_TOKEN", None)
    if host not in _HERE:
        environment["ISOBAR_TOKEN"] = token = os.environ.get("ISOBAR_TOKEN") or secrets.token_urlsafe(24)
        browser = False  # it would come without the token
        name = socket.gethostname() if host in _ALL else host
        print(
            f"Listening on {host} for other machines: whoever has the address below can see all runs, start some, and have any "
            "file read that you can read. It is not encrypted; in a network that you don't trust put a server with HTTPS before "
            f"it.\n\n  http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}\n",
            file=sys.stderr,
        )
        settings["browser"]["serverAddress"] = name  # else Streamlit asks a server in the world for this machine's
    command = python_module("explorer", "app")
    command += [f"--{name}={value}" for name, value in _flat(settings)]
    command += [f"--server.port={port}", f"--server.address={host}", f"--server.headless={str(not browser).lower()}"]
    sys.stdout.flush()
    sys.stderr.flush()
    # In this process's place: whoever ends this one, by whatever signal, ends the server and frees its port.
    os.execve(command[0], command, environment)


def _check_address(host: str, port: int) -> None:
    try:
        socket.getaddrinfo(host, port)
    except (OSError, UnicodeError) as error:
        raise IsobarError(f"There is no address {host!r} to listen on; 0.0.0.0 is all of this machine's.") from error
    with suppress(OSError), socket.create_connection((host, port), timeout=5):
        raise IsobarError(
            f"Port {port} is in use, perhaps by an Isobar that is open already at http://{host}:{port}; "
            f"choose another one, for instance --port {port + 1 if port < 65535 else 8501}."
        )


def _flat(settings: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``section.name`` and value of nested TOML tables, as command-line flags want them."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else value
