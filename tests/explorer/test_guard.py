"""Without the token nothing comes through, whatever is asked for and however."""

import asyncio
import secrets
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from explorer import guard

TOKEN = "kT3n-" + "x" * 27


def asked(path, *, query="", cookie=None, kind="http", port=8501):
    """What the app behind the guard and who asked were sent."""
    sent, through = [], []

    async def app(scope, receive, send):
        through.append(scope["path"])

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": f"{kind}.request"}

    scope = {
        "type": kind, "scheme": "ws" if kind == "websocket" else "http", "method": "GET", "path": path,
        "raw_path": path.encode(), "root_path": "", "query_string": query.encode(), "server": ("192.0.2.1", port),
        "headers": [(b"host", b"192.0.2.1:8501"), *([(b"cookie", cookie.encode())] if cookie else [])],
    }  # fmt: skip
    answered = guard.Guard(app, TOKEN)(scope, receive, send)
    with ThreadPoolExecutor(1) as thread:  # where no browser of another test has a loop that runs
        thread.submit(asyncio.run, answered).result()
    return through, sent


@pytest.mark.parametrize(
    "path", ["/", "/run", "/static/js/x.js", "/media/x.png", "/_stcore/upload_file/a", "/_stcore/host-config"]
)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"query": "token=wrong"},
        {"query": "token="},
        {"query": f"token={TOKEN}x"},
        {"query": f"token={TOKEN[:-1]}"},
        {"query": f"Token={TOKEN}"},
        {"query": "token=%ff%fe%ED%A0%80"},
        {"cookie": "isobar-8501=wrong"},
        {"cookie": "isobar-8501="},
        {"cookie": f"isobar-8502={TOKEN}"},
        {"cookie": f"isobar={TOKEN}"},
    ],
)  # fmt: skip
def test_who_has_no_token_gets_a_sentence(path, given):
    through, sent = asked(path, **given)
    assert through == []
    assert sent[0]["status"] == 401
    assert b"asks for its token" in sent[1]["body"]


@pytest.mark.parametrize("given", [{}, {"query": f"token={TOKEN}"}, {"cookie": "isobar-8501=wrong"}])
def test_a_socket_opens_by_the_cookie_alone(given):
    assert asked("/_stcore/stream", kind="websocket", **given) == ([], [{"type": "websocket.close", "code": 1008}])


def test_the_token_is_taken_once_and_kept_by_the_browser():
    through, sent = asked("/run", query=f"run=a%20b&token={TOKEN}&view=Cloud")
    head = dict(sent[0]["headers"])
    assert (through, sent[0]["status"], head[b"location"]) == ([], 303, b"/run?run=a+b&view=Cloud")
    cookie = head[b"set-cookie"].decode()
    assert cookie.startswith(f"isobar-8501={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "expires" not in cookie.lower()
    assert head[b"referrer-policy"] == b"no-referrer"
    for kind in ("http", "websocket"):
        assert asked("/run", cookie=cookie.split(";")[0], kind=kind) == (["/run"], [])


@pytest.mark.parametrize("path", ["//elsewhere.example/x", "///elsewhere.example", "/"])
def test_it_leads_nowhere_else(path):
    _, sent = asked(path, query=f"token={TOKEN}")
    assert dict(sent[0]["headers"])[b"location"].split(b"?")[0] in (
        b"/",
        b"/elsewhere.example/x",
        b"/elsewhere.example",
    )


def test_health_and_the_life_of_the_server_are_no_secret():
    assert asked("/_stcore/health")[0] == ["/_stcore/health"]
    assert asked("", kind="lifespan")[0] == [""]


def test_the_comparison_takes_as_long_for_any_guess(monkeypatch):
    compared = []
    monkeypatch.setattr(secrets, "compare_digest", lambda a, b: compared.append((a, b)) or False)
    asked("/", query="token=guess", cookie="isobar-8501=other")
    assert compared == [(b"other", TOKEN.encode()), (b"guess", TOKEN.encode())]


def test_without_a_token_there_is_no_guard(monkeypatch):
    monkeypatch.delenv(guard.VARIABLE, raising=False)
    assert guard.guards() == []
    monkeypatch.setenv(guard.VARIABLE, TOKEN)
    assert [(one.cls, one.kwargs) for one in guard.guards()] == [(guard.Guard, {"token": TOKEN})]


def test_protection_is_on_and_nothing_is_reported():
    settings = tomllib.loads((Path(guard.__file__).parent / "streamlit.toml").read_text("utf-8"))
    assert settings["server"]["enableCORS"] is True
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["browser"]["gatherUsageStats"] is False
