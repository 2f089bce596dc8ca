"""How long a run took, and what for: read off the times of its events."""

import math
import statistics
from dataclasses import dataclass

import pandas as pd

_LEAST = 3  # logged steps that say something
_START = "memory"  # the event that a run begins with, and again whenever it is resumed


@dataclass(frozen=True)
class Pace:
    """Seconds of an optimizer step, of an evaluation, of a snapshot, and in all of what else there is (loading, saving)."""

    step: float
    evaluation: float
    snapshot: float
    rest: float


def running_seconds(events: pd.DataFrame) -> float:
    """Return how long the run was under way by its events; the time between a stop and the start after it is none."""
    if "time" not in events:
        return 0.0
    gaps = events["time"].astype(float).diff().fillna(0.0)
    return float(gaps[events["kind"] != _START].clip(lower=0.0).sum())


def pace_of(events: pd.DataFrame) -> Pace | None:
    """Return what the run's time went into; None where it logged too little to say."""
    if "step_seconds" not in events:
        return None
    logged = events["step_seconds"].dropna().astype(float)
    if len(logged) < _LEAST:
        return None
    step = float(logged.median())
    costs: dict[str, list[float]] = {"evaluation": [], "probe": []}
    for before, event in zip(events.to_dict("records"), events.to_dict("records")[1:]):
        if event["kind"] in costs and before["kind"] != _START:
            steps = max(float(event["step"]) - float(before["step"]), 0.0)
            costs[event["kind"]].append(max(float(event["time"]) - float(before["time"]) - step * steps, 0.0))
    # Not the mean of two: what else the machine did meanwhile only adds.
    evaluation, snapshot = (statistics.median_low(found) if found else 0.0 for found in costs.values())
    counts = events["kind"].value_counts()
    known = (
        step * float(events["step"].max())
        + evaluation * counts.get("evaluation", 0)
        + snapshot * counts.get("probe", 0)
    )
    return Pace(step, evaluation, snapshot, max(running_seconds(events) - known, 0.0))


def duration(seconds: object) -> str:
    """Return `seconds` in words a person would use: 45 s, 3 min 20 s, 2 h 5 min."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        return "–"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
