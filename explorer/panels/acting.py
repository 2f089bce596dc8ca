"""What the regularizer does to a cloud that nothing else holds, as the chart's frames. Loads torch."""

import math

import numpy as np
import pandas as pd

from core.topology import feature_mask, minimum_spanning_tree
from core.topology.features import bar_entropy
from explorer.charts.descent import SERIES, Descent, joined
from explorer.charts.style import decimals
from explorer.panels.growing import ends

CHOICES = {
    "features only": {"selection": "features"},
    "all bars": {"selection": "all"},
    "noise pulled together": {"selection": "features", "cohesion": 0.05},
    "published term": {"selection": "features", "cohesion": -0.05},
}
"""What the regularizer acts on, and the settings of `PersistentEntropyLoss` that say so, for embeddings."""

EMBEDDED = 4.9
"""Mean noise bar of 50 [CLS] vectors of all-MiniLM-L6-v2, on sentences of CoLA: what `cohesion` above is meant for."""

STEPS = 60


def cohesion(points: np.ndarray, choice: str) -> float:
    """Return the cohesion that acts on `points` (n, 2) as that of `choice` does on embeddings.

    Entropy has no unit, the mean noise bar has one: with bars 70 times shorter the factor has to be 70 times larger.
    0 where no noise bar has a length.
    """
    factor = CHOICES[choice].get("cohesion", 0.0)
    bars, _ = minimum_spanning_tree(points)
    noise = bars[~feature_mask(bars)]
    mean = float(noise.mean()) if len(noise) else 0.0
    return factor * EMBEDDED / mean if mean > 0 else 0.0


def acted(points: np.ndarray, choice: str) -> Descent:
    """Return 60 steps of gradient descent of `points` (n, 2), n >= 3, on the regularizer."""
    from core.regularizers import PersistentEntropyLoss
    from core.regularizers.descent import at_equal_spread, descend

    settings = {**CHOICES[choice], "cohesion": cohesion(points, choice)}
    path = at_equal_spread(descend(points, PersistentEntropyLoss(**settings), steps=STEPS))
    places = decimals(float(np.ptp(path[0], axis=0).max()), 6)
    lengths, corners, kept, rows = [], [], [], []
    for step, cloud in enumerate(path):
        bars, edges = minimum_spanning_tree(cloud)
        features = feature_mask(bars)
        lengths.append(bars)
        corners.append(ends(cloud, edges))
        kept.append(int(features.sum()))
        for series, chosen in zip(SERIES, (bars, bars[features]), strict=True):
            nats, most = bar_entropy(chosen), math.log(max(len(chosen), 1))
            rows.append((step, series, round(nats, 4), round(nats / most, 4) if most else 1.0))
    all_lengths = np.stack(lengths, axis=-1).round(places)
    frame = pd.DataFrame({"rank": np.arange(1, len(points)), "lengths": joined(all_lengths)})
    for name, plural in (("x", "xs"), ("y", "ys"), ("x2", "xs2"), ("y2", "ys2")):
        frame[plural] = joined(np.stack([corner[name] for corner in corners], axis=-1).round(places))
    return Descent(
        path=path.round(places),
        bars=frame,
        longest=float(all_lengths.max(initial=0.0)),
        kept=np.array(kept),
        entropy=pd.DataFrame(rows, columns=["step", "series", "nats", "share"]),
    )
