"""Who is near whom: an example of the address, found by its words or clicked, and its nearest on each side."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from core.runs import load_run
from explorer.panels import data, neighbours
from tests.explorer.conftest import called


def frames(app) -> list[pd.DataFrame]:
    return [frame.value for frame in app.dataframe]


def finished(gallery):
    return next(run for run in map(load_run, gallery.iterdir()) if run.state == "finished")


@pytest.mark.slow
def test_a_link_shows_the_nearest_of_an_example_on_each_side(gallery, open_page):
    run = finished(gallery)
    app = open_page("run", gallery, run=run.name, view="Cloud", example="5")
    assert not app.exception
    before, after = frames(app)[-2:]
    texts = run.probe["text"]
    for side, found in ((data.before(run), before), (data.after(run), after)):
        judge = NearestNeighbors(n_neighbors=neighbours.COUNT + 1).fit(side.embeddings)
        rows = judge.kneighbors(side.embeddings[5:6], return_distance=False)[0, 1:]
        assert found["text"].tolist() == [" ".join(texts[row].split()) for row in rows]
    same = len(set(before["text"]) & set(after["text"]))
    assert any(f"{same} of {neighbours.COUNT} are the same" in caption.value for caption in app.caption)
    next(button for button in app.button if button.key == "no-example").click().run()
    assert "example" not in app.query_params


@pytest.mark.slow
@pytest.mark.parametrize("example", ["100000", "-3", "five"])
def test_a_link_to_an_example_that_is_not_there_shows_none(gallery, open_page, example):
    app = open_page("run", gallery, run=finished(gallery).name, view="Cloud", example=example)
    assert not app.exception
    assert "no-example" not in [button.key for button in app.button]


@pytest.mark.slow
def test_a_search_lists_the_examples_that_have_its_words(gallery, open_page):
    run = finished(gallery)
    word = run.probe["text"][7].split()[0]
    app = open_page("run", gallery, run=run.name, view="Cloud")
    called(app.text_input, "find").set_value(word.upper()).run()
    assert app.query_params["find"] in (word.upper(), [word.upper()])
    (found,) = (frame for frame in frames(app) if list(frame) == ["text", "class"])
    assert found["text"].str.contains(word).all()
    called(app.text_input, "find").set_value("nobody-wrote-this").run()
    assert any("nobody" in caption.value and "None of" in caption.value for caption in app.caption)


def test_texts_that_begin_with_the_words_come_first():
    known = pd.Series(["he saw The cat", "The  cat sat", "a dog", "cat the"])
    assert neighbours.search(known, "the CAT").tolist() == [1, 0, 3]
    assert neighbours.search(known, "zebra").tolist() == []


@pytest.mark.slow
@pytest.mark.parametrize(("seen", "own"), [("1 and 3", "1"), ("3-D", ""), ("UMAP", "")])
def test_the_cloud_is_seen_as_the_address_says(gallery, open_page, seen, own):
    if seen == "UMAP":
        pytest.importorskip("umap")
    app = open_page(
        "run", gallery, run=finished(gallery).name, view="Cloud", axes=seen, example="2", **{"own-axes": own}
    )
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption)
    for words, there in (("same size", bool(own)), ("Turn and tilt", seen == "3-D"), ("UMAP", seen == "UMAP")):
        assert (words in said) == there


def test_two_checkpoints_are_called_by_their_names(gallery):
    from explorer.panels import cloud

    run = finished(gallery)
    sides = {"before": data.before(run), "after": data.after(run)}
    shown = cloud.prepared(run, sides, [0, 1], {0: "a", 1: "b"})
    assert "Hollow is before, filled after" in shown.said()
    said = shown.said({"before": "this one", "after": "the other"})
    assert "Hollow is this one, filled the other" in said
    assert "this one, " in said.partition("which hold")[2]
    assert "before" not in said
    assert "after" not in said


def test_each_side_on_its_own_axes_is_as_large_as_the_other(gallery):
    from explorer.panels import cloud

    run = finished(gallery)
    sides = {"before": data.before(run), "after": data.after(run)}
    small = type(sides["before"])(**{**vars(sides["before"]), "embeddings": sides["before"].embeddings * 1e-3})
    sides["before"] = small
    cloud._projection.clear()  # which knows it by the version of the one that it was made of
    shown = cloud.prepared(run, sides, [0, 1], {0: "a", 1: "b"}, "3-D", own=True)
    sizes = [np.square(xyz).sum(1).mean() for xyz in shown.coordinates.values()]
    assert min(sizes) > 0.1 * max(sizes)
    shared = cloud.prepared(run, sides, [0, 1], {0: "a", 1: "b"}, "3-D", own=False)
    sizes = [np.square(xyz).sum(1).mean() for xyz in shared.coordinates.values()]
    assert sizes[0] < 1e-4 * sizes[1]


@pytest.mark.slow
def test_embedding_atlas_is_a_way_to_see_the_cloud_where_it_is_installed(gallery, open_page, monkeypatch):
    import importlib.util
    import sys
    from types import ModuleType, SimpleNamespace

    run = finished(gallery)
    app = open_page("run", gallery, run=run.name, view="Cloud")
    assert "Embedding Atlas, parquet" in [button.label for button in app.get("download_button")]
    assert "Atlas" not in called(app.button_group, "axes").options
    asked = []
    stand_in = ModuleType("embedding_atlas.streamlit")
    stand_in.embedding_atlas = lambda frame, **about: asked.append((frame, SimpleNamespace(**about)))
    monkeypatch.setitem(sys.modules, "embedding_atlas", ModuleType("embedding_atlas"))
    monkeypatch.setitem(sys.modules, "embedding_atlas.streamlit", stand_in)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "explorer.panels.atlas.find_spec", lambda name: True if name == "embedding_atlas" else real(name)
    )
    app = open_page("run", gallery, run=run.name, view="Cloud", axes="Atlas")
    assert not app.exception
    ((frame, about),) = asked
    assert {about.x, about.y, about.text, about.neighbors} <= set(frame)
    assert len(frame) == 80
