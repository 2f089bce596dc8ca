"""The run directory: one folder that holds all that is known of a run; the only thing that trainer and app share."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.runs.reader import Run, Snapshot, find_runs, list_runs, load_run
    from core.runs.writer import RunBystander, RunWriter

__all__ = ["Run", "RunBystander", "RunWriter", "Snapshot", "find_runs", "list_runs", "load_run"]

# pandas is loaded only by those who read or write a run: a spec needs no more than `core.runs.settings`.
_HOME = {
    "Run": "core.runs.reader",
    "Snapshot": "core.runs.reader",
    "find_runs": "core.runs.reader",
    "list_runs": "core.runs.reader",
    "load_run": "core.runs.reader",
    "RunBystander": "core.runs.writer",
    "RunWriter": "core.runs.writer",
}


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'core.runs' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
