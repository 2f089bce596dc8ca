"""Streamlit's own scripts, styles and fonts, answered in one piece.

A first visit asks for a hundred of them, while other threads of this process import and draw. Streamlit reads each in several
pieces, each in a thread of its own, and between any two the interpreter may be with the others for milliseconds.
"""

import mimetypes
from pathlib import Path

import streamlit
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(streamlit.__file__).resolve().parent / "static"
_KEEP = {"Cache-Control": "public, immutable, max-age=31536000"}  # as Streamlit says it: their names hold their hashes


class Statics:
    """Answers for what lies in ``/static`` of Streamlit's page, and leaves all else to `app`."""

    def __init__(self, app: ASGIApp):
        self.app = app
        files = (path for path in (FOLDER / "static").rglob("*") if path.is_file())
        self.files = {f"/{path.relative_to(FOLDER).as_posix()}": path for path in files}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        plain = scope["type"] == "http" and scope["method"] == "GET" and "range" not in Headers(scope=scope)
        path = self.files.get(scope["path"]) if plain else None
        if path is None:
            await self.app(scope, receive, send)
            return
        answer = Response(path.read_bytes(), media_type=mimetypes.guess_type(path.name)[0], headers=_KEEP)
        await answer(scope, receive, send)


def of_charts() -> list[str]:
    """Return the addresses of the scripts that draw charts, which Streamlit asks for when the first chart is there."""
    scripts = FOLDER / "static" / "js"
    found = (path for name in ("ArrowVegaLiteChart", "embed") for path in sorted(scripts.glob(f"{name}.*.js")))
    return [f"./{path.relative_to(FOLDER).as_posix()}" for path in found]
