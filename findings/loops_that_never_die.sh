#!/usr/bin/env bash
# oineus 0.9.39, beside GUDHI 3.13.0, with numpy 2.4.6, scipy 1.17.1; 2026-11-28.
#
# Input: 60 points of a circle of radius 1, evenly spaced, as float64 rows; and the same circle as a function on a grid of 32 x 32.
# Expected: compute_diagrams_vr(points, max_dim=1) returns the diagrams of dimension 0 and 1, and in the latter one loop, which is
# born at the distance of neighbours, 0.105, and dies at 1.732. So max_dim is read in GUDHI and Ripser, and so it is in oineus's
# own compute_diagrams_ls, of functions on a grid, where max_dim=1 is the diagrams' dimension.
# What happens: no loop dies. Of points max_dim is the dimension of the simplices: with 1 there are no triangles, and every edge
# that closes a cycle is an infinite bar. There is no message. With max_dim=2 there is the one loop.
# What helps: one dimension more than is wanted, of points; as it is, of a grid.
# Guessed beforehand: one finite loop by both calls with max_dim=1.
#
# Output seen:
#   of what, by what                finite loops  infinite ones
#   points, oineus, max_dim=1                  0           1711
#   points, oineus, max_dim=2                  1              0
#   points, GUDHI, dimension 1                 1              0
#   grid, oineus, max_dim=1                    1              0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet oineus==0.9.39 gudhi==3.13.0 numpy==2.4.6 scipy==1.17.1

cat >finding.py <<'PYTHON'
import warnings

import gudhi
import numpy as np
import oineus

warnings.simplefilter("error")  # a message would end this script

angle = np.arange(60) * (2 * np.pi / 60)
points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
x, y = np.meshgrid(*2 * [np.linspace(-2, 2, 32)])
ring = np.abs(np.hypot(x, y) - 1)


def loops(bars):
    bars = np.asarray(bars).reshape(-1, 2)
    # A loop of a grid or a regular polygon may come with others of no length, or of rounding's.
    bars = bars[bars[:, 1] - bars[:, 0] > 0.2]
    finite = np.isfinite(bars[:, 1])
    return int(finite.sum()), int((~finite).sum())


tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=2)
tree.compute_persistence()
found = {
    "points, oineus, max_dim=1": loops(oineus.compute_diagrams_vr(points, max_dim=1).in_dimension(1)),
    "points, oineus, max_dim=2": loops(oineus.compute_diagrams_vr(points, max_dim=2).in_dimension(1)),
    "points, GUDHI, dimension 1": loops(tree.persistence_intervals_in_dimension(1)),
    "grid, oineus, max_dim=1": loops(oineus.compute_diagrams_ls(ring, max_dim=1).in_dimension(1)),
}
print(f"{'of what, by what':30}  finite loops  infinite ones")
for name, (finite, infinite) in found.items():
    print(f"{name:30}  {finite:12}  {infinite:13}")

assert found.pop("points, oineus, max_dim=1") == (0, 1711), "this has changed"
assert set(found.values()) == {(1, 0)}
print("as described")
PYTHON
environment/bin/python -I finding.py
