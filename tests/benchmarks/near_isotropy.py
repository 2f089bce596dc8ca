"""How many bars are features where all are nearly alike: ``python -m tests.benchmarks.near_isotropy`` (docs/method.md)."""

from collections import Counter

import numpy as np

from core.tables import markdown
from core.topology import minimum_spanning_tree
from core.topology.features import feature_count

CLOUDS = {8: 200, 16: 200, 32: 400, 64: 400, 128: 200, 1_000: 16}
WIDTHS = (384, 768)


def features_of(n: int, clouds: int) -> tuple[Counter, float]:
    """Return how many of isotropic Gaussian clouds of `n` points have how many features, and their longest bar in 384 dimensions, a mean."""
    counts, longest = Counter(), []
    for d in WIDTHS:
        for seed in range(clouds // len(WIDTHS)):
            lengths, _ = minimum_spanning_tree(np.random.default_rng([seed, n, d]).standard_normal((n, d)))
            counts[feature_count(lengths)] += 1
            if d == WIDTHS[0]:
                longest.append(lengths.max())
    return counts, float(np.mean(longest))


def main() -> None:
    """Print the table."""
    rows = []
    for n, clouds in CLOUDS.items():
        counts, longest = features_of(n, clouds)
        told = ", ".join(f"{count} in {times}" for count, times in sorted(counts.items()))
        rows.append({"points": n, "clouds": clouds, "features": told, "longest bar, d = 384": longest})
    print(markdown(rows))


if __name__ == "__main__":
    main()
