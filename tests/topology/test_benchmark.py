from core.topology import benchmark
from core.topology.benchmark import BOTH, FORWARD, run


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
