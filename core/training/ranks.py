"""Several processes that train one model, as `accelerate launch` starts them; in one process all of this does nothing.

The first process alone writes the run directory and measures the probe set. What must be known to all is said by it;
what any of them learns and all must heed, such as a request to stop, is agreed upon step by step.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.distributed as dist
from accelerate import PartialState

from core.errors import IsobarError
from core.regularizers.gather import is_distributed
from core.runs import RunBystander, RunWriter

# Held until the process ends: whoever drops a group last waits for its threads, and may do so with the lock that they wait for.
_groups: list = []


@contextmanager
def joined(use_cpu: bool) -> Iterator[None]:
    """Work together with the other processes, if a launcher has started several and nobody has met them yet."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield
        return
    state = PartialState(cpu=use_cpu)
    _groups.append(dist.group.WORLD)
    try:
        yield
    finally:
        state.destroy_process_group()


def count() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if is_distributed() else 1


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return not is_distributed() or dist.get_rank() == 0


def from_first(value):
    """Return what the first process holds as `value`, in all of them."""
    if not is_distributed():
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, device=_device())
    return box[0]


def leader(run_dir: Path | str | None, name: str, runs_dir: Path | str) -> RunWriter:
    """Return what leads the run in `run_dir`, or else in a new directory called `name` in `runs_dir`; all must ask.

    Raises:
        IsobarError: the directory can't be made.
    """
    writer, problem = None, ""
    if is_first():
        try:
            writer = RunWriter.named(name, runs_dir) if run_dir is None else RunWriter(run_dir)
        except IsobarError as error:
            problem = str(error)
    path, problem = from_first((writer and writer.path, problem))
    if problem:
        raise IsobarError(problem)
    return writer or RunBystander(path)


def any_of(flag: bool) -> bool:
    """Whether `flag` is true in any process; all must ask."""
    if not is_distributed():
        return flag
    told = torch.tensor(int(flag), device=_device())
    dist.all_reduce(told, op=dist.ReduceOp.MAX)
    return bool(told)


def mean(value: float) -> float:
    """Return the mean of `value` over the processes; all must ask."""
    if not is_distributed():
        return value
    total = torch.tensor(value, dtype=torch.float32, device=_device())
    dist.all_reduce(total)
    return float(total) / count()


def _device() -> torch.device:
    return PartialState().device
