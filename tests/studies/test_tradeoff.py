"""What flatness costs, told where methods flatten the space alike."""

import json

import pytest
from typer.testing import CliRunner

from core import IsobarError
from core.cli import cli
from core.runs import RunWriter
from core.studies.sweep import Sweep, cell_dir
from core.studies.tradeoff import curves, tradeoff_rows

pytestmark = pytest.mark.slow

CELLS = {
    "entropy 0.3": "persistent-entropy(weight=0.3)",
    "entropy 1": {},
    "repulsion 0.01": {"regularizer": "repulsion", "repulsion.weight": 0.01},
    "repulsion 0.05": "repulsion",
    "KoLeo 0.1": {"regularizer": {"koleo": None}},
}
# (anisotropy, score) of seed 0; each further seed has 0.1 more of both scores.
NUMBERS = {
    "none": (0.8, 0.6), "entropy 0.3": (0.6, 0.6), "entropy 1": (0.2, 0.4), "repulsion 0.01": (0.4, 0.5),
    "repulsion 0.05": (0.1, 0.2), "KoLeo 0.1": (0.7, 0.3),
}  # fmt: skip


@pytest.fixture
def sweep(tmp_path):
    values = {"base": {"task": "data/cola"}, "grid": {"seed": [0, 1, 2, 3, 4]}, "cells": CELLS}
    found = Sweep.parse(values)
    names = {spec: name for name, specs in found.by_name().items() for spec in specs}
    for spec in found.cells():
        flat, score = NUMBERS[names.get(spec, "none")]
        writer = RunWriter.create(cell_dir(tmp_path, spec), spec.model_dump())
        writer.report(
            {"metric": "mcc", "before": {}, "after": {"mcc": score + 0.1 * spec.seed, "anisotropy_1_within": flat}}
        )
        writer.status("finished")
    (tmp_path / "sweep.yaml").write_text(json.dumps(values))
    return found


def test_curves_run_from_the_baseline_through_the_weights(sweep, tmp_path):
    metric, found = curves(sweep, tmp_path)
    assert metric == "mcc"
    assert [curve.name for curve in found] == ["entropy", "repulsion", "KoLeo"]
    assert [(weight, round(x.mean, 3)) for weight, x, _ in found[0].points] == [("0", 0.8), ("0.3", 0.6), ("1", 0.2)]
    entropy, repulsion, koleo = found
    # 0.6 of 0.8 is 0.48: of entropy 0.3 of the way from 0.6 to 0.2, of repulsion 0.8 of the way from 0.8 to 0.4
    assert entropy.score_at(0, 0.6) == pytest.approx(0.6 - 0.3 * 0.2)
    assert repulsion.score_at(2, 0.6) == pytest.approx(0.2 + 0.6 - 0.8 * 0.1)
    assert koleo.score_at(0, 0.6) is None


def test_rows_are_paired_by_seed(sweep, tmp_path):
    rows = tradeoff_rows(*curves(sweep, tmp_path))
    by = {(row["anisotropy within classes, share of the baseline's"], row["method"]): row for row in rows}
    assert len(rows) == 9
    row = by["60%", "repulsion"]
    assert row["seeds"] == "5 of 5"
    assert row["less entropy's"].startswith("-0.020 [-0.020, -0.020]")
    assert by["60%", "KoLeo"]["mcc"] == "not reached"
    assert by["60%", "entropy"]["less entropy's"] == ""


def test_the_command_writes_table_and_picture(sweep, tmp_path):
    options = ["--runs", str(tmp_path), "--out", str(tmp_path / "t.md"), "--picture", str(tmp_path / "t.svg"), "--json"]
    done = CliRunner().invoke(cli, ["tradeoff", str(tmp_path / "sweep.yaml"), *options])
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)) == 9
    assert "| 60% | repulsion |" in (tmp_path / "t.md").read_text()
    assert "<svg" in (tmp_path / "t.svg").read_text()


def test_what_can_not_be_told_is_one_sentence(sweep, tmp_path):
    with pytest.raises(IsobarError, match="no finished run"):
        curves(sweep, tmp_path / "elsewhere")
    done = CliRunner().invoke(cli, ["tradeoff", str(tmp_path / "sweep.yaml"), "--runs", str(tmp_path), "--against=x"])
    assert isinstance(done.exception, IsobarError)
    both = Sweep.parse({"base": {"task": "data/cola"}, "grid": {"batch_size": [16, 32], "seed": [0, 1, 2, 3, 4]}, "cells": CELLS})  # fmt: skip
    for spec in both.cells():
        writer = RunWriter.create(cell_dir(tmp_path / "two", spec), spec.model_dump())
        writer.report({"metric": "mcc", "after": {"mcc": 0.1, "anisotropy_1_within": 0.1}})
        writer.status("finished")
    with pytest.raises(IsobarError, match="one baseline; there are 2"):
        curves(both, tmp_path / "two")


def test_a_seed_of_which_a_number_is_not_defined_is_left_out(sweep, tmp_path):
    path = next(cell_dir(tmp_path, spec) for spec in sweep.by_name()["entropy 1"] if spec.seed == 1)
    report = json.loads((path / "report.json").read_text())
    report["after"]["anisotropy_1_within"] = None
    (path / "report.json").write_text(json.dumps(report))
    by_name = {curve.name: curve for curve in curves(sweep, tmp_path)[1]}
    assert sorted(by_name["entropy"].by_seed) == [0, 2, 3, 4]
    assert sorted(by_name["repulsion"].by_seed) == [0, 1, 2, 3, 4]
    for spec in sweep.by_name()["KoLeo 0.1"]:
        path = cell_dir(tmp_path, spec)
        report = json.loads((path / "report.json").read_text())
        del report["after"]["anisotropy_1_within"]
        (path / "report.json").write_text(json.dumps(report))
    assert "KoLeo" not in {curve.name for curve in curves(sweep, tmp_path)[1]}
