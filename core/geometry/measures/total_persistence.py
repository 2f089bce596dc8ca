"""How long the bars of dimension 0 are, all together."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.measures import INFINITY, Measure
from core.geometry.neighbours import sampled_rows


def total_persistence(x: Embeddings) -> float:
    """Return the sum of the lengths of the H0 bars of `x` (n, d): the length of its minimum spanning tree.

    Range 0 (all points coincide) upwards, in the unit of the embeddings. It grows with the number of points, so that only
    clouds of as many compare; of more than 4,000 rows it is that of 4,000 of them.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Cohen-Steiner, Edelsbrunner, Harer, Mileyko, "Lipschitz functions have L_p-stable persistence", Foundations
    of Computational Mathematics 10, 2010, with degree 1.
    """
    from core.topology import minimum_spanning_tree  # here, because numba takes a while to import

    cloud = as_cloud(x).moderate
    lengths, _ = minimum_spanning_tree(cloud.centered[sampled_rows(cloud.n)])
    with np.errstate(over="ignore"):
        return float(lengths.sum() * cloud.scale)


MEASURES = (
    Measure(
        name="total_persistence",
        label="Total persistence",
        definition="The length of all bars of dimension 0 together (of 4,000 rows at most), in the unit of the embeddings. It "
        "grows with the number of points.",
        source="Cohen-Steiner et al., Foundations of Computational Mathematics 10, 2010",
        isotropic="about n·√(2d)·scale in many dimensions",
        degenerate="0",
        better="neither",
        range=(0.0, INFINITY),
        topic="form",
        compute=total_persistence,
        needs=("points",),
        sees=("scale",),
        repeats="mislead",
    ),
)
