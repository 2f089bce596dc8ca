"""What the regularizer does to a cloud that nothing else holds, as the chart's frames. Loads torch."""

import math

import numpy as np
import pandas as pd

from core.topology import feature_mask, minimum_spanning_tree
from core.topology.features import bar_entropy
from explorer.charts.descent import SERIES, Descent, joined
from explorer.panels.growing import digits, ends

CHOICES = {
    "all bars": {"selection": "all"},
    "features only": {"selection": "prominent"},
    "features, with cohesion": {"selection": "prominent", "cohesion": 0.5},
}
"""What the regularizer acts on, and the settings of `PersistentEntropyLoss` that say so."""

STEPS = 60


def acted(points: np.ndarray, choice: str) -> Descent:
    """Return 60 steps of gradient descent of `points` (n, 2), n >= 3, on the regularizer."""
    from core.regularizers import PersistentEntropyLoss
    from core.regularizers.descent import at_equal_spread, descend

    path = at_equal_spread(descend(points, PersistentEntropyLoss(**CHOICES[choice]), steps=STEPS))
    decimals = digits(path[0])
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
    all_lengths = np.stack(lengths, axis=-1).round(decimals)
    frame = pd.DataFrame({"rank": np.arange(1, len(points)), "lengths": joined(all_lengths)})
    for name, plural in (("x", "xs"), ("y", "ys"), ("x2", "xs2"), ("y2", "ys2")):
        frame[plural] = joined(np.stack([corner[name] for corner in corners], axis=-1).round(decimals))
    return Descent(
        path=path.round(decimals),
        bars=frame,
        longest=float(all_lengths.max(initial=0.0)),
        kept=np.array(kept),
        entropy=pd.DataFrame(rows, columns=["step", "series", "nats", "share"]),
    )
