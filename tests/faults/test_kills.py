"""The process of a run is killed at any moment: what is left opens, is told for what it is, and goes on to the same end."""

import pytest

from core.runs import Run
from tests.faults import kills
from tests.faults.tiny import result, spec_in


@pytest.mark.slow
def test_whenever_it_is_killed_the_run_goes_on_to_the_same_end(tmp_path):
    spec = spec_in(tmp_path / "tiny", checkpoint_minutes=1e-9)
    changes = kills.changes_of(spec, tmp_path / "whole")
    whole = result(Run(tmp_path / "whole"))
    # Within the making of the directory, a snapshot, a checkpoint, its sealing, the removal of the older one, and the end.
    places = ["record.yaml", "step_000003", "checkpoint-3", "checkpoint-4/.complete", "remove checkpoint-3", "model"]
    moments = [next(k for k, change in enumerate(changes) if place in change) + 1 for place in places]
    found = [kills.killed(spec, tmp_path / str(at), whole, changes, at) for at in moments]
    assert [kill for kill in found if kill.wrong] == []
    assert any("from checkpoint-" in kill.ended for kill in found)
    assert any("from the beginning" in kill.ended for kill in found)
