"""What holds of every regularizer in the list, those that are yet to come too."""

import inspect
import subprocess
import sys

import pytest
import torch

import core
from core import IsobarError
from core.regularizers.chosen import Regularizers, explain_regularizers
from core.regularizers.registry import REGULARIZERS, regularizer_class, settings_class
from core.runs.settings import method, words


def made(name):
    return regularizer_class(name).of(settings_class(name)())


@pytest.mark.parametrize("name", REGULARIZERS)
def test_settings_read_alone_are_those_of_the_module(name):
    alone, whole = settings_class(name), sys.modules[regularizer_class(name).__module__].Settings
    assert alone.model_json_schema() == whole.model_json_schema()
    assert (alone.label, alone.told_by, alone.factors) == (whole.label, whole.told_by, whole.factors)
    assert alone().tokens == whole().tokens


@pytest.mark.parametrize("name", REGULARIZERS)
def test_the_class_has_the_settings_defaults_and_takes_all_that_does_not_say_what_it_acts_on(name):
    kind, settings = regularizer_class(name), settings_class(name)
    taken = inspect.signature(kind).parameters
    for key, field in settings.model_fields.items():
        if key in taken:
            assert taken[key].default == field.default, key
    rest = settings.model_fields.keys() - taken.keys()
    assert rest == set() or settings().tokens is not None or rest == {"of"}
    assert getattr(core, kind.__name__) is kind


@pytest.mark.parametrize("name", REGULARIZERS)
def test_every_setting_says_what_it_is_for(name):
    settings = settings_class(name)
    assert settings.__doc__.strip().endswith(".")
    assert "\n" not in settings.__doc__
    assert "weight" in settings.model_fields
    assert set(settings.factors) <= set(settings.model_fields)
    assert not settings.told_by or settings.told_by in settings.model_fields
    for key, field in settings.model_fields.items():
        assert field.description, key
        assert f"  {key}=" in explain_regularizers()


@pytest.mark.parametrize("name", REGULARIZERS)
def test_it_can_be_called_in_a_run(name):
    spec = {"regularizers": {name: settings_class(name)().model_dump()}}
    assert words(spec)
    assert method(spec)
    assert words({"regularizers": {name: {}}})  # of a file that was cut short


@pytest.mark.slow
@pytest.mark.parametrize("name", REGULARIZERS)
def test_degenerate_batches(name):
    """Nothing, one, two, equal points, zero vectors, rows left out: a finite value and a finite gradient."""
    nothing = torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)
    left_out = torch.randn(8, 3), torch.full((8,), -1)
    for x, labels in (
        nothing,
        left_out,
        (torch.ones(1, 3), torch.zeros(1, dtype=torch.int64)),
        (torch.ones(2, 3), torch.zeros(2, dtype=torch.int64)),
        (torch.ones(8, 3), torch.arange(8) % 2),
        (torch.zeros(8, 3), torch.arange(8) % 2),
        (torch.randn(8, 1), torch.arange(8) % 2),
        (1e6 * torch.randn(8, 3), torch.arange(8) % 2),
    ):
        x = x.clone().requires_grad_()
        loss = made(name)
        value = loss(x, labels)
        (gradient,) = torch.autograd.grad(value, x) if value.requires_grad else (torch.zeros_like(x),)
        assert value.shape == ()
        assert value.isfinite(), x
        assert gradient.isfinite().all(), x
        assert loss.read_stats()["skipped"] >= 0
    for x, labels in (nothing, left_out):
        assert made(name)(x, labels) == 0


@pytest.mark.parametrize("name", REGULARIZERS)
def test_rows_that_are_left_out_do_not_count(name):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.where(torch.arange(20) < 14, torch.arange(20) % 2, -1)
    torch.testing.assert_close(made(name)(x, labels), made(name)(x[:14], labels[:14]))


@pytest.mark.parametrize("name", REGULARIZERS)
def test_bad_input_is_one_sentence(name):
    loss = made(name)
    for x, labels in (
        (torch.ones(3), torch.zeros(3, dtype=torch.int64)),
        (torch.ones(3, 2), torch.zeros(2, dtype=torch.int64)),
        (torch.ones(3, 2), torch.zeros(3)),
        (torch.full((6, 2), torch.nan), torch.zeros(6, dtype=torch.int64)),
    ):
        with pytest.raises(IsobarError):
            loss(x, labels)


@pytest.mark.slow
def test_reading_the_list_and_all_settings_loads_no_torch():
    code = (
        "import sys; from core.regularizers.chosen import explain_regularizers, Regularizers; import core.training.spec, core.runs\n"
        "explain_regularizers(); core.training.spec.RunSpec(regularizer='koleo + uniformity').to_yaml()\n"
        "print([m for m in ('torch', 'transformers', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_one_is_told_with_the_nearest():
    for find in (regularizer_class, settings_class):
        with pytest.raises(IsobarError, match="Did you mean 'uniformity'"):
            find("uniformty")
    with pytest.raises(IsobarError, match="Did you mean 'koleo'"):
        Regularizers.parse("kolio")
