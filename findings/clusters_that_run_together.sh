#!/usr/bin/env bash
# fast-hdbscan 0.3.4, beside hdbscan 0.8.44 and scikit-learn 1.9.1's HDBSCAN, with numpy 2.4.6, numba 0.68.1; 2026-11-28.
#
# Input: 300 float64 rows of two columns, in three bursts of 100: a time in milliseconds since 1970, and a number from 0 to
# 1,000. Bursts last one second and begin 20 seconds apart, so that they lie far from each other. float64 has such times
# to 0.0002 ms. The same rows are given once as they are and once less their mean.
# Expected: three clusters of 100 by all three, in both forms; or a word about precision.
# What happens: of the rows as they are fast-hdbscan puts two bursts together, without a message. Its tree of points holds
# float32, whose spacing at 1.76e12 is 131,072 ms: two bursts then have one and the same time.
# What helps: subtract the mean first, as for any cloud far from the origin that is measured in float32.
# Guessed beforehand: one cluster, or none, by fast-hdbscan, three by the others. It was two.
#
# Output seen:
#   library        rows             sizes of the clusters
#   fast-hdbscan   as they are      100, 200
#   fast-hdbscan   less their mean  100, 100, 100
#   hdbscan        as they are      100, 100, 100
#   hdbscan        less their mean  100, 100, 100
#   scikit-learn   as they are      100, 100, 100
#   scikit-learn   less their mean  100, 100, 100
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet fast_hdbscan==0.3.4 hdbscan==0.8.44 scikit-learn==1.9.1 numpy==2.4.6 numba==0.68.1 scipy==1.17.1

cat >finding.py <<'PYTHON'
import warnings
from collections import Counter

import fast_hdbscan
import hdbscan
import numpy as np
import sklearn.cluster

rng = np.random.default_rng(0)
times = np.concatenate([1.76e12 + 20_000 * burst + rng.uniform(0, 1000, 100) for burst in range(3)])
rows = np.stack([times, rng.uniform(0, 1000, 300)], axis=1)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what is said of a first call, such as of defaults that will change
    fast_hdbscan.HDBSCAN(min_cluster_size=20).fit(rows - rows.mean(axis=0))
warnings.simplefilter("error")  # a message would end this script

LIBRARIES = {
    "fast-hdbscan": fast_hdbscan.HDBSCAN(min_cluster_size=20),
    "hdbscan": hdbscan.HDBSCAN(min_cluster_size=20),
    "scikit-learn": sklearn.cluster.HDBSCAN(min_cluster_size=20, copy=True),
}
print(f"{'library':13}  {'rows':15}  sizes of the clusters")
found = {}
for name, library in LIBRARIES.items():
    for form, given in (("as they are", rows), ("less their mean", rows - rows.mean(axis=0))):
        found[name, form] = sorted(Counter(library.fit(given).labels_.tolist()).values())
        print(f"{name:13}  {form:15}  {', '.join(map(str, found[name, form]))}")

assert found.pop(("fast-hdbscan", "as they are")) == [100, 200], "this has changed"
assert set(map(tuple, found.values())) == {(100, 100, 100)}
print("as described")
PYTHON
environment/bin/python -I finding.py
