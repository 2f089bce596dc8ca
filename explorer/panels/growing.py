"""What the growing discs of a cloud are made of: its filtration, bars, loops and entropy, as the chart's frames."""

import numpy as np
import pandas as pd

from core.topology import feature_mask
from core.topology.features import bar_entropy
from core.topology.filtration import filtration
from core.topology.rips import critical_pairs
from core.topology.shadow import shadow_triangles
from explorer.charts.filtration import Growing, slider_scale
from explorer.charts.style import decimals


def shown(points: np.ndarray) -> Growing:
    """Return what `growing` draws of `points` (n, 2), n >= 2."""
    places = decimals(float(np.ptp(points, axis=0).max()), 6)
    found = filtration(points)
    features = feature_mask(found.lengths)
    turns, turn_scales = critical_pairs(points)
    order = np.argsort(turn_scales[:, 0] - turn_scales[:, 1], kind="stable")
    turns, turn_scales = turns[order], turn_scales[order]
    x, y = points.T
    bars = pd.DataFrame(
        {
            "bar": np.arange(1, len(found.lengths) + 1),
            "length": found.lengths,
            "kind": np.where(features, "feature", "noise"),
            **ends(points, found.edges),
        }
    )
    loops = pd.DataFrame({"loop": np.arange(1, len(turns) + 1), "birth": turn_scales[:, 0], "death": turn_scales[:, 1]})
    turning = pd.concat(
        [
            loops[["loop"]].assign(when=when, **ends(points, turns[:, side]))
            for side, when in enumerate(("begins", "ends"))
        ],
        ignore_index=True,
    )
    longest = max(found.lengths.max(initial=0.0), turn_scales.max(initial=0.0))
    tree = found.edges @ [len(points), 1]
    near = (found.distances <= slider_scale(longest)[0]) & ~np.isin(found.pairs @ [len(points), 1], tree)
    corners, scales = shadow_triangles(points, slider_scale(longest)[0])
    triangles = {
        f"{axis}{end}": points[corners[:, at], k] for at, end in enumerate(("", 2, 3)) for k, axis in enumerate("xy")
    }
    points_frame = pd.DataFrame(
        {"x": x[found.point], "y": y[found.point], "begin": found.begin, "end": found.end, "component": found.component}
    )
    return Growing(
        points=points_frame.round(places),
        pairs=pd.DataFrame({"length": found.distances[near], **ends(points, found.pairs[near])}).round(places),
        bars=bars.round(places),
        loops=loops.round(places),
        ends=turning.round(places),
        triangles=pd.DataFrame({"scale": scales, **triangles}).round(places),
        threshold=float(found.lengths[features].min()) if features.any() else float("nan"),
        entropy=bar_entropy(found.lengths),
    )


def ends(points: np.ndarray, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Return the coordinates of both ends of each edge (m, 2)."""
    edges = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    return {f"{axis}{'' if end == 0 else 2}": points[edges[:, end], k] for end in (0, 1) for k, axis in enumerate("xy")}
