"""How long barcodes take, beside the peers that are installed, in one run: `isobar bench topology`.

Every figure is the best of many repetitions, which is what the code costs when nothing else runs. All get the same
float32 cloud.
"""

import time
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec

import numpy as np
import torch

from core.topology.barcode import h0_barcode

FORWARD, BOTH = "forward", "forward + backward"
SIZES = (
    (32, 384, FORWARD),
    (32, 384, BOTH),
    (128, 384, FORWARD),
    (128, 384, BOTH),
    (1024, 768, FORWARD),
    (4096, 768, FORWARD),
)

# Beyond these sizes they take minutes, or more memory than a laptop has.
_LIMITS = {"tensor program": 1024, "torch-topological": 1024, "GUDHI": 1024, "Ripser": 4096, "giotto-ph": 4096}
_MODULES = {"torch-topological": "torch_topological", "GUDHI": "gudhi", "Ripser": "ripser", "giotto-ph": "gph"}


def run(sizes: Iterable[tuple[int, int, str]] = SIZES, seconds: float = 1.0, seed: int = 0) -> list[dict]:
    """Return one row for each cloud, with times in milliseconds and ratios.

    Args:
        sizes: (points, dimensions, "forward" or "forward + backward").
        seconds: how long each figure is measured at least; every one is taken at least twice.
        seed: of the Gaussian clouds.

    Returns:
        Rows of equal keys. "empty autograd" is what torch takes for the two passes of a function that computes nothing:
        no implementation of ours in Python can be faster. "absent" stands for a peer that isn't installed, None for what wasn't asked: a peer of a
        cloud too large for it, or of a gradient it doesn't have.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ripser doubts every cloud that has more dimensions than points
        return [_row(n, d, passes, seconds, seed) for n, d, passes in sizes]


def _row(n: int, d: int, passes: str, seconds: float, seed: int) -> dict:
    points = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    both = passes == BOTH
    program = _ours(points, "boruvka", both) if n <= _LIMITS["tensor program"] else None
    row = {
        "cloud": f"{n:,} x {d}",
        "passes": passes,
        "isobar": milliseconds(_ours(points, "auto", both), seconds),
        "empty autograd": milliseconds(_empty(points), seconds) if both else None,
        "tensor program": milliseconds(program, seconds) if program else None,
        "torch.cdist": milliseconds(lambda: torch.cdist(points, points), seconds),
    }
    for peer, module in _MODULES.items():
        if find_spec(module) is None:
            row[peer] = "absent"
        elif n > _LIMITS[peer] or (both and peer != "torch-topological"):
            row[peer] = None
        else:
            row[peer] = milliseconds(_peer(peer, points, both), seconds)
    times = [row[peer] for peer in _MODULES if isinstance(row[peer], float)]
    row["best peer / isobar"] = min(times) / row["isobar"] if times else None
    row["isobar / cdist"] = row["isobar"] / row["torch.cdist"]
    return row


def _ours(points: torch.Tensor, backend: str, both: bool) -> Callable[[], None]:
    if not both:
        return lambda: h0_barcode(points, backend)
    points = points.clone().requires_grad_()

    def step():
        points.grad = None
        h0_barcode(points, backend).lengths.sum().backward()

    return step


class _Empty(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points):
        ctx.save_for_backward(points)
        return points[1:, 0].clone()

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        return torch.zeros_like(points)


def _empty(points: torch.Tensor) -> Callable[[], None]:
    """Return a call with the shapes of a barcode's two passes and no work in them: what torch itself takes for any."""
    points = points.clone().requires_grad_()

    def step():
        points.grad = None
        _Empty.apply(points).sum().backward()

    return step


def _peer(name: str, points: torch.Tensor, both: bool) -> Callable[[], object]:
    """Return a call that makes a peer compute the same bars."""
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
