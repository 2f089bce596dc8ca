"""The explorer: ``streamlit run explorer/app.py`` starts it, or `isobar`.

The script that runs for every visitor is `frame/main.py`. It is not this file, because beside a folder ``pages`` Streamlit
would make the navigation by itself until somebody has been at ``/``, and a deep link would come out bare. What the browser
gets is Streamlit's own page, with `frame/steps.js` in front of all its scripts.
"""

import gc
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from core.errors import IsobarError
from explorer import places, statics
from explorer.guard import guards

_log = logging.getLogger("isobar")


def _said(error: Exception) -> bool:
    """Say in a sentence what went wrong, and log the rest; True keeps Streamlit from showing the trace."""
    if isinstance(error, IsobarError):
        from explorer.panels.words import plain  # the app starts without the science

        st.error(plain(error, 600), icon=":material/error:")
        return True
    _log.error("The page failed.", exc_info=error)
    st.error(
        "This can't be shown. What went wrong is in the app's log, in the terminal that started it.",
        icon=":material/error:",
    )
    return True


def _home(request: Request) -> RedirectResponse:
    """Lead from ``/`` to the page that ``?page=`` names, or to the newest run, before a script runs for the wrong page."""
    query = dict(request.query_params.items())
    wanted = query.pop("page", "run")
    path = wanted if wanted in _PAGES else "run"
    with suppress(OSError):  # of a folder that can't be read the page says so
        if path == "run" and "run" not in query and (newest := places.newest()):
            query["run"] = newest
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, headers={"Cache-Control": "no-store"})


def _shell(_: Request) -> HTMLResponse:
    page = (statics.FOLDER / "index.html").read_text(encoding="utf-8")
    steps = (HERE / "frame" / "steps.js").read_text(encoding="utf-8")
    page = page.replace("<head>", f"<head><script>{steps}</script>", 1)
    # What draws charts is loaded while the server still imports and draws, and not when the first chart is there.
    early = "".join(f"import({json.dumps(script)});" for script in statics.of_charts())
    page = page.replace("</body>", f'<script type="module">{early}</script></body>', 1)
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


def _lesson(_: Request) -> HTMLResponse:
    from explorer import lesson_file  # the app starts without the science

    name = {"Content-Disposition": f'attachment; filename="{lesson_file.NAME}"'}
    return HTMLResponse(lesson_file.html(), headers=name)


@asynccontextmanager
async def _ahead(_: st.App) -> AsyncIterator[None]:
    """Import what the first page needs while its reader's browser still loads Streamlit's own scripts."""
    Thread(target=_import, daemon=True).start()
    yield


def _import() -> None:
    """Import what pages need, and turn on the garbage collector, which need not look again at what is there by then."""
    try:
        import_module("explorer.panels.timeline")
    finally:
        gc.freeze()
        gc.enable()


HERE = Path(__file__).parent
_PAGES = [page.stem for page in sorted((HERE / "pages").glob("[a-z]*.py"))]
app = st.App(
    HERE / "frame" / "main.py",
    on_script_error=_said,
    lifespan=_ahead,
    # The lesson takes seconds to make, and of what a download button makes late Streamlit may have let go
    # before the browser asks for it.
    routes=[Route("/", _home), *(Route(f"/{page}", _shell) for page in _PAGES), Route("/isobar-lesson.html", _lesson)],
    middleware=[*guards(), Middleware(statics.Statics)],
)
