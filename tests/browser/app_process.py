"""Starts the real app on a free port of this machine, and a browser to look at it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from core.children import python_module
from core.chromium import find_chromium

ARGUMENTS = ["--disable-background-networking", "--disable-gpu", "--disable-quic", "--no-first-run"]
HOME = Path(__file__).resolve().parents[2]


@contextmanager
def running_app(runs_dir: Path, isobar: Sequence[str] = tuple(python_module("core.cli")), **options) -> Iterator[str]:
    """Yield the address of an app that shows `runs_dir`; it is ended with the block.

    Args:
        runs_dir: the folder of runs.  isobar: the words that start the command line.  options: of the process.
    """
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    address = f"http://localhost:{port}"
    options = {"cwd": HOME, "env": {**os.environ, "HF_HUB_OFFLINE": "1"}} | options
    with tempfile.TemporaryFile() as said:  # not a pipe, which would be full one day
        process = subprocess.Popen(
            [*isobar, "app", "--runs", str(runs_dir), "--port", str(port), "--no-browser"],
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
        try:
            while not answers(f"{address}/_stcore/health"):
                if process.poll() is not None:
                    said.seek(0)
                    raise RuntimeError(f"The app did not start: {said.read().decode()}")
                time.sleep(0.1)
            yield address
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def answers(address: str) -> bool:
    """Return whether the app at this address of its health says that it is there."""
    try:
        return urlopen(address, timeout=10).read() == b"ok"
    except (URLError, OSError):
        return False


@contextmanager
def browser() -> Iterator:
    """Yield a headless Chromium: the one that this machine has."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield found
        finally:
            found.close()


def settle(page) -> None:
    """Wait until the page has drawn all that was sent to it, and nothing has been added or removed for a moment."""
    page.locator(".st-key-status-line").wait_for(timeout=60_000, state="attached")  # before a room it is hidden
    page.wait_for_function(
        """() => {
            const has = (selector) => document.querySelectorAll(selector).length;
            const drawn = has('[data-testid="stApp"][data-test-script-state="notRunning"]')
                && !has('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"]')
                && has('[data-testid="stVegaLiteChart"]') === has('[data-testid="stVegaLiteChart"] .marks');
            const now = performance.now();
            // What charts are made of is left out: a live one changes all the time.
            const size = has('[data-testid="stMain"] *:not(svg *), [data-testid="stSidebar"] *:not(svg *)');
            if (!drawn || size !== window.settledSize) { window.settledSize = size; window.settledSince = now; }
            return now - window.settledSince > 400;
        }""",
        timeout=60_000,
    )
    page.evaluate("document.fonts.ready")
