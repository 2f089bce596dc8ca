"""Two processes with a part of the batch each must see the loss, and the gradient, of the whole batch."""

import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from core.regularizers import CosineLoss, IStarLoss, PersistentEntropyLoss
from core.regularizers.registry import REGULARIZERS, regularizer_class

# Where the batch is cut between the two, and how the loss is made.
CASES = {
    "nearly even": (12, PersistentEntropyLoss),
    "uneven": (5, lambda: PersistentEntropyLoss(relative=True, cohesion=0.3)),
    "another metric": (7, lambda: PersistentEntropyLoss(metric="angular", cohesion=0.3)),
    "a memory": (12, lambda: PersistentEntropyLoss(memory=6, cohesion=0.3)),
    "random bars": (9, lambda: PersistentEntropyLoss(selection="random", scope="global")),
    "tensor program": (16, lambda: PersistentEntropyLoss(scope="global", backend="boruvka")),
    "I-STAR": (9, lambda: IStarLoss(zeta=0.3)),
    "I-STAR, one process without rows": (0, lambda: IStarLoss(zeta=0.0)),
    "cosine": (15, CosineLoss),
    **{f"{name}, as it comes": (9, regularizer_class(name)) for name in REGULARIZERS},
}


def _batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(23, 6, generator=generator, dtype=torch.float64), torch.arange(23) % 3


def _model():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4)).double()


def _step(model, x, y, loss):
    loss(2 * x[:, :4], y)  # a step before, for those that remember or count
    value = loss(model(x), y)
    value.backward()
    return value.detach(), [p.grad.clone() for p in model.parameters()]


def _worker(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    x, y = _batch()
    found = {}
    for name, (cut, loss) in CASES.items():
        mine = slice(None, cut) if rank == 0 else slice(cut, None)
        found[name] = _step(DistributedDataParallel(_model()), x[mine], y[mine], loss())
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()
    os._exit(0)  # a late thread of the group's would abort a Python that ends by itself


@pytest.fixture(scope="module")
def by_two_processes(tmp_path_factory):
    """What each of two processes found in every case: they are started once, since that takes the longest."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(_worker, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_see_the_global_batch(by_two_processes, name):
    value, gradients = _step(_model(), *_batch(), CASES[name][1]())
    for found in by_two_processes:
        theirs, their_gradients = found[name]
        torch.testing.assert_close(theirs, value, rtol=1e-9, atol=1e-9)
        for ours, other in zip(gradients, their_gradients):
            torch.testing.assert_close(other, ours, rtol=1e-6, atol=1e-9)
