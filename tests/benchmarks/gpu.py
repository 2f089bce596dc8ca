"""The tensor program on a GPU, beside its peers: `python -m tests.benchmarks.gpu [--device cuda] [--out table.md]`.

Forward and backward, float32, milliseconds, best of many. Peers work on the host, so their times hold the copies there
and back, as in training. `eager`, `graph` and `compiled` are one program: launched operation by operation, captured in
a CUDA graph (which fails if anything waits for the host), and compiled by inductor for that very shape. Before anything
is timed, values and gradients are compared with Prim's in float64, and a pass is made in which CUDA itself refuses to
wait; what a graph replays and what inductor compiled is compared too.

A second table is of clouds that are measured by tiles: seconds for the barcode, how many passes over the same tiles' distances
that is, and the most memory that torch held on the device. Lengths are compared with the host's
up to 65,536 points.

It needs no more than the package and, for its peers, `pip install -e ".[bench]"`.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import torch

from core.regularizers import PersistentEntropyLoss
from core.tables import markdown
from core.topology import h0_barcode
from core.topology.distance import apart
from core.topology.spanning_tree import TILE

SIZES = ((32, 384), (128, 768), (512, 768), (1024, 768), (4096, 768))
CLOUDS = "16384,65536,262144"
COMPARED = 65_536  # points: of more the host would take minutes


def main() -> None:
    """Check, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--largest", type=int, default=4096, help="the most points")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each figure is measured")
    parser.add_argument("--no-compile", action="store_true", help="leave inductor out; it takes a minute a size")
    parser.add_argument(
        "--clouds", default=CLOUDS, help="how many points the clouds of the second table have; none for no such table"
    )
    parser.add_argument("--out", help="also write the table to this file")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("this machine has no CUDA device; --device cpu runs the same program on the CPU")
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n, d in SIZES:
            if n <= options.largest:
                rows += [_barcode_row(n, d, device, options), _loss_row(n, d, device, options)]
                print(markdown(rows[-2:]), flush=True)
        clouds = []
        for n in () if options.clouds == "none" else options.clouds.split(","):
            clouds.append(_cloud_row(int(n), 384, device))
            print(markdown(clouds[-1:]), flush=True)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    table = f"{name}, torch {torch.__version__}\n\n{markdown(rows)}\n{markdown(clouds) if clouds else ''}"
    print(table)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(table)


def _barcode_row(n: int, d: int, device: torch.device, options: argparse.Namespace) -> dict:
    points = torch.randn(n, d, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()

    def ours():
        return h0_barcode(points, "boruvka").lengths.sum()

    exact = points.detach().cpu().double().requires_grad_()
    _check(ours(), points, h0_barcode(exact, "prim").lengths.sum(), exact)
    row = {"what": f"barcode {n:,} x {d}", **_ways(ours, points, options)}
    row["cdist forward"] = _milliseconds(lambda: torch.cdist(points.detach(), points.detach()), device, options)
    for peer, call in _peers(points).items():
        row[peer] = _milliseconds(call, device, options) if call and n <= 1024 else None
    return row


def _loss_row(n: int, d: int, device: torch.device, options: argparse.Namespace) -> dict:
    points = torch.randn(n, d, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()
    labels = torch.arange(n, device=device) % 2
    loss = PersistentEntropyLoss(backend="boruvka")
    exact = points.detach().cpu().double().requires_grad_()
    _check(loss(points, labels), points, PersistentEntropyLoss()(exact, labels.cpu()), exact)
    row = {"what": f"loss {n:,} x {d}", **_ways(lambda: loss(points, labels), points, options)}
    return {**row, "cdist forward": None, **dict.fromkeys(_peers(points))}


def _cloud_row(n: int, d: int, device: torch.device) -> dict:
    points = torch.randn(n, d, generator=torch.Generator().manual_seed(0)).to(device)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    start = time.perf_counter()
    lengths = h0_barcode(points, "boruvka").lengths.cpu()  # which waits
    seconds = time.perf_counter() - start
    memory = torch.cuda.max_memory_allocated(device) / 2**30 if cuda else None
    start = time.perf_counter()
    for row in range(0, n, TILE):
        for column in range(row, n, TILE):
            distances = apart(points[row : row + TILE], points[column : column + TILE])
    float(distances[0, 0])
    distances_seconds = time.perf_counter() - start
    host = None
    if n <= COMPARED:
        start = time.perf_counter()
        exact = h0_barcode(points.cpu(), "prim").lengths
        host = time.perf_counter() - start
        torch.testing.assert_close(lengths, exact, rtol=1e-5, atol=1e-6)
    return {
        "what": f"barcode {n:,} x {d}",
        "seconds": seconds,
        "passes of the distances": seconds / distances_seconds,
        "the host's engine, seconds": host,
        "GB": memory,
    }


def _ways(value: Callable[[], torch.Tensor], points: torch.Tensor, options: argparse.Namespace) -> dict:
    """Return the time of forward and backward, launched one by one, as a CUDA graph, and compiled."""

    def step(program=value):
        points.grad = None
        program().backward()

    device = points.device
    step()
    gradient = points.grad.clone()
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
        step()
        torch.cuda.set_sync_debug_mode("default")
    times = {"eager": _milliseconds(step, device, options), "graph": None, "compiled": None}
    if device.type == "cuda":
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # capture wants its memory pools warm
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        points.grad = None
        with torch.cuda.graph(graph):
            value().backward()
        points.grad.zero_()  # so that what is compared is what the replay wrote
        graph.replay()
        torch.testing.assert_close(points.grad, gradient, rtol=1e-3, atol=1e-5)
        times["graph"] = _milliseconds(graph.replay, device, options)
    if not options.no_compile:
        torch.compiler.reset()  # else the next shape would be compiled for any shape
        compiled = torch.compile(value, fullgraph=True, dynamic=False)
        step(compiled)
        torch.testing.assert_close(points.grad, gradient, rtol=1e-3, atol=1e-5)
        times["compiled"] = _milliseconds(lambda: step(compiled), device, options)
    return times


def _peers(points: torch.Tensor) -> dict[str, Callable[[], object] | None]:
    """Return a call for each peer, None for one that isn't installed; those without gradient only go forward."""
    calls = dict.fromkeys(("torch-topological", "GUDHI forward", "Ripser forward", "giotto-ph forward"))
    if find_spec("torch_topological"):
        from torch_topological.nn import VietorisRipsComplex

        complex_of = VietorisRipsComplex(dim=0)

        def topological():
            points.grad = None
            complex_of(points.cpu())[0].diagram[:, 1].sum().backward()

        calls["torch-topological"] = topological
    if find_spec("gudhi"):
        import gudhi

        calls["GUDHI forward"] = lambda: (
            gudhi.RipsComplex(points=points.detach().cpu().numpy()).create_simplex_tree(max_dimension=1).persistence()
        )
    if find_spec("ripser"):
        from ripser import ripser

        calls["Ripser forward"] = lambda: ripser(points.detach().cpu().numpy(), maxdim=0)
    if find_spec("gph"):
        from gph import ripser_parallel

        calls["giotto-ph forward"] = lambda: ripser_parallel(points.detach().cpu().numpy(), maxdim=0, n_threads=-1)
    return calls


def _check(value: torch.Tensor, points: torch.Tensor, exact_value: torch.Tensor, exact: torch.Tensor) -> None:
    """Stop if value or gradient differ from the same of float64 by Prim."""
    (gradient,) = torch.autograd.grad(value, points)
    (exact_gradient,) = torch.autograd.grad(exact_value, exact)
    torch.testing.assert_close(value.cpu().double(), exact_value, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradient.cpu().double(), exact_gradient, rtol=1e-3, atol=1e-4)


def _milliseconds(call: Callable[[], object], device: torch.device, options: argparse.Namespace) -> float:
    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    call()
    times = []
    end = time.perf_counter() + options.seconds
    while len(times) < 3 or time.perf_counter() < end:
        wait()
        start = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - start)
    return float(np.min(times)) * 1000


if __name__ == "__main__":
    main()
