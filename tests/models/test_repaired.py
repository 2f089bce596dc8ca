"""A repaired checkpoint's own embedding is the repaired embedding of the one before."""

import json

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
    write_repaired(model, "mean", found.embeddings.shape[1], made, tmp_path / "out")
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
        write_repaired("minilm", "mean", 4, made, tmp_path)
    bert = str(tiny_checkpoint("bert", tmp_path / "bert", "text"))
    with pytest.raises(IsobarError, match="can't be declared"):
        write_repaired(bert, "head", 4, made, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(IsobarError, match="no folder"):
        write_repaired("owner/name", "mean", 4, made, tmp_path / "out")


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
