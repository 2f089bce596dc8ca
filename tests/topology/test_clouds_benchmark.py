import numpy as np
import pytest

from core.topology import clouds_benchmark
from core.topology.clouds_benchmark import cloud, run


@pytest.mark.slow
def test_rows_have_equal_keys_and_their_ratios(monkeypatch):
    monkeypatch.setattr(clouds_benchmark, "find_spec", lambda name: True if name == "sklearn" else None)
    monkeypatch.setattr(clouds_benchmark, "alone", lambda function, *arguments: function(*arguments))
    rows = run(sizes=((300, 3), (1200, 3)), peers_to=300)
    assert len({tuple(row) for row in rows}) == 1
    assert [(row["cloud"], row["kind"]) for row in rows] == [
        ("300 x 3", "Gaussian"), ("300 x 3", "clustered"), ("1,200 x 3", "Gaussian"), ("1,200 x 3", "clustered"),
    ]  # fmt: skip
    for row in rows:
        assert row["isobar / 4 passes"] == row["isobar s"] / (4 * row["one pass s"])
        assert row["giotto-ph s"] == row["Ripser MiB"] == "absent"
    assert rows[0]["growth"] is None
    np.testing.assert_allclose(4 ** rows[2]["growth"], rows[2]["CPU s"] / rows[0]["CPU s"])
    assert rows[0]["scikit-learn s"] > 0
    assert rows[1]["scikit-learn s"] is rows[2]["scikit-learn s"] is None


def test_clouds_are_what_they_are_called():
    assert cloud(50, 4, "Gaussian", 0).dtype == cloud(50, 4, "clustered", 0).dtype == np.float32
    assert np.array_equal(cloud(50, 4, "clustered", 3), cloud(50, 4, "clustered", 3))
