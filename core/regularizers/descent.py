"""What a regularizer does to points that nothing else holds: plain gradient descent on it alone."""

import numpy as np
import torch

from core.regularizers.base import Regularizer
from core.topology import h0_barcode


def descend(points: np.ndarray, loss: Regularizer, *, steps: int = 60, rate: float = 0.01) -> np.ndarray:
    """Return where `steps` steps of gradient descent on `loss` lead the points, (steps + 1, n, d) float64, start included.

    Args:
        points: (n, d), one class.
        loss: the regularizer.
        steps: how many.
        rate: the learning rate, in units of the cloud's root mean square radius times the sum of its bars: the
            gradient of persistent entropy is of the order of 1 over that sum, so a cloud's size doesn't matter.
    """
    x = torch.tensor(np.asarray(points, dtype=np.float64), requires_grad=True)
    labels = torch.zeros(len(x), dtype=torch.int64)
    unit = _radius(np.asarray(points, dtype=np.float64)) * float(h0_barcode(x.detach()).lengths.sum())
    optimizer = torch.optim.SGD([x], lr=float(rate * unit))
    path = [x.detach().numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(x, labels).backward()
        optimizer.step()
        path.append(x.detach().numpy().copy())
    return np.stack(path)


def at_equal_spread(path: np.ndarray) -> np.ndarray:
    """Return the clouds of `path` (t, n, d) about their means, each scaled to the first one's root mean square radius.

    Persistent entropy doesn't change with the scale, so descent on it may let the whole cloud drift outwards.
    """
    centered = path - path.mean(axis=1, keepdims=True)
    radius = _radius(path)[:, None, None]
    return centered * np.where(radius > 0, radius[:1] / np.where(radius > 0, radius, 1), 1)


def _radius(points: np.ndarray) -> np.ndarray:
    """Root mean square distance of points (..., n, d) from their mean."""
    centered = points - points.mean(axis=-2, keepdims=True)
    return np.sqrt((centered**2).sum(axis=-1).mean(axis=-1))
