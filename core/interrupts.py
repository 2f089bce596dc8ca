"""Signals that ask this process to end, while nothing listens for them in a way of its own."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

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


def keeping_signals(call: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return ``call(*arguments, **options)``, of a library that takes signals for itself, from a thread of its own.

    In the main thread ``pyarrow.csv.read_csv`` puts its handlers in the place of ours meanwhile. Its word of a signal comes
    by a thread, and may come too late: one in a thousand reached nobody (pyarrow 26.0.1). In other threads it takes none, so that
    Ctrl-C ends a call when it has ended: a second for 100 MB.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="isobar-reads") as thread:
        return thread.submit(call, *arguments, **options).result()
