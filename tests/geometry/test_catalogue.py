import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import core
from core.geometry import COMPARISONS, MAIN, MEASURES
from core.geometry.catalogue import RENAMED, explain_measures
from core.geometry.cloud import Cloud
from core.geometry.measures import Topic

NEW = """
from core.geometry.cloud import as_cloud
from core.geometry.measures import Measure


def longest(x):
    return float((as_cloud(x).x ** 2).sum(1).max() ** 0.5)


MEASURES = (
    Measure(name="longest", label="Longest", definition="The length of the longest row.", source="Nobody, 2000",
        isotropic="a", degenerate="b", better="lower", range=(0.0, 1e9), topic="form", compute=longest,
        needs=("points",), sees=("origin", "scale"), formerly="long_one"),
)
"""
USE = """
import json, numpy as np
from core import measure
from core.geometry import CloudStream, MEASURES, isotropic_reference, measure_intervals
from core.geometry.catalogue import explain_measures
from core.geometry.summary import summarize
from explorer.panels.words import meaning

x = np.arange(40.0).reshape(20, 2)
stream = CloudStream(keep=5)
stream.add(x)
assert measure(x)["longest"] == measure(x, "longest")["longest"] == (38**2 + 39**2) ** 0.5
assert measure_intervals(x, "longest", resamples=5)["longest"][0] > 0
assert isotropic_reference(20, 2, "longest")["longest"] > 0
assert stream.measure(["longest"])["longest"] > 0
assert [row.name for row in summarize(x, measures="longest")] == ["longest"]
assert "longest (Longest)" in explain_measures()
assert "Nobody, 2000" in meaning("longest").definition
"""


@pytest.mark.slow
def test_a_file_alone_adds_a_measure(tmp_path):
    home = Path(core.__file__).parent.parent
    for folder in ("core", "explorer"):
        shutil.copytree(home / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "core/geometry/measures/longest.py").write_text(NEW, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{USE}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_main_measures_are_those_that_runs_have_always_recorded():
    assert MAIN == (
        "anisotropy_1_within", "between_share", "nc1", "anisotropy_1", "anisotropy_1_centered", "isoscore", "mean_cosine",
        "mean_vector_share", "effective_rank",
    )  # fmt: skip
    assert RENAMED == {"vasicek": "gaussianity", "point_patchiness": "patchiness_kmeans"}


@pytest.mark.parametrize("about", [*MEASURES.values(), *COMPARISONS.values()], ids=lambda about: about.name)
def test_what_a_measure_declares_can_be_had(about):
    assert about.topic in get_args(Topic)
    for need in set(about.needs) - {"points", "labels", "two clouds"}:
        assert hasattr(Cloud, need)
    assert not about.main or not about.package
    assert bool(about.package) == bool(about.extra)
    if about.undefined:  # it is read in the middle of a sentence
        assert about.undefined[0].islower()
        assert not about.undefined.endswith(".")


def test_help_tells_where_a_measure_is_undefined():
    text = explain_measures()
    assert "Undefined where nothing varies." in text
    assert "neither way is better" in text
    assert max(map(len, text.splitlines())) < 130
