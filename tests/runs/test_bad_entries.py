"""One bad entry in a folder of runs: it is left out or shown without what is bad, and the others are as they were."""

import json
import os
import shutil
import socket
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml

from core import list_runs
from core.runs.reader import Run, find_runs
from core.studies.compare import compare
from core.tables import print_runs
from core.training.spec import RunSpec

SAMPLE = Path(__file__).parents[2] / "assets" / "sample"
BAD = {"null": None, "list": [1], "number": 1e30, "text": "x", "mapping": {"a": {"b": 1}}, "nested": [[[]]]}
DEEP = "[" * 100_000


def edited(name, **values):
    """What puts `values` into a file of a run, under the keys that it has; without any, under all of them."""

    def edit(run):
        path = run / name
        read, write = (json.loads, json.dumps) if name.endswith("json") else (yaml.safe_load, yaml.safe_dump)
        path.write_text(write({**read(path.read_text()), **values}))

    return edit


def appended(*lines):
    return lambda run: (run / "events.jsonl").open("a").write("".join(f"{line}\n" for line in lines))


def a_loop(path):
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def running(**values):
    here = {"state": "running", "host": socket.gethostname(), "pid": os.getpid(), "step": 5, "total_steps": 100}
    return edited("status.json", **{**here, **values})


def every(edit, *keys):
    """One case for each kind of value that these entries should not have; what of them is of that kind makes no case."""
    return {f"{edit.__name__} {kind}": edit(**dict.fromkeys(keys, value)) for kind, value in BAD.items()}


def report(**values):
    return edited("report.json", **values)


def spec(**values):
    return edited("spec.yaml", **values)


def record(**values):
    return edited("record.yaml", **values)


CASES = {
    **every(running, "pid", "host", "heartbeat", "birth", "step", "total_steps", "error", "phase", "seconds_left"),
    **every(report, "before", "after", "difference", "label_names", "metric"),
    **every(spec, "model", "task", "regularizers", "seed", "layer", "learning_rate", "format"),
    **every(record, "task", "model", "versions", "device"),
    **{f"{name} {kind}": lambda run, name=name, content=content: (run / name).write_bytes(content)
       for name in ("status.json", "report.json", "spec.yaml", "record.yaml", "events.jsonl", "probe.parquet")
       for kind, content in {"deep": DEEP.encode(), "list": b"[1, 2]", "binary": bytes(range(256))}.items()},
    "an event without step": appended('{"kind": "step"}', '{"kind": "evaluation"}', '{"kind": "probe"}', '{"kind": "note"}'),
    "events of wrong kinds": appended(
        '{"kind": "step", "step": "a", "task_loss": [1]}', '{"kind": "evaluation", "step": 1, "metrics": 3}',
        '{"kind": "probe", "step": {}, "measures": [1]}', '{"kind": ["a"], "step": 1}', DEEP,
        '{"a":' * 900 + "1" + "}" * 900, '{"kind": "step", "step": ' + "9" * 400 + "}", '{"kind": "note", "step": 1, "text": 4}',
    ),
    "a folder called like a checkpoint": lambda run: (run / "checkpoint-old").mkdir(),
    "a snapshot of no step": lambda run: (run / "snapshots" / f"step_{'9' * 200}.safetensors").touch(),
    "a snapshot of garbage": lambda run: (run / "snapshots" / "step_000250.safetensors").write_bytes(b"\xff" * 1000),
    "a link to itself in the folder": lambda run: a_loop(run.parent / "self"),
    "a spec that is a link to itself": lambda run: a_loop(run / "spec.yaml"),
    "a status that is a folder": lambda run: ((run / "status.json").unlink(), (run / "status.json").mkdir()),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A good run, beside which another will be bad."""
    folder = tmp_path_factory.mktemp("runs")
    good = folder / "b_good"
    shutil.copytree(SAMPLE, good)
    (good / "record.yaml").write_text("task: {name: grammar, label_names: [a, b]}\nversions: {}\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_lists_show_the_others_as_they_were(folder, tmp_path, case, capsys):
    shutil.copytree(folder, runs := tmp_path / "runs")
    good, bad = runs / "b_good", runs / "a_bad"
    shutil.copytree(good, bad)
    CASES[case](bad)
    found = list_runs(runs)
    assert good in [run.path for run in found]
    for run in found:
        for what in ("spec", "record", "status", "report", "events", "probe", "steps", "before", "after", "checkpoint"):
            getattr(run, what)
        assert all(isinstance(problem, str) for problem in run.problems)
    print_runs(found)
    assert "b_good" in capsys.readouterr().out
    json.dumps([{"state": run.state, "spec": run.spec, "difference": run.report.get("difference")} for run in found])
    if case != "spec text":  # another task is another comparison
        compare(find_runs([str(runs)], runs), defaults=RunSpec.defaults()).as_dict()


def test_what_is_left_out_is_named(folder, tmp_path):
    shutil.copytree(folder, runs := tmp_path / "runs")
    bad = runs / "b_good"
    for edit in (report(before=[1]), spec(seed="x"), CASES["an event without step"]):
        edit(bad)
    (run,) = list_runs(runs)
    assert [p for p in run.problems if "wrong kind" in p or "can't be read" in p] == [
        "spec.yaml has a 'seed' of a wrong kind, which is left out.",
        "report.json has a 'before' of a wrong kind, which is left out.",
        "4 lines of events.jsonl can't be read.",
    ]
    assert run.spec["model"]
    assert run.report["after"]


def test_a_probe_set_that_arrow_can_not_read_has_no_rows(monkeypatch):
    def fails(*_, **__):
        raise pa.ArrowNotImplementedError("Unsupported encoding")

    assert len(Run(SAMPLE).probe)
    monkeypatch.setattr(pd, "read_parquet", fails)
    assert Run(SAMPLE).probe.empty
