"""Who may come in where the app listens for other machines: whoever has the token, which an address brings once and a cookie keeps."""

import os
import secrets
from urllib.parse import parse_qsl, urlencode

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

VARIABLE = "ISOBAR_TOKEN"
_HEALTH = "/_stcore/health"  # says "ok" and nothing else
_REFUSED = (
    "<!doctype html><title>Isobar</title><p>This Isobar asks for its token: open the address that was printed where it was "
    "started, which ends in <code>?token=...</code>.</p>"
)


class Guard:
    """Lets nothing through to `app`, pages, files, uploads and sockets alike, but what comes with the `token`."""

    def __init__(self, app: ASGIApp, token: str):
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        name = f"isobar-{(scope.get('server') or ('', ''))[1]}"  # browsers share cookies between the ports of a machine
        if asked.url.path == _HEALTH or self._is_right(asked.cookies.get(name, "")):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif self._is_right(asked.query_params.get("token", "")):
            query = [pair for pair in parse_qsl(asked.url.query, keep_blank_values=True) if pair[0] != "token"]
            path = "/" + asked.url.path.lstrip("/")  # "//elsewhere" would be another machine
            answer = RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)
            answer.headers["Referrer-Policy"] = "no-referrer"
            answer.set_cookie(name, self.token, httponly=True, samesite="lax", secure=asked.url.scheme == "https")
            await answer(scope, receive, send)
        else:
            await HTMLResponse(_REFUSED, 401)(scope, receive, send)

    def _is_right(self, said: str) -> bool:
        return secrets.compare_digest(said.encode("utf-8", "replace"), self.token.encode())


def guards() -> list[Middleware]:
    """Return the guard, if whoever started the app gave it a token."""
    token = os.environ.get(VARIABLE, "")
    return [Middleware(Guard, token=token)] if token else []
