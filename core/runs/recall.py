"""Measures that runs of earlier versions did not record, taken from what they did: their snapshots."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.errors import IsobarError
from core.geometry import MAIN, MEASURES, isotropic_reference, measure

if TYPE_CHECKING:
    from core.runs.reader import Snapshot

NAMES = tuple(name for name in MAIN if MEASURES[name].of_labels)
"""The main measures that compare classes: those that earlier versions lack."""


def with_measures_between(measures: Mapping, embeddings: np.ndarray, labels: np.ndarray) -> dict:
    """Return a snapshot's `measures`, before them those of :data:`NAMES` that are missing, where there are classes."""
    missing = [name for name in NAMES if name not in measures]
    if not missing or len(np.unique(labels)) < 2:
        return dict(measures)
    try:
        return {**measure(embeddings, missing, labels), **measures}
    except IsobarError:  # embeddings that can't be measured: what was written is all there is
        return dict(measures)


def with_report_between(report: Mapping, snapshots: Mapping[str, "Callable[[], Snapshot | None]"]) -> dict:
    """Return a run's report, in its sides the missing of :data:`NAMES` as the `snapshots` of these sides have them."""
    found = dict(report)
    for side, read in snapshots.items():
        written = found.get(side)
        if not isinstance(written, Mapping) or all(name in written for name in NAMES):
            continue
        snapshot = read()
        if snapshot is None:
            continue
        found[side] = {**{name: snapshot.measures[name] for name in NAMES if name in snapshot.measures}, **written}
        if isinstance(found.get("isotropic"), Mapping):
            known = [name for name in NAMES if name in found[side] and name not in found["isotropic"]]
            reference = isotropic_reference(*snapshot.embeddings.shape, known, labels=snapshot.labels)
            found["isotropic"] = {**reference, **found["isotropic"]}
    old, new = found.get("before"), found.get("after")
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        change = {
            name: new[name] - old[name] for name in NAMES if _is_number(old.get(name)) and _is_number(new.get(name))
        }
        found["difference"] = {**change, **(found.get("difference") or {})}
    return found


def _is_number(value) -> bool:
    return isinstance(value, int | float) and np.isfinite(value)
