"""A run that somebody's own Trainer left opens everywhere, and says what it is."""

import pytest
import torch
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from core import ProbeCallback, RegularizedLoss, load_run, regularized
from explorer import report
from tests.explorer.test_pages import VIEWS, all_text, charts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outside(tiny_model, tmp_path_factory):
    """A folder with one run, whose Trainer evaluates nothing."""
    from core.models.loading import load_model

    folder = tmp_path_factory.mktemp("outside")
    texts = [
        f"the {c} {n} {p}" for c in ("red", "blue") for n in ("stone", "river", "cloud") for p in ("here", "there")
    ]
    labels = [int(text.startswith("the red")) for text in texts]
    torch.manual_seed(0)
    loaded = load_model(str(tiny_model), 2)
    args = TrainingArguments(
        output_dir=str(folder / "theirs"), max_steps=3, per_device_train_batch_size=6, logging_steps=1, use_cpu=True,
        report_to="none", disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    regularized(Trainer)(
        model=loaded.model, args=args, train_dataset=Dataset.from_dict({**loaded.processor(texts), "labels": labels}),
        data_collator=DataCollatorWithPadding(loaded.processor), processing_class=loaded.processor,
        callbacks=[ProbeCallback(texts, labels, snapshots=3, runs_dir=folder / "runs", task="colours")],
    ).train()  # fmt: skip
    return folder / "runs"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_its_page(outside, open_page, view):
    (path,) = outside.iterdir()
    app = open_page("run", outside, run=path.name, view=view)
    assert not app.exception, app.exception
    assert not app.error
    assert "trained outside" in all_text(app)
    assert "somebody's own Trainer" in all_text(app)
    assert not any("Use these settings" in str(link.proto) for link in app.get("page_link"))
    if view == "Training":
        assert len(charts(app)) == 5  # nothing was evaluated


@pytest.fixture(scope="module")
def sentences(tiny_model, tmp_path_factory):
    """A folder with a run of a SentenceTransformer, whose texts are one cloud."""
    library = pytest.importorskip("sentence_transformers")
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    folder = tmp_path_factory.mktemp("sentences")
    texts = [f"the {c} {n}" for c in ("red", "blue") for n in ("stone", "river", "cloud", "field")]
    model = library.SentenceTransformer(str(tiny_model), device="cpu")
    args = library.SentenceTransformerTrainingArguments(
        output_dir=str(folder / "theirs"), max_steps=3, per_device_train_batch_size=4, logging_steps=1, use_cpu=True,
        report_to="none", disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    library.SentenceTransformerTrainer(
        model=model, args=args, train_dataset=Dataset.from_dict({"one": texts, "other": texts[::-1]}),
        loss=RegularizedLoss(losses.MultipleNegativesRankingLoss(model), "persistent-entropy(selection=all) + koleo"),
        callbacks=[ProbeCallback(texts, snapshots=3, runs_dir=folder / "runs", task="colours")],
    ).train()  # fmt: skip
    return folder / "runs"


def test_every_view_of_a_run_of_sentences(sentences, open_page):
    (path,) = sentences.iterdir()
    for view in VIEWS:
        app = open_page("run", sentences, run=path.name, view=view)
        assert not app.exception, app.exception
        assert not app.error
        assert "somebody's own Trainer" in all_text(app)
    assert "all texts" in report.html(load_run(path))


@pytest.mark.parametrize("page", ["train", "compare", "inspect"])
def test_the_other_pages(outside, open_page, page):
    (path,) = outside.iterdir()
    app = open_page(page, outside, **({"run": path.name} if page == "train" else {}))
    assert not app.exception, app.exception


def test_its_settings_are_not_put_into_the_form(outside, open_page):
    (path,) = outside.iterdir()
    app = open_page("train", outside, like=path.name)
    assert not app.exception
    assert "trained outside" in app.toast[0].value
    assert "task" not in app.query_params


def test_its_report(outside):
    (path,) = outside.iterdir()
    page = report.html(load_run(path))
    assert "trained outside" in page
    assert "trained_outside: true" in page
