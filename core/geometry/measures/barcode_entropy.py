"""How equal the bars of dimension 0 are."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.measures import Measure
from core.geometry.neighbours import sampled_rows


def barcode_entropy(x: Embeddings) -> float:
    """Return the persistent entropy of the H0 barcode of `x` (n, d) over its maximum, ln(n - 1): all bars count.

    Range 0 (one bar is longer than nothing) to 1 (all bars are equal); of more than 4,000 rows it is that of 4,000 of them.
    NaN below three rows, and where all rows are equal.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Rucco, Castiglione, Merelli, Pettini, "Characterisation of the idiotypic immune network through persistent
    entropy", 2016; its share of the maximum as in Kudriashov, Karpik, Klyshinsky, arXiv:2501.05502.
    """
    from scipy.stats import entropy

    from core.topology import minimum_spanning_tree  # here, because numba takes a while to import

    cloud = as_cloud(x).moderate
    lengths, _ = minimum_spanning_tree(cloud.centered[sampled_rows(cloud.n)])
    return float(entropy(lengths) / np.log(len(lengths))) if len(lengths) > 1 and lengths.any() else float("nan")


MEASURES = (
    Measure(
        name="barcode_entropy",
        label="Barcode entropy",
        definition="How equal the bars of dimension 0 are (of 4,000 rows at most): persistent entropy of all of them over its maximum.",
        source="Rucco et al., 2016; Kudriashov, Karpik, Klyshinsky (arXiv:2501.05502)",
        isotropic="near 1",
        degenerate="0",
        undefined="below three rows, and where all are equal",
        better="neither",
        range=(0.0, 1.0),
        topic="form",
        compute=barcode_entropy,
        needs=("points",),
        sees=(),
        repeats="mislead",
    ),
)
