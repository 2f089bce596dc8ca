import pytest
import torch
from datasets import Dataset

from core import IsobarError
from core.modalities import Cut
from core.models.embedding import encode
from core.models.loading import load_model
from core.models.pooling import View, pool

STATES = torch.arange(2 * 4 * 3, dtype=torch.float32).reshape(2, 4, 3)


@pytest.mark.parametrize(
    ("mask", "first", "last"),
    [([1, 1, 1, 1], 0, 3), ([1, 1, 0, 0], 0, 1), ([0, 0, 1, 1], 2, 3)],
)
def test_pooling_knows_where_the_padding_is(mask, first, last):
    masks = torch.tensor([mask, [1, 1, 1, 1]])
    assert torch.equal(pool(STATES, masks, "cls")[0], STATES[0, first])
    assert torch.equal(pool(STATES, masks, "last")[0], STATES[0, last])
    there = [i for i, m in enumerate(mask) if m]
    torch.testing.assert_close(pool(STATES, masks, "mean")[0], STATES[0, there].mean(0))


def test_an_unknown_pooling_is_one_sentence():
    with pytest.raises(IsobarError, match="choose cls, mean or last"):
        pool(STATES, torch.ones(2, 4), "max")


@pytest.fixture(scope="module")
def loaded(tiny_model):
    return load_model(str(tiny_model), num_labels=2)


def test_encoding_keeps_the_order_and_does_not_depend_on_the_batches(loaded):
    texts = ["one", "one two three four five", "one two", "a much longer text with many words in it", "x"]
    rows = loaded.encode(Dataset.from_dict({"text": texts, "label": [0] * 5}), Cut())
    collate = loaded.collator()
    loaded.model.train()
    whole = encode(loaded.model, collate, rows, batch_size=64)
    assert loaded.model.training  # as it was
    single = encode(loaded.model, collate, rows, batch_size=1)
    torch.testing.assert_close(torch.tensor(whole.embeddings), torch.tensor(single.embeddings), atol=1e-5, rtol=1e-4)
    assert whole.predictions.shape == (5,)
    loaded.model.eval()
    direct = loaded.model(**loaded.processor(texts[1], return_tensors="pt"), output_hidden_states=True)
    torch.testing.assert_close(
        torch.tensor(whole.embeddings[1]), direct.hidden_states[-1][0, 0].detach(), atol=1e-5, rtol=1e-4
    )


def test_layers_are_checked():
    seen = View("cls", layers=3, gradient=(True,) * 3)
    seen.check_layer(2)
    seen.check_layer(-3)
    with pytest.raises(IsobarError, match="no layer 3"):
        seen.check_layer(3)
    with pytest.raises(IsobarError, match="head does not read layer 1"):
        View("head", layers=3, gradient=(True,) * 3).check_layer(1)


def test_the_same_text_is_the_same_point_in_whatever_batch(loaded):
    texts = ["one two", *(f"{'many ' * n}words" for n in range(1, 7)), "one two", "one  two"]
    labels = list(range(len(texts)))  # which say nothing of the input
    rows = loaded.encode(Dataset.from_dict({"text": texts, "label": labels}), Cut())
    seen = {}
    found = encode(
        loaded.model,
        loaded.collator(),
        rows,
        batch_size=3,
        on_layers=lambda at, layers: seen.update({int(i): vector for i, vector in zip(at, layers[-1], strict=True)}),
    )
    for other in (7, 8):
        assert (found.embeddings[0] == found.embeddings[other]).all()
        assert (found.logits[0] == found.logits[other]).all()
    assert sorted(seen) == labels
    assert all((seen[i] == found.embeddings[i]).all() for i in labels)
    alone = encode(loaded.model, loaded.collator(), rows.take([8, 0]), batch_size=1)
    assert (alone.embeddings[0] == alone.embeddings[1]).all()


def test_what_is_cut_off_a_text_is_told(loaded):
    texts = ["one two", "word " * 30 + "end", "word " * 30 + "another end", "word " * 5]
    rows = loaded.encode(Dataset.from_dict({"text": texts, "label": [0] * 4}), Cut(tokens=12))
    assert list(rows.share) == [1, 12 / 33, 12 / 34, 1]
    (note,) = rows.notes("texts")
    assert "2 of 4 texts were cut to 12 word pieces (max_length): 36% of each" in note
    assert "1 of the 4 are the same as another" in note
    assert rows.take([0, 3]).notes("texts") == []
    long = loaded.encode(Dataset.from_dict({"text": ["word " * 100], "label": [0]}), Cut(tokens=80))
    assert "64 word pieces (the most that the model takes)" in long.notes("texts")[0]
