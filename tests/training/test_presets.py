"""The presets are settings that a run can have, and say what their sources do."""

import json

import pytest
from typer.testing import CliRunner

from core import IsobarError, RunSpec
from core.cli import cli
from core.models import BUILT_IN as MODELS
from core.tasks import load_task
from core.training.presets import about, preset_settings, presets


def test_each_is_a_spec_and_says_its_source():
    assert set(presets()) == {"authors", "paper", "digits", "tones"}
    for name, path in presets().items():
        assert RunSpec.parse(preset_settings(name)).method == "features"
        sources = ("2501.05502", "2bc508f") if name in ("authors", "paper") else ("found by trying",)
        assert any(source in about(path) for source in sources)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "tones"])
def test_images_and_sounds_have_a_small_model_of_their_kind(name):
    settings = preset_settings(name)
    assert settings["task"] == name
    assert MODELS[settings["model"]].modality == load_task(name).modality


def test_the_authors_notebook():
    spec = RunSpec.parse(preset_settings("authors"))
    assert spec.regularizer == "persistent-entropy(cohesion=-0.05)"
    assert (spec.learning_rate, spec.weight_decay, spec.decayed) == (8e-5, 8e-6, "linear")
    assert (spec.schedule, spec.warmup, spec.epochs, spec.max_length) == ("cosine", 0.1, 10, 512)
    assert spec.max_grad_norm == 0
    assert spec.accumulated_cloud
    assert spec.accumulation * spec.batch_size == 64
    assert RunSpec.parse(preset_settings("paper")).regularizer == "persistent-entropy"


def test_an_unknown_one_is_told():
    with pytest.raises(IsobarError, match=r"authors, digits, paper, tones.*authors"):
        preset_settings("author")


@pytest.mark.slow
def test_a_run_can_start_from_one(tiny_spec, tmp_path):
    options = ["--model", tiny_spec.model, "--task", tiny_spec.task, "--max-steps=2", "--probe-per-class=8", "--device=cpu"]  # fmt: skip
    done = CliRunner().invoke(
        cli, ["train", "--preset=authors", *options, "--cohesion=-0.1", "--runs", str(tmp_path), "--json"]
    )
    assert done.exit_code == 0, done.output
    spec = RunSpec.from_yaml(f"{json.loads(done.stdout.splitlines()[-1])['run']}/spec.yaml")
    assert (spec.regularizer, spec.schedule, spec.max_steps) == ("persistent-entropy(cohesion=-0.1)", "cosine", 2)


def test_a_preset_and_a_spec_are_one_too_many(tiny_spec, tmp_path):
    (tmp_path / "spec.yaml").write_text(tiny_spec.to_yaml())
    done = CliRunner().invoke(cli, ["train", "--preset=paper", "--spec", str(tmp_path / "spec.yaml")])
    assert isinstance(done.exception, IsobarError)
