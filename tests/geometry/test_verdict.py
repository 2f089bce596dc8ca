import numpy as np
import pytest

from core.geometry.verdict import (
    COLLAPSED,
    COLLAPSED_TO,
    CROWDED,
    GATHERED,
    HEALTHY,
    NOT_COLLAPSED,
    RANDOM,
    STRETCHED,
    TRAINED,
    pooling_sentence,
    references,
    standing,
    verdict,
    word_of,
)

SIDES = {
    HEALTHY: (NOT_COLLAPSED, GATHERED),
    RANDOM: (CROWDED,),
    TRAINED: (STRETCHED,),
    COLLAPSED: (CROWDED, COLLAPSED_TO),
}


@pytest.fixture
def cloud():
    """400 points whose variance falls off over 100 directions, as that of an encoder does."""
    return np.random.default_rng(0).standard_normal((400, 100)) * np.linspace(1.0, 0.2, 100)


@pytest.mark.parametrize("row", references(), ids=lambda row: row.name)
def test_each_known_model_falls_on_its_side(row):
    assert word_of(row) in SIDES[row.kind]


def test_each_kind_is_in_the_table():
    assert {row.kind for row in references()} == set(SIDES)


def test_a_cloud_a_cone_a_line_and_a_point(cloud):
    found = verdict(cloud)
    assert found.word == NOT_COLLAPSED
    assert found.sentence.startswith("Not collapsed: ")
    assert "between an isotropic cloud and" in found.sentence
    lambdas = np.linspace(1.0, 0.2, 100) ** 2
    assert found.standing.directions == pytest.approx(lambdas.sum() ** 2 / (lambdas**2).sum(), rel=0.03)
    drift = 10 * np.ones(100)
    assert verdict(cloud + drift).word == CROWDED
    assert verdict(cloud + drift).standing.directions == pytest.approx(found.standing.directions)
    line = cloud * np.r_[1.0, np.full(99, 1e-3)]
    assert verdict(line).word == STRETCHED
    assert verdict(line + drift).word == COLLAPSED_TO
    assert verdict(np.ones((20, 3))).sentence == "Collapsed: all embeddings are the same."
    assert verdict(cloud[:8]).word == "too few examples"


def test_classes_that_are_apart_are_no_collapse(cloud):
    labels = np.arange(400) % 2
    apart = cloud + 30 * np.outer(labels - 0.5, np.eye(100)[0])
    assert verdict(apart).word == STRETCHED
    found = verdict(apart, labels)
    assert found.word == GATHERED
    assert found.standing.directions == pytest.approx(standing(cloud).directions, rel=0.02)
    points = np.eye(3)[labels]
    assert verdict(points, labels).sentence.startswith("Collapsed within classes")


def test_the_verdict_does_not_depend_on_how_many_examples_there_are(cloud):
    whole, few = verdict(cloud + 1).standing, verdict((cloud + 1)[:60]).standing
    assert few.directions == pytest.approx(whole.directions, rel=0.12)
    assert few.mean_cosine == pytest.approx(whole.mean_cosine, abs=0.03)
    assert few.effective_rank < 0.7 * whole.effective_rank  # which is why it stands beside that of a cloud of as many


def test_it_is_no_model_s_neighbour_itself():
    row = next(row for row in references() if row.kind == HEALTHY)
    from core.geometry.verdict import _beside

    assert row.name not in _beside(row, NOT_COLLAPSED)


def test_without_another_pooling_nothing_is_said():
    assert pooling_sentence({"mean_cosine": 0.1}, {}) == ""
    said = pooling_sentence({"mean_cosine": 0.164}, {"pooling": "cls", "mean_cosine": 0.593})
    assert said == "Pooled by cls instead: mean cosine 0.593, here 0.164."


def test_a_cosine_of_nearly_0_has_no_sign():
    points = np.random.default_rng(0).normal(size=(300, 40))
    found = verdict(points - points.mean(0))  # whose cosines have a mean just below 0
    assert -0.005 < found.standing.mean_cosine < 0
    assert "mean cosine 0.00," in found.sentence


@pytest.mark.parametrize("size", [1, 2, 4])
def test_classes_of_a_few_rows_are_no_collapse(size):
    random = np.random.default_rng(0)
    x = np.zeros((16, 384))
    x[:, :40] = random.standard_normal((16, 40))
    found = verdict(x, np.arange(16) // size)
    assert found.word == NOT_COLLAPSED
    assert found.standing.directions == found.standing.directions_whole
    many = np.r_[np.zeros(60, int), np.ones(60, int), np.arange(2, 10)]  # two classes, and eight of one row each
    cloud = random.standard_normal((128, 40))
    cloud[many == 1] += 50
    assert verdict(cloud, many).standing.directions == pytest.approx(40, rel=0.1)


def test_rows_that_are_all_as_far_apart_fill_the_space():
    found = verdict(np.eye(20) + 10)
    assert found.standing.directions == 20
    assert found.sentence.startswith("Crowded into a cone")


def test_a_row_of_length_0_is_told_and_not_judged(cloud):
    cloud[3] = 0
    found = verdict(cloud)
    assert found.word == "no verdict"
    assert "length 0 has no direction" in found.sentence
    assert "nan" not in found.sentence
