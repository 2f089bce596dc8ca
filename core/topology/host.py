"""What NumPy may look at."""

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor


def host_array(values: Tensor) -> np.ndarray | None:
    """Return the tensor's own memory as an array, or None where it can't be read now and without waiting.

    That is: on a device, while `torch.compile` or `torch.export` traces, and inside `torch.func` transforms.
    """
    if values.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    if type(values) not in (Tensor, torch.nn.Parameter) or is_functorch_wrapped_tensor(values):
        return None
    return values.detach().numpy()
