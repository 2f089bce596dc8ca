"""How long the measures take, beside NumPy's singular value decomposition of the same matrix."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.geometry.catalogue import MEASURES
from core.geometry.report import measure


@dataclass(frozen=True)
class Timing:
    """One row: the best of the rounds in seconds, and over the best of the full and of the values-only SVD."""

    what: str
    seconds: float
    over_svd: float
    over_svd_values: float


def benchmark(n: int = 20_000, d: int = 768, rounds: int = 3, each: bool = False, seed: int = 0) -> list[Timing]:
    """Return the timings of the SVDs, of all and of the main measures and, with `each`, of every measure alone.

    All are those of this project's own code and of a cloud without classes: FAISS's quantizers take minutes of such a cloud.
    The cloud is Gaussian (n, d) with a spectrum that decays and a common drift. Rounds are interleaved and the best
    counts, because a shared machine disturbs each of them differently.
    """
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, d)) / np.sqrt(1.0 + np.arange(d)) + generator.standard_normal(d)
    own = [name for name, about in MEASURES.items() if not about.package and not about.of_labels]
    measure(x[: min(n, 200)], own)  # compiled kernels are loaded before the clock starts
    tasks: dict[str, Callable[[], object]] = {
        "SVD (numpy)": lambda: np.linalg.svd(x, full_matrices=False),
        "SVD, values only": lambda: np.linalg.svd(x, compute_uv=False),
        "all measures": lambda: measure(x, own),
        "main measures": lambda: measure(x, "main"),
    }
    if each:
        tasks |= {name: lambda name=name: measure(x, [name]) for name in own}
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(rounds):
        for what, task in tasks.items():
            start = time.perf_counter()
            task()
            best[what] = min(best[what], time.perf_counter() - start)
    full, values = best["SVD (numpy)"], best["SVD, values only"]
    return [Timing(what, seconds, seconds / full, seconds / values) for what, seconds in best.items()]
