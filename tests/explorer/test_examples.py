"""Images and sounds of a run, as the pages and the report show them."""

import base64
import re
import shutil
from io import BytesIO

import numpy as np
import pytest
import yaml
from PIL import Image

from core.runs import layout, load_run
from explorer import report
from explorer.panels import moved, texts
from tests.explorer.synthetic import write_run

CONTENT = b"what is in the file"
URI = base64.b64encode(CONTENT).decode()


@pytest.fixture(params=["image", "audio"])
def kind(request):
    return request.param


@pytest.fixture
def run(kind, tmp_path):
    path = write_run(tmp_path)
    record = {"task": {**load_run(path).record["task"], "modality": kind}}
    (path / layout.RECORD).write_text(yaml.safe_dump(record))
    folder = path / layout.PREVIEWS
    folder.mkdir()
    suffix = {"image": ".png", "audio": ".wav"}[kind]
    for row in range(len(load_run(path).probe)):
        (folder / f"{layout.preview_name(row)}{suffix}").write_bytes(CONTENT)
    return load_run(path)


def test_markup_holds_the_whole_file_beside_its_name(run, kind):
    shown = texts.markup(run, texts.texts_of(run), 0)
    assert f"data:{kind}/" in shown
    assert URI in shown
    assert ("<img" in shown, "<audio" in shown) == (kind == "image", kind == "audio")


def test_images_alone_have_thumbnails_in_tables(run, kind):
    found = texts.thumbnails(run, [2, 0])
    assert found == ([f"data:image/png;base64,{URI}"] * 2 if kind == "image" else None)


@pytest.mark.slow
def test_a_report_shows_them_where_it_names_them(run, kind):
    page = report.html(run)
    assert page.count(URI) == len(run.probe)
    listed = re.findall('data-example="([0-9]+)"', page)
    assert len(listed) > len(set(listed)) > 10  # some stand in several places, and are held once
    assert "media-src data:" in page  # else a browser plays nothing
    assert {"image": "Images that moved", "audio": "Sounds that moved"}[kind] in page


@pytest.mark.slow
def test_a_report_holds_no_more_than_it_has_room_for_and_says_so(run, kind, monkeypatch):
    many = {"image": "images", "audio": "sounds"}[kind]
    assert f"This file holds all 80 {many} of the probe set, each once." in report.html(run)
    monkeypatch.setattr(report, "_MOST_BYTES", 10 * len(texts.data_uri(run.preview(0))))
    page = report.html(run)
    assert page.count(URI) == 10
    assert f"This file holds 10 of the 80 {many} of the probe set, those of the lists below first" in page
    listed = re.findall('data-example="([0-9]+)"', page)
    assert len(set(listed)) == 10  # what is listed comes first
    assert "This file holds" not in report.html(load_run(write_run(run.path.parent, seed=1)))


@pytest.mark.slow
def test_a_report_is_of_what_is_there_now(run, tmp_path):
    old = report.html(run)
    assert report.html(load_run(run.path)) == old
    other = write_run(tmp_path / "other", seed=1)
    for snapshot in (other / layout.SNAPSHOTS).iterdir():
        shutil.copyfile(snapshot, run.path / layout.SNAPSHOTS / snapshot.name)
    moved_on = report.html(load_run(run.path))
    assert moved_on != old
    run.preview(0).write_bytes(CONTENT[::-1])
    again = report.html(load_run(run.path))
    assert base64.b64encode(CONTENT[::-1]).decode() in again
    assert again != moved_on


def test_sounds_in_a_table_are_said_to_be_heard_elsewhere(run, kind):
    assert ("plays no sounds" in texts.unplayed(run, [0, 1])) == (kind == "audio")
    assert texts.unplayed(load_run(write_run(run.path.parent, seed=1)), [0]) == ""


@pytest.mark.slow
def test_a_name_is_shown_where_its_file_is_gone(run, kind):
    kept = texts.texts_of(run)
    file = run.preview(1)
    file.unlink()
    assert texts.markup(run, kept, 1).count("data:") == 0  # it was there when the folder was read
    shutil.rmtree(file.parent)
    gone = load_run(run.path)
    assert gone.preview(0) is None
    assert URI not in report.html(gone)
    assert texts.thumbnails(gone, [0, 1]) is None


def test_texts_are_as_they_were(tmp_path):
    run = load_run(write_run(tmp_path))
    assert texts.thumbnails(run, [0, 1]) is None
    assert texts.markup(run, texts.texts_of(run), 0).startswith('<div dir="auto"')
    assert texts.markup(run, None, 0).count("Text 0 (not stored)") == 1
    assert len(moved.compared(run, run.snapshot(run.steps[0]), run.snapshot(run.steps[-1])))


def test_a_photograph_is_made_small(tmp_path):
    path = tmp_path / "row_000000.png"
    pixels = np.random.default_rng(0).integers(0, 256, (300, 512, 3), dtype=np.uint8)  # no photograph is larger
    Image.fromarray(pixels).save(path)
    assert path.stat().st_size > 400_000
    head, _, content = texts.data_uri(path).partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(BytesIO(base64.b64decode(content))).size == (96, 56)
    assert len(content) < 12_000
    path.write_bytes(CONTENT * 1000)
    assert texts.data_uri(path) == ""  # no image


def test_what_moves_is_shown_as_it_is_and_what_no_page_shows_by_its_name(tmp_path):
    """A moving image made a thumbnail would stand still."""
    frames = [Image.new("RGB", (200, 200), (k, 0, 0)) for k in range(0, 250, 5)]
    moving, unknown = tmp_path / "row_000000.gif", tmp_path / "row_000001.xyz"
    frames[0].save(moving, save_all=True, append_images=frames[1:])
    unknown.write_bytes(b"whatever")
    head, _, content = texts.data_uri(moving).partition(",")
    assert head == "data:image/gif;base64"
    assert base64.b64decode(content) == moving.read_bytes()
    assert texts.data_uri(unknown) == ""
