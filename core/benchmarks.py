"""The benchmarks of `isobar bench`, by name; each returns rows of equal keys, measured beside its peers in one run."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict

from core.children import python_module
from core.errors import RunFailedError


def topology() -> list[dict]:
    """Barcodes forward and backward beside the installed peers, and the distance matrix alone."""
    from core.topology.benchmark import run

    return run()


def clouds() -> list[dict]:
    """Barcodes of 12,000 and 50,000 points: time, peak memory, growth; some minutes, most of them the peers'."""
    from core.topology.clouds_benchmark import run

    return run()


def measures() -> list[dict]:
    """All measures beside one SVD of the same matrix."""
    from core.geometry.benchmark import benchmark

    return [asdict(row) for row in benchmark()]


def step() -> list[dict]:
    """The regularizer's share of a training step of the built-in model at batch 32."""
    from core.training.benchmark import run

    return run()


def training(tasks: Sequence[str] = ()) -> list[dict]:
    """A training step of the built-in model at batch 32, padded and padding-free; of the built-in tasks if none is named."""
    from core.training.padding_benchmark import run

    return run(tasks) if tasks else run()


def app() -> list[dict]:
    """What the explorer's pages cost server and wire, and how long it takes from its start to the first chart."""
    # In a process of its own: core does not import the face.
    done = subprocess.run(python_module("explorer", "bench"), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RunFailedError("The benchmark of the app failed; what went wrong stands above.")
    return json.loads(done.stdout)


def regularizers() -> list[dict]:
    """The regularizers forward and backward beside IsoScore* by singular values."""
    from core.regularizers.benchmark import run

    return run()


BENCHMARKS: dict[str, Callable[..., list[dict]]] = {
    "topology": topology,
    "clouds": clouds,
    "measures": measures,
    "regularizers": regularizers,
    "step": step,
    "training": training,
    "app": app,
}
