import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import MEASURES, CloudStream, Moments, measure
from core.geometry.stream import OF_POINTS


def cloud(n=300, d=7, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)) / np.sqrt(1 + np.arange(d)) + random.standard_normal(d)


def streamed(x, sizes=(1, 100, 37), **options):
    stream = CloudStream(**options)
    start = 0
    while start < len(x):
        for size in sizes:
            if start < len(x):
                stream.add(x[start : start + size])
            start += size
    return stream


@pytest.mark.parametrize("sizes", [[7, 8, 20], [20], [0, 3, 20]])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_moments_are_those_of_all_rows_at_once(sizes, kind):
    x = cloud(20) + 50
    rows = x
    if kind == "torch":
        rows = pytest.importorskip("torch").tensor(x)
    moments, start = Moments(), 0
    for end in sizes:
        moments.add(rows[start:end])
        start = end
    assert moments.count == 20
    np.testing.assert_allclose(moments.mean, x.mean(0))
    np.testing.assert_allclose(moments.scatter / 19, np.cov(x.T))


def test_a_cloud_that_fits_is_measured_as_it_is():
    x = cloud()
    names = [name for name, about in MEASURES.items() if not about.of_labels and not about.package]
    assert streamed(x, keep=300).measure(names) == pytest.approx(measure(x, names), nan_ok=True)


@pytest.mark.parametrize(("n", "d"), [(300, 30), (40, 60)])
def test_of_a_larger_cloud_what_follows_from_sums_is_exact(n, d):
    x = cloud(n, d)
    names = [name for name in MEASURES if name not in OF_POINTS]
    assert streamed(x, keep=20).measure(names) == pytest.approx(measure(x, names), rel=1e-9, abs=1e-12)


def test_of_a_larger_cloud_the_rest_is_of_a_seeded_uniform_sample():
    x = np.arange(2000.0)[:, None] * np.ones(2)
    kept = [streamed(x, keep=200, seed=seed)._rows[:, 0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(kept[0], kept[1])
    assert not np.array_equal(kept[0], kept[2])
    assert len(np.unique(kept[0])) == 200
    assert (np.diff(kept[0]) > 0).all()
    means = [streamed(x, keep=200, seed=seed)._rows[:, 0].mean() for seed in range(20)]
    assert np.mean(means) == pytest.approx(999.5, abs=4 * 577 / np.sqrt(200 * 20))
    stream = streamed(cloud(3000), keep=400)
    assert stream.measure(["twonn"]) == measure(stream._rows, ["twonn"])


def test_what_cannot_be_measured():
    with pytest.raises(IsobarError, match="are none"):
        CloudStream().measure()
    stream = streamed(cloud(5))
    bad = cloud(3)
    bad[1, 2] = np.nan
    with pytest.raises(IsobarError, match=r"layer 4 hold NaN or infinity, first in row 6"):
        stream.add(bad, "The hidden states of layer 4")
    with pytest.raises(IsobarError, match=r"first in row 70;"):
        stream.add(bad, numbers=np.array([90, 70, 80]))
    assert stream.count == 5
    for x in (np.zeros((50, 3)), np.full((50, 3), 0.1)):
        few, many = (streamed(x, keep=keep).measure("main") for keep in (100, 10))
        for name, value in few.items():
            assert many[name] == pytest.approx(value, nan_ok=True, abs=1e-6), name
