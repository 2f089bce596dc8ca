"""How the cost of training and of inspection grows with the work: `isobar bench growth`.

The model is a random BERT of two layers and 32 dimensions, so that what is seen is what Isobar does around it.
"""

import math
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.cost import alone, cost_of_call
from core.errors import RunFailedError
from core.tiny import tiny_checkpoint
from core.training.fit import train
from core.training.inspection import inspect_checkpoint
from core.training.spec import RunSpec

_WORDS = ("the", "very", "stone", "river", "cloud", "near", "old", "mill", "behind", "hill")
_COLOURS = ("red", "blue")  # of which a text has one, which is its class
_TRAINING = {"epochs": 1, "snapshots": 2, "evaluations": 1, "probe_per_class": 50, "save_model": False, "device": "cpu"}


class Work(NamedTuple):
    """One command whose size is varied, all else being equal.

    Attributes:
        command, grows: what is done, and what there is more of.
        sizes: of that, in ascending order.
        call: makes what it needs, given a folder of its own and the size by the name of what grows; returns the call to measure.
    """

    command: str
    grows: str
    sizes: tuple[int, ...]
    call: Callable[..., Callable[[], object]]


def _inspect(folder: Path, texts: int, layers: int = 2) -> Callable[[], object]:
    model, task = tiny_checkpoint("bert", folder / "model", num_hidden_layers=layers), made_task(folder / "task", texts)
    spec = RunSpec(probe_per_class=texts // 2, device="cpu")
    return lambda: inspect_checkpoint(str(model), str(task), spec=spec)


def _train(folder: Path, texts: int, batch: int = 32, width: int = 32) -> Callable[[], object]:
    model = tiny_checkpoint("bert", folder / "model", hidden_size=width, intermediate_size=2 * width)
    task = made_task(folder / "task", texts)
    spec = RunSpec(model=str(model), task=str(task), batch_size=batch, **_TRAINING)
    return lambda: train(spec, folder / "run")


WORK = (
    Work("inspect", "texts", (1_000, 5_000, 20_000), _inspect),
    Work("inspect", "layers", (2, 8, 32), partial(_inspect, texts=2_000)),
    Work("train", "texts", (1_000, 10_000, 100_000), _train),
    Work("train", "batch", (8, 32, 128, 512), partial(_train, texts=10_000)),
    Work("train", "width", (32, 128, 512), partial(_train, texts=2_000)),
)


def run(work: Iterable[Work] = WORK) -> list[dict]:
    """Return one row for each size of each work: seconds, CPU seconds, MiB at the peak, and how they grow.

    Each is a process of its own, after the same work of the smallest size, which loads libraries and compiles kernels.

    Returns:
        Rows of equal keys. "growth" is the exponent of the size between a row and the one before it, in seconds: 1 where
        twice the work takes twice the time. None of the smallest.

    Raises:
        RunFailedError: the system ended the process, for want of memory.
    """
    rows = []
    for one in work:
        last = None
        for size in one.sizes:
            cost = alone(_cost, one, size)
            if cost is None:
                raise RunFailedError(
                    f"The system ended the process of {one.command} at {size:,} {one.grows}: its memory was too small."
                )
            growth = math.log(cost["s"] / last[1]) / math.log(size / last[0]) if last else None
            rows.append({"command": one.command, "grows": one.grows, "size": size, **cost, "growth": growth})
            last = size, cost["s"]
    return rows


def _cost(work: Work, size: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("before", "measured"):
            (Path(folder) / name).mkdir()
        work.call(Path(folder) / "before", **{work.grows: work.sizes[0]})()
        found = cost_of_call(work.call(Path(folder) / "measured", **{work.grows: size}))
    return {"s": found.seconds, "CPU s": found.cpu, "MiB": found.mib}


def made_task(folder: Path, texts: int) -> Path:
    """Write so many examples to train on, and as many to validate with, into `folder`; return that.

    Half of them have one colour and half the other, after three to ten words.
    """
    draw = np.random.default_rng(0)
    folder.mkdir()
    for split in ("train", "validation"):
        lines = ["text,label"]
        for number, length in enumerate(draw.integers(3, 11, texts)):
            words = [*draw.choice(_WORDS, length), _COLOURS[number % 2]]
            lines.append(f"{' '.join(words)},{number % 2}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
