"""Whether a point's neighbours are of its class."""

from core.geometry.cloud import Embeddings
from core.geometry.labels import Classes, Labels, as_classes
from core.geometry.measures import Measure
from core.geometry.neighbours import nearest_rows

K = 10  # neighbours, as of hubness


def knn_purity(x: "Embeddings | Classes", labels: Labels | None = None, k: int = K) -> float:
    """Return the share of each row's `k` nearest neighbours in `x` (n, d) that are of its class, the mean over the rows.

    Range 0 to 1; by chance it is sum_c n_c (n_c - 1) / (n (n - 1)). Euclidean distance; n - 1 neighbours where there are
    not as many; of more than 4,000 rows, among 4,000 of them. Which of several points at exactly the same distance is a
    neighbour, is arbitrary. NaN with one class, and where all points coincide.

    Raises:
        IsobarError: labels that are missing or not one a row; fewer than two rows, NaN or infinity, not (n, d).

    Source: the purity of neighbourhoods, as the accuracy of a k-nearest-neighbour vote would have it: Cover, Hart,
    "Nearest neighbor pattern classification", IEEE Transactions on Information Theory 13, 1967.
    """
    classes = as_classes(x, labels)
    if len(classes.sizes) < 2 or not classes.cloud.centered.any():
        return float("nan")
    rows, near = nearest_rows(classes.cloud, k)
    of = classes.labels[rows]
    return float((of[near] == of[:, None]).mean())


MEASURES = (
    Measure(
        name="knn_purity",
        label="Neighbours of one's class",
        definition=f"The share of a point's {K} nearest neighbours that are of its class (of 4,000 rows at most).",
        source="After Cover, Hart, IEEE Transactions on Information Theory 13, 1967",
        isotropic="chance: Σ(n_c/n)²",
        degenerate="1",
        undefined="with one class, and where all points coincide",
        better="higher",
        range=(0.0, 1.0),
        topic="classes",
        compute=knn_purity,
        needs=("labels",),
        repeats="mislead",
    ),
)
