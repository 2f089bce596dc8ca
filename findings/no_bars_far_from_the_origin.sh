#!/usr/bin/env bash
# torch-topological 0.1.9, with torch 2.13.0 and giotto-ph 0.2.4 on the CPU; 2026-11-27.
#
# Input: 60 float32 points in 384 dimensions, whose mean has norm 30, at a root mean square distance of 0.01 from it: what
# the embeddings of one class look like when a fine-tuned space has collapsed. float32 holds them well: its spacing at
# coordinates of this size is 5e-7 at most, and distances taken directly agree with float64's to 1e-3.
# Expected: VietorisRipsComplex(dim=0) returns 59 bars, of lengths near 0.013, and their entropy has a gradient.
# What happens: an empty diagram; its entropy is 0, so is the gradient; no warning. A regularizer built on it does nothing.
# 25 of the points have their 24 bars, 26 have none: from 26 rows on torch.cdist takes |x|^2 + |y|^2 - 2 x.y, whose rounding
# error (about 1e-4 for |x|^2 = 900) swallows the squared distances (about 2e-4) and leaves zeros, which are no bars.
# What helps: subtract the mean first, compute in float64, or pass distances of
# torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") with treat_as_distances=True.
# Guessed beforehand: 59 bars of length 0, gradient 0, and 24 right bars of 25 points. Right but for the empty diagram.
#
# Output seen:
#   points  dtype    given                     bars  longest    gradient's norm
#       25  float32  points                      24  0.013915   0.498
#       26  float32  points                       0  -          0
#       60  float32  points                       0  -          0
#       60  float32  points less their mean      59  0.013754   0.315
#       60  float32  direct distances            59  0.013754   0.315
#       60  float64  points                      59  0.013754   0.315
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet torch-topological==0.1.9 torch==2.13.0 giotto-ph==0.2.4 numpy==2.4.6 scipy==1.17.1 \
    scikit-learn==1.9.1 gudhi==3.13.0 POT==0.9.7.post1

cat >finding.py <<'PYTHON'
import warnings

import torch
from torch_topological.nn import VietorisRipsComplex

warnings.simplefilter("error")  # a message would end this script


def cloud(n, dtype):
    generator = torch.Generator().manual_seed(0)
    offsets, mean = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((60, 384), (384,)))
    offsets *= 0.01 / offsets.square().sum(1).mean().sqrt()
    return (30 * mean / mean.norm() + offsets)[:n].to(torch.float32).to(dtype).requires_grad_()


def entropy(lengths):
    shares = lengths / lengths.sum()
    return -(shares * shares.log()).sum()


def direct(points):
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


GIVEN = {
    "points": (lambda x: x, False),
    "points less their mean": (lambda x: x - x.mean(0), False),
    "direct distances": (direct, True),
}
print(f"{'points':>6}  {'dtype':7}  {'given':24}  {'bars':>4}  {'longest':9}  gradient's norm")
found = {}
for n, dtype, given in (
    (25, torch.float32, "points"),
    (26, torch.float32, "points"),
    (60, torch.float32, "points"),
    (60, torch.float32, "points less their mean"),
    (60, torch.float32, "direct distances"),
    (60, torch.float64, "points"),
):
    x = cloud(n, dtype)
    prepare, distances = GIVEN[given]
    lengths = VietorisRipsComplex(dim=0)(prepare(x), treat_as_distances=distances)[0].diagram[:, 1]
    entropy(lengths).backward()
    norm = x.grad.norm().item()
    found[n, dtype, given] = lengths.detach().double(), norm
    longest = f"{lengths.max().item():.6f}" if len(lengths) else "-"
    print(f"{n:6}  {str(dtype)[6:]:7}  {given:24}  {len(lengths):4}  {longest:9}  {norm:.3g}")

exact, gradient = found[60, torch.float64, "points"]
assert len(exact) == 59
assert len(found[25, torch.float32, "points"][0]) == 24
for n in (26, 60):
    lengths, norm = found[n, torch.float32, "points"]
    assert len(lengths) == 0 and norm == 0, "this has changed"
for given in ("points less their mean", "direct distances"):
    lengths, norm = found[60, torch.float32, given]
    assert torch.allclose(lengths.sort().values, exact.sort().values, rtol=1e-3) and abs(norm / gradient - 1) < 1e-2
print("as described")
PYTHON
environment/bin/python -I finding.py
