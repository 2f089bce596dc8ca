"""Point cloud -> barcode of dimension 0, with gradient."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import IsobarError
from core.topology.distance import edge_lengths
from core.topology.entropy import in_working_precision
from core.topology.euclidean import refuse_unmeasurable
from core.topology.host import on_host, refuse_visible_nonfinite
from core.topology.host_tree import MEMORY_LIMIT, minimum_spanning_tree
from core.topology.metric import check_metric, directions, from_chords
from core.topology.prim import edge_gradient
from core.topology.spanning_tree import choose_backend, spanning_forest

_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Barcode:
    """The finite bars of dimension 0, all born at 0, longest first.

    Attributes:
        lengths: (n-1,) or (b, n-1), in the unit of the points, with gradient; 0 where there is no bar.
        edges: (n-1, 2) or (b, n-1, 2) int64, the two points at whose distance a bar dies; -1 where there is no bar.
        mask: which bars exist, shaped as the lengths, in a batch of padded clouds; None where all do.
    """

    lengths: Tensor
    edges: Tensor
    mask: Tensor | None = None


def h0_barcode(
    points: Tensor,
    backend: str = "auto",
    mask: Tensor | None = None,
    metric: str = "euclidean",
    *,
    memory_limit: int = MEMORY_LIMIT,
    progress: Callable[[int, int], None] | None = None,
) -> Barcode:
    """Return the 0-dimensional Vietoris-Rips barcode: the edge lengths of a minimum spanning tree.

    The tree is found without gradient; only the lengths of its edges are differentiable, twice too. Points that
    coincide give bars of length zero, whose gradient is zero.

    Args:
        points: (n, d) or (b, n, d), any floating dtype, any device. bfloat16 and float16 are measured in float32.
        backend: "prim" (compiled, CPU; filter-Kruskal instead for large clouds), "boruvka" (tensor program, any device,
            compilable) or "auto".
        mask: (n,) or (b, n) bool, which points exist; all by default.
        metric: "euclidean"; "cosine", 1 - cos; or "angular", the angle in radians. The latter two are taken in float64,
            and of zero vectors only as `metric.directions` says.
        memory_limit: bytes that a tree on the CPU may take beside the points; "boruvka" knows no limit.
        progress: called as `progress(done, total)` while a large cloud is measured on the CPU.

    Returns:
        The barcode, on the points' device; empty for fewer than two points.

    Raises:
        IsobarError: the shape, dtype, backend or metric is wrong, or the memory limit too small; or, where the host can
            see it without waiting, a coordinate is NaN or infinite, or a vector whose direction is asked for is zero.

    A filtration value is the distance, not half of it, as in GUDHI and Ripser.
    """
    points = torch.as_tensor(points)
    if points.ndim not in (2, 3) or points.shape[-1] == 0:
        raise IsobarError(f"Points have shape {tuple(points.shape)}; it must be (n, d) or (b, n, d), with d > 0.")
    if points.dtype not in _DTYPES:
        raise IsobarError(f"Points have dtype {points.dtype}; it must be float64, float32, float16 or bfloat16.")
    if mask is not None and (mask.shape != points.shape[:-1] or mask.dtype != torch.bool):
        raise IsobarError(
            f"The mask is {mask.dtype} of shape {tuple(mask.shape)}; for these points it must be torch.bool of shape "
            f"{tuple(points.shape[:-1])}."
        )
    points = in_working_precision(points)
    if metric != "euclidean":
        check_metric(metric)
        units = directions(points, mask)
        found = h0_barcode(units, backend, mask, memory_limit=memory_limit, progress=progress)
        heads, tails = found.edges.clamp(min=0).unbind(-1)
        lengths = from_chords(found.lengths, units, heads, tails, metric)
        return Barcode(lengths.to(points.dtype), found.edges, found.mask)
    if choose_backend(points, backend) == "prim":
        array = points.detach().numpy()
        lengths, edges = _host_trees(array, None if mask is None else mask.numpy(), memory_limit, progress)
        gradient = points.requires_grad and torch.is_grad_enabled()
        lengths = _WithGradient.apply(points, (array, lengths, edges)) if gradient else torch.from_numpy(lengths)
        edges = torch.from_numpy(edges)
    else:
        refuse_visible_nonfinite(points, mask)
        lengths, edges = _boruvka_tree(points, mask)
    return Barcode(lengths, edges, None if mask is None else edges[..., 0] >= 0)


def _boruvka_tree(points: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    bars = max(points.shape[-2] - 1, 0)
    if bars == 0 or points.numel() == 0:
        return points.sum(-1)[..., :bars], torch.empty(*points.shape[:-2], bars, 2, dtype=torch.int64).to(points.device)
    if mask is None:
        group = torch.zeros(points.shape[:-1], dtype=torch.int64, device=points.device)
    else:
        # A point that doesn't exist is a group of its own, at the origin, whatever the padding holds.
        points = torch.where(mask.unsqueeze(-1), points, 0)
        number = torch.arange(1, points.shape[-2] + 1, device=points.device)
        group = torch.where(mask, 0, number)
    heads, tails, exists = spanning_forest(points, group)
    lengths = edge_lengths(points, heads, tails)
    order = torch.where(exists, lengths.detach(), -1).argsort(dim=-1, descending=True, stable=True)[..., :bars]
    ends = torch.stack((heads, tails), -1).masked_fill(~exists.unsqueeze(-1), -1)
    return lengths.gather(-1, order), ends.gather(-2, order.unsqueeze(-1).expand(*order.shape, 2))


def _host_trees(points: np.ndarray, mask: np.ndarray | None, memory_limit, progress) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths and edges of one cloud or, padded, of several."""
    if points.ndim == 2 and mask is None:
        return minimum_spanning_tree(points, memory_limit, progress)
    clouds = points.reshape(-1, *points.shape[-2:])
    mask = np.ones(clouds.shape[:2], bool) if mask is None else mask.reshape(clouds.shape[:2])
    bars = max(points.shape[-2] - 1, 0)
    lengths = np.zeros((len(clouds), bars), points.dtype)
    edges = np.full((len(clouds), bars, 2), -1)
    for b, cloud in enumerate(clouds):
        rows = np.flatnonzero(mask[b])
        try:
            found, ends = minimum_spanning_tree(cloud[rows], memory_limit, progress)
        except IsobarError:
            refuse_unmeasurable(cloud, rows, f" of cloud {b}" if points.ndim == 3 else "", only_rows=True)
            raise
        lengths[b, : len(found)], edges[b, : len(found)] = found, rows[ends]
    shape = (*points.shape[:-2], bars)
    return lengths.reshape(shape), edges.reshape(*shape, 2)


class _WithGradient(torch.autograd.Function):
    """Lengths known already, whose backward pass is O(n d), and a tensor program where it is differentiated itself.

    `known` holds arrays: points (the tensor's own memory), lengths and edges.
    """

    @staticmethod
    def forward(ctx, points, known):
        ctx.save_for_backward(points)
        ctx.known = known
        return torch.from_numpy(known[1].copy())  # whoever changes it in place leaves what the gradient is made of

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors  # which refuses points that were changed in place since
        array, lengths, edges = ctx.known
        if torch.is_grad_enabled() or not on_host(grad):
            return _edge_gradient(points, torch.from_numpy(edges), grad), None
        arrays = (np.ascontiguousarray(array), lengths, edges, np.ascontiguousarray(grad.detach().numpy()))
        if array.ndim == 2:
            return torch.from_numpy(edge_gradient(*arrays)), None
        return torch.from_numpy(np.stack([edge_gradient(*cloud) for cloud in zip(*arrays)])), None


def _edge_gradient(points: Tensor, edges: Tensor, grad: Tensor) -> Tensor:
    """What `prim.edge_gradient` returns, differentiable."""
    heads, tails = edges.clamp(min=0).unbind(-1)
    lengths = edge_lengths(points, heads, tails).unsqueeze(-1)
    heads, tails = (index.unsqueeze(-1).expand(*index.shape, points.shape[-1]) for index in (heads, tails))
    steps = points.gather(-2, heads) - points.gather(-2, tails)
    positive = lengths > 0
    pull = torch.where(positive, steps / torch.where(positive, lengths, 1), 0) * grad.unsqueeze(-1)
    return torch.zeros_like(points).scatter_add(-2, heads, pull).scatter_add(-2, tails, -pull)
