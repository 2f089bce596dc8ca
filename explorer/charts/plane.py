"""Where embeddings of many dimensions are drawn: one plane for all sides of a comparison."""

from collections.abc import Sequence

import numpy as np


def common_plane(clouds: Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
    """Return the points of each cloud in the plane of the two strongest principal axes of all of them together.

    Each cloud (n, d) is taken about its own mean, so that the plane shows shapes and not a shift between them; the
    result has a (n, 2) array for each, and None for a cloud that is None or has fewer than two points.
    """
    centered = [None if cloud is None or len(cloud) < 2 else cloud - cloud.mean(axis=0) for cloud in clouds]
    there = [cloud for cloud in centered if cloud is not None]
    if not there:
        return [None] * len(clouds)
    rows = np.vstack(there).astype(float)
    _, axes = np.linalg.eigh(rows.T @ rows)
    plane = axes[:, ::-1][:, :2]
    if plane.shape[1] < 2:  # embeddings of one dimension lie on a line
        plane = np.hstack([plane, np.zeros_like(plane)])
    # An eigenvector's sign means nothing; this choice keeps a picture from flipping over between two visits.
    plane = plane * np.where(plane[np.abs(plane).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return [None if cloud is None else cloud @ plane for cloud in centered]
