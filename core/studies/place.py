"""The directory of a study: in the form of a run's, with one file of what was found, written anew whenever more is known."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import IsobarError, RunFailedError
from core.json_text import json_text, plain
from core.runs import Run, RunWriter, layout
from core.training.progress import Progress, Stopped, StopSignal, sentence

_BEAT_SECONDS = 0.4
Keep = Callable[[Mapping], None]


@contextmanager
def study_in(
    path: Path | str | None, spec: Mapping, file: str, progress: Progress | None
) -> Iterator[tuple[Progress, Keep]]:
    """Lead a study in the directory `path` through its states, from running to how it ends.

    Yields what is called with (phase, done, in all), which raises :class:`~core.training.progress.Stopped` where the study
    was asked to end, and what writes all that is known so far into `file`. A directory that holds a part of the same study
    is gone on with. Without a `path` nothing is written.

    Raises:
        IsobarError: the directory holds something else, or another study, or can't be written.
        RunFailedError: the study failed underway; the directory's log has the trace.
    """
    tell = progress or (lambda phase, done, total: None)
    if path is None:
        yield tell, lambda found: None
        return
    with RunWriter(path) as writer:
        _begin(writer, plain(spec))
        stop, last = StopSignal(writer), [0.0]

        def beat(phase: str, done: int, total: int) -> None:
            stop.check()
            tell(phase, done, total)
            if time.monotonic() - last[0] > _BEAT_SECONDS or done in (0, total):
                last[0] = time.monotonic()
                writer.status("running", phase=phase, done=done, total=total, error=None)

        with stop.listening():
            try:
                writer.status("running", phase="loading", error=None)
                yield beat, lambda found: writer.write(file, json_text(found))
            except Stopped:
                writer.status("stopped", phase=None)
                raise
            except Exception as error:
                writer.status("failed", phase=None, error=sentence(error))
                if isinstance(error, IsobarError):
                    raise
                with suppress(OSError), (writer.path / layout.LOG).open("a", encoding="utf-8") as log:
                    log.write(traceback.format_exc())
                raise RunFailedError(sentence(error)) from error
            writer.status("finished", phase=None, error=None)


def _begin(writer: RunWriter, spec: dict) -> None:
    there = Run(writer.path)
    begun = (writer.path / layout.SPEC).exists()
    if begun and there.settings != spec:
        raise IsobarError(f"The directory {writer.path} holds something else than this study; choose another.")
    writer.begin(spec, resume=begun)
