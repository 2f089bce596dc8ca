"""Clouds in the plane to learn with, each about one unit large."""

from collections.abc import Callable

import numpy as np

from core.errors import IsobarError, nearest


def example_cloud(name: str, n: int, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """Return `n` points of an example, (n, 2).

    Args:
        name: one of `EXAMPLES`.
        n: how many points.
        noise: standard deviation of each coordinate's displacement.
        seed: of what is random; more points, or more noise, of the same seed displace the same points the same way.

    Raises:
        IsobarError: the example is unknown, or `n` or `noise` is negative.
    """
    if name not in EXAMPLES:
        raise IsobarError(f"Unknown cloud {name!r}; known are {', '.join(EXAMPLES)}.{nearest(name, EXAMPLES)}")
    if n < 0 or not noise >= 0:
        raise IsobarError(f"A cloud has n = {n} points and noise = {noise}; neither can be negative.")
    shape, displacement = (np.random.default_rng([seed, stream]) for stream in range(2))
    return EXAMPLES[name](n, shape) + noise * displacement.normal(size=(n, 2))


def _clusters(count: int) -> Callable[[int, np.random.Generator], np.ndarray]:
    def centres(n: int, random: np.random.Generator) -> np.ndarray:
        return _on_circle(np.arange(n) % count / count)

    return centres


def _ring(n: int, random: np.random.Generator) -> np.ndarray:
    return _on_circle(np.arange(n) / max(n, 1))


def _cone(n: int, random: np.random.Generator) -> np.ndarray:
    # Embeddings of a collapsed space all point nearly the same way, and differ mostly in how far they reach.
    reach, turn = random.random(size=(n, 2)).T
    angle = np.deg2rad(35 + 12 * (turn - 0.5))
    return (0.3 + 1.7 * reach)[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=-1)


def _uniform(n: int, random: np.random.Generator) -> np.ndarray:
    return random.uniform(-1, 1, size=(n, 2))


def _on_circle(turns: np.ndarray) -> np.ndarray:
    return np.stack((np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)), axis=-1)


EXAMPLES = {
    "two clusters": _clusters(2),
    "ring": _ring,
    "narrow cone": _cone,
    "five clusters": _clusters(5),
    "uniform": _uniform,
}
