import gc
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import (
    MAIN,
    MEASURES,
    anisotropy,
    cosine_shares,
    isoscore,
    isotropic_reference,
    mean_cosine,
    measure,
    measure_interval,
    measure_intervals,
    singular_values,
)
from core.geometry.benchmark import benchmark
from core.geometry.cloud import as_cloud
from core.threads import one_blas_thread

BARE = tuple(name for name in MAIN if not MEASURES[name].of_labels)
OWN = tuple(name for name, about in MEASURES.items() if not about.of_labels and not about.package)


def cloud(n=60, d=8, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) + 0.5


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 90)])
def test_all_measures_together_are_each_by_itself(n, d):
    pytest.importorskip("faiss", reason="faiss-cpu, which some of them need, is not installed")
    x, labels = cloud(n, d), np.arange(n) % 3
    together = measure(x, labels=labels)
    assert list(together) == list(MEASURES)
    assert all(type(value) is float for value in together.values())
    for name, value in together.items():
        assert measure(x, [name], labels)[name] == pytest.approx(value, rel=1e-9, nan_ok=True), name


def test_main_and_named():
    x = cloud()
    assert tuple(measure(x, "main")) == BARE
    assert list(measure(x, ("isoscore", "mean_cosine", "isoscore"))) == ["isoscore", "mean_cosine"]
    assert list(measure(x, "isoscore")) == ["isoscore"]
    assert list(measure(x, ("twonn", "main", "isoscore"))) == ["twonn", *BARE]
    assert set(measure(x, ["isoscore", "main"])) == {"isoscore", *BARE}


def test_every_measure_is_described_and_in_range():
    clouds = [cloud(), cloud(20, 90), cloud(300, 2), np.repeat(cloud(10, 3), 9, axis=0)]
    for name, about in MEASURES.items():
        assert about.label, name
        assert about.definition.endswith("."), name
        assert about.source, name
        assert about.isotropic, name
        assert about.degenerate, name
        assert about.better in ("lower", "higher", "disputed", "neither"), name
        if about.package:  # seconds each; ranges of these are tested where they are
            continue
        for x in clouds:
            value = measure(x, [name], np.arange(len(x)) % 3)[name]
            assert np.isnan(value) or about.range[0] <= value <= about.range[1], name


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_torch_tensors_of_any_precision(dtype):
    torch = pytest.importorskip("torch")
    x = torch.tensor(cloud()).to(getattr(torch, dtype)).requires_grad_()
    plain = x.detach().double().numpy()
    assert measure(x, "main") == measure(plain, "main")
    assert measure(plain.astype(np.float32), "main") == pytest.approx(measure(x, "main"), rel=1e-5)


def test_the_input_is_left_alone():
    x = cloud()
    before = x.copy()
    x.flags.writeable = False
    measure(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[1.0, 2.0]], "only 1"),
        (np.zeros((0, 3)), "are none"),
        (np.zeros(5), r"have \(5,\)"),
        (np.zeros((2, 3, 4)), r"have \(2, 3, 4\)"),
        (np.zeros((4, 0)), r"have \(4, 0\)"),
        ([["a", "b"], ["c", "d"]], "array of numbers"),
        ([[1.0, 2.0], [3.0, np.nan], [np.inf, 0.0]], "row 1 and 1 more"),
        ([[1.0, 2.0], [3.0, -np.inf]], "row 1;"),
    ],
)
def test_what_can_not_be_measured_is_said_in_a_sentence(x, words):
    with pytest.raises(IsobarError, match=words) as error:
        measure(x)
    assert str(error.value).endswith(".")


def test_an_unknown_measure_gets_the_nearest():
    with pytest.raises(IsobarError, match="'isoscore'"):
        measure(cloud(), ["isoscor"])
    with pytest.raises(IsobarError, match="The measures are anisotropy_1"):
        measure(cloud(), ["?"])


def test_equal_rows_and_two_rows():
    got = measure(np.full((100, 3), 0.1))
    ones = dict.fromkeys(("anisotropy_1", "anisotropy_2", "anisotropy_3", "mean_cosine", "mean_vector_share"), 1.0)
    ends = {**ones, "outlier_dimensions": 0.0, "partition_ratio": np.exp(-2 * 0.1 * np.sqrt(3))}
    for name, value in got.items():
        if name in ends:
            assert value == pytest.approx(ends[name]), name
        elif "origin" not in MEASURES[name].sees and "nothing varies" in MEASURES[name].undefined:
            assert np.isnan(value), name
        if np.isnan(value):  # there is a reason, and it can be read
            assert MEASURES[name].undefined, name
    two = measure([[0.0, 1.0], [1.0, 0.5]])
    assert two["anisotropy_1_centered"] == pytest.approx(1)
    assert two["effective_rank"] == pytest.approx(1)
    assert np.isnan(two["twonn"])


def test_large_and_small_numbers():
    x = cloud()
    for scale in (1e-30, 1e30):
        got = measure(scale * x)
        for name, value in measure(x).items():
            if "scale" not in MEASURES[name].sees:
                assert got[name] == pytest.approx(value, rel=1e-6, nan_ok=True), name


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(60, 8), (20, 30)])
@pytest.mark.parametrize("exponent", [-950, -400, 400, 1019])
def test_extreme_numbers_are_measured_as_moderate_ones(shape, exponent):
    x = cloud(*shape)
    extreme = np.ldexp(x, exponent)  # exactly x times a power of two
    got, plain = measure(extreme), measure(x)
    assert got["partition_ratio"] == (1.0 if exponent < 0 else 0.0)  # of exp(c x): all 1, or one outweighs all
    got, plain = (
        {name: value for name, value in found.items() if "scale" not in MEASURES[name].sees} for found in (got, plain)
    )
    assert got == pytest.approx(plain, rel=1e-12, nan_ok=True)
    for name, value in plain.items():
        assert measure(extreme, [name])[name] == pytest.approx(value, rel=1e-6, nan_ok=True), name
    assert anisotropy(extreme) == pytest.approx(anisotropy(x), rel=1e-12)
    assert singular_values(extreme) == pytest.approx(np.ldexp(singular_values(x), exponent), rel=1e-12)
    np.testing.assert_array_equal(cosine_shares(extreme), cosine_shares(x))
    # Beside an identity an enormous covariance counts alone, and of a tiny one nothing is seen.
    assert isoscore(extreme, 0.5) == pytest.approx(isoscore(x) if exponent > 0 else 1.0)
    assert isoscore(extreme, 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1.0, 1e200])
def test_a_cloud_is_freed_with_its_last_user(scale):
    held = as_cloud(scale * cloud())
    measure(held)
    gone = weakref.ref(held)
    gc.disable()  # a cloud that held itself would wait for it, and its matrices with it
    try:
        del held
        assert gone() is None
    finally:
        gc.enable()


def test_rows_of_extreme_and_of_tiny_length_both_have_directions():
    x = np.array([[1e200, 1e200], [1e-200, 0.0], [0.0, 3.0]])
    assert mean_cosine(x) == pytest.approx(2 * np.sqrt(0.5) / 3)
    assert np.isnan(mean_cosine([[1e200, 0.0], [0.0, 0.0]]))


def test_a_partition_ratio_that_rounding_decides_is_undefined():
    cross = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])  # exactly isotropic
    assert measure(cross, "partition_ratio")["partition_ratio"] == pytest.approx(1.0)
    assert np.isnan(measure(1e200 * cross, "partition_ratio")["partition_ratio"])


def test_isotropic_reference():
    got = isotropic_reference(400, 10, "main")
    assert tuple(got) == BARE
    assert got["isoscore"] > 0.95
    assert got == measure(np.random.default_rng(0).standard_normal((400, 10)), "main")
    got.clear()
    assert isotropic_reference(400, 10, "main")
    assert isotropic_reference(400, 10, ["partition_ratio"], scale=0.01)["partition_ratio"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean_cosine", "anisotropy_1_centered", "effective_rank", "twonn"])
def test_interval_holds_the_value_and_narrows_with_n(name):
    few, many = (measure_interval(cloud(n, 4), name, resamples=60) for n in (80, 400))
    for value, low, high in (few, many):
        assert low < value < high
    assert many[2] - many[1] < few[2] - few[1]
    assert few == measure_interval(cloud(80, 4), name, resamples=60)


@pytest.mark.slow
def test_interval_of_the_mean_cosine_covers():
    exact = measure(cloud(200_000, 3, seed=99), ["mean_cosine"])["mean_cosine"]
    intervals = [measure_interval(cloud(100, 3, seed), "mean_cosine", resamples=200) for seed in range(40)]
    assert 34 <= sum(low <= exact <= high for _, low, high in intervals) <= 40


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::scipy.stats.DegenerateDataWarning")
def test_intervals_of_many_are_those_of_each_alone():
    from scipy.stats import bootstrap

    x = cloud(50, 4)
    labels = np.arange(50) % 3
    names = [name for name, about in MEASURES.items() if not about.package]
    assert all(MEASURES[name].repeats != "count" for name in ("vrm", "gaussianity", "twonn", "ph_dimension"))
    together = measure_intervals(x, names, resamples=9, seed=3, labels=labels)
    assert list(together) == names
    for name, (value, low, high) in together.items():

        def alone(rows, name=name):
            rows = np.unique(rows) if MEASURES[name].repeats != "count" else rows
            return measure(x[rows], name, labels[rows])[name]

        assert value == pytest.approx(measure(x, name, labels)[name], nan_ok=True)
        if np.isnan(value):
            assert np.isnan([low, high]).all()
            continue
        options = {"n_resamples": 9, "vectorized": False, "method": "percentile", "rng": np.random.default_rng(3)}
        drawn = bootstrap((np.arange(50),), alone, **options).bootstrap_distribution
        drawn = drawn[np.isfinite(drawn)]
        if drawn.size < 2:
            assert np.isnan([low, high]).all()
            continue
        ends = np.clip(value + np.quantile(drawn, [0.025, 0.975]) - drawn.mean(), *MEASURES[name].range)
        assert [low, high] == pytest.approx(ends, rel=1e-6, abs=1e-9), name


def test_a_resample_is_decomposed_once_for_all_measures_and_told(monkeypatch):
    from core.geometry import cloud as module

    made, told = [], []
    for name in ("_values", "_system"):
        plain = getattr(module, name)
        monkeypatch.setattr(module, name, lambda matrix, plain=plain: (made.append(1), plain(matrix))[1])
    names = ("effective_rank", "eee", "anisotropy_2_centered", "anisotropy_3_centered", "isoscore")
    measure_intervals(cloud(), names, resamples=5, progress=lambda *at: told.append(at))
    assert len(made) == 1 + 5
    assert told == [(k, 5) for k in range(1, 6)]


def test_interval_where_there_is_none():
    assert np.isnan(measure_interval(np.ones((20, 3)), "isoscore", resamples=10)).all()
    assert np.isnan(measure_interval([[0.0, 1.0], [1.0, 0.5]], "twonn", resamples=10)).all()
    with pytest.raises(IsobarError, match="at least 2 resamples"):
        measure_interval(cloud(), "isoscore", resamples=1)


def test_benchmark_rows():
    rows = {row.what: row for row in benchmark(200, 16, rounds=1, each=True)}
    assert {"SVD (numpy)", "SVD, values only", "all measures", "main measures", *OWN} == set(rows)
    assert rows["SVD (numpy)"].over_svd == 1.0
    assert all(row.seconds > 0 for row in rows.values())


def openblas_threads():
    import scipy.linalg  # noqa: F401  (with an OpenBLAS of its own)
    from threadpoolctl import threadpool_info

    # FAISS, which other tests load, brings a third, which it holds by itself.
    return {
        library["num_threads"]
        for library in threadpool_info()
        if library["internal_api"] == "openblas" and "faiss" not in library["filepath"]
    }


def test_blas_threads_are_set_back_after_the_last_user(two_blas_threads):
    before = openblas_threads()
    assert before == {2}
    with one_blas_thread():
        with one_blas_thread():
            pass
        assert openblas_threads() == {1}
    assert openblas_threads() == before


def test_blas_is_held_to_one_thread_by_whichever_comes_first_until_the_last_is_done(two_blas_threads):
    before = openblas_threads()
    assert before == {2}
    with one_blas_thread():
        pass  # the main thread was first, ever
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        first, second = one_blas_thread(), one_blas_thread()
        one.submit(first.__enter__).result()
        assert openblas_threads() == {1}
        other.submit(second.__enter__).result()
        one.submit(first.__exit__, None, None, None).result()
        assert openblas_threads() == {1}
        other.submit(second.__exit__, None, None, None).result()
        assert openblas_threads() == before
        with one_blas_thread():  # while those that held it before are alive
            assert openblas_threads() == {1}
    assert openblas_threads() == before


@pytest.mark.slow
def test_importing_is_light():
    heavy = "[m for m in ('torch', 'sklearn', 'scipy', 'numba', 'pandas') if m in sys.modules]"
    code = f"import sys, core.geometry; assert not {heavy}, {heavy}"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_measuring_loads_no_torch():
    code = (
        "import sys, numpy, core.geometry as g; x = numpy.random.default_rng(0).standard_normal((60, 4));"
        "g.measure(x); g.shape_by_class(x, numpy.arange(60) % 2); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_interval_of_a_measure_that_is_infinite_in_some_draws_warns_of_nothing(recwarn):
    x = np.random.default_rng(0).normal(size=(120, 64))
    measure_intervals(x, ["ph_dimension"], resamples=20)
    assert not list(recwarn)
