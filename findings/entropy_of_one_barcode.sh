#!/usr/bin/env bash
# torch-topological 0.1.9, GUDHI 3.13.0, persim 0.4.1 (with torch 2.13.0 on the CPU); 2026-11-27.
#
# Input: four bars from 0 to 1; the same and an infinite bar; the same and an empty one, from 0 to 0, as duplicate points
# make. And the barcode of dimension 0 of 20 points in the plane, as GUDHI's own RipsPersistence returns it.
# Expected: one number for one barcode, ln 4 = 1.386 nats, in all three; or a unit in the documentation. That an empty bar
# adds nothing (p ln p goes to 0 with p). That GUDHI's Entropy takes what GUDHI's RipsPersistence returns.
# What happens: torch-topological returns 2, since it counts in bits, of which its documentation says nothing: a weight of a
# regularizer or a feature of a classifier changes by 1 / ln 2 = 1.44 from library to library. GUDHI's Entropy is NaN with an
# infinite bar, which its RipsPersistence always returns, and with an empty one; NumPy alone warns. persim leaves infinite
# bars out, and of an empty one says "A bar is born after dying".
# What helps: leave out bars that are empty or infinite before the call, and multiply bits by ln 2.
# Guessed beforehand: all of it.
#
# Output seen:
#   barcode                     torch-topological  GUDHI    persim
#   four equal bars             2.000              1.386    1.386
#   and an infinite one         2.000              nan      1.386
#   and an empty one            2.000              nan      A bar is born after dying
#   RipsPersistence, 20 points  4.042              nan      2.802
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet torch-topological==0.1.9 torch==2.13.0 giotto-ph==0.2.4 gudhi==3.13.0 persim==0.4.1 \
    numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 POT==0.9.7.post1

cat >finding.py <<'PYTHON'
import math
import warnings

import numpy as np
import torch
from gudhi.representations import Entropy
from gudhi.sklearn import RipsPersistence
from persim.persistent_entropy import persistent_entropy as by_persim
from torch_topological.utils.summary_statistics import persistent_entropy as by_torch_topological

warnings.simplefilter("ignore")  # NumPy's, of NaN


def persim(bars):
    try:
        return by_persim(bars).item()
    except Exception as error:
        return str(error)


LIBRARIES = {
    "torch-topological": lambda bars: by_torch_topological(torch.from_numpy(bars)).item(),
    "GUDHI": lambda bars: Entropy()(bars).item(),
    "persim": persim,
}
equal = np.array([[0.0, 1.0]] * 4)
cloud = np.random.default_rng(0).normal(size=(20, 2))
BARCODES = {
    "four equal bars": equal,
    "and an infinite one": np.vstack((equal, [[0.0, np.inf]])),
    "and an empty one": np.vstack((equal, [[0.0, 0.0]])),
    "RipsPersistence, 20 points": RipsPersistence(homology_dimensions=0).fit_transform([cloud])[0],
}
print(f"{'barcode':26}", *(f"{name:{max(len(name), 7)}}" for name in LIBRARIES), sep="  ")
found = {}
for barcode, bars in BARCODES.items():
    row = found[barcode] = [entropy(bars) for entropy in LIBRARIES.values()]
    cells = [value if isinstance(value, str) else f"{value:.3f}" for value in row]
    print(f"{barcode:26}  {cells[0]:17}  {cells[1]:7}  {cells[2]}")

nats, empty = math.log(4), "A bar is born after dying"
expected = {
    "four equal bars": [2, nats, nats],
    "and an infinite one": [2, math.nan, nats],
    "and an empty one": [2, math.nan, empty],
}
for barcode, row in expected.items():
    for value, seen in zip(found[barcode], row):
        same = value == seen if isinstance(seen, str) else np.isclose(value, seen, equal_nan=True)
        assert same, f"this has changed: {barcode}"
bits, by_gudhi, in_nats = found["RipsPersistence, 20 points"]
assert math.isnan(by_gudhi) and np.isclose(bits * math.log(2), in_nats), "this has changed"
print("as described")
PYTHON
environment/bin/python -I finding.py
