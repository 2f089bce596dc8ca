"""The app's start on a machine where it never ran."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

import pytest

from core.children import python_module
from tests.browser.app_process import HOME, answers


@pytest.mark.slow
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
        process.wait()
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
