"""Which browser is found, on machines made of a few files; none is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import chromium


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that puts a command on an otherwise empty PATH; nothing is elsewhere."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(chromium, "_PLACES", (str(tmp_path / "Applications" / "Chrome"),))
    monkeypatch.setattr(chromium, "_of_playwright", lambda: None)

    def put(name, code=0, folder="bin"):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nexit {code}\n")
        path.chmod(0o755)
        return str(path)

    return put


def test_a_bare_machine_has_none(machine):
    assert chromium.find_chromium() is None


@pytest.mark.parametrize("name", ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "msedge"])
def test_any_of_the_family_on_the_path_is_found(machine, name):
    path = machine(name)
    assert chromium.find_chromium() == path


def test_a_script_that_only_says_where_to_get_one_is_passed_over(machine):
    machine("chromium-browser", code=1)
    assert chromium.find_chromium() is None
    chrome = machine("Chrome", folder="Applications")
    assert chromium.find_chromium() == chrome
    on_path = machine("google-chrome-stable")
    assert chromium.find_chromium() == on_path


def test_playwrights_own_comes_last(machine, monkeypatch):
    monkeypatch.setattr(chromium, "_of_playwright", lambda: "playwright's")
    assert chromium.find_chromium() == "playwright's"
    path = machine("chromium")
    assert chromium.find_chromium() == path


@pytest.mark.slow
def test_playwrights_own_is_found_where_it_was_downloaded_to(tmp_path, monkeypatch):
    pytest.importorskip("playwright", reason="playwright is not installed: pip install -e '.[test]'")
    code = "from core.chromium import _of_playwright as of; print(of())"

    def of_playwright():
        environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()

    assert of_playwright() == "None"
    asked = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    command = [sys.executable, "-c", asked]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    path = Path(said.strip())
    assert path.is_relative_to(tmp_path)
    path.parent.mkdir(parents=True)
    path.touch()
    assert of_playwright() == str(path)


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("apt-get", "apt-get install chromium"),
        ("dnf", "dnf install chromium"),
        ("brew", "brew install --cask google-chrome"),
        ("unknown", "python -m playwright install --with-deps chromium"),
    ],
)
def test_the_line_that_installs_one_is_of_this_system(machine, monkeypatch, tool, said):
    monkeypatch.setattr(chromium.platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    machine(tool)
    assert chromium.chromium_install().removeprefix("sudo ") == said


def test_ubuntus_own_package_is_not_advised(machine, monkeypatch):
    monkeypatch.setattr(chromium.platform, "freedesktop_os_release", lambda: {"ID": "ubuntu"})
    machine("apt-get")
    assert chromium.chromium_install() == "python -m playwright install --with-deps chromium"


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "code", "end"), [("", 0, "1 skipped"), ("true", 1, "1 error")])
def test_without_one_browser_tests_skip_and_under_ci_they_fail(tmp_path, ci, code, end):
    pytest.importorskip("playwright", reason="playwright is not installed: pip install -e '.[test]'")
    if any(map(os.path.isfile, chromium._PLACES)):
        pytest.skip("a browser is in its usual place, where no PATH hides it")
    home = Path(__file__).parents[1]
    environment = {**os.environ, "PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path), "CI": ci}
    test = "tests/browser/test_report.py::test_a_report_opens_without_a_network_and_its_texts_stay_texts[light]"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", test]
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment)
    assert done.returncode == code, done.stdout
    assert end in done.stdout
    assert "There is no Chromium or Chrome here; this installs one: " in done.stdout
