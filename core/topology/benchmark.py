"""How long barcodes take, beside the peers that are installed, in one run: `isobar bench topology`.

Every figure is the best of many repetitions, which is what the code costs when nothing else runs; the repetitions of
all take turns. All get the same float32 cloud.
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
    (16, 32, 384, BOTH),
    (1024, 768, FORWARD),
    (4096, 768, FORWARD),
)

# Beyond these sizes they take minutes, or more memory than a laptop has.
_LIMITS = {"tensor program": 1024, "torch-topological": 1024, "GUDHI": 1024, "Ripser": 4096, "giotto-ph": 4096}
_MODULES = {"torch-topological": "torch_topological", "GUDHI": "gudhi", "Ripser": "ripser", "giotto-ph": "gph"}


def run(sizes: Iterable[tuple] = SIZES, seconds: float = 1.0, seed: int = 0) -> list[dict]:
    """Return one row for each cloud, with times in milliseconds and ratios.

    Args:
        sizes: (points, dimensions, "forward" or "forward + backward"), and before them how many clouds, of a batch.
        seconds: how long each figure is measured at least; every one is taken at least twice.
        seed: of the Gaussian clouds.

    Returns:
        Rows of equal keys. "empty autograd" is what torch takes for the two passes of a function that computes nothing:
        no implementation in Python can be faster. "absent" stands for a peer that isn't installed, None for what wasn't
        asked: a peer of a cloud too large for it, or of a gradient it doesn't have.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ripser doubts every cloud that has more dimensions than points
        return [_row(shape, passes, seconds, seed) for *shape, passes in sizes]


def _row(shape: list[int], passes: str, seconds: float, seed: int) -> dict:
    n = shape[-2]
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    both = passes == BOTH
    calls = {
        "isobar": _ours(points, "auto", both),
        "empty autograd": _empty(points) if both else None,
        "tensor program": _ours(points, "boruvka", both) if n <= _LIMITS["tensor program"] else None,
        "torch.cdist": lambda: torch.cdist(points, points),
    }
    absent = [peer for peer, module in _MODULES.items() if find_spec(module) is None]
    for peer in _MODULES:
        asked = n <= _LIMITS[peer] and (not both or peer == "torch-topological")
        calls[peer] = _peer(peer, points, both) if asked and peer not in absent else None
    row = {
        "cloud": " x ".join(f"{size:,}" for size in shape),
        "passes": passes,
        **milliseconds(calls, seconds),
        **dict.fromkeys(absent, "absent"),
    }
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
    def forward(ctx, points, lengths):
        ctx.save_for_backward(points)
        return lengths.detach()

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        return torch.zeros_like(points), None


def _empty(points: torch.Tensor) -> Callable[[], None]:
    """Return a call with the shapes of a barcode's two passes and no work in them."""
    points, lengths = points.clone().requires_grad_(), points[..., 1:, 0].clone()

    def step():
        points.grad = None
        _Empty.apply(points, lengths).sum().backward()

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
        found = complex_of(leaf)
        if both:
            clouds = found if leaf.ndim == 3 else [found]
            sum(dimension_0.diagram[:, 1].sum() for (dimension_0,) in clouds).backward()

    return step


def milliseconds(calls: dict[str, Callable[[], object] | None], seconds: float) -> dict[str, float | None]:
    """Return the best time of each call, in milliseconds; None stays None.

    They take turns, a tenth of `seconds` each, until each was run for `seconds` and at least twice: whatever else the
    machine does meanwhile meets all of them, and their ratios hold.
    """
    best, spent, runs = ({name: start for name, call in calls.items() if call} for start in (np.inf, 0.0, 0))
    for name in best:
        calls[name]()  # the first call compiles, or fills caches
    while waiting := [name for name in best if runs[name] < 2 or spent[name] < seconds]:
        for name in waiting:
            turn = spent[name] + seconds / 10
            while True:
                start = time.perf_counter()
                calls[name]()
                took = time.perf_counter() - start
                best[name], spent[name], runs[name] = min(best[name], took), spent[name] + took, runs[name] + 1
                if spent[name] >= turn:
                    break
    return {name: best[name] * 1000 if call else None for name, call in calls.items()}
