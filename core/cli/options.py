"""Options that commands share; those of a run are made from the fields of `RunSpec`."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from core.training.spec import RunSpec

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


def with_spec_options(*names: str) -> Callable:
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
