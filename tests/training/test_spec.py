import pytest
import yaml

from core import IsobarError, RunSpec
from core.regularizers.chosen import setting_choices
from core.regularizers.registry import REGULARIZERS, settings_class
from core.training.spec import overlaid


def test_a_spec_survives_yaml(tmp_path):
    spec = RunSpec(regularizer="koleo(weight=0.5)", seed=7, task="paraphrase", layer=-2)
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    assert RunSpec.from_yaml(path) == spec


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weigth": 1}, ["weigth", "weight"]),
        ({"weight": -1}, ["weight", "-1", "0"]),
        ({"learning_rate": 0}, ["learning_rate", "0"]),
        ({"learning_rate": "fast"}, ["learning_rate", "fast", "number"]),
        ({"max_steps": -5}, ["max_steps", "-5"]),
        ({"selection": "prominant"}, ["selection", "features"]),
        ({"probe_per_class": 3}, ["probe_per_class", "3", "4"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"regularizer": "istr+cosine"}, ["regularizer", "'istr'", "'istar'"]),
        ({"regularizer": "none+cosine"}, ["regularizer", "joined by '+'"]),
        ({"regularizer": "cosine+cosine"}, ["regularizer", "cosine once"]),
        ({"regularizer": ""}, ["regularizer", "such as 'koleo'"]),
        ({"regularizer": "koleo(weight=1"}, ["koleo(weight=1", "such as"]),
        ({"regularizer": "koleo(weight)"}, ["koleo(weight)", "such as"]),
        ({"regularizer": "koleo(weight=1, weight=2)"}, ["weight", "twice"]),
        ({"regularizer": "koleo(wieght=1)"}, ["koleo has no setting 'wieght'", "scope", "Did you mean 'weight'"]),
        ({"regularizer": "koleo(scope=globl)"}, ["koleo.scope", "'global'", "Did you mean"]),
        ({"regularizer": 3}, ["regularizer is 3"]),
        ({"regularizer": {"koleo": 3}}, ["koleo is 3", "settings"]),
        ({"regularizer": {"koleo": {"weight": -1}}}, ["koleo.weight is -1", "0"]),
        ({"regularizer": "koleo", "regularizers": {}}, ["both stand"]),
        ({"koleo": {"weight": 0.3}}, ["no 'koleo'", "under regularizer", "koleo.weight: 0.1"]),
        ({"koleo": 0.3}, ["no 'koleo'", "under regularizer"]),
        ({"koleo.weight": 0.3}, ["koleo.weight is set", "the regularizer is persistent-entropy"]),
        ({"regularizer": "istar", "istar_zeta": 1.5}, ["istar.zeta", "1.5"]),
        ({"regularizer": "istar(layers=some)"}, ["istar.layers", "some", "'all'"]),
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

    spec = RunSpec(regularizer="koleo(weight=2)", seed=5)
    assert spec.baseline().seed == 5
    assert experiment(spec.model_dump()) == experiment(spec.baseline().model_dump())
    assert experiment(spec.model_dump()) != experiment(RunSpec(epochs=6).model_dump())


def test_regularizers_are_joined_by_plus_and_come_in_one_order():
    assert list(RunSpec().regularizers) == ["persistent-entropy"]
    assert not RunSpec(regularizer="none").regularizers
    spec = RunSpec(regularizer="cosine+persistent-entropy( selection = all )")
    assert spec.regularizer == "persistent-entropy(selection=all) + cosine"
    assert spec.method == "all+cosine"
    assert RunSpec(regularizer="istar").method == "istar"
    assert RunSpec(regularizer="none").method == "none"


@pytest.mark.parametrize("name", REGULARIZERS)
def test_a_text_a_mapping_and_yaml_say_the_same_of_every_setting(name):
    """Of every regularizer, with no setting at its default; a number is written with all its digits."""
    values = {key: _another(name, key, field) for key, field in settings_class(name).model_fields.items()}
    text = f"{name}({', '.join(f'{key}={str(value).lower()}' for key, value in values.items())})"
    spec = RunSpec(regularizer=text)
    assert spec == RunSpec(regularizers={name: values}) == RunSpec.parse(yaml.safe_load(spec.to_yaml()))
    assert RunSpec(regularizer=spec.regularizer) == spec != RunSpec(regularizer=name)
    assert spec.regularizers[name].model_dump() == values
    singly = RunSpec.parse({"regularizer": name, **{f"{name}.{key}": value for key, value in values.items()}})
    assert singly == spec
    defaults = {f"{name}.{key}": getattr(settings_class(name)(), key) for key in values}
    assert spec.model_copy(update=defaults) == RunSpec(regularizer=name)


def _another(name, key, field):
    """Return a value of the setting that is not its default."""
    if key == "selection":
        return "longest"  # with which all others count
    if choices := setting_choices(name, key):
        return next(value for value in choices if value != field.default)
    if isinstance(field.default, bool):
        return not field.default
    if isinstance(field.default, str):
        return {"layers": "-2"}[key]
    return field.default + (0.12345678901 if isinstance(field.default, float) else 1)


def test_a_spec_says_all_settings_and_only_those_of_its_regularizers():
    assert yaml.safe_load(RunSpec(regularizer="koleo").to_yaml())["regularizers"] == {
        "koleo": {"weight": 0.1, "scope": "global"}
    }
    assert yaml.safe_load(RunSpec(regularizer="none").to_yaml())["regularizers"] == {}
    assert RunSpec().model_dump(exclude_defaults=True) == {}


def test_who_names_the_regularizers_again_names_all_that_is_set_of_them():
    spec = RunSpec(regularizer="persistent-entropy(weight=0.3) + koleo(weight=0.2)")
    assert spec.model_copy(update={"regularizer": "koleo"}).regularizer == "koleo"
    assert spec.model_copy(update={"koleo.scope": "class"}).regularizer.endswith("koleo(weight=0.2, scope=class)")
    layers = {"regularizer": "koleo", "koleo.weight": 0.2}, {"regularizer": "istar"}, {"istar.zeta": 0.5}
    assert RunSpec.parse(overlaid(*layers)).regularizer == "istar(zeta=0.5)"
    assert overlaid({"seed": 1, "koleo.weight": 1}, {"regularizers": {}}) == {"seed": 1, "regularizers": {}}


def test_settings_that_are_equal_are_one_key():
    ours, theirs = RunSpec(regularizer="koleo(weight=0.2)"), RunSpec(regularizers={"koleo": {"weight": "0.20"}})
    assert ours == theirs
    assert len({ours, theirs, RunSpec(regularizer="koleo")}) == 2


def test_adapters_of_blanks_are_none():
    assert RunSpec(lora=" ").lora == ""
