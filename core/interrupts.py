"""Signals that ask this process to end, while nothing listens for them in a way of its own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_asked = False


def interrupt(*_) -> None:
    """Take a signal as Ctrl-C, and remember it: where a library swallows the exception, whoever asks later still learns of it.

    Raises:
        KeyboardInterrupt: always.
    """
    global _asked
    _asked = True
    raise KeyboardInterrupt


def check() -> None:
    """Raise the KeyboardInterrupt of a signal that came before, and that somebody swallowed.

    Raises:
        KeyboardInterrupt: one came.
    """
    if _asked:
        raise KeyboardInterrupt


@contextmanager
def interrupted_by(*numbers: int) -> Iterator[None]:
    """Take these signals as Ctrl-C meanwhile."""
    global _asked
    _asked = False
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
