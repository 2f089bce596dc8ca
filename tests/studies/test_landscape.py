"""A landscape's correlations are scipy's, the noise is told apart, and its cells are run once."""

import json
import math
import sys

import numpy as np
import pytest
from scipy import stats
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from core import IsobarError, measure
from core.models.changes import Change
from core.models.loading import load_model
from core.models.perturbed import changed
from core.runs import Run
from core.studies.landscape import (
    NOISE,
    Landscape,
    LandscapeSpec,
    noise_level,
    read_landscape,
)
from core.studies.perturbing import study_landscape, token_measures
from core.studies.predictions import predictions, verdict
from core.studies.workers import LocalWorkers
from core.tables import landscape_markdown
from core.tasks import load_task
from core.tiny import tiny_checkpoint
from core.training.progress import Stopped
from core.training.spec import RunSpec

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)


def made(score_of, seeds=3, off=4):
    """A landscape whose scores are `score_of` (noise, isoscore, random numbers)."""
    draw = np.random.default_rng(0)
    points = []
    for weights in [
        "",
        *(f"noise({share:g})" for share in SHARES),
        *(f"shuffled({k / 10:g})" for k in range(1, off + 1)),
    ]:
        for seed in range(seeds):
            level = noise_level({"weights": weights})
            isoscore, free = draw.random(2)
            follows = (0.0 if math.isnan(level) else level) + 0.01 * draw.random()
            point = {"model": "minilm", "weights": weights, "seed": seed, "task": "grammar", "metric": "mcc"}
            point |= {"isoscore": isoscore, "eee": follows, "twonn": None if seed else free}
            points.append({**point, "score": score_of(0.0 if math.isnan(level) else level, isoscore, draw)})
    return Landscape({}, points)


@pytest.fixture(scope="module")
def ladder():
    return made(lambda noise, isoscore, draw: -noise + 0.02 * draw.random())


def of(found, name):
    return next(one for one in predictions(found, "grammar") if one.name == name)


def columns(found, name):
    points = [point for point in found.points if point[name] is not None]
    return tuple(np.array(column, float) for column in zip(*[(p[name], p["score"], noise_level(p)) for p in points]))


@pytest.mark.parametrize("name", ["isoscore", "eee", "twonn"])
def test_correlations_are_scipys(ladder, name):
    values, scores, noise = columns(ladder, name)
    found, on = of(ladder, name), np.isfinite(noise)
    assert found.n == len(values)
    assert found.pearson[0] == pytest.approx(stats.pearsonr(values, scores).statistic, abs=1e-12)
    assert found.spearman[0] == pytest.approx(stats.spearmanr(values, scores).statistic, abs=1e-12)
    assert found.ladder[0] == pytest.approx(stats.spearmanr(values[on], scores[on]).statistic, abs=1e-12)


@pytest.mark.parametrize("name", ["isoscore", "eee"])
def test_the_partial_one_is_that_of_the_residuals_of_ranks(ladder, name):
    values, scores, noise = columns(ladder, name)
    on = np.isfinite(noise)
    x, y, z = (stats.rankdata(column[on]) for column in (values, scores, noise))
    design = np.column_stack((np.ones_like(z), z))
    left = [column - design @ np.linalg.lstsq(design, column, rcond=None)[0] for column in (x, y)]
    assert of(ladder, name).given_noise[0] == pytest.approx(stats.pearsonr(*left).statistic, abs=1e-9)


def test_what_only_follows_the_noise_says_nothing_more(ladder):
    follows = of(ladder, "eee")
    assert follows.ladder[0] < -0.9
    assert follows.given_noise[1] < 0 < follows.given_noise[2]
    assert predictions(ladder, "grammar")[0].name == NOISE
    assert "the level of the noise alone ranks the scores at Spearman -0.9" in verdict(
        "grammar", predictions(ladder, "grammar")
    )
    assert "Given the noise, no measure says anything more" in verdict("grammar", predictions(ladder, "grammar"))


def test_what_says_more_than_the_noise_is_found():
    found = made(lambda noise, isoscore, draw: -noise + 0.5 * isoscore)
    told = predictions(found, "grammar")
    assert told[1].name == "isoscore"
    assert told[1].given_noise[1] > 0
    assert "Given the noise, IsoScore still says something" in verdict("grammar", predictions(found, "grammar"))


@pytest.mark.slow
def test_intervals_draw_states_and_not_points():
    """Ten repetitions of equal values are no more witnesses than one."""
    once = made(lambda noise, isoscore, draw: -noise + 0.3 * isoscore, seeds=1)
    tenfold = Landscape({}, [{**point, "seed": seed} for seed in range(10) for point in once.points])
    for name in ("isoscore", "eee"):
        one, ten = of(once, name).spearman, of(tenfold, name).spearman
        assert ten[0] == pytest.approx(one[0], abs=1e-9)
        assert ten[2] - ten[1] == pytest.approx(one[2] - one[1], rel=0.1)


@pytest.mark.slow
def test_an_interval_covers():
    """Of 100 landscapes without any relation, about 95 intervals hold 0."""
    covered = 0
    for number in range(100):
        draw = np.random.default_rng(number)
        points = [
            {
                "model": "m",
                "weights": f"noise({k / 40})",
                "seed": 0,
                "task": "t",
                "isoscore": draw.random(),
                "score": draw.random(),
            }
            for k in range(40)
        ]
        _, low, high = next(one for one in predictions(Landscape({}, points), "t") if one.name == "isoscore").spearman
        covered += low <= 0 <= high
    assert 88 <= covered <= 99


@pytest.mark.parametrize(
    "change", [lambda points: points[:3], lambda points: [{**p, "score": 0.5} for p in points], lambda points: []]
)
def test_too_little_to_tell_is_said(ladder, change):
    found = Landscape({}, change(ladder.points))
    assert all(not math.isfinite(one.spearman[0]) for one in predictions(found, "grammar"))
    assert verdict("../data/CoLA", predictions(found, "grammar")) == "cola: too few finished points to tell."


def test_states_with_missing_repetitions_are_told_too(ladder):
    found = Landscape({}, ladder.points[:-2])
    assert math.isfinite(of(found, "isoscore").spearman[1])


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landscape")
    tiny_checkpoint("bert", folder / "bert", "text")
    train = {
        "max_steps": 2,
        "train_size": 32,
        "probe_per_class": 4,
        "snapshots": 2,
        "evaluations": 1,
        "save_model": False,
        "learning_rate": 1e-3,
    }
    return LandscapeSpec.parse(
        {
            "model": str(folder / "bert"),
            "weights": ["", "noise(0.5)", "shuffled(1)"],
            "seeds": 2,
            "sentences": 10,
            "train": train,
        }
    )


@pytest.fixture(scope="module")
def done(spec, tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "one"
    return path, study_landscape(spec, path, lambda cells: LocalWorkers(1, path / "log.txt"))


@pytest.mark.slow
def test_every_state_is_measured_and_trained(spec, done):
    path, found = done
    assert [(point["weights"], point["seed"]) for point in found.points] == [
        (w, s) for s in (0, 1) for w in spec.weights
    ]
    assert all(math.isfinite(point["score"]) for point in found.points)
    assert found == read_landscape(path)
    assert Run(path).state == "finished"
    assert not found.failed
    assert landscape_markdown(found).count("as it is") == 2
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.slow
def test_cells_are_run_once(spec, done):
    path, found = done

    def nobody(cells):
        raise AssertionError(cells)

    assert study_landscape(spec, path, nobody) == found
    (path / "landscape.json").unlink()  # only the runs are left
    (path / "status.json").unlink()
    assert study_landscape(spec, path, nobody) == found


@pytest.mark.slow
def test_a_landscape_that_is_stopped_keeps_what_has_finished(spec, tmp_path):
    path = tmp_path / "study"

    def stop(standing):
        if standing.finished:
            (path / "stop").touch()

    with pytest.raises(Stopped):
        study_landscape(spec, path, lambda cells: LocalWorkers(1, tmp_path / "log.txt"), watch=stop)
    assert Run(path).state == "stopped"
    assert 1 <= len(read_landscape(path).points) < 6
    assert len(study_landscape(spec, path, lambda cells: LocalWorkers(1, tmp_path / "log.txt")).points) == 6


@pytest.mark.slow
def test_the_tokens_are_those_of_plain_transformers(spec):
    """Every token's last state, [CLS] and [SEP] among them, of texts of 4 to 49 tokens, with the weights changed."""
    one = RunSpec(model=spec.model, weights="noise(0.5)", task="grammar", train_size=200, seed=1)
    found = token_measures(one, sentences=10**6)
    loaded = changed(load_model(spec.model, 2), Change.parse("noise(0.5)"), 1)
    tokenizer = AutoTokenizer.from_pretrained(spec.model)
    assert isinstance(loaded.model, type(AutoModelForSequenceClassification.from_pretrained(spec.model)))
    states = []
    for text in load_task("grammar", seed=0, train_size=200).train["text"]:
        batch = tokenizer(text, return_tensors="pt")
        if 4 <= batch["input_ids"].shape[1] <= 49:
            states.append(loaded.model(**batch, output_hidden_states=True).hidden_states[-1][0].detach().numpy())
    for name, value in measure(np.concatenate(states), ("mean_cosine", "anisotropy_1_centered", "isoscore")).items():
        assert found[name] == pytest.approx(value, abs=2e-4), name


@pytest.mark.slow
def test_a_built_sample_is_another_sample(spec):
    one = RunSpec(model=spec.model, task="grammar")
    assert token_measures(one, 50, "built")["isoscore"] != token_measures(one, 50)["isoscore"]
    assert token_measures(one, 50, "built") == token_measures(one, 50, "built")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": ["nose(1)"]}, "There is no change of weights 'nose'"),
        ({"weights": ["", ""]}, "stands twice under weights"),
        ({"train": {"seed": 1}}, "decided by the landscape"),
        ({"train": {"epoch": 1}}, "epoch"),
        ({"seed": 1}, "There is no 'seed'"),
        ({"seeds": 0}, "seeds is 0"),
        ({"sample": "mine"}, "sample is 'mine'"),
    ],
)
def test_what_can_not_be_asked_is_one_sentence(given, said):
    with pytest.raises(IsobarError, match=said):
        LandscapeSpec.parse(given)


@pytest.mark.slow
def test_examples_that_are_no_texts_are_refused_before_anything_is_made(tmp_path):
    with pytest.raises(IsobarError, match="measured on the tokens of texts"):
        study_landscape(LandscapeSpec.parse({"model": "tiny-vit", "tasks": ["digits"]}), tmp_path / "study", None)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"format": 9, "points": []}'])
def test_a_file_that_is_cut_short_or_of_a_later_version_is_one_sentence(tmp_path, content):
    (tmp_path / "landscape.json").write_text(content)
    with pytest.raises(IsobarError):
        read_landscape(tmp_path)


@pytest.mark.slow
def test_it_is_read_without_the_libraries_that_make_it():
    import subprocess

    code = "import sys, core.studies.landscape; print([m for m in ('torch', 'transformers', 'datasets', 'pandas') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_the_default_landscape_has_as_many_points_as_it_says():
    assert len(LandscapeSpec().cells()) == 51
