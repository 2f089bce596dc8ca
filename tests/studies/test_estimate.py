"""How long many runs take, told before they start."""

from pathlib import Path

import numpy as np
import pytest

from core.cli.progress import time_in_all
from core.runs import Run
from core.runs.pace import duration, pace_of
from core.studies.estimate import estimate, in_all, rounded
from core.training.spec import RunSpec

SAMPLE = Run(Path(__file__).resolve().parents[2] / "assets" / "sample")


def test_all_of_several_runs_is_their_sum_and_says_by_what_it_is_judged(tmp_path):
    specs = [RunSpec(max_steps=100, seed=seed) for seed in range(3)] + [RunSpec(max_steps=200)]
    each = [estimate(spec, [], [SAMPLE]).seconds for spec in specs]
    assert each[0] == each[1] == each[2] < each[3]
    said = in_all(specs, [], [SAMPLE])
    assert (
        said
        == f"one after the other about {duration(rounded(sum(each)))}, judged by the sample run, which two cores trained"
    )
    assert time_in_all(specs, tmp_path, tmp_path / "nowhere") == said


def test_a_step_takes_what_it_took():
    pace = pace_of(SAMPLE.events)
    by = {n: estimate(RunSpec(**{**SAMPLE.spec, "max_steps": n}), [SAMPLE]).seconds for n in (100, 300)}
    assert (by[300] - by[100]) / 200 == pytest.approx(pace.step)


def test_of_a_model_that_never_ran_nothing_is_made_up(tmp_path):
    specs = [RunSpec(max_steps=9), RunSpec(model="org/another", max_steps=9)]
    assert in_all(specs, [], [SAMPLE]) == "how long they take is known when the first have ended"
    assert in_all([RunSpec(task=str(tmp_path / "not-there.csv"))], [], [SAMPLE]).startswith("how long")
    assert in_all([], [], []) == "nothing takes long"


def test_an_unreadable_run_is_no_judge(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "spec.yaml").write_text("model: minilm\n")
    (tmp_path / "broken" / "events.jsonl").write_text("{\n")
    assert estimate(RunSpec(max_steps=9), [Run(tmp_path / "broken")], [SAMPLE]).runs == 0


def test_a_run_whose_settings_are_no_numbers_is_no_judge(monkeypatch):
    import core.studies.estimate as module
    from core.runs.pace import Pace

    pace = Pace(*[1.0] * len(Pace.__dataclass_fields__))
    spec = RunSpec()
    for settings, judges in (
        ({"model": spec.model, "batch_size": 32}, True),
        ({"model": spec.model, "batch_size": "32"}, False),
        ({"model": spec.model}, False),
    ):
        assert module._is_of(module._Seen(settings, pace, np.zeros(1)), spec) == judges
