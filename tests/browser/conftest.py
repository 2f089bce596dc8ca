"""The app in a process of its own, and a browser."""

import os
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from core.chromium import chromium_install, find_chromium
from core.runs import list_runs
from tests.browser.app_process import browser, running_app, settle
from tests.explorer.synthetic import write_gallery

expect.set_options(timeout=20_000)  # a wait ends when what is awaited is there; this is for a machine that is busy


@pytest.fixture(scope="session", autouse=True)
def _needs_chromium():
    """Skip the browser tests on a machine without Chromium, and say how to get it; under CI=true fail."""
    if find_chromium() is None:
        end = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        end(f"There is no Chromium or Chrome here; this installs one: {chromium_install()}")


def pytest_collection_modifyitems(items):
    """On CI's two cores a page may take longer than any test waits: one that fails there is tried once more, and listed as rerun."""
    if os.environ.get("CI") == "true":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_gallery(folder)
    return folder


@pytest.fixture(scope="session")
def app(gallery):
    """The address of an app that shows the gallery."""
    with running_app(gallery) as address:
        yield address


def is_complaint(message) -> bool:
    """Whether a line of the console is an error, or a warning of Vega's."""
    return message.type == "error" or (message.type == "warning" and message.text.startswith("WARN "))


@pytest.fixture
def own_runs(tmp_path):
    """A folder for real runs; none of them goes on after the test."""
    yield tmp_path / "runs"
    for run in list_runs(tmp_path / "runs"):
        run.request_stop()


@pytest.fixture
def contexts():
    """What the pages of a test are open in; all are closed after it."""
    opened = []
    yield opened
    close_all(opened)


def close_all(contexts):
    while contexts:
        contexts.pop().close()


@pytest.fixture
def own_app(contexts):
    """A function that starts an app of the test's own; its pages are closed before it ends, since a page that is left
    without its server complains."""

    @contextmanager
    def opened(runs_dir):
        with running_app(runs_dir) as address:
            try:
                yield address
            finally:
                close_all(contexts)

    return opened


@pytest.fixture
def visit(chromium, contexts):
    """A function that opens an address in a fresh browser; what its console complains of fails the test."""
    complaints = []

    def visited(address, settled=True, **options):
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(address)
        if settled:
            settle(page)
        return page

    yield visited
    close_all(contexts)
    assert complaints == []
