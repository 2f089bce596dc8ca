"""Against figures made with the papers' own published code."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.geometry import anisotropy, isoscore, mean_cosine, shape_by_class

SHARED = Path(os.environ.get("ISOBAR_SHARED", Path(__file__).parents[2] / ".." / "shared"))
GOLDEN = SHARED / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text()) if (GOLDEN / "expected.json").exists() else {}
MEASURED = [case for case, expected in EXPECTED.items() if "isoscore" in expected]
SELECTED = [case for case, expected in EXPECTED.items() if "threshold" in expected]

pytestmark = pytest.mark.skipif(not EXPECTED, reason=f"no expected figures in {GOLDEN}; set ISOBAR_SHARED")


@pytest.fixture(scope="module")
def clouds():
    with np.load(GOLDEN / "clouds.npz") as file:
        return {case: file[f"{case}/points"] for case in EXPECTED}


@pytest.mark.parametrize("case", MEASURED)
def test_isoscore(clouds, case):
    x, expected = clouds[case], EXPECTED[case]
    assert isoscore(x) == pytest.approx(expected["isoscore"], abs=1e-5)
    assert isoscore(x, zeta=0.2) == pytest.approx(expected["isoscore_star_zeta0.2_identity"], abs=1e-5)
    assert isoscore(x, 0.6, np.eye(x.shape[1])) == pytest.approx(expected["isoscore_star_zeta0.6_identity"], abs=1e-5)


@pytest.mark.parametrize("case", MEASURED)
@pytest.mark.parametrize("center", [False, True])
def test_anisotropy(clouds, case, center):
    shares = EXPECTED[case]["anisotropy_top3_centered" if center else "anisotropy_top3"]
    for k, expected in enumerate(np.cumsum(shares), start=1):
        assert anisotropy(clouds[case], k, center) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("case", MEASURED)
def test_mean_cosine(clouds, case):
    expected = EXPECTED[case]["mean_cosine_all_pairs"]
    got = mean_cosine(clouds[case])
    assert np.isnan(got) if expected is None else got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("case", SELECTED)
def test_class_shape(clouds, case):
    x, expected = clouds[case], EXPECTED[case]
    (shape,) = shape_by_class(x, np.zeros(len(x), int))
    assert shape.entropy_all == pytest.approx(expected["entropy_nats"], abs=1e-9)
    assert shape.kept == expected["selected"]
    assert shape.threshold == pytest.approx(expected["threshold"], rel=1e-9)
    assert shape.entropy == pytest.approx(expected["entropy_selected_nats"], abs=1e-9)
