"""What the host may look at without waiting."""

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from core.topology.euclidean import refuse_unmeasurable


def on_host(values: Tensor) -> bool:
    """Whether the tensor's own memory can be read now and without waiting.

    It can't on a device, while `torch.compile` or `torch.export` traces, and inside `torch.func` transforms.
    """
    return values.is_cpu and is_plain(values)


def is_plain(values: Tensor) -> bool:
    """Whether it holds numbers that the host could wait for: nothing traces it, and no CUDA graph is captured."""
    return (
        not torch.compiler.is_compiling()
        and type(values) in (Tensor, torch.nn.Parameter)
        and not is_functorch_wrapped_tensor(values)
        and not (values.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def host_array(values: Tensor) -> np.ndarray | None:
    """Return the tensor's own memory as an array, or None where it isn't `on_host`."""
    return values.detach().numpy() if on_host(values) else None


def refuse_visible_nonfinite(points: Tensor, mask: Tensor | None = None) -> None:
    """Raise an IsobarError for a NaN or an infinity in points (n, d) or (b, n, d), if the host can see it."""
    array = host_array(points)
    if array is None or np.isfinite(array).all():
        return
    clouds = array.reshape(-1, *array.shape[-2:])
    exists = np.ones(clouds.shape[:2], bool) if mask is None else mask.numpy().reshape(clouds.shape[:2])
    for b, (cloud, rows) in enumerate(zip(clouds, exists)):
        where = f" of cloud {b}" if points.ndim == 3 else ""
        refuse_unmeasurable(cloud, np.flatnonzero(rows), where, only_rows=True)
