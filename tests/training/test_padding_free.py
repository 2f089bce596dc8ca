from random import Random

import pytest
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
)

from core import train


@pytest.fixture(scope="module")
def uneven_task(tmp_path_factory):
    """A folder like tiny_task, whose texts have three to fourteen words, none twice."""
    folder = tmp_path_factory.mktemp("tasks") / "uneven"
    folder.mkdir()
    random = Random(0)
    words = ["stone", "river", "mill", "hill", "road", "old", "near", "behind", "the", "by", "under", "tree"]
    texts = [
        (" ".join([colour, *random.choices(words, k=2 + i % 12)]), int(colour == "red"))
        for i in range(32)
        for colour in ("red", "blue")
    ]
    # Of repeated texts, padded states are equal to the last bit and packed ones to rounding: a bar of 0, and one of 1e-7.
    assert len(set(texts)) == len(texts)
    for name, rows in (("train", texts), ("validation", texts[::2] + texts[1::4])):
        lines = ["sentence,label", *(f"{text},{label}" for text, label in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def without_dropout(tiny_model, tmp_path_factory):
    """The tiny model, in which nothing is random."""
    folder = tmp_path_factory.mktemp("models") / "tiny-sure"
    options = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    AutoModelForSequenceClassification.from_pretrained(tiny_model, **options).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_run_without_padding_is_the_padded_run(tiny_spec, without_dropout, uneven_task, tmp_path, pooling):
    update = {
        "model": str(without_dropout),
        "task": str(uneven_task),
        "pooling": pooling,
        "log_every": 1,
        "max_steps": 3,
    }
    update["regularizer"] = "persistent-entropy+istar"
    spec = tiny_spec.model_copy(update=update)
    packed = train(spec, tmp_path / "packed")
    padded = train(spec.model_copy(update={"padding_free": False}), tmp_path / "padded")
    (told,), (off,) = packed.rows("packing"), padded.rows("packing")
    assert (told["packed"], told["reason"]) == (True, "")
    assert (off["packed"], off["reason"]) == (False, "padding_free is off.")
    for ours, theirs in zip(packed.rows("step"), padded.rows("step"), strict=True):
        for name in ("task_loss", "regularizer"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3, abs=1e-4)
    for name, value in padded.report["after"].items():
        if isinstance(value, float):
            assert packed.report["after"][name] == pytest.approx(value, rel=1e-2, abs=1e-3), name


@pytest.mark.slow
def test_a_model_that_can_not_do_without_padding_trains_padded_and_says_why(
    tiny_spec, tiny_model, uneven_task, tmp_path
):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    config = DebertaV2Config(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, relative_attention=True, pos_att_type=["p2c", "c2p"],
    )  # fmt: skip
    DebertaV2ForSequenceClassification(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    spec = tiny_spec.model_copy(update={"model": str(tmp_path / "model"), "task": str(uneven_task), "max_steps": 2})
    (told,) = train(spec, tmp_path / "run").rows("packing")
    assert not told["packed"]
    assert told["reason"].endswith(".")
