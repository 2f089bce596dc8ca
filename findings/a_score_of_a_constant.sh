#!/usr/bin/env bash
# torchmetrics 1.9.0, with torch 2.13.0 on the CPU, scikit-learn 1.9.1, numpy 2.4.6; 2026-11-29.
#
# Input: a thousand labels of two classes and a classifier that gives all of them the same class, as one that has collapsed does.
# Expected: a Matthews correlation of 0, whatever the shares of the classes: what never varies correlates with nothing. CoLA is
# scored by this number because of that.
# What happens: the more of the labels are of the class that is given, the higher the score, up to 0.998; where the other class is given
# it is as far below 0. Nothing is said. Asked for three classes, of which the third does not occur, it gives 0 for the same labels;
# scikit-learn gives 0 throughout. What replaces the denominator of 0 is multiplied by the counts, which do not cancel.
# What helps: `num_classes=3` for two, or scikit-learn's `matthews_corrcoef`.
# Guessed beforehand: 0.18 for five labels, of which three are right, from reading the code; of 0.998 nothing was foreseen.
# In part known: issues 1829 and 3355 of torchmetrics, on labels that are all of one class; there the right answer is disputed, here it is not.
#
# Output seen:
#   right of 1000  binary   of 3 classes  scikit-learn  the other class
#   999             0.9985        0.0000        0.0000          -0.9985
#   990             0.3115        0.0000        0.0000          -0.3115
#   900             0.0843        0.0000        0.0000          -0.0843
#   700             0.0276        0.0000        0.0000          -0.0276
#   500             0.0000        0.0000        0.0000           0.0000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet torch==2.13.0 torchmetrics==1.9.0 lightning-utilities==0.15.3 scikit-learn==1.9.1 numpy==2.4.6

cat >finding.py <<'PYTHON'
import torch
from sklearn.metrics import matthews_corrcoef
from torchmetrics.functional.classification import binary_matthews_corrcoef, multiclass_matthews_corrcoef

given = torch.ones(1000, dtype=torch.int64)
print("right of 1000  binary   of 3 classes  scikit-learn  the other class")
scores = []
for right in (999, 990, 900, 700, 500):
    labels = (torch.arange(1000) < right).long()
    binary, other = (float(binary_matthews_corrcoef(side, labels)) for side in (given, 1 - given))
    third = float(multiclass_matthews_corrcoef(given, labels, num_classes=3))
    judge = float(matthews_corrcoef(labels, given))
    print(f"{right:<13}  {binary:7.4f}  {third:12.4f}  {judge:12.4f}  {other:15.4f}")
    assert third == judge == 0, "this has changed"
    scores.append((binary, other))

first, *_, last = scores
assert first[0] > 0.99 and first[1] < -0.99 and last == (0, 0), "this has changed"
assert scores == sorted(scores, reverse=True), "this has changed"
print("as described")
PYTHON
environment/bin/python -I finding.py
