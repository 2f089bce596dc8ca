"""What is logged, and where: warnings on stderr, and everything in a file of the person's own that turns over."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

VARIABLE = "ISOBAR_LOG"
_BYTES, _OLDER = 1_000_000, 3
_ON_STDERR = "isobar.stderr"
_log = logging.getLogger("isobar")


def log_path() -> Path:
    """Return the file that is logged to: what ISOBAR_LOG names, or one in the folder that the system has for such."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "isobar" / "log.txt"


@contextmanager
def kept(verbose: bool = False) -> Iterator[None]:
    """Log everything to the file, and to stderr what warns, or with `verbose` everything."""
    before = _log.level
    _log.setLevel(logging.DEBUG)
    handlers = [_stderr(verbose), *_file()]
    for handler in handlers:
        _log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            _log.removeHandler(handler)
            handler.close()
        _log.setLevel(before)


@contextmanager
def shown_by(handler: logging.Handler) -> Iterator[None]:
    """Let `handler` show meanwhile what informs, in place of stderr."""
    others = [one for one in _log.handlers if one.name == _ON_STDERR]
    handler.setLevel(min([logging.INFO, *(one.level for one in others)]))
    for one in others:
        _log.removeHandler(one)
    _log.addHandler(handler)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        for one in others:
            _log.addHandler(one)


def turn_over(path: Path) -> None:
    """Give the log at `path` another name where it has grown large; of the older ones three are kept."""
    with suppress(OSError):
        if path.stat().st_size > _BYTES:
            RotatingFileHandler(path, backupCount=_OLDER, delay=True).doRollover()


def _stderr(verbose: bool) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.name = _ON_STDERR
    handler.setLevel(logging.DEBUG if verbose else logging.WARNING)
    return handler


def _file() -> list[logging.Handler]:
    """Return what writes to the file; nothing where that can't be: no work fails for want of a log."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_OLDER, encoding="utf-8", errors="replace")
    except OSError:
        return []
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    handler.handleError = lambda record: None
    return [handler]
