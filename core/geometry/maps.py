"""Clouds as they are drawn: each by itself at one size, along its own axes or as a map of who is near whom."""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from core.errors import IsobarError
from core.geometry.axes import Projection, aligned_axes
from core.geometry.cloud import Embeddings, as_cloud

_FEWEST = 5
_NEIGHBOURS = 15  # umap-learn's default


def own_axes(clouds: Sequence[Embeddings], count: int = 2) -> Projection:
    """Return each cloud along its own principal axes and at root mean square 1, turned to fit the one before it.

    What a cloud that shrank to a dot looks like inside; how large it is beside the other does not show. See
    :func:`~core.geometry.axes.aligned_axes` for arguments, errors and source.
    """
    return aligned_axes([_unit(cloud) for cloud in clouds], count)


def umap_maps(clouds: Sequence[Embeddings], seed: int = 0) -> list[np.ndarray]:
    """Return of each cloud (n, d) its UMAP in the plane: (n, 2) float64, at root mean square 1, turned to fit the one before it.

    Who is near whom is kept as far as two dimensions can; how far groups lie apart, and how dense they are, means nothing.
    Each cloud has a map of its own, of Euclidean distances; the same `seed` gives the same map on one machine.

    Raises:
        IsobarError: umap-learn is not installed; fewer than 5 rows; clouds of different n; NaN or infinity, or not (n, d).

    Source: McInnes, Healy, Melville, arXiv:1802.03426, as umap-learn computes it.
    """
    if find_spec("umap") is None:
        raise IsobarError('UMAP needs the package umap-learn: pip install "isobar-explorer[umap]".')
    checked = [as_cloud(cloud) for cloud in clouds]
    if few := [cloud.n for cloud in checked if cloud.n < _FEWEST]:
        raise IsobarError(f"UMAP takes at least {_FEWEST} examples; here are {few[0]}.")
    import umap

    maps = []
    for cloud in checked:
        neighbours = min(_NEIGHBOURS, cloud.n - 1)
        with warnings.catch_warnings():
            # That a seed takes one thread, and that a few points have no spectrum to begin from, is as it should be.
            warnings.simplefilter("ignore")
            # In float32, which it computes in: at a scale of 1 nothing of a small or far cloud is lost in it.
            drawn = umap.UMAP(n_neighbors=neighbours, random_state=seed).fit_transform(
                _unit(cloud.centered).astype(np.float32)
            )
        maps.append(np.asarray(drawn, np.float64))
    return aligned_axes([_unit(one) for one in maps], 2).coordinates


def _unit(x: Embeddings) -> np.ndarray:
    """Return the cloud about its mean, at root mean square 1; one that does not vary stays zeros."""
    centered = as_cloud(x).centered
    size = np.sqrt(np.square(centered).sum(1).mean())
    return centered / size if size > 0 else centered
