"""The tensor program reads nothing back to the host, and compilers accept it whole."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.regularizers import PersistentEntropyLoss
from core.topology import h0_barcode, persistent_entropy, relative_entropy
from core.topology.selection import choose

FORBIDDEN = ("_local_scalar_dense", "nonzero", "unique", "item", "is_nonzero", "masked_select", "equal", "bincount")


class NoSynchronization(TorchDispatchMode):
    """Refuses every operation for which a host would have to wait for its device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name.removeprefix("aten::")
        assert not name.strip("_").startswith(FORBIDDEN), name
        assert name not in FORBIDDEN, name
        if name in ("index", "index_put", "index_put_"):
            assert not any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1]), "boolean index"
        if name == "_to_copy":
            assert (kwargs or {}).get("device") in (None, args[0].device), "copy between devices"
        if name == "copy_":
            assert args[0].device == args[1].device, "copy between devices"
        return function(*args, **(kwargs or {}))


def batch(n=24, d=6, classes=3):
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(n, d, generator=generator, requires_grad=True)
    return points, torch.randint(0, classes, (n,), generator=generator)


def test_the_mode_sees_what_it_should():
    for forbidden in (
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: (x > 0).nonzero(),
        lambda x: x.unique(),
        lambda x: bool((x > 0).any()),
        lambda x: int(x.max()),
        lambda x: x.to("meta"),
    ):
        points = batch()[0].detach()
        with pytest.raises(AssertionError), NoSynchronization():
            forbidden(points)


OPTIONS = [
    {},
    {"selection": "all"},
    {"selection": "longest"},
    {"selection": "random"},
    {"scope": "global"},
    {"relative": True, "cohesion": 0.5},
    {"memory": 4, "num_classes": 3},
    {"metric": "cosine"},
    {"metric": "angular"},
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


@pytest.mark.slow
@every_option
def test_the_loss_never_waits(options):
    loss = PersistentEntropyLoss(backend="boruvka", **options)
    points, labels = batch()
    with NoSynchronization():
        for _ in range(2):
            (gradient,) = torch.autograd.grad(loss(points, labels), points)
    assert gradient.isfinite().all()
    assert len(loss.read_stats()["classes"]) == (1 if "scope" in options else 3)


@pytest.mark.slow
@every_option
def test_the_loss_needs_no_data_to_run(options):
    points, labels = batch()
    points, labels = points.detach().to("meta").requires_grad_(), labels.to("meta")
    loss = PersistentEntropyLoss(**options).to("meta")  # a device whose tensors hold nothing that could be read
    for _ in range(2):
        value = loss(points, labels)
        (gradient,) = torch.autograd.grad(value, points)
    assert value.shape == ()
    assert gradient.shape == points.shape
    assert gradient.device.type == "meta"


def test_barcodes_never_wait():
    points = torch.randn(3, 9, 4, requires_grad=True)
    mask = torch.rand(3, 9) > 0.3
    start = torch.zeros(3, 8, dtype=torch.int64)
    with NoSynchronization():
        found = h0_barcode(points, "boruvka", mask)
        chosen = choose(found.lengths.detach(), start, None, "features", longest=8, seed=0)
        value = persistent_entropy(found.lengths, chosen) + relative_entropy(found.lengths, found.mask)
        value.sum().backward()


@pytest.mark.slow
def test_the_loss_compiles_whole():
    options = {"selection": "random", "relative": True, "cohesion": 0.5}
    compiled = torch.compile(PersistentEntropyLoss(**options), fullgraph=True, backend="eager")
    plain = PersistentEntropyLoss(**options)
    for n in (12, 12, 15):
        points, labels = batch(n)
        values = [loss(points, labels) for loss in (compiled, plain)]
        torch.testing.assert_close(*values)
        torch.testing.assert_close(*(torch.autograd.grad(value, points)[0] for value in values), rtol=1e-4, atol=1e-6)
        one, other = compiled.read_stats(), plain.read_stats()
        assert one["skipped"] == other["skipped"]
        for label, numbers in other["classes"].items():
            assert one["classes"][label] == pytest.approx(numbers, rel=1e-5)


@pytest.mark.slow
def test_forward_and_backward_compile_whole():
    points, labels = batch(8, classes=2)
    compiled = torch.compile(PersistentEntropyLoss(), fullgraph=True, backend="aot_eager")
    values = [compiled(points, labels), PersistentEntropyLoss()(points, labels)]
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(value, points)[0] for value in values), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_compiled_memory():
    options = {"memory": 4, "num_classes": 3}
    plain, compiled = (PersistentEntropyLoss(**options) for _ in range(2))
    points, labels = batch(8)
    plain(points, labels), compiled(points, labels)  # the first call makes the queues
    program = torch.compile(compiled, fullgraph=True, backend="eager")
    for step in range(3):
        moved = points * (1 + step) + torch.randn(points.shape, generator=torch.Generator().manual_seed(step))
        torch.testing.assert_close(program(moved, labels), plain(moved, labels))
    with torch._dynamo.config.patch(assume_static_by_default=False):  # sizes that are symbols, as after a few others
        program = torch.compile(compiled, fullgraph=True, backend="eager", dynamic=True)
        torch.testing.assert_close(program(points, labels), plain(points, labels))
    torch.testing.assert_close(compiled.memory.rows[:-1], plain.memory.rows[:-1])


@pytest.mark.slow
def test_exports():
    class Shape(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.loss = PersistentEntropyLoss(cohesion=0.5)

        def forward(self, points, labels):
            found = h0_barcode(points)
            return self.loss(points, labels), found.lengths, persistent_entropy(found.lengths)

    module = Shape()
    points, labels = (values.detach() for values in batch(8, classes=2))
    program = torch.export.export(module, (points, labels)).module()
    other = torch.randn(8, 6, generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(program(other, labels), module(other, labels))
    assert not any("_local_scalar_dense" in str(node.target) for node in program.graph.nodes)
