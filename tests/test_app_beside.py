"""Another build of the app beside this one: in turn, by medians, and only what both have."""

import pytest

from core import IsobarError, benchmarks


def test_both_builds_are_measured_in_turn_and_their_medians_compared(tmp_path, monkeypatch):
    (tmp_path / "explorer").mkdir()
    (tmp_path / "explorer" / "benchmark.py").touch()
    took = {"other": iter((2.0, 9.0, 4.0)), "this": iter((1.0, 3.0, 2.0))}
    asked = []

    def measured(build):
        side = "other" if build == tmp_path else "this"
        asked.append(side)
        row = {
            "run": "a",
            "page": "learn",
            f"first view, CPU s (≤ {1 if side == 'this' else 2})": next(took[side]),
            "start (≤ 4)": None,
            "within": "yes",
        }
        return [row, *([{**row, "page": "new", "first view, CPU s (≤ 1)": 1.0}] if side == "this" else [])]

    monkeypatch.setattr(benchmarks, "_of_app", measured)
    assert benchmarks.app(tmp_path) == [
        {
            "run": "a",
            "page": "learn",
            "what": "first view, CPU s",
            "the other build": 4.0,
            "this one": 2.0,
            "ratio": 0.5,
        }
    ]
    assert asked == ["other", "this", "this", "other", "other", "this"]


def test_a_folder_without_a_build_is_said(tmp_path):
    with pytest.raises(IsobarError, match="no build of Isobar"):
        benchmarks.app(tmp_path)
