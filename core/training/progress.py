"""How work says how far it is, hears that it should end, and says why it failed."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from core import interrupts
from core.errors import IsobarError
from core.runs import RunWriter
from core.training import ranks

Progress = Callable[[str, int, int], None]  # (phase, done, in all)


class Stopped(Exception):
    """The work was asked to end."""


@dataclass
class StopSignal:
    """Whether the work was asked to end: by a signal to this process, or by the stop file in its directory."""

    writer: RunWriter
    received: bool = False

    def check(self) -> None:
        """Raise :class:`Stopped` if so, in all processes that train together; all must ask."""
        if ranks.any_of(self.received or self.writer.stop_requested()):
            raise Stopped

    @contextmanager
    def listening(self) -> Iterator["StopSignal"]:
        """Take SIGTERM and the first Ctrl-C as a request to end cleanly; a second Ctrl-C interrupts at once.

        Not so under a launcher, which passes the first one on to processes that have it from the terminal already.

        Raises:
            KeyboardInterrupt: a signal came before, and a library that was loading swallowed it.
        """
        if threading.current_thread() is not threading.main_thread():  # Python allows handlers only there
            yield self
            return

        alone = ranks.count() == 1
        interrupts.check()

        def receive(number, frame):
            if self.received and number == signal.SIGINT and alone:
                raise KeyboardInterrupt
            self.received = True

        before = {number: signal.signal(number, receive) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def sentence(error: Exception) -> str:
    """Return in a sentence why the work failed."""
    if isinstance(error, IsobarError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The memory was not enough; a smaller batch_size or max_length needs less."
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
