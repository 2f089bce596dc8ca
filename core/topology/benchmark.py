"""How long barcodes take, beside the peers that are installed, in one run: `isobar bench topology`.

Every figure is the best of many repetitions, which is what the code costs when nothing else runs; the repetitions of
all take turns. All get the same float32 cloud; of a peer that finds other bars than Isobar that is told instead of a time.
"""

import time
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import torch

from core.topology.barcode import h0_barcode

FORWARD, BOTH = "forward", "forward + backward"
OTHER = "other bars"
SIZES = (
    (32, 384, FORWARD),
    (32, 384, BOTH),
    (128, 384, FORWARD),
    (128, 384, BOTH),
    (16, 32, 384, BOTH),
    (1024, 768, FORWARD),
    (4096, 768, FORWARD),
    (20_000, 3, FORWARD),
)

_LONG = 10.0  # seconds, after which a call is not made again


class Peer(NamedTuple):
    """Somebody else's way to the same bars.

    Attributes:
        module: of which it is.
        largest: points of the largest cloud; beyond it takes minutes, or more memory than a laptop has.
        bars: returns the lengths of the finite bars of a cloud (n, d), in any order.
    """

    module: str
    largest: int
    bars: Callable[[np.ndarray], np.ndarray]


def _gudhi(points: np.ndarray) -> np.ndarray:
    import gudhi

    found = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=1).persistence()
    return np.array([death for _, (_, death) in found if np.isfinite(death)])


def _ripser(points: np.ndarray) -> np.ndarray:
    from ripser import ripser

    return ripser(points, maxdim=0)["dgms"][0][:-1, 1]


def _giotto(points: np.ndarray) -> np.ndarray:
    from gph import ripser_parallel

    return ripser_parallel(points, maxdim=0, n_threads=-1)["dgms"][0][:-1, 1]


def _torch_topological(points: np.ndarray) -> np.ndarray:
    from torch_topological.nn import VietorisRipsComplex

    return VietorisRipsComplex(dim=0)(torch.from_numpy(points))[0].diagram[:, 1].numpy()


def _fastcluster(points: np.ndarray) -> np.ndarray:
    from fastcluster import linkage_vector

    return linkage_vector(points, method="single")[:, 2]


def _hdbscan(points: np.ndarray) -> np.ndarray:
    from hdbscan import HDBSCAN

    # A point's nearest neighbour is no further than any other, so that with one the distances are as they are.
    return HDBSCAN(min_samples=1, approx_min_span_tree=False).fit(points).single_linkage_tree_.to_numpy()[:, 2]


def _fast_hdbscan(points: np.ndarray) -> np.ndarray:
    from fast_hdbscan.hdbscan import compute_minimum_spanning_tree

    return compute_minimum_spanning_tree(points, min_samples=1)[0][:, 2]


def _quitefastmst(points: np.ndarray) -> np.ndarray:
    from quitefastmst import mst_euclid

    return mst_euclid(points)[0]


PEERS = {
    "torch-topological": Peer("torch_topological", 1024, _torch_topological),
    "GUDHI": Peer("gudhi", 1024, _gudhi),
    "Ripser": Peer("ripser", 4096, _ripser),
    "giotto-ph": Peer("gph", 4096, _giotto),
    "fastcluster": Peer("fastcluster", 20_000, _fastcluster),
    "hdbscan": Peer("hdbscan", 20_000, _hdbscan),
    "fast-hdbscan": Peer("fast_hdbscan", 20_000, _fast_hdbscan),
    "quitefastmst": Peer("quitefastmst", 20_000, _quitefastmst),
}
_TENSOR_PROGRAM_TO = 1024  # points, on a CPU
_WITH_GRADIENT = "torch-topological"  # alone among the peers


def run(sizes: Iterable[tuple] = SIZES, seconds: float = 1.0, seed: int = 0) -> list[dict]:
    """Return one row for each cloud, with times in milliseconds and ratios.

    Args:
        sizes: (points, dimensions, "forward" or "forward + backward"), and before them how many clouds, of a batch.
        seconds: how long each figure is measured at least; every one is taken at least twice, but for a call of ten seconds.
        seed: of the Gaussian clouds.

    Returns:
        Rows of equal keys. "empty autograd" is what torch takes for the two passes of a function that computes nothing:
        no implementation in Python can be faster. "absent" stands for a peer that isn't installed, "other bars" for one whose
        bars are not Isobar's, None for what wasn't asked: a peer of a cloud too large for it, or of a gradient it doesn't have.
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
        "tensor program": _ours(points, "boruvka", both) if n <= _TENSOR_PROGRAM_TO else None,
        "torch.cdist": lambda: torch.cdist(points, points),  # the forward pass alone
    }
    absent = [name for name, peer in PEERS.items() if find_spec(peer.module) is None]
    found = {}
    for name, peer in PEERS.items():
        asked = n <= peer.largest and name not in absent and (not both or name == _WITH_GRADIENT)
        calls[name] = (_both(points) if both else _forward(name, points.numpy(), found)) if asked else None
    row = {
        "cloud": " x ".join(f"{size:,}" for size in shape),
        "passes": passes,
        **milliseconds(calls, seconds),
        **dict.fromkeys(absent, "absent"),
    }
    ours = h0_barcode(points).lengths.numpy() if found else np.empty(0)
    row |= {name: OTHER for name, bars in found.items() if not same_bars(ours, bars)}
    times = [row[name] for name in PEERS if isinstance(row[name], float)]
    row["best peer / isobar"] = min(times) / row["isobar"] if times else None
    row["isobar / cdist"] = row["isobar"] / row["torch.cdist"]
    return row


def _forward(name: str, points: np.ndarray, found: dict[str, np.ndarray]) -> Callable[[], None]:
    """Return a call that keeps a peer's bars in `found`; its kernels are compiled."""
    bars = PEERS[name].bars
    bars(points[:64])

    def call():
        found[name] = bars(points)

    return call


def same_bars(ours: np.ndarray, theirs: np.ndarray, unlike: float = 0.0) -> bool:
    """Return whether two barcodes are one, lengths (m,) in any order.

    Args:
        ours: the lengths of one.
        theirs: of the other.
        unlike: how far two of them may be apart, in their unit, beyond a thousandth of each.
    """
    # Some peers measure by inner products in float32.
    return len(ours) == len(theirs) and np.allclose(np.sort(theirs), np.sort(ours), rtol=1e-3, atol=unlike)


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


def _both(points: torch.Tensor) -> Callable[[], None]:
    """Return a call of both passes of the peer that has a gradient."""
    from torch_topological.nn import VietorisRipsComplex

    complex_of = VietorisRipsComplex(dim=0)
    leaf = points.clone().requires_grad_()

    def step():
        leaf.grad = None
        found = complex_of(leaf)
        clouds = found if leaf.ndim == 3 else [found]
        sum(dimension_0.diagram[:, 1].sum() for (dimension_0,) in clouds).backward()

    return step


def milliseconds(calls: dict[str, Callable[[], object] | None], seconds: float) -> dict[str, float | None]:
    """Return the best time of each call, in milliseconds; None stays None.

    They take turns, a tenth of `seconds` each, until each was run for `seconds` and at least twice: whatever else the
    machine does meanwhile meets all of them, and their ratios hold. One whose first call takes ten seconds has no other.
    """
    best, spent, runs = ({name: start for name, call in calls.items() if call} for start in (np.inf, 0.0, 0))
    for name in best:
        start = time.perf_counter()
        calls[name]()  # the first call compiles, or fills caches
        if (took := time.perf_counter() - start) > _LONG:
            best[name], spent[name], runs[name] = took, np.inf, 2
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
