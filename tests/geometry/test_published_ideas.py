"""The tests that the literature puts measures to, put to every measure there is."""

import numpy as np
import pytest

from core.geometry import MEASURES, isotropic_reference, measure, measure_by_class, measure_interval

OWN = tuple(
    name for name, about in MEASURES.items() if not about.package
)  # FAISS's are of raw rows, and have tests of their own
ABOUT_THE_ORIGIN, OF_THE_AXES, OF_THE_SCALE = (
    {name for name in OWN if what in MEASURES[name].sees} for what in ("origin", "axes", "scale")
)
# Which way each goes as noise in all directions grows around a line, and with it isotropy. The two about density do not
# order clouds by isotropy.
RISING = {"isoscore", "effective_rank", "twonn", "ph_dimension"}
ESTIMATES = {"twonn", "ph_dimension"}  # of samples: off by some percent
FALLING = {f"anisotropy_{k}{c}" for k in (1, 2, 3) for c in ("", "_centered")} | {"eee", "anisotropy_1_within"}


def cloud(n=240, d=12, seed=0, drift=0.5):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)) / np.sqrt(1 + np.arange(d)) + drift * random.standard_normal(d)


def line(n, d, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, 1)) * random.standard_normal(d)


@pytest.mark.parametrize("n", [240, 60])  # more points than dimensions, and fewer
def test_shift_rotation_and_scale_change_only_what_they_should(n):
    x = cloud(n, 80 if n == 60 else 24)
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((x.shape[1], x.shape[1])))[0]
    labels = np.arange(n) % 3
    plain = measure(x, OWN, labels)
    for changed, but in ((x + 3.0, ABOUT_THE_ORIGIN), (x @ rotation, OF_THE_AXES), (100 * x, OF_THE_SCALE)):
        got = measure(changed, OWN, labels)
        for name in plain.keys() - but:
            assert got[name] == pytest.approx(plain[name], rel=1e-5, abs=1e-9), name
    for name in ABOUT_THE_ORIGIN:  # a shift is what these are for
        assert measure(x + 3.0, [name], labels)[name] != pytest.approx(plain[name], rel=0.01), name
    for name in OF_THE_SCALE:
        assert measure(100 * x, [name], labels)[name] != pytest.approx(plain[name], rel=0.01), name


def test_what_depends_on_origin_axes_or_scale_says_so():
    assert {
        "anisotropy_1",
        "anisotropy_2",
        "anisotropy_3",
        "mean_cosine",
        "mean_vector_share",
        "partition_ratio",
    } <= ABOUT_THE_ORIGIN
    assert "outlier_dimensions" in OF_THE_AXES
    assert "partition_ratio" in OF_THE_SCALE


@pytest.mark.slow
@pytest.mark.parametrize("d", [3, 1000])
def test_a_line_is_one_dimensional_in_any_space(d):
    random = np.random.default_rng(0)
    got = measure(random.uniform(-1, 1, (400, 1)) * random.standard_normal(d), OWN, np.arange(400) % 2)
    ends = dict.fromkeys(FALLING, 1.0) | {"eee": (1 - 1 / min(400, d)) ** 2}
    for name, end in ends.items():
        assert got[name] == pytest.approx(end, abs=1e-6), name
    assert got["isoscore"] == pytest.approx(0, abs=1e-6)
    assert got["effective_rank"] == pytest.approx(1, abs=1e-4)
    assert got["twonn"] == pytest.approx(1, abs=0.25)
    assert got["ph_dimension"] == pytest.approx(1, abs=0.25)
    assert measure(line(400, d), ["gaussianity"])["gaussianity"] < 0.02  # its one direction is Gaussian


def test_growing_noise_moves_every_measure_of_isotropy_one_way():
    flat = line(300, 10) * 3
    noise = np.random.default_rng(5).standard_normal(flat.shape)
    rows = [measure(flat + level * noise, OWN, np.arange(300) % 2) for level in (0.0, 0.3, 1.0, 3.0, 10.0)]
    for names, sign in ((RISING, 1), (FALLING, -1)):
        for name in names:
            values = [row[name] for row in rows]
            slack = 0.1 * max(values) if name in ESTIMATES else 1e-9
            assert (sign * np.diff(values) > -slack).all(), (name, values)
            assert sign * (values[-1] - values[0]) > 0.05, name


@pytest.mark.slow
def test_every_measure_has_its_reference_and_interval():
    x, labels = cloud(120, 24), np.arange(120) % 3
    reference = isotropic_reference(120, 24, OWN, labels=labels)
    assert tuple(reference) == OWN
    assert all(np.isfinite(value) for value in reference.values())
    for name in OWN:
        value, low, high = measure_interval(x, name, resamples=10, labels=labels)
        assert MEASURES[name].range[0] <= low <= high <= MEASURES[name].range[1], name
        assert value == pytest.approx(measure(x, [name], labels)[name], rel=1e-9)


def test_classes_are_measured_each_by_itself():
    x = cloud(40)
    labels = np.array(["a", "b"] * 19 + ["a", "lonely"])
    found = measure_by_class(x, labels, "main")
    assert list(found) == ["a", "b", "lonely"]
    assert found["a"] == measure(x[labels == "a"], "main")
    assert all(np.isnan(value) for value in found["lonely"].values())
