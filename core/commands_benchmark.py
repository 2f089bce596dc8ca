"""What whole commands cost, from the start of their process to its end: `isobar bench commands` and `isobar bench whole-training`."""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from core.children import python_module
from core.cost import Cost, cost_of_process
from core.errors import IsobarError

PAIRS = 5
_POINTS = "points.npy"  # in the folder that they are run in
COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": ("--help",),
    "measure 2,000 x 384": ("measure", _POINTS),
    "inspect": ("inspect",),
}
WHOLE_TRAINING: dict[str, tuple[str, ...]] = {"train": ("train",)}
_FIGURES = {"wall s": "seconds", "CPU s": "cpu", "MiB": "mib"}


def run(other: Path | None = None, pairs: int = PAIRS, commands: Mapping[str, Sequence[str]] = COMMANDS) -> list[dict]:
    """Return what each command costs: the median of `pairs` processes.

    Args:
        other: the folder of another build, which is measured in turn with this one: ratios are medians of the ratios
            within a turn.
        pairs: how often each is run; before, each build is run once to warm up.
        commands: the arguments of each, by what it is called in the table.

    Raises:
        IsobarError: there is no build in `other`.  RunFailedError: a command did not end well; what it said is told.
    """
    here = Path(__file__).resolve().parents[1]
    builds = [here] if other is None else [other.absolute(), here]
    for build in builds:
        if not (build / "core" / "cli").is_dir() and not (build / "core" / "cli.py").is_file():
            raise IsobarError(f"There is no build of Isobar in {build}: it has no core/cli.")
    found: dict[str, list[list[Cost]]] = {name: [[] for _ in builds] for name in commands}
    for build in builds:
        _cost(build, ("--help",))
    for turn in range(pairs):
        for name, arguments in commands.items():
            for side in range(len(builds))[:: 1 if turn % 2 else -1]:
                found[name][side].append(_cost(builds[side], arguments))
    return [row for name, costs in found.items() for row in _rows(name, costs)]


def _rows(name: str, costs: list[list[Cost]]) -> list[dict]:
    figures = {what: [[getattr(cost, field) for cost in side] for side in costs] for what, field in _FIGURES.items()}
    if len(costs) == 1:
        return [{"command": name, **{what: statistics.median(sides[0]) for what, sides in figures.items()}}]
    return [
        {
            "command": name,
            "what": what,
            "the other build": statistics.median(was),
            "this one": statistics.median(now),
            "ratio": statistics.median(b / a for a, b in zip(was, now, strict=True)),
        }
        for what, (was, now) in figures.items()
    ]


def _cost(build: Path, arguments: Sequence[str]) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / _POINTS, np.random.default_rng(0).standard_normal((2000, 384), np.float32))
        environment = {"PYTHONPATH": str(build), "ISOBAR_RUNS": "runs"}
        return cost_of_process(python_module("core.cli", *arguments), environment, Path(folder))
