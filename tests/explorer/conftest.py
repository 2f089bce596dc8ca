"""A folder of runs for pages to read, and the pages without a browser."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.explorer.synthetic import write_gallery, write_run

MAIN = Path(__file__).resolve().parents[2] / "explorer" / "frame" / "main.py"


def called(widgets, key: str):
    """The one of `widgets` that is called `key`: something else than a choice in it may have made it anew."""
    return next(one for one in widgets if re.fullmatch(rf"{re.escape(key)}(-\d+)?", one.key or ""))


@pytest.fixture(scope="session", autouse=True)
def looked_for_components_once():
    """Before an AppTest runs first Streamlit reads what all installed packages say of themselves, each time for the same answer."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    """Runs that finished, failed and were stopped, and a baseline."""
    folder = tmp_path_factory.mktemp("runs")
    write_gallery(folder)
    return folder


@pytest.fixture
def one_run(tmp_path):
    """A function that writes a run in a folder of its own."""
    return lambda **options: write_run(tmp_path, **options)


@pytest.fixture
def open_page(monkeypatch):
    """A function that opens a page on a folder of runs, as a browser at that address would."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    def opened(page: str, folder: Path, /, **query: str):
        monkeypatch.setenv("ISOBAR_RUNS", str(folder))
        st.cache_data.clear()
        app = AppTest.from_file(str(MAIN), default_timeout=120)
        app.query_params["page"] = page
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return opened
