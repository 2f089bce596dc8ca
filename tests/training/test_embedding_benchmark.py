"""Embedding beside sentence-transformers: the same texts, the same weights."""

import numpy as np
import pytest

from core.errors import RunFailedError
from core.tasks import load_task
from core.training import embedding_benchmark
from core.training.embedding_benchmark import made_texts, run


@pytest.mark.slow
def test_texts_are_made_of_the_task_s_words_and_lengths():
    made, texts = made_texts("grammar", 200), load_task("grammar").train["text"]
    assert len(made) == 200
    assert made == made_texts("grammar", 200)
    assert len(set(made)) > 190
    words, lengths = {word for text in texts for word in text.split()}, {len(text.split()) for text in texts}
    assert {word for text in made for word in text.split()} <= words
    assert {len(text.split()) for text in made} <= lengths


@pytest.mark.slow
def test_both_sides_return_the_same_embeddings():
    texts = made_texts("grammar", 20)
    ours, theirs = (make()(texts) for make in embedding_benchmark._SIDES.values())
    # The checkpoint's own last step makes the peer's of length one.
    vectors = ours.embeddings / np.linalg.norm(ours.embeddings, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, theirs, atol=1e-5)


@pytest.mark.slow
def test_rows_have_equal_keys_and_say_where_the_peer_is_absent(monkeypatch):
    monkeypatch.setattr(embedding_benchmark, "alone", lambda function, *arguments: function(*arguments))
    first, second = run(sizes=(20, 30), pairs=2, pairs_to=20)
    assert list(first) == list(second)
    assert (first["texts"], first["turns"], second["texts"], second["turns"]) == (20, 2, 30, 1)
    assert second["peer / isobar"] == second["sentence-transformers s"] / second["isobar s"]
    monkeypatch.setattr(embedding_benchmark, "find_spec", lambda name: None)
    [row] = run(sizes=(20,), pairs=1)
    assert list(row) == list(first)
    assert row["sentence-transformers s"] == row["sentence-transformers MiB"] == "absent"
    assert row["peer / isobar"] is None


def test_a_process_that_the_system_ended_is_said(monkeypatch):
    monkeypatch.setattr(embedding_benchmark, "alone", lambda *_: None)
    with pytest.raises(RunFailedError, match="embedded 20 texts"):
        run(sizes=(20,), pairs=1)
