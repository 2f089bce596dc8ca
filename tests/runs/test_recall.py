"""Runs of versions that did not know the measures which compare classes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.geometry import MAIN, measure
from core.runs import RunWriter, load_run
from core.runs.recall import NAMES
from core.studies.compare import compare

SAMPLES = Path(__file__).parents[2] / "assets"


@pytest.fixture(params=[True, False], ids=["two classes", "one"])
def old(tmp_path, request):
    """A finished run whose snapshots and report hold no such measure, its two clouds and their labels."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20) if request.param else np.zeros(40, int)
    clouds = [random.standard_normal((40, 6)) + shift * labels[:, None] for shift in (0, 4)]
    bare = [name for name in MAIN if name not in NAMES]
    writer = RunWriter.create(tmp_path / "run", {"model": "m", "task": "t", "regularizer": "none", "seed": 0})
    sides = {}
    for step, (side, x) in enumerate(zip(("before", "after"), clouds)):
        sides[side] = {**measure(x, bare), "mcc": 0.5}
        writer.snapshot(
            step=step, epoch=0.0, embeddings=x, labels=labels, predictions=labels, measures=measure(x, bare), classes=[]
        )
    writer.report({"metric": "mcc", **sides, "difference": {"mcc": 0.0}})
    writer.status("finished")
    return load_run(tmp_path / "run"), clouds, labels


def test_they_are_measured_in_its_snapshots(old):
    run, clouds, labels = old
    for side, snapshot, x in zip(("before", "after"), (run.before, run.after), clouds):
        expected = measure(x.astype(np.float32), NAMES, labels) if labels.any() else {}
        assert {k: v for k, v in snapshot.measures.items() if k in NAMES} == pytest.approx(expected)
        assert {k: v for k, v in run.report[side].items() if k in NAMES} == pytest.approx(expected)
        assert run.report[side]["mcc"] == 0.5
    if not labels.any():
        assert run.report["difference"] == {"mcc": 0.0}
        return
    assert list(run.report["after"])[:3] == list(NAMES)
    change = run.report["difference"]["anisotropy_1_within"]
    assert change == run.after.measures["anisotropy_1_within"] - run.before.measures["anisotropy_1_within"]
    (group,) = compare([run]).groups
    assert group.means["between_share"].mean == run.after.measures["between_share"]
    assert "NC1" not in group.verdict
    assert "within classes" in group.verdict


def test_what_was_written_is_left_as_it_is(old):
    run, _, _ = old
    path = run.path / "report.json"
    report = json.loads(path.read_text())
    report["after"] |= dict.fromkeys(NAMES, 0.25)
    report["before"] |= dict.fromkeys(NAMES, None)
    path.write_text(json.dumps(report))
    found = load_run(run.path).report
    assert {found["after"][name] for name in NAMES} == {0.25}
    assert {found["before"][name] for name in NAMES} == {None}
    assert found["difference"] == {"mcc": 0.0}


def test_without_its_snapshots_a_run_shows_what_its_report_has(old):
    run, _, _ = old
    shutil.rmtree(run.path / "snapshots")
    found = load_run(run.path).report
    assert not set(found["after"]) & set(NAMES)
    assert found == json.loads((run.path / "report.json").read_text())


def test_an_older_inspection_has_their_isotropic_reference(old):
    run, clouds, labels = old
    path = run.path / "report.json"
    report = json.loads(path.read_text())
    path.write_text(json.dumps({"metric": "mcc", "before": report["before"], "isotropic": {"isoscore": 0.9}}))
    found = load_run(run.path).report
    expected = {}
    if labels.any():
        gaussian = np.random.default_rng(0).standard_normal(clouds[0].shape)
        expected = measure(gaussian, NAMES, labels)
    assert found["isotropic"] == pytest.approx({"isoscore": 0.9, **expected})


@pytest.mark.parametrize("name", ["sample", "sample_baseline"])
def test_the_samples_have_them(name):
    run = load_run(SAMPLES / name)
    written = json.loads((run.path / "report.json").read_text())
    assert all(
        set(NAMES) <= set(written[side]) for side in ("before", "after", "difference")
    )  # no first page takes them anew
    for side, snapshot in (("before", run.before), ("after", run.after)):
        x, labels = snapshot.embeddings, snapshot.labels
        assert {k: run.report[side][k] for k in NAMES} == pytest.approx(measure(x, NAMES, labels))
