"""The global batch: under distributed training each process holds a part of the cloud, and the barcode is of the whole."""

import torch
import torch.distributed as dist
from torch import Tensor


def gather_batch(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the embeddings (n, d), with gradient, and the labels (n,) of all processes, in the order of their ranks.

    Every process computes the same loss of the same cloud, and the gradient that comes back to its rows is the sum over
    processes; averaging over processes, as DistributedDataParallel does, makes that the gradient of the global batch in
    one process. Parts of unequal size are padded with rows of label -1, which the regularizers leave out.

    In one process it returns what it was given.
    """
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
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
