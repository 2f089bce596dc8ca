"""A resumed run writes its snapshots anew, and an inspection may be made again: an open page shows what is there now."""

import shutil

import numpy as np
import pytest
import streamlit as st

from core.file_version import file_version
from core.runs import load_run
from explorer.panels import data
from tests.explorer.synthetic import write_inspection, write_run

SMALL = {"per_class": 12, "width": 6}
RUN_VIEWS = (
    {"view": "Barcodes"},
    {"view": "Barcodes", "class": "acceptable"},
    {"view": "Cloud"},
    {"view": "Timeline"},
    {"view": "Anisotropy"},
    {"view": "Texts that moved"},
)
INSPECTION_VIEWS = ("Barcodes", "Merges", "Anisotropy", "Layers")


def shown(app) -> list[bytes]:
    """Return all that the page has drawn: charts, tables, texts in HTML."""
    assert not app.exception
    found = [element for kind in ("vega_lite_chart", "dataframe", "html") for element in app.get(kind)]
    assert found
    return [element.proto.SerializeToString(deterministic=True) for element in found]


def rewrite(path, other) -> None:
    """Let the snapshots of `path` be those of `other`, of the same names and sizes."""
    for snapshot in (other / "snapshots").iterdir():
        target = path / "snapshots" / snapshot.name
        assert target.stat().st_size == pytest.approx(snapshot.stat().st_size, abs=200)
        shutil.copyfile(snapshot, target)


def test_a_snapshot_that_is_written_anew_has_another_version(tmp_path):
    path, other = write_run(tmp_path / "a", **SMALL), write_run(tmp_path / "b", seed=1, **SMALL)
    old = data.after(load_run(path))
    rewrite(path, other)
    new = data.after(load_run(path))
    np.testing.assert_array_equal(new.embeddings, load_run(other).after.embeddings)
    assert not np.allclose(new.embeddings, old.embeddings)
    assert new.version != old.version
    assert new.version == file_version(path / "snapshots" / f"step_{new.step:06d}.safetensors")


def test_a_file_that_is_not_there_has_a_version_too(tmp_path):
    assert file_version(tmp_path / "none") == (str(tmp_path / "none"), 0, 0)


def _check(opened, path, other) -> None:
    """Check that the page `opened` shows the snapshots of `other` once they are those of `path`, as if nothing were kept."""
    app = opened()
    before = shown(app)
    rewrite(path, other)
    after = shown(app.run())
    st.cache_resource.clear()
    assert after == shown(opened())
    assert after != before


@pytest.mark.slow
@pytest.mark.parametrize("view", RUN_VIEWS, ids=lambda view: " ".join(view.values()))
def test_a_run_s_page_shows_the_new_one(view, tmp_path, open_page):
    path, other = write_run(tmp_path / "a", **SMALL), write_run(tmp_path / "b", seed=1, **SMALL)
    _check(lambda: open_page("run", tmp_path / "a", run=path.name, **view), path, other)


@pytest.mark.slow
@pytest.mark.parametrize("view", INSPECTION_VIEWS)
def test_an_inspection_s_page_shows_the_new_one(view, tmp_path, open_page):
    path, other = write_inspection(tmp_path / "a", **SMALL), write_inspection(tmp_path / "b", seed=1, **SMALL)
    _check(lambda: open_page("inspect", tmp_path / "a", of=path.name, **{"view-inspection": view}), path, other)


@pytest.mark.slow
def test_a_comparison_shows_the_new_one(tmp_path, open_page):
    path = write_run(tmp_path / "a", **SMALL)
    plain = write_run(tmp_path / "a", regularizer="none", **SMALL)
    other = write_run(tmp_path / "b", seed=1, **SMALL)
    _check(lambda: open_page("compare", tmp_path / "a", runs=f"{path.name},{plain.name}"), path, other)
