"""Where runs are, as the server and the pages know it; it imports none of the science, since the app's start waits for it."""

import os
from pathlib import Path

from core.runs import layout, list_runs

SAMPLE = "sample"
_ASSETS = Path(__file__).resolve().parents[1] / "assets"
SHIPPED = {SAMPLE: _ASSETS / "sample", "sample-baseline": _ASSETS / "sample_baseline"}


def runs_dir() -> Path:
    """Return where the runs are: ISOBAR_RUNS, or ``runs`` here."""
    return Path(os.environ.get("ISOBAR_RUNS") or "runs")


def has_sample() -> bool:
    """Whether the sample run is installed."""
    return (SHIPPED[SAMPLE] / layout.SPEC).exists()


def newest() -> str | None:
    """Return the name of the run that began last, or of the sample where there is none yet."""
    return next((run.name for run in list_runs(runs_dir())), SAMPLE if has_sample() else None)
