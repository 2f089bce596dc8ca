"""The modality of a task is told without loading it, and is the one that it turns out to have."""

import shutil

import pytest

from core.tasks import BUILT_IN, load_task, modality_of_task
from core.tiny import tiny_task


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_of_a_built_in_one(name):
    assert modality_of_task(name) == BUILT_IN[name] == load_task(name, train_size=20).modality


@pytest.mark.parametrize("modality", ["text", "image", "audio"])
def test_of_a_folder(modality, tmp_path):
    folder = tiny_task(tmp_path, modality)
    assert modality_of_task(str(folder)) == load_task(str(folder)).modality == modality


@pytest.mark.parametrize("modality", ["image", "audio"])
def test_of_a_table_of_files(modality, tmp_path):
    folder = tiny_task(tmp_path / "files", modality)
    names = [file.relative_to(tmp_path) for file in sorted(folder.glob("train/*/*"))]
    rows = [f"{name},{name.parent.name},a word" for name in names]
    (tmp_path / "table.csv").write_text("\n".join(["file,label,note", *rows]))
    name = str(tmp_path / "table.csv")
    assert modality_of_task(name) == load_task(name).modality == modality
    assert modality_of_task(name, "note") == "text"
    shutil.rmtree(folder)
    assert modality_of_task(name) == modality  # loading it says that they are gone


def test_of_lines(tmp_path):
    (tmp_path / "lines.txt").write_text("one\ntwo\n")
    assert modality_of_task(str(tmp_path / "lines.txt")) == "text"


@pytest.mark.parametrize("name", ["owner/name", "nowhere.csv", "nowhere.txt", "~nobody/data", "empty", "broken.csv"])
def test_where_nothing_says_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.csv").write_bytes(b"\xff\xfe\x00")
    assert modality_of_task(name) is None
