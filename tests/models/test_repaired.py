"""A repaired checkpoint's own embedding is the repaired embedding of the one before."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core import IsobarError, inspect_checkpoint
from core.cli import cli
from core.geometry.repair import repair
from core.models.repaired import write_repaired
from core.tiny import tiny_checkpoint
from core.training.spec import RunSpec

SPEC = RunSpec(probe_per_class=6)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["center", "all-but-the-top", "whitening"])
@pytest.mark.parametrize("model", ["minilm", "plain"])
def test_inspection_of_it_shows_the_repaired_vectors(model, by, tmp_path):
    if model == "plain":  # it declares no embedding, and has no head
        model = str(tiny_checkpoint("bert", tmp_path / "bert", "text"))
        config = tmp_path / "bert" / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "architectures": ["BertModel"]}))
    spec = SPEC.model_copy(update={"pooling": "auto" if model == "minilm" else "mean"})
    found = inspect_checkpoint(model, spec=spec)
    made = repair(found.embeddings, by)
    write_repaired(model, None if model == "minilm" else "mean", found.embeddings.shape[1], made, tmp_path / "out")
    from core.models.loading import load_model

    again = load_model(str(tmp_path / "out"), 2).sentence
    assert again is not None
    assert again.pooling == "mean"
    import torch

    states = torch.tensor(found.embeddings, dtype=torch.float32)
    np.testing.assert_allclose(again.modules[-1][1](states).detach().numpy(), made(found.embeddings), atol=1e-4)
    if model == "minilm":
        after = inspect_checkpoint(str(tmp_path / "out"), spec=SPEC).embeddings
        np.testing.assert_allclose(after, made(found.embeddings), atol=2e-4)


def test_a_folder_that_is_there_and_a_pooling_that_can_not_be_declared_are_refused(tmp_path):
    made = repair(np.random.default_rng(0).standard_normal((9, 4)), "center")
    with pytest.raises(IsobarError, match="there already"):
        write_repaired("minilm", None, 4, made, tmp_path)
    bert = str(tiny_checkpoint("bert", tmp_path / "bert", "text"))
    with pytest.raises(IsobarError, match="can't be declared"):
        write_repaired(bert, "head", 4, made, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(IsobarError, match="no folder"):
        write_repaired("owner/name", "mean", 4, made, tmp_path / "out")


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
def test_another_embedding_than_the_declared_one_is_refused(pooling, tmp_path):
    made = repair(np.random.default_rng(0).standard_normal((9, 384)), "center")
    said = f"'minilm' declares its embedding in modules.json, .* can't be fitted on pooling {pooling} of the states"
    with pytest.raises(IsobarError, match=said):
        write_repaired("minilm", pooling, 384, made, tmp_path / "out")
    # "mean" is its pooling, but a Normalize comes behind that.
    done = CliRunner().invoke(cli, ["repair", "minilm", "--pooling", pooling, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, IsobarError)
    assert "leave --pooling out" in str(done.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_classifier_that_declares_an_embedding_too_is_not_repaired_behind_it(tmp_path):
    """Its head reads the first token's state, which is what auto looks at."""
    bert = tiny_checkpoint("distilbert", tmp_path / "model", "text")
    (bert / "modules.json").write_text(
        json.dumps(
            [{"type": f"sentence_transformers.models.{name}", "path": ""} for name in ("Transformer", "Pooling")]
        )
    )
    done = CliRunner().invoke(
        cli, ["repair", str(bert), "--per-class", "6", "--pooling", "auto", "--out", str(tmp_path / "out")]
    )
    assert "can't be fitted on pooling cls" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_whole_model_is_refused(tmp_path):
    made = repair(np.random.default_rng(0).standard_normal((9, 4)), "center")
    (tmp_path / "run").mkdir()
    with pytest.raises(IsobarError, match=r"has no config\.json"):
        write_repaired(str(tmp_path / "run"), "mean", 4, made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("at", ["the copy", "the modules"])
def test_a_full_disk_leaves_no_half_of_a_checkpoint(at, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    model = str(tiny_checkpoint("bert", tmp_path / "bert", "text"))
    made = repair(np.random.default_rng(0).standard_normal((9, 32)), "center")
    with monkeypatch.context() as patched:
        if at == "the copy":  # of which shutil tells in an error of its own
            patched.setattr(shutil, "copyfile", full)
            patched.setattr(os, "posix_fallocate", full)
        else:
            patched.setattr(Path, "write_text", full)
        with pytest.raises(IsobarError, match="is full; free some space or choose another place"):
            write_repaired(model, "mean", 32, made, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]
    write_repaired(model, "mean", 32, made, tmp_path / "out")
    assert (tmp_path / "out" / "2_Dense" / "model.safetensors").exists()


def test_what_is_undefined_is_null_in_json(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((8, 3)))
    done = CliRunner().invoke(cli, ["repair", str(tmp_path / "x.npy"), "--out", str(tmp_path / "y.npy"), "--json"])
    told = json.loads(done.stdout, parse_constant=pytest.fail)["measures"]
    assert {"measure": "isoscore", "before": None, "after": None} in told


def test_a_file_that_fails_is_as_it_was_before(tmp_path, monkeypatch):
    import pandas as pd

    def full(self, path, **_):
        path.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((40, 5)))
    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    done = CliRunner().invoke(cli, ["repair", str(tmp_path / "x.npy"), "--out", str(tmp_path / "y.csv")])
    assert "is full; free some space" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".parquet", ".safetensors"])
def test_a_file_is_repaired_into_another(suffix, tmp_path):
    from core.geometry.files import read_embeddings

    x = np.random.default_rng(0).standard_normal((40, 5)) + 3
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / f"y{suffix}"
    done = CliRunner().invoke(
        cli, ["repair", str(tmp_path / "x.npy"), "--by", "whitening", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = {row["measure"]: row for row in json.loads(done.stdout)["measures"]}
    assert told["mean_vector_share"]["before"] > 0.8
    assert told["mean_vector_share"]["after"] == 0
    np.testing.assert_allclose(np.cov(read_embeddings(out).embeddings.T, bias=True), np.eye(5), atol=1e-5)
