"""The regularizer's share of a training step, measured by the trainer's own clock."""

import statistics
import tempfile
from pathlib import Path

from core.training.fit import train
from core.training.spec import RunSpec

STEPS = 24
_WARM_UP = 4  # the first steps allocate memory and compile kernels


def run(tasks: tuple[str, ...] = ("grammar", "paraphrase"), steps: int = STEPS) -> list[dict]:
    """Return one row a task: median milliseconds of a step and of the regularizer, and their ratio in percent.

    The model is the built-in one at batch 32; both times are of the same steps of the same process.
    """
    rows = []
    for task in tasks:
        spec = RunSpec(
            task=task, max_steps=steps, snapshots=2, evaluations=1, probe_per_class=4, log_every=1, save_model=False
        )
        with tempfile.TemporaryDirectory() as folder:
            logged = train(spec, Path(folder) / "run").rows("step")[_WARM_UP:]
        step = statistics.median(row["step_seconds"] for row in logged)
        regularizer = statistics.median(row["regularizer_seconds"] for row in logged)
        rows.append(
            {
                "task": task,
                "batch": spec.batch_size,
                "step ms": 1e3 * step,
                "regularizer ms": 1e3 * regularizer,
                "share %": 100 * regularizer / step,
            }
        )
    return rows
