import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core import IsobarError, files


def test_a_file_is_flushed_before_it_has_its_name_and_its_name_after(tmp_path, monkeypatch):
    done = []

    def fsync(opened, real=os.fsync):
        path = Path(os.readlink(f"/proc/self/fd/{opened}"))
        done.append(("flush", path.name if path != tmp_path else "folder"))
        real(opened)

    def replace(self, target, real=Path.replace):
        done.append(("rename", target.name))
        return real(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    files.write(tmp_path / "a", "text")
    assert done == [
        ("flush", f".a.{os.getpid()}-{threading.get_native_id()}.part"),
        ("rename", "a"),
        ("flush", "folder"),
    ]
    assert (tmp_path / "a").read_text() == "text"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_where_it_fails_the_old_one_is_there_and_nothing_of_the_new(tmp_path, error):
    def fail():
        with files.whole(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise error

    files.write(tmp_path / "a", "old")
    with pytest.raises(type(error)):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_folder_takes_the_place_of_another(tmp_path):
    for word in ("old", "new"):
        with files.whole(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / word).touch()
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["model", "model/new"]


def test_what_killed_processes_left_is_removed(tmp_path):
    (tmp_path / "snapshots").mkdir()
    (tmp_path / ".model.77.part").mkdir()
    for name in ("snapshots/.step_000001.safetensors.77.part", ".model.77.part/config.json", ".lock", "a.part", ".b"):
        (tmp_path / name).touch()
    files.remove_parts(tmp_path)
    assert {p.name for p in tmp_path.rglob("*")} == {"snapshots", ".lock", "a.part", ".b"}


def test_a_library_that_has_its_own_words_for_a_full_disk_is_asked_twice(tmp_path, monkeypatch):
    def fail():
        with files.sentences_for_disk_errors(tmp_path):
            raise RuntimeError("file write failed")

    with pytest.raises(RuntimeError, match="file write failed"):
        fail()
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(IsobarError, match=r"The disk that holds .* is full; free some space"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_person_named_is_whole_or_not_there_and_a_full_disk_is_said(tmp_path, monkeypatch):
    with pytest.raises(IsobarError, match="there is no folder"), files.whole_output(tmp_path / "new" / "model"):
        pass
    (tmp_path / "new").mkdir()

    def write(error):
        with files.whole_output(tmp_path / "new" / "model") as temporary:
            temporary.mkdir()
            (temporary / "half").touch()
            if error is not None:
                raise error

    full = rf"The disk that holds {tmp_path / 'new'} is full; free some space or choose another place\."
    with pytest.raises(IsobarError, match=full):
        write(OSError(errno.ENOSPC, "full"))
    with pytest.raises(RuntimeError, match="file write failed"):
        write(RuntimeError("file write failed"))
    with pytest.raises(IsobarError, match="model can't be written: Input/output error"):
        write(OSError(errno.EIO, "Input/output error"))
    with monkeypatch.context() as patched:
        # As a disk is that is full as long as what was written is there.
        def fallocate(*_):
            if list(tmp_path.rglob("half")):
                raise OSError(errno.ENOSPC, "full")

        patched.setattr(os, "posix_fallocate", fallocate)
        with pytest.raises(IsobarError, match=full):
            write(RuntimeError("file write failed"))
    assert list(tmp_path.rglob("*")) == [tmp_path / "new"]
    write(None)
    assert [p.name for p in tmp_path.rglob("*")] == ["new", "model", "half"]


def test_a_library_that_takes_away_what_it_began_is_asked_for_by_its_size(tmp_path, monkeypatch):
    def fallocate(opened, start, size):
        if size > 50_000_000:
            raise OSError(errno.ENOSPC, "full")

    def write(size):
        with files.whole_output(tmp_path / "model", size):
            raise RuntimeError("file write failed")

    monkeypatch.setattr(os, "posix_fallocate", fallocate)
    with pytest.raises(IsobarError, match="is full; free some space"):
        write(90_000_000)
    with pytest.raises(RuntimeError, match="file write failed"):
        write(1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_one_and_what_is_no_file_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with files.whole_output(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    with files.whole_output(Path(os.devnull)) as itself:
        itself.write_text("new")
    assert Path(os.devnull).is_char_device()


_PRINTED = """
import sys
from pathlib import Path
from core import files
print("before")
with files.whole_output(Path(sys.argv[1])) as file:
    file.write_text("the file\\n")
print("after")
"""


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "both.txt"])
def test_what_is_written_to_the_own_output_stands_between_what_is_printed(tmp_path, name):
    command, said = [sys.executable, "-c", _PRINTED, name], "before\nthe file\nafter\n"
    with (tmp_path / "both.txt").open("w") as file:
        subprocess.run(command, cwd=tmp_path, stdout=file, check=True)
    assert (tmp_path / "both.txt").read_text() == said
    if name != "both.txt":
        assert subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True).stdout == said


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_another_pipe_is_written_to():
    out, into = os.pipe()
    with files.whole_output(Path(f"/dev/fd/{into}")) as itself:
        itself.write_text("new")
    os.close(into)
    with os.fdopen(out) as pipe:
        assert pipe.read() == "new"


def test_a_file_that_is_written_anew_keeps_its_mode_and_one_that_may_only_be_read_stays(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o600)
    with files.whole_output(path) as temporary:
        temporary.write_text("new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write all
    with pytest.raises(IsobarError, match="it may only be read"), files.whole_output(path) as temporary:
        temporary.write_text("newer")
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("parent", "umask", "found"),
    [(0o755, 0o022, 0o700), (0o755, 0o002, 0o700), (0o775, 0o002, 0o770), (0o775, 0o077, 0o700), (0o777, 0o000, 0o700)],
)
def test_folders_are_closed_to_others(tmp_path, parent, umask, found):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(parent)
    before = os.umask(umask)
    try:
        files.make_folder(home / "runs" / "deep")
        made = files.new_folder(home, "run")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (home / "runs", home / "runs" / "deep", made)}
    assert modes == {found}
