"""The disk is too small for a checkpoint: a sentence says so, nothing half written keeps its space, and the run goes on later."""

import pytest

from core.runs import Run
from tests.faults import full_disk, kills
from tests.faults.tiny import result, spec_in


@pytest.mark.slow
def test_a_disk_too_small_for_a_checkpoint(tmp_path):
    spec = spec_in(tmp_path / "tiny", checkpoint_minutes=1e-9)
    with full_disk.disk_of(tmp_path / "disk", full_disk.MEGABYTES / 3) as disk:
        if disk is None:
            pytest.skip("no disk can be mounted here")
        kills.changes_of(spec, tmp_path / "whole")
        found = full_disk.survived(spec, disk, result(Run(tmp_path / "whole")))
    assert found.wrong == ""
    assert "is full" in found.shown
