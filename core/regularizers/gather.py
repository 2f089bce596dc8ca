"""The global batch: under distributed training each process holds a part of the cloud, and a term is of the whole."""

import torch
import torch.distributed as dist
from torch import Tensor


def is_distributed() -> bool:
    """Whether the batch is spread over several processes."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of the processes' tensors of one shape, with gradient as :func:`gather_batch` gives it.

    For terms that need no more of the other processes' rows than a sum. In one process it returns what it was given.
    """
    return _AllSum.apply(values) if is_distributed() else values


def gather_batch(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the embeddings (n, d), with gradient, and the labels (n,) of all processes, in the order of their ranks.

    Every process computes the same loss of the same cloud, and the gradient that comes back to its rows is the sum over
    processes; averaging over processes, as DistributedDataParallel does, makes that the gradient of the global batch in
    one process. Parts of unequal size are padded with rows of label -1, which the regularizers leave out.

    In one process it returns what it was given.
    """
    if not is_distributed():
        return embeddings, labels
    size = torch.tensor([len(labels)], device=labels.device)
    dist.all_reduce(size, op=dist.ReduceOp.MAX)
    missing = int(size) - len(labels)
    if missing:
        embeddings = torch.cat((embeddings, embeddings.new_zeros(missing, embeddings.shape[1])))
        labels = torch.cat((labels, labels.new_full((missing,), -1)))
    parts = [torch.empty_like(labels) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, labels.contiguous())
    return _AllGather.apply(embeddings), torch.cat(parts)


class _AllGather(torch.autograd.Function):
    """Rows of all ranks; backward: each rank gets the sum over ranks of the gradient of its own rows."""

    @staticmethod
    def forward(ctx, rows):
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        grad = grad.contiguous()
        dist.all_reduce(grad)
        return grad.chunk(dist.get_world_size())[dist.get_rank()]


class _AllSum(torch.autograd.Function):
    """The sum over ranks; backward: each rank gets the sum over ranks of the gradient."""

    @staticmethod
    def forward(ctx, values):
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        grad = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad)
        return grad
