"""Every command, from a folder of work that has packages and files called as ours, the library's and the standard library's."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
import yaml

from core import load_run
from core.children import python_module
from tests.browser.app_process import running_app

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture
def isobar(own_core, isobar_script):
    """A function that runs the installed command in the folder of work, and returns what it printed."""

    def run(*words, exits=0):
        command = [isobar_script, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=own_core, stdin=subprocess.DEVNULL)
        assert done.returncode == exits, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if exits == 0 else done.stderr

    return run


@pytest.fixture
def settings(tiny_spec):
    """A run of two steps, which keeps no model."""
    return tiny_spec.model_dump(exclude_defaults=True) | {"max_steps": 2, "snapshots": 2, "save_model": False}


def options(settings):
    words = {True: "--{}", False: "--no-{}"}
    named = ((name.replace("_", "-"), value) for name, value in settings.items())
    return [words[value].format(name) if isinstance(value, bool) else f"--{name}={value}" for name, value in named]


def test_commands_that_only_read(isobar, own_core):
    shutil.copytree(ASSETS / "sample", own_core / "runs" / "sample")
    shutil.copytree(ASSETS / "sample_baseline", own_core / "runs" / "baseline")
    (own_core / "cloud.csv").write_text("a,b\n1,2\n3,5\n4,1\n")
    assert "Commands" in isobar("--help")
    assert "--learning-rate" in isobar("train", "--help")
    assert json.loads(isobar("measure", "cloud.csv", "--json"))
    assert "sample" in isobar("runs")
    assert "over seeds" in isobar("compare", "runs")
    assert (own_core / Path(json.loads(isobar("report", "sample", "--json"))["report"])).exists()
    assert "no run" in isobar("report", "nonsense", exits=2)
    assert "torch" in isobar("doctor")
    isobar("runs", "note", "runs/sample", "--tag=kept")
    isobar("runs", "rm", "runs/sample")
    isobar("runs", "restore", "sample")
    isobar("atlas", "sample", "--out=atlas.parquet")
    assert (own_core / "atlas.parquet").exists()


def test_commands_that_load_a_model(isobar, own_core, settings):
    done = json.loads(isobar("train", *options(settings), "--json"))
    assert load_run(own_core / done["run"]).state == "finished"
    model, task = settings["model"], f"--task={settings['task']}"
    assert "32 texts" in isobar("inspect", model, task, "--device=cpu")
    assert "layer" in isobar("layers", model, task, "--examples=16")
    assert "mean" in isobar("repair", model, task, "--out=mended")
    assert isobar("convert", "--help")


def test_cells_of_a_sweep_in_processes_of_their_own(isobar, own_core, settings):
    cells = {"base": settings, "grid": {"seed": [0]}, "cells": {"paper": {}}, "baselines": True}
    (own_core / "sweep.yaml").write_text(yaml.safe_dump(cells))
    assert len(json.loads(isobar("sweep", "sweep.yaml", "--processes=1", "--json"))) == 2
    assert "anisotropy" in isobar("reproduce", "--preset=sweep.yaml")
    isobar("tradeoff", "sweep.yaml", "--picture=curves.svg")
    assert (own_core / "curves.svg").read_text().startswith("<svg")


def test_the_benchmark_of_the_app_starts(isobar_script, own_core):
    """It takes a minute, so it is ended as soon as its process, the one that is not of core, has Streamlit loaded."""
    bench = subprocess.Popen(
        [isobar_script, "bench", "app"], cwd=own_core, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        while not any("pyarrow" in mapped for mapped in _mapped_by_children(bench)):
            assert bench.poll() is None, bench.stdout.read()
            time.sleep(0.1)
    finally:
        os.killpg(bench.pid, signal.SIGKILL)
        bench.wait()


def _mapped_by_children(process):
    try:
        return [m.path for child in psutil.Process(process.pid).children() for m in child.memory_maps()]
    except psutil.Error:
        return []


def test_a_queued_run(own_core, settings, tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps(settings))
    code = (
        "import json, sys, time; from core import load_run; from core.training.spec import RunSpec; from explorer import jobs\n"
        "path = jobs.start(RunSpec(**json.load(open(sys.argv[1]))), 'runs')\n"
        "while load_run(path).state in ('queued', 'running'): time.sleep(0.1)\n"
        "print(path)"
    )
    command = [sys.executable, "-P", "-c", code, tmp_path / "spec.json"]
    said = subprocess.run(command, cwd=own_core, check=True, stdout=subprocess.PIPE, text=True).stdout
    run = load_run(own_core / said.strip())
    assert run.state == "finished", run.log()


def test_the_app_answers(isobar_script, own_core):
    with running_app(own_core / "runs", [isobar_script], cwd=own_core) as address:
        assert b"<html" in urlopen(address).read()


def test_the_command_of_a_child_leaves_the_current_folder_out(own_core):
    done = subprocess.run(python_module("core.cli", "runs"), cwd=own_core, capture_output=True, text=True)
    assert "No runs in runs yet" in done.stdout
