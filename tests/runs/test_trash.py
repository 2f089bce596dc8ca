import os
from pathlib import Path

import pytest

from core import IsobarError, files, list_runs, load_run
from core.runs import RunWriter, layout
from core.runs.trash import empty, last_trashed, restore, trash, trashed


def a_run(runs: Path, name: str = "a", state: str = "finished") -> Path:
    writer = RunWriter.create(runs / name, {"model": "m"})
    writer.status("running")
    if state != "running":
        writer.status(state)
    return writer.path


def names(runs: Path) -> list[str]:
    return [run.name for run in list_runs(runs)]


def test_what_is_thrown_away_is_in_no_list_and_comes_back_as_it_was(tmp_path):
    path = a_run(tmp_path)
    files.write(path / "log.txt", "said")
    gone = trash(load_run(path))
    assert names(tmp_path) == []
    assert [(one.name, one.moment) for one in trashed(tmp_path)] == [("a", gone.moment)]
    assert (gone.path / "log.txt").read_text() == "said"
    back = restore(gone)
    assert (back.path, back.state, back.log()) == (path, "finished", "said")
    assert trashed(tmp_path) == []
    assert list((tmp_path / layout.TRASH).iterdir()) == []


def test_runs_of_one_name_do_not_meet(tmp_path):
    for model in ("first", "second", "third"):
        files.write(a_run(tmp_path) / layout.LOG, model)
        trash(load_run(tmp_path / "a"))
    assert [(one.path / layout.LOG).read_text() for one in trashed(tmp_path)] == ["third", "second", "first"]
    files.write(a_run(tmp_path) / layout.LOG, "fourth")
    back = [restore(last_trashed("a", tmp_path)) for _ in range(3)]
    assert [run.name for run in back] == ["a-2", "a-3", "a-4"]
    assert [run.log() for run in (load_run(tmp_path / "a"), *back)] == ["fourth", "third", "second", "first"]


def test_many_in_one_second_come_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "2026-11-28T00-00-00")
    for number in range(12):
        trash(load_run(a_run(tmp_path, f"r{number:02d}")))
    assert [one.name for one in trashed(tmp_path)] == [f"r{number:02d}" for number in range(11, -1, -1)]


@pytest.mark.parametrize(("state", "word"), [("running", "running"), ("queued", "waiting")])
def test_a_run_that_is_under_way_is_refused(tmp_path, state, word):
    writer = RunWriter.create(tmp_path / "a", {"model": "m"})
    writer.status(state)
    with pytest.raises(IsobarError, match=f"The run a is {word}; stop it before it is thrown away"):
        trash(load_run(writer.path))
    assert names(tmp_path) == ["a"]
    assert trashed(tmp_path) == []


def test_a_run_that_another_process_is_about_to_begin_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("core.runs.writer._PATIENCE_SECONDS", 0)
    a_run(tmp_path, state="stopped")
    with RunWriter(tmp_path / "a") as other:
        other.hold()
        with pytest.raises(IsobarError, match="in the hands of another process"):
            trash(load_run(tmp_path / "a"))
    assert names(tmp_path) == ["a"]


def test_a_run_that_is_a_link_comes_back_as_one(tmp_path):
    a_run(tmp_path / "elsewhere")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a").symlink_to(tmp_path / "elsewhere" / "a")
    gone = trash(load_run(tmp_path / "runs" / "a"))
    assert restore(gone).path.is_symlink()
    trash(load_run(tmp_path / "runs" / "a"))
    assert empty(tmp_path / "runs") == 1
    assert names(tmp_path / "elsewhere") == ["a"]  # of a link the link alone goes


def test_the_trash_is_emptied(tmp_path):
    assert empty(tmp_path) == 0
    for name in ("a", "b"):
        trash(load_run(a_run(tmp_path, name)))
    assert empty(tmp_path) == 2
    assert trashed(tmp_path) == []
    assert not (tmp_path / layout.TRASH).exists()
    with pytest.raises(IsobarError, match="There is no run 'a' in the trash"):
        last_trashed("a", tmp_path)


def test_what_is_gone_meanwhile_is_a_sentence(tmp_path):
    run = load_run(a_run(tmp_path))
    gone = trash(run)
    with pytest.raises(IsobarError, match="There is no run"):
        trash(run)
    empty(tmp_path)
    with pytest.raises(IsobarError, match="no longer in the trash"):
        restore(gone)


def test_a_move_that_fails_leaves_everything_as_it_was(tmp_path, monkeypatch):
    run = load_run(a_run(tmp_path))
    monkeypatch.setattr(files, "move", lambda *_: (_ for _ in ()).throw(PermissionError(1, "Operation not permitted")))
    with pytest.raises(IsobarError, match="can't be"):
        trash(run)
    assert names(tmp_path) == ["a"]
    assert trashed(tmp_path) == []
    assert os.listdir(tmp_path / layout.TRASH) == []
