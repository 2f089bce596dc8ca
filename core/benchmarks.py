"""The benchmarks of `isobar bench`, by name; each returns rows of equal keys, measured beside its peers in one run."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from core.children import python_module
from core.errors import IsobarError, RunFailedError


def topology() -> list[dict]:
    """Barcodes forward and backward beside the installed peers, and the distance matrix alone."""
    from core.topology.benchmark import run

    return run()


def clouds() -> list[dict]:
    """Barcodes of 12,000 and 50,000 points: time, peak memory, growth; some minutes, most of them the peers'."""
    from core.topology.clouds_benchmark import run

    return run()


def loops() -> list[dict]:
    """Loops, the bars of dimension 1, of up to 1,000 points beside the installed peers."""
    from core.topology.loops_benchmark import run

    return run()


def measures() -> list[dict]:
    """All measures beside one SVD of the same matrix."""
    from core.geometry.benchmark import benchmark

    return [asdict(row) for row in benchmark()]


def step() -> list[dict]:
    """The regularizer's share of a training step of the built-in model at batch 32."""
    from core.training.benchmark import run

    return run()


def training(task: Sequence[str] = ()) -> list[dict]:
    """A training step of the built-in model at batch 32, padded and padding-free; of the built-in tasks if none is named."""
    from core.training.padding_benchmark import run

    return run(task) if task else run()


def embedding(task: Sequence[str] = ()) -> list[dict]:
    """Embedding up to 20,000 texts beside sentence-transformers; texts as those of the built-in `grammar` if no task is named."""
    from core.training.embedding_benchmark import run

    return run(task) if task else run()


def commands(beside: Path | None = None, pairs: int = 5) -> list[dict]:
    """Whole commands of seconds, from the start of their process to its end, alone or beside another build."""
    from core.commands_benchmark import run

    return run(beside, pairs)


def whole_training(beside: Path | None = None, pairs: int = 5) -> list[dict]:
    """A whole `isobar train` as it is without options, alone or beside another build; a minute or two each time."""
    from core.commands_benchmark import WHOLE_TRAINING, run

    return run(beside, pairs, WHOLE_TRAINING)


def growth() -> list[dict]:
    """How the cost of training and inspection grows with texts, layers, batch and width, of a tiny model; some minutes."""
    from core.training.growth_benchmark import run

    return run()


def app(beside: Path | None = None, pairs: int | None = None) -> list[dict]:
    """What the explorer's pages cost server and wire, and how long it takes from its start to the first chart.

    Args:
        beside: the folder of another build: then medians over several runs of both in turn, and their ratios.
        pairs: how many runs; 3 by default.

    Raises:
        IsobarError: there is no build in `beside`, or `pairs` without one.  RunFailedError: one can't be measured.
    """
    if beside is not None:
        return _app_beside(beside, pairs or 3)
    if pairs is not None:
        raise IsobarError("Of the benchmark 'app' --pairs counts runs beside another build: it needs --beside.")
    return _of_app()


def _app_beside(other: Path, pairs: int) -> list[dict]:
    if not (other / "explorer" / "benchmark.py").is_file():
        raise IsobarError(f"There is no build of Isobar in {other}: it has no explorer/benchmark.py.")
    here = Path(__file__).resolve().parents[1]
    builds, runs = (other.absolute(), here), ([], [])
    for turn in range(pairs):
        order = (0, 1) if turn % 2 == 0 else (1, 0)  # the first of a pair finds the caches as the last one left them
        for side in order:
            runs[side].append(_of_app(builds[side]))
    old, new = map(_medians, runs)
    rows = []
    for key in new:
        if key not in old:
            continue
        for what, value in new[key].items():
            was = old[key].get(what)
            if value is not None and was:
                about = {"run": key[0], "page": key[1], "what": what}
                rows.append({**about, "the other build": was, "this one": value, "ratio": round(value / was, 2)})
    return rows


def _medians(runs: list[list[dict]]) -> dict[tuple[str, str], dict[str, float | None]]:
    """Return the median of each figure of each page over several runs of the benchmark."""
    found = {}
    for row in runs[0]:
        key = row["run"], row["page"]
        same = [next(one for one in run if (one["run"], one["page"]) == key) for run in runs]
        figures = [name for name, value in row.items() if isinstance(value, int | float)]
        # What was promised stands in brackets, and may have been another promise.
        found[key] = {name.partition(" (")[0]: round(median(one[name] for one in same), 3) for name in figures}
    return found


def _of_app(build: Path | None = None) -> list[dict]:
    # In a process of its own: core does not import the face.
    environment = {**os.environ, "PYTHONPATH": str(build)} if build else None
    done = subprocess.run(
        python_module("explorer", "bench"), stdout=subprocess.PIPE, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RunFailedError(
            f"The benchmark of the app{f' in {build}' if build else ''} failed; what went wrong stands above."
        )
    return json.loads(done.stdout)


def regularizers() -> list[dict]:
    """The regularizers forward and backward beside IsoScore* by singular values."""
    from core.regularizers.benchmark import run

    return run()


BENCHMARKS: dict[str, Callable[..., list[dict]]] = {
    "topology": topology,
    "clouds": clouds,
    "loops": loops,
    "measures": measures,
    "regularizers": regularizers,
    "step": step,
    "training": training,
    "embedding": embedding,
    "commands": commands,
    "whole-training": whole_training,
    "growth": growth,
    "app": app,
}
