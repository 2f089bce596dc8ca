#!/usr/bin/env bash
# fast-hdbscan 0.3.4, beside hdbscan 0.8.44 and SciPy 1.17.1's tree, with numpy 2.4.6, numba 0.68.1, pynndescent 0.7.0; 2026-11-28.
#
# Input: 2,000 float32 rows of 30 columns from a normal distribution, and the same rows with a 31st column of zeros, which
# leaves every distance as it is.
# Expected: the same minimum spanning tree of both; by algorithm="kruskal" at least, whose tree of Euclidean distances the
# documentation calls exact, by all pairs.
# What happens: with 31 columns or more the tree is that of an approximate graph of neighbours, whichever algorithm is asked for,
# without a message, and it is longer than the shortest. So clusters change with the column of zeros, and from fit to fit.
# What helps: no more than 30 columns, or hdbscan with approx_min_span_tree=False.
# Guessed beforehand: the exact tree in both forms, to float32's digits.
#
# Output seen (what stands in the last column of fast-hdbscan changes from run to run):
#   tree                         30 columns  31 columns
#   SciPy, all pairs                9754.17     9754.17
#   fast-hdbscan, boruvka           9754.17     9757.90
#   fast-hdbscan, kruskal           9754.17     9758.64
#   hdbscan                         9754.17     9754.17
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet fast_hdbscan==0.3.4 pynndescent==0.7.0 hdbscan==0.8.44 scikit-learn==1.9.1 numpy==2.4.6 numba==0.68.1 scipy==1.17.1

cat >finding.py <<'PYTHON'
import warnings

import hdbscan
import numpy as np
from fast_hdbscan.hdbscan import compute_minimum_spanning_tree
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

rows = np.random.default_rng(0).standard_normal((2_000, 30)).astype(np.float32)
forms = rows, np.hstack([rows, np.zeros((2_000, 1), np.float32)])

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what is said of a first call, such as of defaults that will change
    for form in forms:
        compute_minimum_spanning_tree(form[:100], min_samples=1)
    hdbscan.HDBSCAN(min_samples=1, approx_min_span_tree=False).fit(rows)
    warnings.simplefilter("error")  # a message would end this script
    TREES = {
        "SciPy, all pairs": lambda x: minimum_spanning_tree(squareform(pdist(x.astype(np.float64)))).sum(),
        "fast-hdbscan, boruvka": lambda x: compute_minimum_spanning_tree(x, min_samples=1)[0][:, 2].sum(),
        "fast-hdbscan, kruskal": lambda x: compute_minimum_spanning_tree(x, min_samples=1, algorithm="kruskal")[0][:, 2].sum(),
    }
    lengths = {name: [tree(form) for form in forms] for name, tree in TREES.items()}
    warnings.simplefilter("ignore")
    of_hdbscan = hdbscan.HDBSCAN(min_samples=1, approx_min_span_tree=False)
    lengths["hdbscan"] = [of_hdbscan.fit(form).single_linkage_tree_.to_numpy()[:, 2].sum() for form in forms]

print(f"{'tree':27}  30 columns  31 columns")
for name, (narrow, wide) in lengths.items():
    print(f"{name:27}  {narrow:10.2f}  {wide:10.2f}")

shortest = lengths["SciPy, all pairs"][0]
for name, (narrow, wide) in lengths.items():
    assert abs(narrow / shortest - 1) < 1e-6, "this has changed"
    assert (wide / shortest - 1 > 1e-5) if name.startswith("fast") else abs(wide / shortest - 1) < 1e-6, "this has changed"
print("as described")
PYTHON
environment/bin/python -I finding.py
