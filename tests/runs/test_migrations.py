"""Directories and names of format 1 mean in this version what they meant in theirs; those of a later format are refused."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core import IsobarError, RunSpec, compare, list_runs, load_run
from core.runs import RunWriter, layout, migrations
from core.runs.settings import flat, method
from core.studies.sweep import Sweep, cell_dir

ASSETS = Path(__file__).parents[2] / "assets"
# What format 1 recorded of every run, used or not.
FLAT = {
    "weight": 0.3, "selection": "all", "longest": 5, "scope": "global", "metric": "cosine", "max_dim": 1, "relative": True,
    "cohesion": -0.05, "memory": 7, "repulsion_weight": 0.06, "persistence_weight": 0.07, "koleo_weight": 0.2,
    "koleo_scope": "class", "istar_weight": 2.0, "istar_zeta": 0.5, "istar_layers": "3", "istar_padding": True,
    "cosine_weight": 0.5, "cosine_of": "tokens",
}  # fmt: skip
EVERY = "persistent-entropy+repulsion+total-persistence+koleo+istar+cosine"
NOW = (
    "persistent-entropy(weight=0.3, selection=all, longest=5, scope=global, metric=cosine, max_dim=1, relative=true, "
    "cohesion=-0.05, memory=7) + repulsion(weight=0.06) + total-persistence(weight=0.07) + koleo(weight=0.2, scope=class) + "
    "istar(weight=2, zeta=0.5, layers=3, padding=true) + cosine(weight=0.5, of=tokens)"
)


def of_format_1(path, **settings):
    """Write a spec.yaml as format 1 did, with its record."""
    path.mkdir(parents=True, exist_ok=True)
    spec = {"model": "minilm", "task": "cola", "regularizer": EVERY, **FLAT, "layer": -2, "seed": 3, **settings}
    spec["record"] = {"pooling": "cls", "task": {"fingerprint": "abc"}}
    (path / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return path


def test_every_flat_name_has_its_place(tmp_path):
    assert set(migrations.FLAT_NAMES) == set(FLAT)
    path = of_format_1(tmp_path / "run")
    spec = RunSpec.from_yaml(path / "spec.yaml")
    assert spec.regularizer == NOW
    assert (spec.layer, spec.seed) == (-2, 3)
    run = load_run(path)
    assert run.spec == {
        "model": "minilm",
        "task": "cola",
        "regularizers": spec.regularizers.dump(),
        "layer": -2,
        "seed": 3,
    }
    assert list(run.spec)[:3] == ["model", "task", "regularizers"]
    assert run.record == {"pooling": "cls", "task": {"fingerprint": "abc"}}


def test_the_defaults_of_format_1_hold_for_its_runs(tmp_path):
    """A run from before a setting was, and whatever this version's default may be by then."""
    path = of_format_1(tmp_path / "run", regularizer="persistent-entropy+istar")
    values = yaml.safe_load((path / "spec.yaml").read_text())
    for name in ("max_dim", "memory", "istar_padding"):
        del values[name]
    (path / "spec.yaml").write_text(yaml.safe_dump(values))
    found = flat(load_run(path).spec)
    assert (found["persistent-entropy.max_dim"], found["persistent-entropy.memory"], found["istar.padding"]) == (
        0,
        0,
        False,
    )
    assert "koleo.weight" not in found  # nothing is recorded of what was not used


def test_a_run_without_regularizers_has_none(tmp_path):
    run = load_run(of_format_1(tmp_path / "run", regularizer="none"))
    assert run.spec["regularizers"] == {}
    assert method(run.spec) == "none"


@pytest.mark.parametrize("name", ["sample", "sample_baseline"])
def test_the_shipped_samples_open(name):
    run = load_run(ASSETS / name)
    assert "format" not in yaml.safe_load((run.path / "spec.yaml").read_text())  # they were recorded by format 1
    assert run.problems == []
    assert run.record["task"]["metrics"] == ["mcc", "accuracy"]
    spec = RunSpec.from_yaml(run.path / "spec.yaml")
    assert spec.regularizer == ("persistent-entropy" if name == "sample" else "none")
    assert run.before.measures["isoscore"] > 0


def test_runs_of_both_formats_stand_beside_each_other(tmp_path):
    for seed in (0, 1):
        old = of_format_1(tmp_path / f"old{seed}", seed=seed, regularizer="koleo" if seed else "none")
        settings = {**load_run(old).spec, "seed": seed + 2}
        new = RunWriter.create(tmp_path / f"new{seed}", settings, record=load_run(old).record).path
        for path in (old, new):
            writer = RunWriter(path)
            writer.report({"metric": "mcc", "before": {}, "after": {"mcc": 0.5, "anisotropy_1_within": 0.4}})
            writer.status("finished")
    groups = compare(list_runs(tmp_path)).groups
    assert [(group.name, len(group.runs)) for group in groups] == [("none", 2), ("koleo", 2)]


def test_what_is_written_now_says_its_format(tmp_path):
    spec = RunSpec(regularizer="koleo(weight=0.2)")
    writer = RunWriter.create(tmp_path / "run", spec.model_dump(), record={"pooling": "cls", "rows": np.int64(3)})
    writer.snapshot(
        step=0, embeddings=np.eye(4), labels=np.zeros(4), predictions=np.zeros(4), measures={}, classes=[],
    )  # fmt: skip
    written = yaml.safe_load((tmp_path / "run" / "spec.yaml").read_text())
    assert written == {"format": migrations.FORMAT, **spec.model_dump()}
    assert written["regularizers"] == {"koleo": {"weight": 0.2, "scope": "global"}}  # defaults too
    assert yaml.safe_load((tmp_path / "run" / "record.yaml").read_text()) == {"pooling": "cls", "rows": 3}
    with safe_open(next((tmp_path / "run" / "snapshots").iterdir()), framework="numpy") as file:
        assert json.loads(file.metadata()["isobar"])["format"] == migrations.FORMAT
    assert load_run(tmp_path / "run").spec == spec.model_dump()
    assert RunSpec.from_yaml(tmp_path / "run" / "spec.yaml") == spec


def test_a_later_format_is_refused_by_a_sentence(tmp_path):
    path = of_format_1(tmp_path / "later", format=migrations.FORMAT + 1)
    (path / "status.json").write_text('{"state": "finished"}')
    said = f"is of format {migrations.FORMAT + 1}, which a later version of Isobar wrote; this one reads formats up to"
    with pytest.raises(IsobarError, match=said):
        load_run(path)
    with pytest.raises(IsobarError, match=said):
        RunSpec.from_yaml(path / "spec.yaml")
    with pytest.raises(IsobarError, match=said):
        compare([path])
    (run,) = list_runs(tmp_path)  # a list shows that it is there
    assert (run.name, run.state, run.spec) == ("later", "finished", {})
    assert any(said in problem for problem in run.problems)


def test_a_snapshot_of_a_later_format_is_not_guessed_at(tmp_path):
    writer = RunWriter.create(tmp_path / "run", {})
    writer.snapshot(
        step=0, embeddings=np.eye(4), labels=np.zeros(4), predictions=np.zeros(4), measures={}, classes=[],
    )  # fmt: skip
    path = tmp_path / "run" / "snapshots" / layout.snapshot_name(0)
    assert load_run(tmp_path / "run").snapshot(0) is not None
    with safe_open(path, framework="numpy") as file:
        head = json.loads(file.metadata()["isobar"])
    save_file(load_file(path), path, metadata={"isobar": json.dumps({**head, "format": migrations.FORMAT + 1})})
    assert load_run(tmp_path / "run").snapshot(0) is None


@pytest.mark.parametrize(
    "content", ["format: soon\n", "format:\n", "format: 2\nregularizers:\n", "format: 2\nregularizers: 7\n"]
)
def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path, content):
    (tmp_path / "spec.yaml").write_text(content)
    run = load_run(tmp_path)
    assert method(run.spec) == "none"
    assert run.record == {}


def test_flat_names_are_understood_and_told_once(caplog):
    for told in (migrations.tell_of_flat_names, migrations.tell_of_no_effect):
        told.cache_clear()
    with caplog.at_level(logging.WARNING, "isobar"):
        assert RunSpec.parse({"regularizer": EVERY, **FLAT}).regularizer == NOW
        assert (
            RunSpec.parse({"weight": 0.3})
            == RunSpec.parse({"weight": 0.3})
            == RunSpec(regularizer="persistent-entropy(weight=0.3)")
        )
        assert RunSpec.parse({"regularizer": "koleo", "cohesion": 1.0}).regularizer == "koleo"
    every, one, none = (record.getMessage() for record in caplog.records)
    assert "koleo(weight=…, scope=…)" in every
    assert "persistent-entropy.weight in a file" in one
    assert "cohesion has no effect here: the run does not use persistent-entropy" in none


def test_a_recorded_run_is_no_occasion_for_a_note(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "isobar"):
        RunSpec.from_yaml(of_format_1(tmp_path / "run") / "spec.yaml")
    assert not caplog.records


# Directories that format 1 made; hours of computation are in such ones.
RECORDED = {
    "minilm_grammar_none_s0_f8114bf7", "minilm_grammar_prominent_s0_c380ae68", "minilm_grammar_prominent_s0_7a9fec07",
    "minilm_grammar_repulsion_s0_c44074d4", "minilm_grammar_koleo_s0_9449a1eb", "minilm_grammar_koleo_s0_ef2bcbc0",
}  # fmt: skip


@pytest.mark.slow
def test_cells_keep_their_directories(tmp_path):
    """Names recorded by format 1 for the cells of a shipped sweep, in the old form of its file and in the new."""
    base = {
        "task": "grammar", "max_steps": 120, "max_grad_norm": 0.0, "probe_per_class": 100, "snapshots": 2, "evaluations": 1,
        "log_every": 20, "save_model": False,
    }  # fmt: skip
    old = {
        "entropy 0.3": {"weight": 0.3}, "authors 0.05": {"cohesion": -0.05},
        "repulsion 0.0005": {"regularizer": "repulsion", "repulsion_weight": 0.0005},
        "KoLeo 0.1": {"regularizer": "koleo"}, "KoLeo 0.3": {"regularizer": "koleo", "koleo_weight": 0.3},
    }  # fmt: skip
    new = {
        "entropy 0.3": "persistent-entropy(weight=0.3)", "authors 0.05": {"persistent-entropy.cohesion": -0.05},
        "repulsion 0.0005": "repulsion(weight=0.0005)", "KoLeo 0.1": "koleo", "KoLeo 0.3": "koleo(weight=0.3)",
    }  # fmt: skip
    for name in RECORDED:
        (tmp_path / name).mkdir()
    made = [
        {
            cell_dir(tmp_path, spec).name
            for spec in Sweep.parse({"base": base, "grid": {"seed": [0]}, "cells": cells}).cells()
        }
        for cells in (old, new)
    ]
    assert made[0] == made[1] == RECORDED
    shipped = Sweep.from_yaml(ASSETS / "sweeps" / "entropy_or_repulsion.yaml")
    assert {cell_dir(tmp_path, spec).name for spec in shipped.cells()} >= RECORDED
    recorded = SimpleNamespace(method="features", runs={0: "minilm_grammar_prominent_s0_c380ae68"}, name="features")
    assert shipped.group_name(recorded) in shipped.named
    anew = {cell_dir(tmp_path / "elsewhere", spec).name for spec in shipped.cells()}
    assert anew >= {name.replace("prominent", "features") for name in RECORDED}


def test_a_value_that_has_another_name_now_is_understood_wherever_it_stands(tmp_path):
    of = {"weight": 1.0, "selection": "prominent"}
    now = RunSpec.parse({"regularizer": "persistent-entropy(selection=features)"})
    for given in (
        {"regularizers": {"persistent-entropy": of}},
        {"regularizer": "persistent-entropy(selection=prominent)"},
        {"persistent-entropy.selection": "prominent"},
        {"selection": "prominent"},
    ):
        assert RunSpec.parse(given) == now
    assert migrations.settings_now(
        {"regularizers": {"persistent-entropy": of, "unknown": {"selection": "prominent"}}}
    ) == {
        "regularizers": {"persistent-entropy": {**of, "selection": "features"}, "unknown": {"selection": "prominent"}}
    }
    run = of_format_1(tmp_path / "run", selection="prominent")
    assert load_run(run).spec["regularizers"]["persistent-entropy"]["selection"] == "features"
