"""How far a running run has come, in words."""

from core.runs import Run
from core.runs.pace import duration

PHASES = {
    "loading": "loading model and data",
    "embedding": "embedding the probe set",
    "training": "training",
    "scoring": "scoring the validation set",
    "saving": "saving",
}


def progress_of(run: Run) -> tuple[float, str]:
    """Return how far a running run has come, between 0 and 1, and a few words on it."""
    status = run.status
    step, total = status.get("step") or 0, status.get("total_steps") or 0
    words = PHASES.get(status.get("phase") or "", "starting")
    if total:
        words += f", step {step:,} of {total:,}"
    if status.get("seconds_left"):
        words += f", {duration(status['seconds_left'])} left"
    return (min(step / total, 1.0) if total else 0.0), words
