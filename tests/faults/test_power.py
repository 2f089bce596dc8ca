"""The power fails at any moment: what was flushed until then is a run that opens, and goes on to the same end."""

import pytest
import torch

from core.runs import Run
from tests.faults import power
from tests.faults.tiny import result, spec_in


@pytest.fixture
def one_thread():
    """Sums in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_whenever_the_power_fails_the_run_goes_on_to_the_same_end(tmp_path, monkeypatch, one_thread):
    spec = spec_in(tmp_path / "tiny", checkpoint_minutes=1e-9)
    disk = power.watched_run(spec, tmp_path / "runs", monkeypatch)
    whole = result(Run(tmp_path / "runs" / "run"))
    # Before the directory has a spec, before and after a checkpoint is whole, once the older one is gone, and at the end.
    places = ["run", "checkpoint-3/.complete", "run/checkpoint-4", "run/.report", "run/.status"]
    flushed = [name for name, _, _ in disk.moments]
    moments = [max(k for k, name in enumerate(flushed) if place in name) for place in places]
    moments[0] = flushed.index("run")
    found = [
        power.survived(disk, k, spec, whole, tmp_path / str(k), monkeypatch)
        for k in sorted({*moments, len(flushed) - 1})
    ]
    assert [one for one in found if one.wrong] == []
