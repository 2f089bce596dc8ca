"""A run of images or sounds is told in words of its own: nothing that is drawn calls them texts."""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
import streamlit as st

from core.modalities import MODALITIES
from core.runs import load_run
from explorer import report
from explorer.panels import data, moved
from tests.explorer.synthetic import write_inspection, write_run
from tests.explorer.test_report import Elements

SMALL = {"per_class": 12, "width": 6, "names": ("one", "other")}
TEXT = re.compile(r"\btexts?\b", re.IGNORECASE)
RUN_VIEWS = (
    {"view": "Barcodes"},
    {"view": "Barcodes", "class": "other"},
    {"view": "Cloud"},
    {"view": "Timeline"},
    {"view": "Anisotropy"},
    {"view": "{} that moved"},
    {"view": "{} that moved", "by": "class distance"},
    {"view": "{} that moved", "by": "prediction"},
    {"view": "Training"},
)
INSPECTION_VIEWS = ("Barcodes", "Merges", "Anisotropy", "Layers")
SAID = ("body", "label", "help", "options", "placeholder")  # of an element, what a person reads


@pytest.fixture(params=["image", "audio", "text"])
def kind(request):
    return MODALITIES[request.param]


def words_of(spec: object) -> Iterator[str]:
    """Yield what a person reads in a chart: titles, descriptions, and the names of fields that a tooltip has no other for."""
    if isinstance(spec, dict):
        yield from (spec[key] for key in ("title", "description", "name") if isinstance(spec.get(key), str))
        if isinstance(spec.get("title"), dict):
            yield str(spec["title"].get("text"))
        tips = spec.get("tooltip") if isinstance(spec.get("tooltip"), list) else []
        yield from (tip["field"] for tip in tips if "title" not in tip)
    for value in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ():
        yield from words_of(value)


def words_on(app) -> list[str]:
    """Return all that the page says: headings, captions, help, HTML, heads of tables, words of charts."""
    assert not app.exception
    found = [str(getattr(element, part, "")) for element in app.main for part in SAID]
    for chart in app.get("vega_lite_chart"):
        found += words_of(json.loads(chart.proto.spec))
    for table in app.get("dataframe"):
        settings = json.loads(table.proto.columns or "{}")
        found += [str(settings.get(name, {}).get("label") or name) for name in table.value.columns]
        found += [str(of.get("help")) for of in settings.values()]
    found += [html.proto.body for html in app.get("html")]
    return [line for line in found if "<style>" not in line]


def check(words: list[str], kind) -> None:
    said = [line for line in words if TEXT.search(line)]
    if kind.name == "text":
        assert said
    else:
        assert said == []
        assert any(re.search(rf"\b{kind.many}?\b", line, re.IGNORECASE) for line in words)


@pytest.mark.slow
@pytest.mark.parametrize("view", RUN_VIEWS, ids=lambda view: " ".join(view.values()))
def test_on_the_page_of_a_run(view, kind, tmp_path, open_page):
    name = write_run(tmp_path, modality=kind.name, **SMALL).name
    asked = {key: value.format(kind.many.capitalize()) for key, value in view.items()}
    app = open_page("run", tmp_path, run=name, **asked)
    check(words_on(app), kind)
    assert app.segmented_control(key="view").value == view["view"].format("Texts")


@pytest.mark.slow
@pytest.mark.parametrize("view", INSPECTION_VIEWS)
def test_on_the_page_of_an_inspection(view, kind, tmp_path, open_page):
    path = write_inspection(tmp_path, modality=kind.name, base=True, **SMALL)
    check(words_on(open_page("inspect", tmp_path, of=path.name, **{"view-inspection": view})), kind)


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_run, write_inspection])
def test_in_a_report(write, kind, tmp_path):
    page = Elements(report.html(load_run(write(tmp_path, modality=kind.name, **SMALL))))
    titles = [str(attributes.get("title")) for _, attributes in page.found]
    check([*page.text.splitlines(), *titles, *words_of(json.loads(page.scripts["charts"]))], kind)
    examples = json.loads(page.scripts["examples"])
    assert (examples["one"], examples["many"]) == (kind.one, kind.many)
    assert len(examples["files"]) == (0 if kind.name == "text" else 24)


def test_where_examples_are_not_stored(kind, tmp_path, open_page):
    path = write_run(tmp_path, modality=kind.name, **SMALL)
    (path / "probe.parquet").unlink()
    run = load_run(path)
    found = moved.compared(run, run.before, run.after)
    assert found["text"][3] == f"{kind.one.capitalize()} 3 (not stored)"
    assert f"The {kind.many} of the probe set (probe.parquet) can't be read." in data.missing(run)


def test_while_they_are_embedded(kind, tmp_path, open_page):
    task = {"text": "grammar", "image": "digits", "audio": "tones"}[kind.name]
    path = write_inspection(tmp_path, state="running", task=task)
    app = open_page("inspect", tmp_path, of=path.name)
    assert f"Embedding the {kind.many}, 128 of 400" in [bar.proto.text for bar in app.get("progress")]


def test_a_sentence_counts_them(tmp_path):
    st.cache_data.clear()
    run = load_run(write_run(tmp_path, modality="image", **SMALL))
    found = moved.compared(run, run.before, run.after)
    assert moved.sentence(found, data.modality(run)).startswith("The 24 images kept ")
    assert moved.meaning(found, data.modality(run)).startswith("What share of an image's 10 nearest images before")
    assert np.unique(found["class"]).tolist() == ["one", "other"]


@pytest.mark.parametrize(("name", "one"), [("text", "a text"), ("image", "an image"), ("audio", "a sound")])
def test_how_many(name, one):
    kind = MODALITIES[name]
    assert kind.a_one == one
    assert [kind.counted(n) for n in (0, 1, 1200)] == [f"0 {kind.many}", f"1 {kind.one}", f"1,200 {kind.many}"]


def test_a_run_that_does_not_say_is_of_texts(tmp_path):
    path = write_run(tmp_path, **SMALL)
    (path / "record.yaml").unlink()
    assert data.modality(load_run(path)) is MODALITIES["text"]
