import os
from concurrent.futures import BrokenExecutor

import pytest

from core import IsobarError
from core.studies.sweep import Sweep, run_sweep
from core.studies.workers import LocalWorkers, RayWorkers, workers


@pytest.fixture
def sweep(tiny_spec):
    base = tiny_spec.model_dump() | {"max_steps": 2, "snapshots": 2, "save_model": False}
    return Sweep(base=base, grid={"seed": [0, 1, 2]}, baselines=False)


@pytest.mark.slow
def test_cells_run_in_processes_of_their_own_which_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = len(os.sched_getaffinity(0))
    with LocalWorkers(2, tmp_path / "log") as pool:
        found = [pool.submit(os.getenv, "OMP_NUM_THREADS") for _ in range(4)]
        pids = {pool.submit(os.getpid).result() for _ in range(4)}
        assert {future.result() for future in found} == {str(max(1, cores // 2))}
    assert os.getpid() not in pids
    assert len(pids) <= 2


@pytest.mark.slow
def test_a_killed_process_costs_its_own_call_only(tmp_path):
    with LocalWorkers(1, tmp_path / "log") as pool:
        with pytest.raises(BrokenExecutor):
            pool.submit(os._exit, 9).result()
        assert pool.submit(len, "ab").result() == 2


def test_what_processes_print_goes_to_the_log(tmp_path):
    with LocalWorkers(1, tmp_path / "log") as pool:
        pool.submit(os.system, "echo out; echo err >&2").result()
    assert (tmp_path / "log").read_text() == "out\nerr\n"


class Killing(LocalWorkers):
    """The process of the second cell is killed."""

    def submit(self, call, /, *arguments):
        self.count = getattr(self, "count", 0) + 1
        return super().submit(os._exit, 9) if self.count == 2 else super().submit(call, *arguments)


@pytest.mark.slow
def test_a_sweep_outlives_a_killed_process(sweep, tmp_path):
    told = []
    with Killing(1, tmp_path / "log") as pool:
        runs = run_sweep(sweep, tmp_path, pool, tell=told.append)
    assert [run.spec["seed"] for run in runs] == [0, 2]
    assert [line for line in told if "failed" in line] == [
        f"[2/3] {told[1].split()[1]} failed: Its process was killed, perhaps for want of memory."
    ]


@pytest.mark.slow
def test_ray_runs_the_same_cells(sweep, tmp_path, monkeypatch, own_core):
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.chdir(own_core)
    told = []
    two = sweep.model_copy(update={"grid": {"seed": [0], "layer": [-1, 9]}})
    with RayWorkers("local", 1) as pool:
        assert pool.submit(os.getcwd).result() == str(own_core)
        killed = pool.submit(os._exit, 9)
        runs = run_sweep(two, tmp_path, pool, tell=told.append)
        with pytest.raises(Exception, match=r"died|crash|exit"):
            killed.result()
    assert [run.state for run in runs] == ["finished"]
    assert any("no layer 9" in line for line in told)


def test_a_backend_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(IsobarError, match="there are: local, ray"):
        workers("rya", 1, "auto", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(IsobarError, match="needs the package ray"):
        workers("ray", 1, "auto", tmp_path)
