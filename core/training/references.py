"""Measures the models that a verdict puts others beside, and writes them into assets/references.json.

`python -m core.training.references "healthy:MiniLM=minilm@grammar" "collapsed:NAME=path/of/a/run" ...`: each adds a row or
replaces the one of its name. What is measured is MODEL@TASK, with TASK as `isobar inspect --task` takes it and perhaps
``+WEIGHTS`` behind the model (``minilm+untrained@grammar``), or the last snapshot of a run.
"""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.errors import IsobarError
from core.geometry.verdict import COLLAPSED, HEALTHY, RANDOM, REFERENCES, TRAINED, Reference, standing
from core.json_text import json_text
from core.runs import load_run
from core.training.inspection import inspect_checkpoint
from core.training.spec import RunSpec

_ASKED = re.compile(rf"({HEALTHY}|{RANDOM}|{TRAINED}|{COLLAPSED}):([^=]+)=(.+)")
_CONE = 0.1  # of the spread of the model in a cone is left about its mean


def reference(asked: str) -> Reference:
    """Return the row that `asked` describes, as ``KIND:NAME=MODEL@TASK`` or ``KIND:NAME=RUN``.

    Raises:
        IsobarError: it is neither; the model, the task or the run is not there.
    """
    found = _ASKED.fullmatch(asked)
    if found is None:
        raise IsobarError(f"{asked!r} is no reference; it would be KIND:NAME=MODEL@TASK or KIND:NAME=RUN.")
    kind, name, source = found.groups()
    if "@" not in source:
        run = load_run(source)
        snapshot = run.after
        if snapshot is None:
            raise IsobarError(f"The run {source} has no snapshot after training.")
        x, labels, task = snapshot.embeddings, snapshot.labels, Path(str(run.spec.get("task"))).stem
    else:
        model, _, task = source.rpartition("@")
        model, _, weights = model.partition("+")
        cone = weights == "cone"
        spec = RunSpec(regularizer="none", **({"weights": weights} if weights and not cone else {}))
        inspected = inspect_checkpoint(model, task, spec=spec)
        x, labels, task = inspected.embeddings, inspected.probe["label"].to_numpy(), inspected.task
        if cone:
            x = x.mean(0) + _CONE * (x - x.mean(0))
    labels = labels if len(np.unique(labels)) > 1 else None
    return Reference(**asdict(standing(x, labels)), name=name, kind=kind, task=task)


def main(asked: list[str]) -> None:
    """Add what is asked for to the table."""
    rows = {row["name"]: row for row in json.loads(REFERENCES.read_text())} if REFERENCES.exists() else {}
    for one in asked:
        found = asdict(reference(one))
        rows[found["name"]] = {
            key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()
        }
        print(rows[found["name"]])
    REFERENCES.write_text(json_text(list(rows.values()), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
