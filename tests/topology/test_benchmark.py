from types import SimpleNamespace

import numpy as np
import pytest

from core.topology import benchmark
from core.topology.benchmark import BOTH, FORWARD, PEERS, Peer, milliseconds, run


def test_rows_have_equal_keys_and_name_absent_peers(monkeypatch):
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)
    rows = run(sizes=((8, 3, FORWARD), (2000, 2, FORWARD), (5, 3, BOTH)), seconds=0.0)
    assert len({tuple(row) for row in rows}) == 1
    assert [row["cloud"] for row in rows] == ["8 x 3", "2,000 x 2", "5 x 3"]
    for row in rows:
        assert row["Ripser"] == row["GUDHI"] == "absent"
        assert row["best peer / isobar"] is None
        assert row["isobar"] > 0
        assert row["isobar / cdist"] == row["isobar"] / row["torch.cdist"]
    assert rows[1]["tensor program"] is None


def test_peers_that_are_here_find_the_same_bars():
    [row] = run(sizes=((40, 5, FORWARD),), seconds=0.0)
    assert row["Ripser"] > 0
    assert row["GUDHI"] > 0
    assert row["best peer / isobar"] == min(row[name] for name in PEERS if row[name] != "absent") / row["isobar"]


@pytest.mark.parametrize("bars", [lambda points: np.ones(len(points) - 1), lambda points: np.ones(len(points))])
def test_a_peer_that_finds_other_bars_is_not_compared(monkeypatch, bars):
    monkeypatch.setattr(benchmark, "PEERS", {"other": Peer("numpy", 100, bars)})
    [row] = run(sizes=((30, 3, FORWARD),), seconds=0.0)
    assert row["other"] == "other bars"
    assert row["best peer / isobar"] is None


def test_a_call_that_takes_long_is_made_once(monkeypatch):
    now, made = iter(range(0, 1000, 20)), []
    monkeypatch.setattr(benchmark, "time", SimpleNamespace(perf_counter=lambda: next(now)))  # not everybody's clock
    assert milliseconds({"slow": lambda: made.append("slow"), "none": None}, 1.0) == {"slow": 20_000.0, "none": None}
    assert made == ["slow"]
