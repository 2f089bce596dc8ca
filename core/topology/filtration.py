"""A Vietoris-Rips filtration as one can watch it: which pairs of points meet at which scale, and what they connect.

For clouds that a person looks at, some hundreds of points at most: all pairs are kept.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import IsobarError

ALONE = -1


@dataclass(frozen=True, eq=False)
class Filtration:
    """All pairs of a cloud of n points, the tree among them, and the components that they make.

    Attributes:
        pairs: (n(n-1)/2, 2) int64, nearest first.  distances: of them, in the unit of the points.
        lengths, edges: (n-1,) and (n-1, 2), the bars of dimension 0 and their edges, longest first.
        point, begin, end, component: (s,) each: from scale `begin` to `end`, the point is in the component. Components
            are numbered by how long they last, the longest first, and keep their number until a larger one takes them
            in; a point that has met no other is `ALONE`.
    """

    pairs: np.ndarray
    distances: np.ndarray
    lengths: np.ndarray
    edges: np.ndarray
    point: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    component: np.ndarray


def filtration(points: np.ndarray) -> Filtration:
    """Return the filtration of `points` (n, d), by Kruskal's algorithm.

    Raises:
        IsobarError: the shape is wrong, or a coordinate is NaN or infinite.

    J. B. Kruskal, On the shortest spanning subtree of a graph, Proc. AMS 7 (1956).
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2:
        raise IsobarError(f"Points have shape {points.shape}; it must be (n, d).")
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise IsobarError(f"Row {row} of the points holds a NaN or an infinity; every coordinate must be finite.")
    n = len(points)
    pairs = np.stack(np.triu_indices(n, 1), axis=-1)
    distances = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=-1)
    order = np.argsort(distances, kind="stable")
    pairs, distances = pairs[order], distances[order]

    members = [[i] for i in range(n)]
    root = list(range(n))
    since = [0.0] * n
    spans: list[tuple[int, float, float, int]] = []
    began, ended = {}, {}
    tree = []
    for k, (i, j) in enumerate(pairs.tolist()):
        if len(tree) == n - 1:
            break
        kept, lost = root[i], root[j]
        if kept == lost:
            continue
        tree.append(k)
        scale = float(distances[k])
        # The larger component keeps its name; of two equally large ones, that of the earlier point.
        if (len(members[lost]), -lost) > (len(members[kept]), -kept):
            kept, lost = lost, kept
        renamed = members[lost] + (members[kept] if len(members[kept]) == 1 else [])
        for p in renamed:
            spans.append((p, since[p], scale, root[p] if len(members[root[p]]) > 1 else ALONE))
            since[p] = scale
        began.setdefault(kept, scale)
        ended[lost] = scale
        for p in members[lost]:
            root[p] = kept
        members[kept] = members[kept] + members[lost]
    spans += [(p, since[p], np.inf, root[p] if len(members[root[p]]) > 1 else ALONE) for p in range(n)]
    spans = [span for span in spans if span[1] < span[2]]
    lasting = sorted(began, key=lambda c: (began[c] - ended.get(c, np.inf), c))
    number = {ALONE: ALONE, **{c: rank for rank, c in enumerate(lasting)}}
    tree = np.array(tree[::-1], dtype=np.int64)
    return Filtration(
        pairs=pairs,
        distances=distances,
        lengths=distances[tree],
        edges=pairs[tree],
        point=np.array([s[0] for s in spans], dtype=np.int64),
        begin=np.array([s[1] for s in spans]),
        end=np.array([s[2] for s in spans]),
        component=np.array([number[s[3]] for s in spans], dtype=np.int64),
    )
