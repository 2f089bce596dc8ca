#!/usr/bin/env bash
# scikit-dimension 0.5.0, with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, numba 0.68.1; 2026-11-28.
#
# Input: 500 points drawn evenly from a cube of three dimensions that lies aslant in eight, its edge one metre; the same points
# in kilometres, in a unit of ten kilometres, and in millimetres.
# Expected: the same intrinsic dimension, about 3, in every unit: a unit multiplies all distances by one number.
# What happens: TLE, the tight local estimator, gives another dimension for kilometres and 0 for the larger unit, and says nothing
# that it does not say in millimetres: its `epsilon` (1e-4, described by its type alone) is compared with distances as they
# come, and what is below it is left out. The other estimators do not change.
# What helps: dividing the points by a typical distance of theirs before TLE sees them.
# Guessed beforehand: no estimator changes.
#
# Output seen:
#   estimator  millimetres  metres  kilometres  10 kilometres
#   TLE              3.034   3.034       4.137          0.000
#   MLE              2.743   2.743       2.743          2.743
#   TwoNN            3.105   3.105       3.105          3.105
#   lPCA             3.000   3.000       3.000          3.000
#   MOM              2.622   2.622       2.622          2.622
#   MADA             2.916   2.916       2.916          2.916
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet scikit-dimension==0.5.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 numba==0.68.1

cat >finding.py <<'PYTHON'
import warnings

import numpy as np
import skdim

draw = np.random.default_rng(0)
metres = draw.random((500, 3)) @ np.linalg.qr(draw.normal(size=(8, 8)))[0][:3]
UNITS = {"millimetres": 1e3, "metres": 1.0, "kilometres": 1e-3, "10 kilometres": 1e-4}

print("estimator  " + "  ".join(UNITS))
found, messages = {}, []
for name in ("TLE", "MLE", "TwoNN", "lPCA", "MOM", "MADA"):
    found[name] = []
    for factor in UNITS.values():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")  # the package turns all warnings off when it is imported
            found[name].append(getattr(skdim.id, name)().fit(metres * factor).dimension_)
        if name == "TLE":
            messages.append({str(warning.message) for warning in caught})
    print(f"{name:9}  " + "  ".join(f"{value:{len(unit)}.3f}" for unit, value in zip(UNITS, found[name])))

of_tle = found.pop("TLE")
assert all(said == messages[0] for said in messages), "this has changed"  # nothing is said of a unit
assert all(np.ptp(values) < 1e-6 for values in found.values()), "this has changed"
assert abs(of_tle[0] - of_tle[1]) < 1e-6 and of_tle[2] > of_tle[1] + 1 and of_tle[3] == 0, "this has changed"
print("as described")
PYTHON
environment/bin/python -I finding.py
