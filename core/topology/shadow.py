"""What a Vietoris-Rips complex of points in the plane covers there: its shadow, by few of its triangles.

E. W. Chambers, V. de Silva, J. Erickson, R. Ghrist, Vietoris-Rips complexes of planar point sets, Discrete &
Computational Geometry 44 (2010), arXiv 0712.0395.
"""

import numpy as np

_FLAT = 1e-12  # of the squared extent: the area of a triangle that can't be seen
_TILT = 1e-9  # of the same: of points on one circle none would take the place of another


def shadow_triangles(points: np.ndarray, most: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Return triangles that at every scale up to `most` cover what all triangles of the complex cover.

    A triangle is there from the length of its longest side on. It is left out where a further point that is joined to its
    corners by then lies below it once all points are lifted onto a paraboloid: the triangles with that point cover the
    same place from below, and whatever is lowest over a place stays. For clouds that a person looks at, some hundreds of
    points at most: all triples are gone through.

    Args:
        points: (n, 2) float64, finite.
        most: the largest scale, in the unit of the points.

    Returns:
        (t, 3) int64, corners counterclockwise, and (t,) float64, from which scale on each is there, ascending.
    """
    extent = float(np.ptp(points, axis=0).max()) if len(points) > 2 else 0.0
    if extent == 0:
        return np.empty((0, 3), np.int64), np.empty(0)
    unit = (points - points.mean(axis=0)) / extent
    apart = np.linalg.norm(unit[:, None] - unit, axis=-1)
    after = np.triu(apart <= most / extent, 1)
    corners = np.stack(np.nonzero(after[:, :, None] & after[:, None] & after[None]))
    area = _area(unit, corners)
    seen = np.abs(area) > _FLAT
    a, b, c = corners = np.where(area > 0, corners, corners[[0, 2, 1]])[:, seen]
    scale = np.maximum(np.maximum(apart[a, b], apart[b, c]), apart[a, c])
    random = np.random.default_rng(0)
    lifted = (unit**2).sum(axis=1) + _TILT * random.random(len(unit))
    # The plane through three lifted points: height = level + slope . x
    (ux, uy), (vx, vy) = (unit[b] - unit[a]).T, (unit[c] - unit[a]).T
    rise, run = lifted[b] - lifted[a], lifted[c] - lifted[a]
    slope = np.stack((rise * vy - run * uy, run * ux - rise * vx)) / np.abs(area[seen])
    level = lifted[a] - (slope * unit[a].T).sum(axis=0)
    for point in random.permutation(len(unit)):
        below = lifted[point] < level + unit[point] @ slope
        stays = ~below | (apart[point][corners].max(axis=0, initial=0) > scale) | (corners == point).any(axis=0)
        corners, scale, slope, level = (of[..., stays] for of in (corners, scale, slope, level))
    order = np.argsort(scale, kind="stable")
    return corners[:, order].T, scale[order] * extent


def _area(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Twice the area of triangles (3, t), above 0 where their corners go counterclockwise."""
    (ux, uy), (vx, vy) = (points[corners[1]] - points[corners[0]]).T, (points[corners[2]] - points[corners[0]]).T
    return ux * vy - uy * vx
