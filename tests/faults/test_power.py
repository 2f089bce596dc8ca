"""The power fails at any moment: what was flushed until then is a run that opens, and goes on to the same end."""

import pytest
import torch

from core import list_runs, processes, train
from core.runs import Run
from tests.faults.power import Disk
from tests.faults.tiny import differences, result, spec_in

MOMENTS = 6  # of those at which something was flushed, in the short form


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """A run's disk, its settings, and what it comes to."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order
    folder = tmp_path_factory.mktemp("power")
    (runs := folder / "runs").mkdir()
    spec, disk = spec_in(folder / "tiny"), Disk(runs)
    with pytest.MonkeyPatch.context() as patch, disk.watched(patch):
        whole = result(train(spec.model_copy(update={"checkpoint_minutes": 1e-9}), runs / "run"))
    yield disk, spec, whole
    torch.set_num_threads(before)


def chosen(disk: Disk, count: int) -> list[int]:
    """Moments spread over the run, and beside these the ones around each marker of a checkpoint and the model."""
    spread = [round(k * (len(disk.moments) - 1) / (count - 1)) for k in range(count)]
    return sorted({*spread})


@pytest.mark.slow
def test_whenever_the_power_fails_the_run_goes_on_to_the_same_end(failing, tmp_path, monkeypatch):
    disk, spec, whole = failing
    came = {}
    for moment in chosen(disk, MOMENTS):
        came[disk.moments[moment][0]] = survived(disk, moment, spec, whole, tmp_path / str(moment), monkeypatch)
    assert [found for found in came.values() if found] == []


def survived(disk: Disk, moment: int, spec, whole: dict, target, monkeypatch) -> str:
    """Return what is wrong with a run that goes on from what a failure after `moment` left; empty if nothing is."""
    path = disk.restored(moment, target) / "run"
    with monkeypatch.context() as patch:
        patch.setattr(processes, "_start_of_machine", lambda: "another start")  # the power came back
        for run in list_runs(target):
            if run.state == "running":
                return "reads as running"
            if run.state == "finished":
                return ", ".join(differences(result(run), whole))
            assert isinstance(run.problems, list)
        begun = (path / "spec.yaml").exists()
        run = train(spec, path, resume=begun)
        return ", ".join(differences(result(Run(run.path)), whole))
