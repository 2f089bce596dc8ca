import json
import sys

import pytest

from core.cli import main
from core.runs import checkpoints
from core.self_test import self_test

pytestmark = pytest.mark.slow


def test_doctor_trains_stops_resumes_and_compares(monkeypatch, capfd, tmp_path):
    monkeypatch.setattr(sys, "argv", ["isobar", "doctor", "--json", "--runs", str(tmp_path)])
    monkeypatch.setattr("core.doctor.examine", lambda runs: [])
    with pytest.raises(SystemExit, match="0"):
        main()
    said = capfd.readouterr()
    rows = json.loads(said.out)
    assert [(row["what"], row["state"]) for row in rows] == [
        (f"self-test: {step}", "ok") for step in ("train", "stop", "resume", "compare")
    ]
    assert rows[1]["says"] == "at step 3, with a checkpoint"
    assert said.err.count("Self-test: ") == 4
    assert list(tmp_path.iterdir()) == []


def test_what_went_wrong_is_the_last_that_is_told(monkeypatch):
    monkeypatch.setattr(checkpoints, "is_complete", lambda path: False)
    found = list(self_test())
    assert [one.state for one in found] == ["ok", "wrong"]
    assert "left no whole checkpoint" in found[-1].says


def test_a_resume_that_goes_another_way_is_found(monkeypatch):
    import torch

    from core.training import fit

    real = fit.train

    def train(*arguments, **options):
        if options.get("resume"):
            monkeypatch.setattr(torch.optim.AdamW, "load_state_dict", lambda *_: None)
        return real(*arguments, **options)

    monkeypatch.setattr(fit, "train", train)
    found = list(self_test())
    assert [one.state for one in found] == ["ok", "ok", "ok", "wrong"]
    assert "are not those of the run that was not stopped" in found[-1].says
