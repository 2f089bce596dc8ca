"""The revision that a run records is git's own word, and none where there is no checkout."""

import shutil
import subprocess

import pytest

from core import revision


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "core").mkdir()
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "core" / "revision.py"))
    (tmp_path / "core" / "revision.py").touch()
    return tmp_path


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_checkout_tells_its_revision_and_whether_files_differ(checkout):
    def git(*words):
        about = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
        return subprocess.run(["git", *about, "-C", str(checkout), *words], capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip

    git("init", "-q")
    assert revision.code_revision() is None  # no commit yet
    git("add", ".")
    git("commit", "-qm", "one")
    assert revision.code_revision() == git("rev-parse", "HEAD")
    (checkout / "core" / "revision.py").write_text("changed")
    assert revision.code_revision() == git("rev-parse", "HEAD") + "+"


def test_no_checkout_no_git_no_revision(checkout, monkeypatch):
    assert revision.code_revision() is None
    (checkout / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert revision.code_revision() is None
