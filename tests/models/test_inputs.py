"""Checkpoints as people have them, where they lie beside the project: each gives what is right, or one sentence."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core import IsobarError, RunSpec, inspect_checkpoint, train
from core.modalities import Cut
from core.models.embedding import encode
from core.models.loading import load_model
from core.models.pooling import pool
from core.tasks import load_task

INPUTS = next((at / "shared" / "inputs" for at in Path(__file__).parents if (at / "shared" / "inputs").is_dir()), None)
pytestmark = pytest.mark.skipif(INPUTS is None, reason="there is no shared/inputs beside the project")
SPEC = RunSpec(probe_per_class=4, device="cpu")


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Return a function that goes into a copy of one of the inputs."""

    def go(name):
        shutil.copytree(INPUTS / name, tmp_path / name)
        for path in (tmp_path / name, *(tmp_path / name).rglob("*")):
            path.chmod(0o755)
        monkeypatch.chdir(tmp_path / name)
        return tmp_path / name

    return go


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentence-transformers-pooling", "sentence-transformers-old-folder"])
def test_sentence_transformers_folders_are_seen_by_their_mean(name, at):
    at(name)
    found = inspect_checkpoint("model", "reviews.csv", spec=SPEC)
    assert found.record["pooling"] == "mean"


@pytest.mark.slow
def test_an_adapter_with_its_base(at):
    at("adapter-folder")
    found = inspect_checkpoint("adapter", "reviews.csv", spec=SPEC)
    assert any("merged into its base, base" in note and "changes nothing" in note for note in found.notes)
    assert found.metrics["accuracy"] == inspect_checkpoint("base", "reviews.csv", spec=SPEC).metrics["accuracy"] == 1


def test_a_decoders_end_token(at):
    at("decoder-end-token-llama")
    loaded, task = load_model("model", 2), load_task("reviews.csv")
    rows, collate = loaded.encode(task.validation, Cut()), loaded.collator()
    batch = collate(list(rows))
    batch.pop("labels")
    with torch.no_grad():
        output = loaded.model(**batch, output_hidden_states=True)
        scores = loaded.model.score(pool(output.hidden_states[-1], batch["attention_mask"], "last"))
    torch.testing.assert_close(scores, output.logits)
    encoded = encode(loaded.model, collate, rows, pooling="last")
    np.testing.assert_allclose(
        loaded.model.score(torch.from_numpy(encoded.embeddings)).detach(), encoded.logits, atol=1e-5
    )


def test_a_limit_of_length(at):
    at("length-limit-roberta")
    assert np.isfinite(inspect_checkpoint("model", "long.csv", spec=SPEC).embeddings).all()


def test_no_tokenizer(at):
    at("no-tokenizer-bert")
    with pytest.raises(IsobarError, match="has no tokenizer"):
        inspect_checkpoint("model", "reviews.csv", spec=SPEC)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has a GPU")
@pytest.mark.slow
def test_precision(at):
    folder = at("precision-fp16-cpu")
    with pytest.raises(IsobarError, match="fp16 needs a GPU"):
        train(RunSpec.from_yaml("spec.yaml"))
    assert not (folder / "runs").exists()
    at("precision-bf16-cpu")
    assert train(RunSpec.from_yaml("spec.yaml")).state == "finished"
