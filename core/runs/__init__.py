"""The run directory: one folder that holds all that is known of a run; the only thing that trainer and app share."""

from core.runs.reader import Run, Snapshot, list_runs, load_run
from core.runs.writer import RunBystander, RunWriter

__all__ = ["Run", "RunBystander", "RunWriter", "Snapshot", "list_runs", "load_run"]
