"""Two spaces of the same examples: two layers, two checkpoints, two models."""

from collections.abc import Iterable

from core.errors import IsobarError, nearest
from core.geometry.catalogue import COMPARISONS
from core.geometry.cloud import Embeddings
from core.geometry.measures.comparison import as_pair


def compare_spaces(x: Embeddings, y: Embeddings, measures: str | Iterable[str] = "all") -> dict[str, float]:
    """Return how alike the clouds `x` (n, d) and `y` (n, e) of the same n examples are, by name, in the order asked for.

    `measures` is "all" or names of :data:`~core.geometry.catalogue.COMPARISONS`: linear CKA, as it is and without the
    bias of few rows, mutual nearest neighbours, and the Procrustes distance. None of them changes when a cloud is rotated
    or scaled; all but mutual neighbours, which are of directions, neither when it is shifted. NaN is undefined.

    Raises:
        IsobarError: an unknown measure; not as many rows in both; fewer than two rows, NaN or infinity, or not (n, d).
    """
    asked = [measures] if isinstance(measures, str) else list(measures)
    names = [name for some in asked for name in (COMPARISONS if some == "all" else [some])]
    for name in names:
        if name not in COMPARISONS:
            hint = nearest(str(name), COMPARISONS) or f" There are {', '.join(COMPARISONS)}."
            raise IsobarError(f"There is no comparison of two spaces called {name!r}.{hint}")
    one, other = as_pair(x, y)
    return {name: float(COMPARISONS[name].compute(one, other)) for name in names}
