"""The app's start on a machine where it never ran."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import psutil
import pytest

from core.children import python_module
from core.cli import main
from tests.browser.app_process import HOME, answers

pytestmark = pytest.mark.slow


def test_its_script_may_be_run_without_a_server():
    """Streamlit makes it the main module, and each process that multiprocessing starts anew runs that once more."""
    script = HOME / "explorer" / "frame" / "main.py"
    done = subprocess.run([sys.executable, script], cwd=HOME, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1_000:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_command_alone_ends_the_server(tmp_path, number):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [*python_module("core.cli"), "app", "--runs", str(tmp_path), "--port", str(port), "--no-browser"]
    process = subprocess.Popen(
        command, cwd=HOME, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not answers(f"http://localhost:{port}/_stcore/health"):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)  # to it and not to its group, as a service manager does
        assert process.wait() == 130
        with socket.socket() as probe:
            assert probe.connect_ex(("localhost", port)) != 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_nothing_is_asked_in_the_terminal(tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [*python_module("core.cli"), "app", "--runs", str(tmp_path), "--port", str(port)],
            cwd=HOME,
            env={**os.environ, "HOME": str(tmp_path), "BROWSER": "true"},  # a browser that opens nothing
            stdin=subprocess.PIPE,  # which says nothing, as somebody who waits for the app
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not answers(f"http://localhost:{port}/_stcore/health"):
            assert process.poll() is None, said.read_text()
            assert "Email" not in said.read_text()
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.mark.parametrize("host", [None, "0.0.0.0"])
def test_other_machines_need_the_token_and_this_one_none(tmp_path, host):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    here, said = f"http://localhost:{port}", tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [
                *python_module("core.cli"), "app", "--runs", str(tmp_path), "--port", str(port), "--no-browser",
                *(["--host", host] if host else []),
            ],
            cwd=HOME, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        while not answers(f"{here}/_stcore/health"):
            assert process.poll() is None, said.read_text()
            time.sleep(0.1)
        listens = {c.laddr.ip for c in psutil.Process(process.pid).net_connections() if c.status == psutil.CONN_LISTEN}
        assert (listens <= {"127.0.0.1", "::1"}) == (host is None)
        token = re.search(r"/\?token=(\S+)", said.read_text())
        assert (token is None) == (host is None)
        assert "external IP" not in said.read_text()  # which would be asked for in the world
        if host is None:
            assert urlopen(f"{here}/run").status == 200
            return
        assert "not encrypted" in said.read_text()
        for path in ("/run", "/run?token=wrong", "/_stcore/host-config"):
            with pytest.raises(HTTPError, match="401"):
                urlopen(f"{here}{path}")
        browser = build_opener(HTTPCookieProcessor())
        answer = browser.open(f"{here}/run?token={token[1]}&run=a")
        assert (answer.status, answer.url) == (200, f"{here}/run?run=a")
        assert browser.open(f"{here}/_stcore/host-config").status == 200
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait() == 130


def test_a_host_that_is_none_is_a_sentence(monkeypatch, capfd):
    monkeypatch.setattr("sys.argv", ["isobar", "app", "--host", "nowhere.invalid"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "There is no address 'nowhere.invalid'" in capfd.readouterr().err
