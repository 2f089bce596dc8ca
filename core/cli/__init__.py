"""The command `isobar`: a thin shell over `core`. Heavy libraries are imported by the commands that need them."""

import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Annotated

import typer
from typer.core import TyperGroup

from core import logs
from core.children import keep_path_safe
from core.errors import IsobarError, RunFailedError
from core.interrupts import interrupted_by

_log = logging.getLogger("isobar")
_HOMES = {
    "app": ["app"],
    "training": ["train", "sweep", "tradeoff", "reproduce"],
    "inspecting": ["inspect", "measure"],
    "repairing": ["repair"],
    "studies": ["layers", "landscape"],
    "runs": ["compare", "report", "atlas", "runs"],
    "machine": ["bench", "doctor", "convert"],
}
"""Which commands are in which module of this package, in the order in which they are listed."""
_HELP = None  # plain help appears at once; rich would cost a third of the time to print it


class _Commands(Mapping):
    """The commands by name, each imported when it is asked for: the app starts without what training needs."""

    def __getitem__(self, name: str):
        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise KeyError(name)
        return _commands_in(home)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for names in _HOMES.values() for name in names)

    def __len__(self) -> int:
        return sum(map(len, _HOMES.values()))


@cache
def _commands_in(home: str) -> Mapping:
    group = typer.Typer(rich_markup_mode=_HELP)
    group.add_typer(import_module(f"core.cli.{home}").commands)
    return typer.main.get_group(group).commands


class _Cli(TyperGroup):
    def __init__(self, **options):
        super().__init__(**options)
        self.commands = _Commands()


cli = typer.Typer(
    name="isobar",
    cls=_Cli,
    help="Fine-tune transformers with a topological regularizer and see the shape of their latent space.",
    epilog="Ends with 0 where it is done, 2 where the request was wrong, 1 where it failed underway, 130 where it was stopped.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=_HELP,
)


@cli.callback(invoke_without_command=True)
def _default(
    context: typer.Context,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Also say on stderr what else is only in the log; before or after a command."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        from core.cli.app import app

        app()


def main() -> None:
    """Run the command line; exit codes: 0 done, 2 the request was wrong, 1 it failed underway, 130 it was stopped."""
    keep_path_safe()
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    words = [word for place, word in enumerate(sys.argv) if word != "--verbose" or place > end][1:]
    with logs.kept(verbose="--verbose" in sys.argv[:end]), interrupted_by(signal.SIGTERM, signal.SIGINT):
        _log.debug("isobar %s", shlex.join(words))
        code = _run(words)
        _log.debug("It ended with %s.", code)
    # An interrupt that passes through an `exec` of text, as every dataclass makes one, leaves a mark in Python, which then
    # ends by SIGINT whatever the code is, even where the interrupt was caught. The next `exec` takes the mark away.
    exec("")
    sys.exit(code)


def _run(words: list[str]) -> int:
    try:
        cli(words, prog_name="isobar")
        return 0
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except IsobarError as error:
        print(f"isobar: {error}", file=sys.stderr)
        _log.debug("Whence that came:", exc_info=True)
        return 1 if isinstance(error, RunFailedError) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `isobar runs | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        print(f"isobar: A fault of Isobar's own: {said}. Its trace is in {logs.log_path()}.", file=sys.stderr)
        _log.debug("Whence that came:", exc_info=True)
        return 1
