from pathlib import Path

import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import (
    MAIN,
    MEASURES,
    CloudStream,
    anisotropy,
    anisotropy_within,
    between_share,
    isotropic_reference,
    measure,
    measure_by_class,
    measure_interval,
    measure_intervals,
    nc1,
)
from core.geometry.labels import as_classes
from core.runs import load_run

NAMES = ("anisotropy_1_within", "between_share", "nc1")


def classes(sizes=(40, 25, 15), d=6, apart=2.0, seed=0):
    """Classes of the given sizes in random order, their means some deviations apart."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    means = apart * random.standard_normal((len(sizes), d))
    return means[labels] + random.standard_normal((len(labels), d)) / np.sqrt(1 + np.arange(d)), labels


def by_hand(x, labels):
    """The three of them from full scatter matrices, as their papers write them."""
    n, kinds = len(x), np.unique(labels)
    within, between = np.zeros((2, x.shape[1], x.shape[1]))
    for kind in kinds:
        rows, mean = x[labels == kind], x[labels == kind].mean(0)
        within += (rows - mean).T @ (rows - mean) / n
        between += len(rows) / n * np.outer(mean - x.mean(0), mean - x.mean(0))
    share = np.linalg.eigvalsh(within)[-1] / np.trace(within)
    first = np.linalg.eigh(within + between)[1][:, -1]
    ratio = first @ between @ first / (first @ (within + between) @ first)
    return share, ratio, np.trace(within @ np.linalg.pinv(between, rtol=1e-10)) / len(kinds)


@pytest.mark.parametrize(("sizes", "d"), [((40, 25, 15), 6), ((30, 30), 6), ((9, 8, 7, 2), 90), ((200, 100), 130)])
def test_by_hand(sizes, d):
    x, labels = classes(sizes, d)
    found = measure(x, NAMES, labels)
    assert list(found.values()) == pytest.approx(by_hand(x, labels), rel=1e-6)
    assert list(found.values()) == pytest.approx(
        [anisotropy_within(x, labels), between_share(x, labels), nc1(x, labels)], rel=1e-9
    )


def test_by_scikit_learns_discriminant_analysis():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    x, labels = classes()
    within = LinearDiscriminantAnalysis(solver="eigen").fit(x, labels).covariance_
    between = np.cov(x.T, bias=True) - within
    assert nc1(x, labels) == pytest.approx(np.trace(within @ np.linalg.pinv(between, rtol=1e-8)) / 3, rel=1e-6)
    share = np.linalg.eigvalsh(within)[-1] / np.trace(within)
    assert anisotropy_within(x, labels) == pytest.approx(share, rel=1e-9)


def test_two_classes_apart_look_stretched_and_are_not():
    """What the three are for: a separation of the classes looks like anisotropy to the centered one alone."""
    random = np.random.default_rng(0)
    labels = np.arange(400) % 2
    x = random.standard_normal((400, 20))
    x[:, 0] += 100 * labels
    assert anisotropy(x, center=True) > 0.99
    assert anisotropy_within(x, labels) < 0.1
    assert between_share(x, labels) > 0.999
    assert nc1(x, labels) < 1e-3
    line = random.standard_normal((400, 1)) * random.standard_normal(20)
    assert anisotropy_within(line, labels) == pytest.approx(1)
    assert between_share(line, labels) < 0.02


@pytest.mark.parametrize("directions", [1, 30])
@pytest.mark.parametrize("drift", [0.0, 1.5])
def test_what_may_be_neural_collapse_is_called_worse_by_no_measure(drift, directions):
    """Two classes of unequal size come far apart and shrink to points, with noise along one direction or along all."""
    random = np.random.default_rng(0)
    labels = (np.arange(200) < 140).astype(int)
    mean, origin, noise = (random.standard_normal(shape) / np.sqrt(30) for shape in (30, 30, (200, 30)))
    apart = 6 * np.where(labels[:, None] == 1, mean, -mean) + drift * origin
    left = noise if directions == 30 else noise[:, :1] * random.standard_normal(30)
    names = [name for name, about in MEASURES.items() if about.better in ("lower", "higher") and not about.package]
    early, late = measure(0.2 * apart + noise, names, labels), measure(apart + 1e-3 * left, names, labels)
    assert {"knn_purity", "alignment"} <= set(names)
    for name in names:
        sign = 1 if MEASURES[name].better == "higher" else -1
        assert sign * (late[name] - early[name]) > -1e-6, name


@pytest.mark.slow
@pytest.mark.parametrize(("name", "of_all", "of_right"), [("sample", 0.994, 0.971), ("sample_baseline", 0.999, 0.997)])
def test_a_trained_head_spreads_each_class_along_the_line_between_them(name, of_all, of_right):
    """Why anisotropy within classes is no verdict: its direction is that of the class means."""
    run = load_run(Path(__file__).parents[2] / "assets" / name)
    assert run.after.measures["anisotropy_1_within"] > 7 * run.before.measures["anisotropy_1_within"]

    def cosine(side, rows=slice(None)):
        classes = as_classes(side.embeddings[rows], side.labels[rows])
        first, between = np.linalg.svd(classes.within.x)[2][0], classes.means[1] - classes.means[0]
        return abs(first @ between) / np.linalg.norm(between)

    assert cosine(run.before) < 0.1
    assert cosine(run.after) == pytest.approx(of_all, abs=5e-4)
    # Texts on the other class's side don't make it.
    assert cosine(run.after, run.after.predictions == run.after.labels) == pytest.approx(of_right, abs=5e-4)


def test_the_share_is_one_and_zero_at_its_ends():
    labels = np.array([0, 0, 1, 1])
    along = np.array([[-5.0, 0.0], [-5.0, 0.0], [5.0, 0.0], [5.0, 0.0]])
    across = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, 1.0], [0.0, -1.0]])
    assert between_share(along + across, labels) == pytest.approx(1)
    assert between_share(along + 9 * across, labels) == pytest.approx(0)
    assert between_share(along * [1, 0] + 4 * across * [0, 1], labels) == pytest.approx(1)
    # within: variance 1 along the other axis; between: 25 along this one
    assert nc1(along + across, labels) == pytest.approx(0)
    assert nc1(along + across[:, ::-1], labels) == pytest.approx(1 / 25 / 2)


def test_shift_scale_and_rotation_change_nothing():
    x, labels = classes()
    q = np.linalg.qr(np.random.default_rng(9).standard_normal((6, 6)))[0]
    plain = measure(x, NAMES, labels)
    for same in (x + 50, 1e-3 * x, x @ q, np.ldexp(x, 900), np.ldexp(x, -900)):
        assert measure(same, NAMES, labels) == pytest.approx(plain, rel=1e-6)
    texts = [("red", "green", "blue")[label] for label in labels]
    assert measure(x, NAMES, texts) == pytest.approx(plain, rel=1e-9)


def test_one_class_is_the_cloud_itself():
    x = classes()[0]
    found = measure(x, NAMES, np.zeros(len(x), int))
    assert found["anisotropy_1_within"] == pytest.approx(anisotropy(x, center=True))
    assert found["between_share"] == 0
    assert np.isnan(found["nc1"])


def test_classes_of_one_point_show_no_spread():
    x = classes()[0][:12]
    found = measure(x, NAMES, np.arange(12))
    assert np.isnan([found["anisotropy_1_within"], found["nc1"]]).all()
    assert found["between_share"] == pytest.approx(1)
    # beside others they add nothing to what is within
    labels = np.array([0] * 5 + [1] * 5 + [2, 3])
    assert anisotropy_within(x, labels) == pytest.approx(anisotropy_within(x[:10], labels[:10]))


def test_equal_points():
    labels = np.arange(60) % 3
    same = measure(np.full((60, 4), 0.1), NAMES, labels)
    assert np.isnan(list(same.values())).all()
    # collapsed classes: nothing within, all between
    corners = 0.1 + np.random.default_rng(0).standard_normal((3, 4))[labels]
    collapsed = measure(corners, NAMES, labels)
    assert np.isnan(collapsed["anisotropy_1_within"])
    assert collapsed["between_share"] == pytest.approx(1)
    assert collapsed["nc1"] == 0
    # equal means: nothing between, and no finite ratio
    mirrored = np.random.default_rng(1).standard_normal((20, 4))
    means_alike = np.vstack([mirrored, -mirrored, 2 * mirrored, -2 * mirrored])
    found = measure(means_alike, NAMES, np.repeat([0, 1], 40))
    assert found["between_share"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(found["nc1"])


def test_without_labels():
    x, labels = classes()
    for name in NAMES:
        assert MEASURES[name].of_labels
        with pytest.raises(IsobarError, match=rf"^The measure {name} compares classes and needs the label of each row"):
            measure(x, name)
        with pytest.raises(IsobarError, match="needs the label"):
            measure_interval(x, name)
    assert not set(measure(x, "all")) & set(NAMES)
    assert tuple(measure(x, "main")) == tuple(name for name in MAIN if name not in NAMES)
    assert tuple(measure(x, "main", labels)) == MAIN
    with pytest.raises(IsobarError, match="one a row"):
        measure(x, "nc1", labels[1:])
    with pytest.raises(IsobarError, match="needs the labels of the rows"):
        nc1(x)
    assert not set(measure_by_class(x, labels)["0"]) & set(NAMES)


def test_labels_are_drawn_along_with_their_rows():
    x, labels = classes(apart=6.0)
    found = measure_intervals(x, NAMES, resamples=40, labels=labels)
    for name, (value, low, high) in found.items():
        assert low < value < high, name
    # shuffled labels would mix the classes, and nearly all of what lies between them would be within
    assert found["nc1"][2] < 0.2 * nc1(x, np.random.default_rng(0).permutation(labels))
    assert measure_interval(x, "nc1", 40, labels=labels) == pytest.approx(found["nc1"])


def test_an_isotropic_cloud_in_classes_of_the_same_sizes():
    labels = classes((300, 100), d=5)[1]
    found = isotropic_reference(400, 5, "main", labels=labels)
    assert tuple(found) == MAIN
    cloud = np.random.default_rng(0).standard_normal((400, 5))
    assert found == measure(cloud, "main", np.repeat([0, 1], [300, 100]))
    assert found["anisotropy_1_within"] == pytest.approx(1 / 5, abs=0.06)
    assert found["between_share"] < 0.03
    assert "nc1" not in isotropic_reference(400, 5, "main")


def test_a_stream_with_labels():
    x, labels = classes((300, 200, 100))
    whole, sampled = CloudStream(keep=600), CloudStream(keep=400)
    for start in range(0, 600, 90):
        some = slice(start, start + 90)
        for stream in (whole, sampled):
            stream.add(x[some], labels=labels[some])
    assert whole.measure("main") == pytest.approx(measure(x, "main", labels))
    rows, kept = sampled._rows, sampled._labels
    assert len(rows) == len(kept) == 400
    assert sampled.measure("nc1") == measure(rows, "nc1", kept)
    places = {row.tobytes(): label for row, label in zip(x, labels)}
    assert [places[row.tobytes()] for row in rows] == list(kept)
    assert sampled.measure("anisotropy_1_centered") == pytest.approx(measure(x, "anisotropy_1_centered"))
    bare = CloudStream()
    bare.add(x)
    assert not set(bare.measure("main")) & set(NAMES)
    with pytest.raises(IsobarError, match="needs the label"):
        bare.measure("nc1")


def test_names_of_the_version_before_still_answer():
    x = classes()[0]
    with (
        pytest.warns(UserWarning, match="vasicek is called gaussianity now"),
        pytest.warns(UserWarning, match="point_patchiness is called patchiness_kmeans now"),
    ):
        found = measure(x, ["vasicek", "point_patchiness"])
    assert found["vasicek"] == found["gaussianity"] == measure(x, "gaussianity")["gaussianity"]
    assert found["point_patchiness"] == found["patchiness_kmeans"]
    with pytest.warns(UserWarning, match="next version"):
        assert measure_interval(x, "vasicek", 5) == measure_interval(x, "gaussianity", 5)
