"""The term against the values of its authors' published fine-tuning code (see docs/method.md)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core import PersistentEntropyLoss, h0_barcode, select_features

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLISHED = json.loads((GOLDEN / "published_code.json").read_text())["authors_loss"]


def test_there_are_published_values():
    assert len(PUBLISHED) >= 20
    assert all(set(values) == {"0.05", "0.5"} for values in PUBLISHED.values())


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["prim", "boruvka"])
@pytest.mark.parametrize("strength", ["0.05", "0.5"])
@pytest.mark.parametrize("case", PUBLISHED)
def test_it_is_the_published_term_where_cohesion_is_minus_lambda(case, strength, backend):
    value, norm, beside_the_longest = PUBLISHED[case][strength]
    with np.load(GOLDEN / "clouds.npz") as file:
        points = torch.from_numpy(file[f"{case}/points"]).requires_grad_()
    loss = PersistentEntropyLoss(cohesion=-float(strength), backend=backend)
    term = loss(points, torch.arange(len(points)) % 2)
    term.backward()
    assert term.item() == pytest.approx(value, abs=1e-8)
    assert points.grad.norm().item() == pytest.approx(norm, rel=1e-8)
    classes = loss.read_stats()["classes"]  # the published count leaves the longest bar out
    assert [classes[label]["features"] for label in ("0", "1")] == [count + 1 for count in beside_the_longest]


def test_the_published_term_makes_noise_bars_longer():
    points = torch.randn(60, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    labels = torch.zeros(60, dtype=torch.int64)

    def noise(cloud):
        lengths = h0_barcode(cloud).lengths
        return lengths[~select_features(lengths).mask].mean()

    before = noise(points.detach())
    for cohesion in (-0.5, 0.5):
        (gradient,) = torch.autograd.grad(PersistentEntropyLoss(weight=0, cohesion=cohesion)(points, labels), points)
        after = noise((points - gradient).detach())
        assert after > before if cohesion < 0 else after < before
