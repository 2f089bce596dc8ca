"""Where embeddings of many dimensions are drawn: one plane for all sides of a comparison."""

from collections.abc import Sequence

import numpy as np

from core.geometry import common_axes


def common_plane(clouds: Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
    """Return the points of each cloud in the plane of the two strongest principal axes of all of them together.

    Each cloud (n, d) is taken about its own mean; the result has a (n, 2) array for each, and None for a cloud that is
    None or has fewer than two points.
    """
    there = [cloud for cloud in clouds if cloud is not None and len(cloud) > 1]
    drawn = iter(common_axes(there, 2).coordinates)
    return [next(drawn) if cloud is not None and len(cloud) > 1 else None for cloud in clouds]
