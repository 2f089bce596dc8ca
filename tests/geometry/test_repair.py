"""Repairs do what their papers say, by scikit-learn and closed forms, and say what they can't."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from core import IsobarError, measure
from core.geometry.repair import repair


@pytest.fixture(scope="module")
def cloud():
    draw = np.random.default_rng(0)
    return draw.standard_normal((300, 6)) * [5, 3, 1, 1, 0.5, 0.1] @ draw.standard_normal((6, 6)) + 20.0


def test_centering_takes_the_mean_off(cloud):
    np.testing.assert_allclose(repair(cloud, "center")(cloud), cloud - cloud.mean(0), atol=1e-9)
    assert measure(cloud, "mean_cosine")["mean_cosine"] > 0.8
    assert abs(measure(repair(cloud, "center")(cloud), "mean_vector_share")["mean_vector_share"]) < 1e-12


def test_whitened_rows_have_the_identity_as_their_covariance(cloud):
    for keep in (None, 3):
        made = repair(cloud, "whitening", keep=keep)(cloud)
        np.testing.assert_allclose(np.cov(made.T, bias=True), np.eye(keep or 6), atol=1e-8)
    assert measure(made, "isoscore")["isoscore"] == pytest.approx(1.0)


@pytest.mark.parametrize("top", [1, 2, 5])
def test_all_but_the_top_is_what_scikit_learns_components_leave(cloud, top):
    components = PCA(top).fit(cloud).components_
    centered = cloud - cloud.mean(0)
    expected = centered - centered @ components.T @ components
    np.testing.assert_allclose(repair(cloud, "all-but-the-top", top=top)(cloud), expected, atol=1e-8)


def test_by_default_a_hundredth_of_the_directions_is_the_top():
    wide = np.random.default_rng(0).standard_normal((50, 250))
    assert "first 2 principal directions" in repair(wide, "all-but-the-top").about


def test_what_was_not_seen_is_repaired_the_same(cloud):
    made = repair(cloud[:200], "whitening")
    np.testing.assert_allclose(made(cloud)[200:], made(cloud[200:]), atol=1e-9)


@pytest.mark.parametrize("by", ["center", "all-but-the-top", "whitening"])
@pytest.mark.parametrize("count", [0, 1])
def test_one_query_is_repaired_as_it_is_among_others(cloud, by, count):
    made = repair(cloud, by)
    np.testing.assert_allclose(made(cloud[:count]), made(cloud)[:count], atol=1e-9)
    with pytest.raises(IsobarError, match="NaN or infinity in row 0"):
        made(np.full((1, 6), np.inf))
    with pytest.raises(IsobarError, match="at least 2 embeddings"):
        repair(cloud[:count], by)


def test_directions_in_which_nothing_varies_are_left_out_and_counted(cloud):
    flat = np.column_stack((cloud[:, :2], np.ones(300), cloud[:, 0]))
    made = repair(flat, "whitening")
    assert made(flat).shape == (300, 2)
    assert "Whitened to 2 dimensions, of 4" in made.about
    assert repair(cloud[:4], "whitening")(cloud[:4]).shape == (4, 3)  # fewer rows than dimensions


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_sizes_are_repaired_too(cloud, scale):
    small = cloud[:, :3] - cloud[:, :3].mean(0)
    made = repair(small * scale, "whitening")(small * scale)
    np.testing.assert_allclose(np.cov(made.T, bias=True), np.eye(3), atol=1e-7)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "centre"}, "There is no repair 'centre'"),
        ({"by": "center", "top": 1}, "is all-but-the-top's"),
        ({"by": "center", "keep": 1}, "is whitening's"),
        ({"by": "all-but-the-top", "top": 6}, "would be 1 to 5"),
        ({"by": "all-but-the-top", "top": 0}, "would be 1 to 5"),
        ({"by": "whitening", "keep": 7}, "vary in 6"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(cloud, options, said):
    with pytest.raises(IsobarError, match=said):
        repair(cloud, **options)


def test_equal_rows_and_other_dimensions_are_refused(cloud):
    with pytest.raises(IsobarError, match="are equal"):
        repair(np.ones((5, 3)), "whitening")
    with pytest.raises(IsobarError, match="fitted on 6 dimensions"):
        repair(cloud, "center")(cloud[:, :5])
    with pytest.raises(IsobarError, match="NaN"):
        repair(np.full((5, 3), np.nan), "center")
