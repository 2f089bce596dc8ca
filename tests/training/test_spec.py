import pytest
import yaml

from core import IsobarError, RunSpec


def test_a_spec_survives_yaml(tmp_path):
    spec = RunSpec(weight=0.5, seed=7, task="paraphrase", layer=-2)
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    assert RunSpec.from_yaml(path) == spec


def test_the_record_of_a_run_is_left_aside(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump({**RunSpec(seed=3).model_dump(), "record": {"versions": {}}}))
    assert RunSpec.from_yaml(path).seed == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weigth": 1}, ["weigth", "weight"]),
        ({"weight": -1}, ["weight", "-1", "0"]),
        ({"learning_rate": 0}, ["learning_rate", "0"]),
        ({"learning_rate": "fast"}, ["learning_rate", "fast", "number"]),
        ({"max_steps": -5}, ["max_steps", "-5"]),
        ({"selection": "prominant"}, ["selection", "prominent"]),
        ({"probe_per_class": 3}, ["probe_per_class", "3", "4"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"regularizer": "istr+cosine"}, ["regularizer", "'istr+cosine'", "'istar'"]),
        ({"regularizer": "none+cosine"}, ["regularizer", "joined by '+'"]),
        ({"regularizer": "cosine+cosine"}, ["regularizer", "each once"]),
        ({"regularizer": ""}, ["regularizer", "persistent-entropy"]),
        ({"istar_zeta": 1.5}, ["istar_zeta", "1.5"]),
        ({"istar_layers": "some"}, ["istar_layers", "some", "'all'"]),
    ],
)
def test_a_wrong_value_is_one_sentence(values, words):
    with pytest.raises(IsobarError) as caught:
        RunSpec.parse(values)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("text", ["- a\n- b\n", "model: [unclosed", "", "\xff\xfe"])
def test_a_file_that_is_no_spec_is_one_sentence(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(IsobarError, match=r"spec\.yaml"):
        RunSpec.from_yaml(path)


def test_run_names_are_safe_file_names():
    spec = RunSpec(model="google-bert/bert-base-uncased", task="../shared/data/co la", regularizer="none", seed=4)
    name = spec.run_name()
    assert name.endswith("_bert-base-uncased_co-la_none_s4")
    assert "/" not in name
    assert " " not in name


def test_a_baseline_differs_only_in_the_regularizer():
    from core.runs.settings import experiment

    spec = RunSpec(weight=2.0, seed=5)
    assert spec.baseline().seed == 5
    assert experiment(spec.model_dump()) == experiment(spec.baseline().model_dump())
    assert experiment(spec.model_dump()) != experiment(RunSpec(epochs=6).model_dump())


def test_regularizers_are_joined_by_plus_and_come_in_one_order():
    assert RunSpec().regularizers == ("persistent-entropy",)
    assert RunSpec(regularizer="none").regularizers == ()
    spec = RunSpec(regularizer="cosine+persistent-entropy", selection="all")
    assert spec.regularizer == "persistent-entropy+cosine"
    assert spec.method == "all+cosine"
    assert RunSpec(regularizer="istar").method == "istar"
    assert RunSpec(regularizer="none").method == "none"
    assert RunSpec(istar_layers=3).istar_layers == "3"
    assert RunSpec.parse(yaml.safe_load(RunSpec(istar_layers=-1).to_yaml())) == RunSpec(istar_layers="-1")


def test_the_rivals_changed_no_spec_of_before():
    assert RunSpec().model_dump(exclude_defaults=True) == {}
    assert RunSpec.parse({"regularizer": "none", "weight": 2.0}).model_dump(exclude_defaults=True) == {
        "regularizer": "none",
        "weight": 2.0,
    }
