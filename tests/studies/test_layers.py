"""A study of layers: its numbers are those of plain transformers, and it can be cut short and gone on with."""

import json
import sys

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from core import IsobarError, compare_spaces, measure
from core.runs import Run
from core.studies.layers import ALIKE, MEASURES, LayersSpec, read_layers, verdicts
from core.studies.looking import study_layers
from core.tiny import tiny_checkpoint
from core.training.progress import Stopped

TEXTS = [
    f"{who} {what} {how}"
    for who in ("the old mill", "a red stone", "the river")
    for what in ("is", "was near", "stood behind")
    for how in ("the hill", "a blue cloud", "very old")
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    (folder / "texts.txt").write_text("\n".join(TEXTS))
    for seed, name in enumerate(("one", "other")):
        torch.manual_seed(seed)
        tiny_checkpoint("bert", folder / name, "text", hidden_size=(32, 16)[seed])
    return folder


def spec_of(place, **given):
    return LayersSpec.parse(
        {
            "models": [str(place / "one"), str(place / "other")],
            "tasks": [str(place / "texts.txt")],
            "untrained": 1,
            "pooling": "mean",
            "seed": 3,
            **given,
        }
    )


@pytest.fixture(scope="module")
def study(place):
    return study_layers(spec_of(place))


@pytest.fixture(scope="module")
def states(place):
    """What plain transformers makes of each text alone: by layer the states, the queries and the keys of its tokens."""
    found = {}
    for name in ("one", "other"):
        tokenizer = AutoTokenizer.from_pretrained(place / name)
        model = AutoModelForSequenceClassification.from_pretrained(place / name).eval()
        with torch.no_grad():
            found[name] = [
                [
                    state[0].numpy()
                    for state in model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
                ]
                for text in TEXTS
            ]
    return found


def row_of(study, model, points, layer, weights="trained"):
    return next(
        row
        for row in study.rows
        if row["model"].endswith(model) and (row["points"], row["layer"], row["weights"]) == (points, layer, weights)
    )


@pytest.mark.slow
@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("points", ["examples", "tokens"])
def test_the_measures_are_those_of_plain_transformers_states(study, states, points, layer):
    of_texts = [text[layer] for text in states["one"]]
    cloud = np.stack([text.mean(0) for text in of_texts]) if points == "examples" else np.concatenate(of_texts)
    row = row_of(study, "one", points, layer)
    for name, value in measure(
        cloud, ("mean_cosine", "mean_cosine_centered", "anisotropy_1_centered", "isoscore")
    ).items():
        assert row[name] == pytest.approx(value, abs=2e-5), name


def test_every_cloud_there_is_has_a_row(study):
    assert len(study.rows) == 2 * 2 * (3 + 3 + 2 + 2)  # models, weights, layers of examples, tokens, queries and keys
    assert {row["seed"] for row in study.rows if row["weights"] == "untrained"} == {3}
    assert all(set(MEASURES) <= row.keys() for row in study.rows)
    assert [row["matrix"] for row in study.matrices] == ["input", "input"]
    json.dumps(study.as_dict(), allow_nan=False)


def test_random_weights_are_other_weights(study):
    assert (
        row_of(study, "one", "tokens", 2)["mean_cosine"]
        != row_of(study, "one", "tokens", 2, "untrained")["mean_cosine"]
    )


def test_two_models_are_compared_layer_by_layer(study, states):
    (pair,) = study.pairs
    assert np.shape(pair["linear_cka_debiased"]) == np.shape(pair["mutual_knn"]) == (3, 3)
    one, other = (np.stack([text[2].mean(0) for text in states[name]]) for name in ("one", "other"))
    expected = compare_spaces(one, other, ALIKE)
    for name in ALIKE:
        assert pair[name][2][2] == pytest.approx(expected[name], abs=2e-3)


def test_a_sentence_says_what_depth_does(study):
    said = verdicts(study, points="tokens")
    assert len(said) == 2
    assert "mean cosine goes from" in said[0]
    assert "where the common mean is taken off" in said[0]
    assert "with random weights" in said[0]


@pytest.mark.slow
def test_a_directory_holds_it_and_is_not_looked_at_twice(study, place, tmp_path):
    spec = spec_of(place)
    found = study_layers(spec, tmp_path / "study")
    assert Run(tmp_path / "study").state == "finished"
    assert found == read_layers(tmp_path / "study") == study

    def never(*done):
        raise AssertionError(done)

    assert study_layers(spec, tmp_path / "study", progress=never) == found
    with pytest.raises(IsobarError, match="something else than this study"):
        study_layers(spec_of(place, examples=10), tmp_path / "study")


@pytest.mark.slow
@pytest.mark.parametrize("at", ["one", "other", "comparing"])
def test_one_that_was_stopped_goes_on_and_ends_the_same(study, place, tmp_path, at):
    def stop(phase, done, total):
        if phase.endswith(at):
            (tmp_path / "study" / "stop").touch()

    with pytest.raises(Stopped):
        study_layers(spec_of(place), tmp_path / "study", progress=stop)
    assert Run(tmp_path / "study").state == "stopped"
    assert study_layers(spec_of(place), tmp_path / "study") == study
    assert Run(tmp_path / "study").state == "finished"


@pytest.mark.slow
def test_a_sample_is_taken_of_more_examples_than_asked_for(place):
    found = study_layers(spec_of(place, models=[str(place / "one")], examples=10, untrained=0))
    assert found.models[0]["examples"] == 10
    assert not found.pairs
    assert {row["weights"] for row in found.rows} == {"trained"}


@pytest.mark.slow
def test_models_of_several_modalities_each_read_their_own_task(place, tmp_path):
    vit = tiny_checkpoint("vit", tmp_path / "vit", "image")
    spec = spec_of(
        place,
        models=[str(vit), str(place / "one")],
        tasks=["digits", str(place / "texts.txt")],
        examples=12,
        untrained=0,
    )
    found = study_layers(spec)
    assert [about["modality"] for about in found.models] == ["image", "text"]
    assert not found.pairs


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"models": []}, "models"),
        ({"models": ["minilm", "minilm"]}, "stands twice"),
        ({"example": 3}, "Did you mean .examples"),
        ({"examples": 3}, "examples is 3"),
        ({"pooling": "best"}, "pooling is 'best'"),
    ],
)
def test_what_can_not_be_asked_is_one_sentence(given, said):
    with pytest.raises(IsobarError, match=said):
        LayersSpec.parse({"models": ["minilm"], **given})


@pytest.mark.parametrize("change", [{"models": ["nowhere/at/all"]}, {"tasks": ["nowhere.csv"]}, {"tasks": ["digits"]}])
def test_what_is_not_there_leaves_nothing_behind(place, tmp_path, change):
    with pytest.raises(IsobarError):
        study_layers(spec_of(place, **change), tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 9, "spec": {}, "models": [], "rows": [], "matrices": [], "pairs": []}']
)
def test_a_file_that_is_cut_short_or_of_a_later_version_is_one_sentence(tmp_path, content):
    (tmp_path / "layers.json").write_text(content)
    with pytest.raises(IsobarError):
        read_layers(tmp_path)


@pytest.mark.slow
def test_a_study_is_read_without_the_libraries_that_make_it():
    import subprocess

    code = "import sys, core.studies.layers; print([m for m in ('torch', 'transformers', 'datasets', 'pandas') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_range_is_told_from_the_lower_to_the_higher(monkeypatch):
    from core.studies.layers import LayersStudy, verdicts

    study = LayersStudy(models=[{"model": "m"}], rows=[], **{
        name: {} if name == "spec" else [] for name in LayersStudy.__dataclass_fields__ if name not in ("models", "rows")
    })  # fmt: skip
    profiles = {"trained": [[12.0, 11.0]], "untrained": [[1.0, 10.5], [1.0, 9.8]]}
    monkeypatch.setattr(
        LayersStudy, "profile", lambda self, *asked: profiles[asked[3] if len(asked) > 3 else "trained"]
    )
    (said,) = verdicts(study, "effective_rank")
    assert "at 9.80 to 10.50 with random weights" in said
