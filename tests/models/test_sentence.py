"""What a sentence-transformers checkpoint declares as its embedding is what inspect measures; a classifier is trained on its own."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

from core import IsobarError, RunSpec, inspect_checkpoint, train
from core.models.sentence import sentence_of

pytestmark = pytest.mark.slow

TEXTS = [
    f"the {colour} {noun} stands near the old mill" + " and far away" * (n % 3)
    for n, noun in enumerate(("stone", "river", "cloud", "field"))
    for colour in ("red", "blue")
]
OLD = "sentence_transformers.models."
DENSE = {"weight": torch.linspace(-1, 1, 16 * 32).reshape(16, 32).sin(), "bias": torch.linspace(-1, 1, 16)}


@pytest.fixture
def folder(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return str(tmp_path / "texts.txt")


def declare(folder, pooling, *after, transformer=""):
    """Write modules.json and what it names; `after` are names of modules behind the pooling."""
    names = [
        ("Transformer", transformer),
        ("Pooling", "1_Pooling"),
        *((name, f"{k}_{name}") for k, name in enumerate(after, 2)),
    ]
    parts = [{"idx": k, "name": str(k), "path": path, "type": OLD + name} for k, (name, path) in enumerate(names)]
    (folder / "modules.json").write_text(json.dumps(parts))
    for name, path in names[1:]:
        (folder / path).mkdir(exist_ok=True)
        if name == "Pooling":
            (folder / path / "config.json").write_text(json.dumps(pooling))
        if name == "Dense":
            settings = {
                "in_features": 32,
                "out_features": 16,
                "bias": True,
                "activation_function": "torch.nn.modules.activation.Tanh",
            }
            (folder / path / "config.json").write_text(json.dumps(settings))
            save_file({f"linear.{kind}": tensor for kind, tensor in DENSE.items()}, folder / path / "model.safetensors")


def by_hand(folder, mode):
    """Text by text, without padding."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in TEXTS:
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        places = np.arange(1, len(states) + 1)[:, None]
        rows.append(
            {
                "cls": states[0], "max": states.max(0), "mean": states.mean(0), "lasttoken": states[-1],
                "mean_sqrt_len_tokens": states.sum(0) / np.sqrt(len(states)),
                "weightedmean": (states * places).sum(0) / places.sum(),
            }[mode]
        )  # fmt: skip
    return np.stack(rows)


POOLINGS = [
    ({"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean", "mean"),
    ({"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls", "cls"),
    ({"embedding_dimension": 32, "pooling_mode": "lasttoken", "include_prompt": True}, "lasttoken", "last"),
    ({"embedding_dimension": 32, "pooling_mode": "max"}, "max", "max"),
    ({"embedding_dimension": 32, "pooling_mode": "weightedmean"}, "weightedmean", "weightedmean"),
    ({"word_embedding_dimension": 32, "pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "mode", "called"), POOLINGS)
def test_its_pooling_is_what_is_measured(settings, mode, called, folder, texts):
    declare(folder, settings)
    found = inspect_checkpoint(str(folder), texts)
    np.testing.assert_allclose(found.embeddings, by_hand(folder, mode)[found.probe["row"]], atol=1e-5)
    assert found.record["pooling"] == called
    assert any(f"pooling {called}. Training takes" in note for note in found.notes)
    assert len(found.layers) == 3


def test_dense_and_normalize_are_applied_and_the_real_library_gives_the_same(folder, texts):
    declare(folder, {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}, "Dense", "Normalize")
    found = inspect_checkpoint(str(folder), texts)
    expected = np.tanh(by_hand(folder, "mean") @ DENSE["weight"].numpy().T + DENSE["bias"].numpy())
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found.embeddings, expected[found.probe["row"]], atol=1e-5)
    assert any("pooling mean, then Dense, then Normalize" in note for note in found.notes)
    library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    encoded = library.SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(found.embeddings, encoded[found.probe["row"]], atol=1e-5)


def test_what_the_library_itself_saves_is_read(folder, texts, tmp_path):
    library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    declare(
        folder,
        {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True, "word_embedding_dimension": 32},
        "Normalize",
    )
    model = library.SentenceTransformer(str(folder), device="cpu")
    model.save(str(tmp_path / "again"))
    found = inspect_checkpoint(str(tmp_path / "again"), texts)
    np.testing.assert_allclose(found.embeddings, model.encode(TEXTS)[found.probe["row"]], atol=1e-5)
    assert found.embeddings.shape[1] == 64
    assert found.record["pooling"] == "max+mean"


def test_the_old_layout_with_a_folder_for_the_transformer_is_read(folder, texts, tmp_path):
    (tmp_path / "old").mkdir()
    shutil.move(folder, tmp_path / "old" / "0_Transformer")
    declare(tmp_path / "old", {"pooling_mode_mean_tokens": True}, transformer="0_Transformer")
    found = inspect_checkpoint(str(tmp_path / "old"), texts)
    expected = by_hand(tmp_path / "old" / "0_Transformer", "mean")
    np.testing.assert_allclose(found.embeddings, expected[found.probe["row"]], atol=1e-5)


def test_a_pooling_that_is_asked_for_is_the_states_alone(folder, texts):
    declare(folder, {"pooling_mode_mean_tokens": True}, "Dense", "Normalize")
    found = inspect_checkpoint(str(folder), texts, spec=RunSpec(pooling="cls"))
    np.testing.assert_allclose(found.embeddings, by_hand(folder, "cls")[found.probe["row"]], atol=1e-5)


def test_training_takes_what_the_classifier_reads_and_says_so(folder, tiny_spec, tmp_path):
    declare(folder, {"pooling_mode_mean_tokens": True}, "Normalize")
    run = train(tiny_spec.model_copy(update={"model": str(folder), "max_steps": 2, "snapshots": 2}), tmp_path / "run")
    assert run.record["pooling"] == "cls"
    assert run.events["text"].str.contains("pools by mean; a classifier on it reads cls").any()
    found = inspect_checkpoint(str(run.path / "model"), tiny_spec.task, spec=tiny_spec)
    assert found.record["pooling"] == "cls"


@pytest.mark.parametrize(("name", "why"), [("LSTM", "LSTM"), ("Dense", "Dense")])
def test_what_can_not_be_made_here_is_refused_and_its_states_can_be_measured(name, why, folder, texts):
    declare(folder, {"pooling_mode_mean_tokens": True}, name)
    (folder / f"2_{name}" / "model.safetensors").unlink(missing_ok=True)
    (folder / f"2_{name}" / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(IsobarError, match=f"it goes through {why} .*choose pooling cls, mean or last"):
        inspect_checkpoint(str(folder), texts)
    assert inspect_checkpoint(str(folder), texts, spec=RunSpec(pooling="mean")).record["pooling"] == "mean"


def test_no_transformer_and_broken_lists_are_one_sentence(folder, texts):
    (folder / "modules.json").write_text("{}]")
    with pytest.raises(IsobarError, match="lists no modules"):
        inspect_checkpoint(str(folder), texts)
    (folder / "modules.json").write_text(json.dumps([{"type": OLD + "StaticEmbedding", "path": ""}]))
    (folder / "config.json").unlink()
    with pytest.raises(IsobarError, match=r"without a transformer \(StaticEmbedding\)"):
        inspect_checkpoint(str(folder), texts)


def test_no_code_is_looked_up_by_what_a_file_says(folder):
    declare(folder, {"pooling_mode_mean_tokens": True}, "Dense")
    file = folder / "2_Dense" / "config.json"
    file.write_text(json.dumps({"in_features": 32, "out_features": 16, "activation_function": "os.system"}))
    assert sentence_of(folder).unread


def test_the_built_in_model_is_seen_by_its_own_pooling_and_trained_by_cls(tmp_path):
    spec = RunSpec(probe_per_class=16, device="cpu")
    own = inspect_checkpoint("minilm", spec=spec)
    assert own.record["pooling"] == "mean"
    np.testing.assert_allclose(np.linalg.norm(own.embeddings, axis=1), 1, atol=1e-5)
    other = inspect_checkpoint("minilm", spec=spec.model_copy(update={"pooling": "cls"}))
    assert own.measures["anisotropy_1"] < 0.3 < 0.5 < other.measures["anisotropy_1"]
