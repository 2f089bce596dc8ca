import json
import threading

import pytest

from core import IsobarError, load_run
from core.runs import RunWriter, layout
from core.runs.notes import LONGEST, Note, write_note


@pytest.fixture
def run_dir(tmp_path):
    writer = RunWriter.create(tmp_path / "a", {"model": "m"})
    writer.status("running")
    writer.status("stopped")
    return writer.path


def test_what_is_noted_is_read(run_dir):
    assert load_run(run_dir).note == Note()
    note = Note.of("  A name\n of two lines ", ["best", "", "with  spaces", "best"], "\nTwo\nlines: äöü\n")
    assert note == Note("A name of two lines", ("best", "with spaces"), "Two\nlines: äöü")
    write_note(run_dir, note)
    assert load_run(run_dir).note == note
    write_note(run_dir, Note())
    assert not (run_dir / layout.NOTE).exists()
    write_note(run_dir, Note())  # there is nothing to take off


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "x" * 81}, "name of a run has at most 80"),
        ({"tags": ["x" * 41]}, "tag of a run has at most 40"),
        ({"tags": map(str, range(21))}, "at most 20 tags; these are 21"),
        ({"text": "x" * 10_001}, "text of a run has at most 10,000"),
    ],
)
def test_what_is_too_long_is_refused(given, said):
    with pytest.raises(IsobarError, match=said):
        Note.of(**given)


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b"", Note()),
        (b'{"name": "cut', Note()),
        (b"\xff\xfe", Note()),
        (b"[1]", Note()),
        (b"[" * 100_000, Note()),
        (b'{"name": 1, "tags": "abc", "text": null}', Note()),
        (rb'{"name": "a\u001b[31m\ud800b\u0000", "text": "x\u0007\ny"}', Note("a[31mb", (), "x\ny")),
        (b'{"name": "n", "tags": [1, null, ["x"], "t", "t", " "], "text": {"a": 1}}', Note("n", ("t",))),
        (json.dumps({"name": "a\nb" * 100, "tags": ["x" * 99] * 50, "text": "t" * 20_000}).encode(), None),
    ],
)
def test_a_damaged_note_is_read_as_far_as_it_goes(run_dir, content, read):
    (run_dir / layout.NOTE).write_bytes(content)
    note = load_run(run_dir).note
    if read is not None:
        assert note == read
    assert Note.of(note.name, note.tags, note.text) == note  # what is read could have been written
    assert len(note.name) <= LONGEST["name"]


def test_a_note_is_no_part_of_the_run(tmp_path):
    writer = RunWriter.create(tmp_path / "a", {"model": "m"})
    writer.status("queued")
    write_note(writer.path, Note("waits"))
    writer.release()
    RunWriter(writer.path).check()  # it can be begun all the same
    with RunWriter(writer.path) as other:
        other.begin({"model": "m"})
        other.status("running")
        write_note(writer.path, Note("runs"))
        other.rewind(-1)
        other.status("finished")
    assert load_run(tmp_path / "a").note.name == "runs"


def test_of_several_who_write_at_once_one_wins_whole(run_dir):
    notes = [Note(str(k), (str(k),), str(k) * 9_000) for k in range(8)]

    def write(note):
        for _ in range(10):
            write_note(run_dir, note)

    threads = [threading.Thread(target=write, args=[note]) for note in notes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert load_run(run_dir).note in notes
    assert sorted(p.name for p in run_dir.glob("*note*")) == [layout.NOTE]
