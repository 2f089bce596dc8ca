"""How long the loops of a cloud take, the bars of dimension 1, beside the peers that are installed: `isobar bench loops`."""

import os
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec

import numpy as np

from core.topology.benchmark import OTHER, Peer, milliseconds, same_bars
from core.topology.rips import critical_pairs

SIZES = ((100, 2), (200, 384), (500, 3), (500, 384), (1000, 384))


def _gudhi(points: np.ndarray) -> np.ndarray:
    import gudhi

    tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=2)
    tree.compute_persistence()
    return _lengths(tree.persistence_intervals_in_dimension(1))


def _ripser(points: np.ndarray) -> np.ndarray:
    from ripser import ripser

    return _lengths(ripser(points, maxdim=1)["dgms"][1])


def _giotto(points: np.ndarray) -> np.ndarray:
    from gph import ripser_parallel

    return _lengths(ripser_parallel(points, maxdim=1, n_threads=-1)["dgms"][1])


def _oineus(points: np.ndarray) -> np.ndarray:
    from oineus import ReductionParams, compute_diagrams_vr
    from scipy.spatial.distance import pdist, squareform

    threads = ReductionParams()
    threads.n_threads = os.cpu_count() or 1
    # Its max_dim is that of the simplices; of points it takes few dimensions, of distances any.
    found = compute_diagrams_vr(squareform(pdist(points)), from_pwdists=True, max_dim=2, params=threads)
    return _lengths(np.asarray(found.in_dimension(1)))


PEERS = {
    "GUDHI's tree": Peer("gudhi", 200, _gudhi),
    "oineus": Peer("oineus", 200, _oineus),
    "Ripser": Peer("ripser", 1000, _ripser),
    "giotto-ph": Peer("gph", 1000, _giotto),
}


def _lengths(bars: np.ndarray) -> np.ndarray:
    return bars[:, 1] - bars[:, 0] if len(bars) else np.empty(0)


def run(sizes: Iterable[tuple[int, int]] = SIZES, seconds: float = 1.0, seed: int = 0) -> list[dict]:
    """Return one row for each Gaussian cloud, with times in milliseconds and the ratio to the fastest peer.

    Args:
        sizes: (points, dimensions).
        seconds: how long each figure is measured at least, and at least twice, but for a call of ten seconds.
        seed: of the clouds.

    Returns:
        Rows of equal keys. "absent" stands for a peer that isn't installed, "other bars" for one whose bars are not Isobar's,
        None for one whose complex would take gigabytes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ripser doubts every cloud that has more dimensions than points
        return [_row(n, d, seconds, seed) for n, d in sizes]


def _row(n: int, d: int, seconds: float, seed: int) -> dict:
    points = np.random.default_rng(seed).standard_normal((n, d))
    found: dict[str, np.ndarray] = {}
    absent = [name for name, peer in PEERS.items() if find_spec(peer.module) is None]
    calls: dict[str, Callable[[], object] | None] = {"isobar": lambda: critical_pairs(points)}
    for name, peer in PEERS.items():
        asked = n <= peer.largest and name not in absent
        calls[name] = (lambda name=name: found.update({name: PEERS[name].bars(points)})) if asked else None
    row = {"cloud": f"{n:,} x {d}", **milliseconds(calls, seconds), **dict.fromkeys(absent, "absent")}
    births, deaths = critical_pairs(points)[1].T
    # Ripser and giotto-ph count in float32, where the shortest loops may come and go.
    for name, bars in found.items():
        most, least = max(len(bars), len(births)), 1e-6 * deaths.max(initial=0.0)
        sides = (np.pad(side, (0, most - len(side))) for side in (deaths - births, bars))
        if not same_bars(*sides, unlike=least):
            row[name] = OTHER
    times = [row[name] for name in PEERS if isinstance(row[name], float)]
    row["best peer / isobar"] = min(times) / row["isobar"] if times else None
    return row
