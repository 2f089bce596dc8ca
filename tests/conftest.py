"""Small real things to test with, made here: a model, a tokenizer, a task."""

import gc
import os
import sys
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may depend on a network; the failure path is tested as it is
os.environ["ISOBAR_LOG"] = os.devnull
# The threads of a product as small as those here wait for each other, and for those of pytest's other processes, longer than they
# work. A process that is tested with all of them takes it out of its environment.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish():
    """Set apart what is there for as long as pytest is: every Trainer and every page drawn by AppTest collects all garbage once."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a two-layer BERT of random weights and the built-in tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from core.models import BUILT_IN

    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(BUILT_IN["minilm"].path()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_task(tmp_path_factory):
    """A folder with train.csv and validation.csv: 64 and 32 texts, two classes told apart by one word."""
    folder = tmp_path_factory.mktemp("tasks") / "colours"
    folder.mkdir()
    nouns = ["stone", "river", "cloud", "field", "house", "bridge", "garden", "window"]
    places = ["near the old mill", "behind the hill", "by the road", "under the tree"]
    texts = [(f"the {c} {n} {p}", int(c == "red")) for c in ("red", "blue") for n in nouns for p in places]
    for name, rows in (("train", texts), ("validation", texts[::2])):
        lines = ["sentence,label", *(f"{text},{label}" for text, label in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def own_core(tmp_path):
    """A folder of work with packages and files that are called as ours, the library's and the standard library's; none may be imported."""
    folder = tmp_path / "work"
    for name in ("core", "explorer", "assets", "streamlit", "torch", "numpy", "random", "json", "pickle", "socket"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text('open(__file__ + ".imported", "w").close()\n')
    for name in ("typing", "transformers", "yaml", "altair", "pandas", "tempfile", "signal"):
        (folder / f"{name}.py").write_text('open(__file__ + ".imported", "w").close()\n')
    yield folder
    assert [path.parent.name + "/" + path.name for path in folder.rglob("*.imported")] == []


@pytest.fixture(scope="module")
def two_blas_threads():
    """Two threads for OpenBLAS, NumPy's and SciPy's, as long as the tests of a file run."""
    import scipy.linalg  # noqa: F401  (with an OpenBLAS of its own)
    from threadpoolctl import ThreadpoolController

    with ThreadpoolController().select(internal_api="openblas").limit(limits=2):
        yield


@pytest.fixture(scope="session")
def isobar_script():
    """The installed command, as a person types it."""
    return Path(sys.executable).with_name("isobar")


@pytest.fixture
def tiny_spec(tiny_model, tiny_task):
    """A run that takes a second."""
    from core import RunSpec

    return RunSpec(
        model=str(tiny_model),
        task=str(tiny_task),
        batch_size=16,
        max_steps=6,
        learning_rate=1e-3,
        probe_per_class=8,
        snapshots=3,
        log_every=2,
        device="cpu",
    )
