import numpy as np
import pytest

from core.topology import loops_benchmark
from core.topology.benchmark import Peer
from core.topology.loops_benchmark import PEERS, run


@pytest.mark.slow
def test_peers_that_are_here_find_the_same_loops():
    first, second = run(sizes=((60, 3), (300, 2)), seconds=0.0)
    assert tuple(first) == tuple(second)
    here = [name for name in PEERS if first[name] != "absent"]
    assert "GUDHI's tree" in here
    assert first["best peer / isobar"] == min(first[name] for name in here) / first["isobar"]
    assert second["GUDHI's tree"] is None  # of 300 points its complex is large


def test_an_absent_peer_is_named(monkeypatch):
    monkeypatch.setattr(loops_benchmark, "find_spec", lambda name: None)
    [row] = run(sizes=((20, 2),), seconds=0.0)
    assert row["isobar"] > 0
    assert row["Ripser"] == row["oineus"] == "absent"
    assert row["best peer / isobar"] is None


@pytest.mark.parametrize("bars", [np.empty(0), np.ones(40)], ids=["none", "others"])
def test_a_peer_that_finds_other_loops_is_not_compared(monkeypatch, bars):
    monkeypatch.setattr(loops_benchmark, "PEERS", {"other": Peer("numpy", 100, lambda points: bars)})
    [row] = run(sizes=((60, 3),), seconds=0.0)
    assert row["other"] == "other bars"
    assert row["best peer / isobar"] is None
