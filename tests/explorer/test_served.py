"""What the server answers by itself, before a page's script runs."""

import gc
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit.delta_generator
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from explorer import places, statics


@pytest.fixture
def behind():
    """Statics, with an app behind it that tells that it was asked."""
    passed = Starlette(
        routes=[Route("/{path:path}", lambda _: PlainTextResponse("passed on"), methods=["GET", "POST"])],
        middleware=[Middleware(statics.Statics)],
    )
    return TestClient(passed)


@pytest.mark.slow
def test_streamlits_own_files_are_answered_whole(behind):
    files = [path for path in (statics.FOLDER / "static").rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        answer = behind.get(f"/{path.relative_to(statics.FOLDER).as_posix()}")
        assert answer.content == path.read_bytes()
        assert "immutable" in answer.headers["cache-control"]
        if path.suffix == ".js":
            assert "javascript" in answer.headers["content-type"]  # a browser runs no module of another type


@pytest.mark.parametrize(
    "path", ["/static/js/absent.js", "/static/../index.html", "/static/%2e%2e/index.html", "/static/", "/run"]
)
def test_all_else_is_left_to_the_app(behind, path):
    assert behind.get(path).text == "passed on"


def test_a_part_of_a_file_and_what_is_not_read_are_left_to_the_app(behind):
    (script,) = [path for path in statics.of_charts() if "ArrowVegaLiteChart" in path]
    assert behind.get(script[1:], headers={"Range": "bytes=0-9"}).text == "passed on"
    assert behind.post(script[1:]).text == "passed on"


def test_what_draws_charts_is_among_streamlits_files():
    """A name that another Streamlit gives them would leave the page as it is, but slower."""
    found = statics.of_charts()
    assert [name.split("/")[-1].split(".")[0] for name in found] == ["ArrowVegaLiteChart", "embed"]
    assert all((statics.FOLDER / name).is_file() for name in found)


@pytest.fixture
def client(tmp_path, monkeypatch):
    from explorer.app import app

    monkeypatch.setenv("ISOBAR_RUNS", str(tmp_path))
    return TestClient(app, follow_redirects=False)


def led_to(client, address):
    answer = client.get(address)
    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "no-store"  # the newest run is another one tomorrow
    where = urlsplit(answer.headers["location"])
    return where.path, parse_qs(where.query)


def test_the_app_opens_at_the_newest_run(client, tmp_path):
    assert led_to(client, "/") == ("run", {"run": [places.SAMPLE]})
    for name in ("2026-01-01T00-00-00_a b&c", "2026-01-02T00-00-00_a b&c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.yaml").write_text("seed: 1\n")
    assert led_to(client, "/") == ("run", {"run": ["2026-01-02T00-00-00_a b&c"]})


@pytest.mark.parametrize(
    ("address", "path", "query"),
    [
        ("/?page=run&run=x%26y&class=a%20b", "run", {"run": ["x&y"], "class": ["a b"]}),
        ("/?page=learn&lesson=3", "learn", {"lesson": ["3"]}),
        ("/?page=compare", "compare", {}),
        ("/?page=//elsewhere.example", "run", {"run": [places.SAMPLE]}),
        ("/?page=../x", "run", {"run": [places.SAMPLE]}),
    ],
)
def test_a_page_that_is_named_is_led_to(client, address, path, query):
    assert led_to(client, address) == (path, query)


def test_without_runs_and_sample_it_opens_at_the_page_of_runs(client, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "SHIPPED", {places.SAMPLE: tmp_path / "none"})
    assert led_to(client, "/") == ("run", {})


def test_a_folder_of_runs_that_can_not_be_read_is_left_to_the_page(client, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places, "list_runs", refused)
    assert led_to(client, "/") == ("run", {})


def test_the_page_of_a_run_asks_for_what_draws_charts_at_once(client):
    page = client.get("/run").text
    assert all(name in page for name in statics.of_charts())
    assert page.index("<script>") < page.index('type="module"')  # the steps of its history come before all


def test_the_garbage_collector_is_on_once_the_app_has_started():
    from explorer import app

    gc.disable()
    try:
        app._import()
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_streamlit_still_knows_the_mark_that_spares_its_look_at_the_stack():
    assert isinstance(streamlit.delta_generator._use_warning_has_been_displayed, bool)
