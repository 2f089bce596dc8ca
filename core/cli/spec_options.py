"""Options of a run, made from the fields of `RunSpec`."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from core.regularizers.registry import REGULARIZERS
from core.runs.migrations import FLAT_NAMES
from core.training.spec import RunSpec


def with_spec_options(*names: str) -> Callable:
    """Give a command one option for each field of RunSpec (or for `names` of them), collected in its `settings`."""

    def decorate(command: Callable) -> Callable:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]
        own_names = {p.name for p in own}
        fields = {n: f for n, f in RunSpec.model_fields.items() if n in names or not names}
        options = [_option(name, field) for name, field in fields.items() if name not in own_names]
        if "regularizers" in fields:
            options += [_older_option(name) for name in FLAT_NAMES]
        asked = {option.name for option in options}

        def with_settings(**given: Any) -> None:
            settings = {name: given.pop(name) for name in list(given) if name in asked}
            command(**given, settings={k: v for k, v in settings.items() if v is not None})

        with_settings.__name__, with_settings.__doc__ = command.__name__, command.__doc__
        with_settings.__signature__ = inspect.Signature([*own, *options])
        return with_settings

    return decorate


def _option(name: str, field) -> inspect.Parameter:
    choices = RunSpec.choices(name)
    default = "" if field.default in (None, "") else f" [default: {field.default}]"
    kind = next((k for k in (bool, int, float) if field.annotation is k), str)
    help_ = (field.description or "") + (f" One of: {', '.join(choices)}." if choices else "")
    if name == "regularizers":  # one flag with one text
        name, help_ = "regularizer", f"{help_} Names: {', '.join(REGULARIZERS)}; what can be set of them stands below."
    option = typer.Option(
        _flag(name, kind),
        help=help_ + default,
        show_default=False,
    )
    return _keyword(name, kind, option)


def _older_option(name: str) -> inspect.Parameter:
    """Return the option of a flat name that a setting of a regularizer had before; help texts don't have it."""
    kind = bool if isinstance(FLAT_NAMES[name], bool) else str
    return _keyword(name, kind, typer.Option(_flag(name, kind), hidden=True))


def _flag(name: str, kind: type) -> str:
    words = name.replace("_", "-")
    return f"--{words}/--no-{words}" if kind is bool else f"--{words}"


def _keyword(name: str, kind: type, option) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )
