"""The command `isobar`: a thin shell over `core`. Heavy libraries are imported by the commands that need them."""

import os
import sys

import typer

from core.children import keep_path_safe
from core.cli import app, inspecting, machine, repairing, runs, studies, training
from core.errors import IsobarError, RunFailedError

cli = typer.Typer(
    name="isobar",
    help="Fine-tune transformers with a topological regularizer and see the shape of their latent space.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help appears at once; rich would cost a third of the time to print it
)
for group in (app, training, inspecting, repairing, studies, runs, machine):
    cli.add_typer(group.commands)


@cli.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        app.app()


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
