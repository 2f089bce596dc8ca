import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import IsobarError, PersistentEntropyLoss, h0_barcode, persistent_entropy
from core.regularizers import Regularizer
from core.topology import relative_entropy, select

BACKENDS = ("prim", "boruvka")
both = pytest.mark.parametrize("backend", BACKENDS)
OPTIONS = [
    {},
    {"weight": -0.3},
    {"selection": "all"},
    {"selection": "longest", "longest": 3},
    {"scope": "global"},
    {"relative": True},
    {"cohesion": 0.5, "weight": 2.0},
    {"cohesion": 0.5, "selection": "longest", "longest": 1, "relative": True},
]


def batch(n=32, d=8, classes=3, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (n,), generator=generator)
    points = torch.randn(n, d, generator=generator, dtype=torch.float64) * (1 + labels.unsqueeze(1))
    return points.to(dtype).requires_grad_(), labels


def by_definition(points, labels, *, weight=1.0, selection="features", scope="class", cohesion=0.0, relative=False,
                  longest=8):  # fmt: skip
    """Method 4, class after class, by the public functions."""
    if scope == "global":
        labels = torch.where(labels < 0, labels, 0)
    value = points.sum() * 0
    for label in labels.unique():
        cloud = points[labels == label]
        if label < 0 or len(cloud) < 3:
            continue
        lengths = h0_barcode(cloud, "prim").lengths
        mask = select(lengths, selection, longest=longest).mask
        value = value - weight * (relative_entropy if relative else persistent_entropy)(lengths, mask)
        if not mask.all():
            value = value + cohesion * lengths[~mask].mean()
    return value


@pytest.mark.slow
@both
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_definition(options, backend):
    points, labels = batch()
    labels[:3], labels[3:5] = -100, 7  # left out; too few
    value = PersistentEntropyLoss(backend=backend, **options)(points, labels)
    expected = by_definition(points, labels, **options)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(*(torch.autograd.grad(x, points)[0] for x in (value, expected)))


@pytest.mark.slow
@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 6), st.sampled_from(OPTIONS), st.floats(-6, 6))
def test_the_two_paths_agree(seed, n, classes, options, exponent):
    points, labels = batch(n, 5, classes, seed)
    points = (points.detach() * 10**exponent).requires_grad_()
    losses = [PersistentEntropyLoss(backend=backend, **options) for backend in BACKENDS]
    values = [loss(points, labels) for loss in losses]
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(value, points)[0] for value in values))
    one, other = (loss.read_stats() for loss in losses)
    assert one["skipped"] == other["skipped"]
    assert one["classes"].keys() == other["classes"].keys()
    for label, numbers in one["classes"].items():
        assert other["classes"][label] == pytest.approx(numbers, abs=1e-9)


def test_random_draws_are_seeded_and_new_in_every_call():
    points, labels = batch(60, classes=2)
    drawn = {}
    for backend in BACKENDS:
        loss = PersistentEntropyLoss(selection="random", seed=3, backend=backend)
        drawn[backend] = torch.stack([loss(points, labels) for _ in range(4)])
        assert len(set(drawn[backend].tolist())) == 4
    torch.testing.assert_close(drawn["prim"], drawn["boruvka"])
    assert PersistentEntropyLoss(selection="random", seed=4)(points, labels) != drawn["prim"][0]
    prominent = PersistentEntropyLoss()
    prominent(points, labels)
    kept = [loss.read_stats()["classes"]["0"]["features"] for loss in (loss, prominent)]
    assert kept[0] == kept[1]


@pytest.mark.slow
@both
@pytest.mark.parametrize("options", [{}, {"cohesion": 0.3, "relative": True}], ids=str)
def test_gradients(options, backend):
    points, labels = batch(14, 3, 2)
    loss = PersistentEntropyLoss(backend=backend, **options)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), points)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, labels), points)


def test_function_transforms():
    points, labels = batch()
    expected = torch.autograd.grad(PersistentEntropyLoss()(points, labels), points)[0]
    found = torch.func.grad(lambda x: PersistentEntropyLoss()(x, labels))(points.detach())
    torch.testing.assert_close(found, expected)


@both
def test_the_gradient_does_not_scale_the_cloud(backend):
    points, labels = batch()
    (gradient,) = torch.autograd.grad(PersistentEntropyLoss(backend=backend)(points, labels), points)
    assert abs((gradient * points).sum()) < 1e-12


@both
def test_descent_makes_bars_equal(backend):
    points, labels = batch(24, 16, 2, dtype=torch.float32)
    loss = PersistentEntropyLoss(selection="all", relative=True, backend=backend)
    points = points.detach().requires_grad_()
    optimizer = torch.optim.SGD([points], lr=20.0)
    before = loss(points, labels).item()
    for _ in range(30):
        optimizer.zero_grad()
        loss(points, labels).backward()
        optimizer.step()
    assert 2 + before > 3 * (2 + loss(points, labels).item()) > 0  # at -2 all bars of both classes are equal


@both
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_dtypes(dtype, backend):
    points, labels = batch(dtype=dtype)
    value = PersistentEntropyLoss(backend=backend)(points, labels)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    exact = PersistentEntropyLoss()(points.double(), labels)
    torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=0)
    value.backward()
    assert points.grad.dtype == dtype
    assert points.grad.isfinite().all()


@both
def test_autocast_changes_nothing(backend):
    points, labels = batch(dtype=torch.float32)
    loss = PersistentEntropyLoss(backend=backend)
    plain = loss(points, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(points, labels), plain)


@both
def test_degenerate_batches(backend):
    loss = PersistentEntropyLoss(cohesion=0.1, backend=backend)
    for points, labels in (
        (torch.zeros(0, 4), []),
        (torch.randn(1, 4), [0]),
        (torch.randn(4, 4), [0, 0, 1, 1]),
        (torch.randn(5, 4), [-1] * 5),
        (torch.ones(8, 4), [0] * 8),
    ):
        points.requires_grad_()
        value = loss(points, torch.tensor(labels, dtype=torch.int64))
        value.backward()
        assert value == 0
        assert (points.grad == 0).all()


@both
def test_small_classes_are_counted(backend):
    points, _ = batch(12)
    labels = torch.tensor([0] * 6 + [1, 1, 2, -1, -1, 3])
    loss = PersistentEntropyLoss(backend=backend)
    assert loss.read_stats() == {"skipped": 0, "classes": {}}
    loss(points, labels)
    stats = loss.read_stats()
    assert stats["skipped"] == 3
    assert list(stats["classes"]) == ["0"]
    numbers = stats["classes"]["0"]
    lengths = h0_barcode(points[:6]).lengths
    found = select(lengths)
    assert (numbers["bars"], numbers["features"]) == (5, found.count)
    assert numbers["entropy"] == pytest.approx(persistent_entropy(lengths, found.mask).item())
    assert numbers["relative_entropy"] == pytest.approx(relative_entropy(lengths, found.mask).item())
    assert not any(values.requires_grad for values in loss.stats.values())


@both
def test_no_gradient_no_work(backend):
    points, labels = batch()
    with torch.no_grad():
        value = PersistentEntropyLoss(backend=backend)(points, labels)
    assert not value.requires_grad
    assert not PersistentEntropyLoss(backend=backend)(points.detach(), labels).requires_grad


# Memory


def test_memory_is_a_queue_for_each_class():
    loss = PersistentEntropyLoss(memory=3)
    seen = {0: [], 1: [], 2: []}
    for step, labels in enumerate(([0, 1, 0, -1], [2, 0, 0, 0, 0], [1], [0, 2, 2, 1])):
        points = torch.randn(len(labels), 4, generator=torch.Generator().manual_seed(step))
        loss(points, torch.tensor(labels))
        for row, label in zip(points, labels):
            if label >= 0:
                seen[label].append(row)
    memory = loss.memory
    for label, rows in seen.items():
        kept = memory.rows[memory.labels == label]
        assert sorted(kept.tolist()) == sorted(torch.stack(rows[-3:]).tolist())


@both
@pytest.mark.parametrize("num_classes", [None, 3])
def test_memory_joins_the_cloud_without_gradient(backend, num_classes):
    loss = PersistentEntropyLoss(memory=20, num_classes=num_classes, cohesion=0.2, backend=backend)
    past, past_labels = batch(20, seed=1)
    first = loss(past, past_labels)
    torch.testing.assert_close(first, by_definition(past, past_labels, cohesion=0.2))
    now, labels = batch(12, seed=2)
    value = loss(now, labels)
    cloud, all_labels = torch.cat((now, past.detach())), torch.cat((labels, past_labels))
    expected = by_definition(cloud, all_labels, cohesion=0.2)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(*(torch.autograd.grad(x, now)[0] for x in (value, expected)))
    loss.eval()
    before = loss.memory.rows.clone()
    loss(now, labels)
    assert torch.equal(loss.memory.rows, before)


def test_memory_of_the_global_scope():
    loss = PersistentEntropyLoss(memory=5, scope="global")
    points, labels = batch(9)
    loss(points, labels)
    torch.testing.assert_close(loss.memory.rows[:-1].sort(0).values, points[4:].sort(0).values)


# Requests that can't be met


@both
def test_bad_rows_are_named(backend):
    points, labels = batch()
    points = points.detach()
    points[11, 2] = float("nan")
    with pytest.raises(IsobarError, match="Row 11 of the points holds a NaN"):
        PersistentEntropyLoss(backend=backend)(points, labels)
    labels[11] = -100
    assert PersistentEntropyLoss(backend=backend)(points, labels).isfinite()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"selection": "featurs"}, "Did you mean 'features'"),
        ({"scope": "batch"}, "known are class, global"),
        ({"backend": "kruskal"}, "known are auto, prim, boruvka"),
        ({"weight": float("nan")}, "finite"),
        ({"memory": -1}, "memory = -1"),
        ({"longest": 0}, "at least 1"),
    ],
    ids=str,
)
def test_bad_options(options, message):
    with pytest.raises(IsobarError, match=message):
        PersistentEntropyLoss(**options)


def test_bad_batches():
    loss = PersistentEntropyLoss()
    with pytest.raises(IsobarError, match=r"Embeddings are torch.float32 of shape \(4,\)"):
        loss(torch.zeros(4), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(IsobarError, match="4 whole numbers"):
        loss(torch.zeros(4, 2), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(IsobarError, match="whole numbers"):
        loss(torch.zeros(4, 2), torch.zeros(4))
    loss = PersistentEntropyLoss(memory=2)
    loss(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(IsobarError, match="2 numbers; these have 3"):
        loss(torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(IsobarError, match="label 5"):
        PersistentEntropyLoss(memory=2, num_classes=3)(torch.zeros(4, 2), torch.tensor([0, 1, 5, 2]))


def test_it_is_a_regularizer_like_any_other():
    loss = PersistentEntropyLoss(0.5)
    assert isinstance(loss, Regularizer)
    assert not list(loss.parameters())
    assert not loss.state_dict()
    assert "selection='features'" in repr(loss)


def test_a_memory_may_begin_with_a_batch_of_no_class():
    loss = PersistentEntropyLoss(memory=4)
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    assert loss(x[:2], torch.tensor([-1, -1])) == 0
    expected = PersistentEntropyLoss(memory=4)(x, torch.zeros(6, dtype=torch.long))
    assert loss(x, torch.zeros(6, dtype=torch.long)) == expected
