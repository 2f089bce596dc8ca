"""How long barcodes take, beside the peers that are installed, in one run: `isobar bench topology`.

Every figure is the best of many repetitions, which is what the code costs when nothing else runs. All peers get the
same float32 cloud; those that know no gradient are timed forward only.
"""

import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec

import numpy as np
import torch

from core.topology.barcode import h0_barcode

FORWARD, BOTH = "forward", "forward + backward"
SIZES = ((32, 384, BOTH), (128, 384, BOTH), (1024, 768, FORWARD), (4096, 768, FORWARD))

# Beyond these sizes a peer takes minutes, or more memory than a laptop has.
_LIMITS = {"torch-topological": 1024, "GUDHI": 1024, "Ripser": 4096, "giotto-ph": 4096}
_MODULES = {"torch-topological": "torch_topological", "GUDHI": "gudhi", "Ripser": "ripser", "giotto-ph": "gph"}


def run(sizes: Iterable[tuple[int, int, str]] = SIZES, seconds: float = 1.0, seed: int = 0) -> list[dict]:
    """Return one row for each cloud, with times in milliseconds and ratios.

    Args:
        sizes: (points, dimensions, "forward" or "forward + backward").
        seconds: how long each figure is measured at least; every one is taken at least twice.
        seed: of the Gaussian clouds.

    Returns:
        Rows of equal keys; "absent" stands for a peer that isn't installed, None for one that wasn't asked, because
        the cloud is too large for it or it has no gradient.
    """
    return [_row(n, d, passes, seconds, seed) for n, d, passes in sizes]


def _row(n: int, d: int, passes: str, seconds: float, seed: int) -> dict:
    points = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    both = passes == BOTH
    ours = milliseconds(_ours(points, "auto", both), seconds)
    program = milliseconds(_ours(points, "boruvka", both), seconds)
    matrix = milliseconds(lambda: torch.cdist(points, points), seconds)
    row = {"cloud": f"{n:,} x {d}", "passes": passes, "isobar": ours, "tensor program": program, "torch.cdist": matrix}
    for peer, module in _MODULES.items():
        if find_spec(module) is None:
            row[peer] = "absent"
        elif n > _LIMITS[peer]:
            row[peer] = None
        else:
            row[peer] = milliseconds(_peer(peer, points, both), seconds)
    # A peer without gradient that is slower forward than Isobar in both passes is beaten all the same.
    times = [row[peer] for peer in _MODULES if isinstance(row[peer], float)]
    row["best peer / isobar"] = min(times) / ours if times else None
    row["isobar / cdist"] = ours / matrix
    return row


def _ours(points: torch.Tensor, backend: str, both: bool) -> Callable[[], None]:
    if not both:
        return lambda: h0_barcode(points, backend)
    points = points.clone().requires_grad_()

    def step():
        points.grad = None
        h0_barcode(points, backend).lengths.sum().backward()

    return step


def _peer(name: str, points: torch.Tensor, both: bool) -> Callable[[], object]:
    """Return a call that makes a peer compute the same bars; with gradient if it has one and `both`."""
    array = points.numpy()
    if name == "GUDHI":
        import gudhi

        return lambda: gudhi.RipsComplex(points=array).create_simplex_tree(max_dimension=1).persistence()
    if name == "Ripser":
        from ripser import ripser

        return lambda: ripser(array, maxdim=0)
    if name == "giotto-ph":
        from gph import ripser_parallel

        return lambda: ripser_parallel(array, maxdim=0, n_threads=-1)
    from torch_topological.nn import VietorisRipsComplex

    complex_of = VietorisRipsComplex(dim=0)
    leaf = points.clone().requires_grad_(both)

    def step():
        leaf.grad = None
        deaths = complex_of(leaf)[0].diagram[:, 1]
        if both:
            deaths.sum().backward()

    return step


def milliseconds(call: Callable[[], object], seconds: float) -> float:
    """Return the best time of a call, in milliseconds, after one call to warm up."""
    call()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.min(times)) * 1000
