import os
import subprocess
import sys

import pytest

from core import processes
from core.processes import birth_of, lives


def test_a_process_lives_until_it_has_ended():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    birth = birth_of(process.pid)
    assert birth
    assert lives(process.pid, birth)
    assert lives(process.pid)  # runs of before say no birth
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked for it
    assert not lives(process.pid, birth)
    process.wait()
    assert not lives(process.pid, birth)
    assert not lives(process.pid)


def test_another_process_of_the_same_number_is_another():
    birth = birth_of(os.getpid())
    assert birth == birth_of(os.getpid())
    ticks, start = birth.split()
    assert not lives(os.getpid(), f"{int(ticks) - 1} {start}")


def test_one_of_before_the_machine_was_started_again_is_another(monkeypatch):
    birth = birth_of(os.getpid())
    monkeypatch.setattr(processes, "_start_of_machine", lambda: "another start")
    assert not lives(os.getpid(), birth)


@pytest.mark.parametrize("pid", [None, True, 0, -1, 1e30, 2**40, "12", [], {}])
def test_what_is_no_number_of_a_process_does_not_live(pid):
    assert not lives(pid)


def test_where_the_system_says_nothing_the_library_does(monkeypatch):
    real = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: False if path == "/proc/self/stat" else real(path))
    birth = birth_of(os.getpid())
    assert float(birth) > 0
    assert lives(os.getpid(), birth)
    assert not lives(os.getpid(), "1.0")
    assert not lives(2**22 + 1)
