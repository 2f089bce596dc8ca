"""Writes a run directory. Every file is complete or absent: a reader never meets half of one, except the events' last line."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml
from filelock import FileLock, Timeout

from core import files
from core.errors import ElsewhereError, IsobarError
from core.files import sentences_for_disk_errors
from core.json_text import json_text, plain
from core.processes import birth_of
from core.runs import checkpoints, layout
from core.runs.migrations import FORMAT
from core.runs.reader import Run

if TYPE_CHECKING:  # a process that waits its turn writes its status alone: it loads none of these
    import numpy as np
    import pandas as pd

    from core.geometry import ClassShape
    from core.modalities import Preview

_PATIENCE_SECONDS = 0.5  # of two that hand a run over, one may still be about to let go


class RunWriter:
    """The writing end of one run directory, which leads the run through its states.

    It holds the directory's lock from its first word on until the run has ended, a ``with`` block does, or the process,
    however that is: of all processes one alone writes. States follow each other as
    :data:`core.runs.layout.STATES` has it.

    Args:
        path: the directory; it is made by :meth:`begin`.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self._made: list[Path] = []
        self._status: dict = {}
        self._state = ""
        self._lock = FileLock(self.path / layout.LOCK, timeout=_PATIENCE_SECONDS, thread_local=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.release()
        _remove_empty(self._made)

    @classmethod
    def named(cls, name: str, runs_dir: Path | str) -> RunWriter:
        """Return the writer of a directory called `name` in `runs_dir`, or `name` and a number where that is taken.

        The directory is made here, so that of several processes that ask at once each has one of its own. Unless the run
        was begun, it goes with the ``with`` block.

        Raises:
            IsobarError: it can't be made.
        """
        runs = Path(runs_dir)
        made = [folder for folder in (runs, *runs.parents) if not folder.exists()]
        try:
            with sentences_for_disk_errors(runs / name):
                files.make_folder(runs)
                writer = cls(files.new_folder(runs, name))
        except BaseException:
            _remove_empty(made)
            raise
        writer._made = [writer.path, *made]
        return writer

    @classmethod
    def create(
        cls, path: Path | str, spec: Mapping, *, record: Mapping | None = None, resume: bool = False
    ) -> RunWriter:
        """Return the writer of the directory `path`, begun as :meth:`begin` does."""
        writer = cls(path)
        writer.begin(spec, record=record, resume=resume)
        return writer

    def begin(self, spec: Mapping, *, record: Mapping | None = None, resume: bool = False) -> None:
        """Make the directory and write its spec, and its record if there is one yet; with `resume`, continue in one that exists.

        Raises:
            IsobarError: the directory exists already (and `resume` is off), another process leads the run, or the
                directory can't be written.
        """
        self.check(resume=resume)
        with sentences_for_disk_errors(self.path):
            files.make_folder(self.path / layout.SNAPSHOTS)
            self.hold()
            files.remove_parts(self.path)
            if resume and not _is_queued(self.path):  # a request that came while it waited is still to be heeded
                (self.path / layout.STOP).unlink(missing_ok=True)
            self.write_spec(spec)
            if record is not None:
                self._replace(layout.RECORD, _yaml(record))

    def hold(self) -> None:
        """Take the directory's lock, if it isn't this writer's already.

        Raises:
            IsobarError: another process has it.
        """
        if self._lock.is_locked:
            return
        with sentences_for_disk_errors(self.path):
            try:
                self._lock.acquire()
            except Timeout as error:
                raise ElsewhereError(
                    f"The run {self.path} is in the hands of another process; stop it, or "
                    "wait until it ends, before it is begun or resumed."
                ) from error
        self._state = _state_of(self.path)

    def release(self) -> None:
        """Leave the run to another process."""
        self._lock.release()

    def check(self, *, resume: bool = False) -> None:
        """Raise an IsobarError where :meth:`begin` would; of a directory that exists the lock is taken, and nothing written."""
        if resume:
            if not (self.path / layout.SPEC).exists():
                raise IsobarError(f"The directory {self.path} holds no run to resume: {layout.SPEC} is missing.")
            run = Run(self.path)
            if run.state == "finished":
                raise IsobarError(f"The run {self.path} has finished; there is nothing left to resume.")
            if (
                run.state == "running" and run.status.get("pid") != os.getpid()
            ):  # on another machine it may be, out of reach of a lock
                raise ElsewhereError(
                    f"The run {self.path} is under way in process {run.status.get('pid')}; stop it before it is resumed "
                    f"(or remove its {layout.STATUS}, if that process is another program's)."
                )
            self.hold()
        elif self.path.exists() and not _only_queued(self.path):
            raise IsobarError(
                f"The run directory {self.path} exists already; choose another with --run-dir, or continue it with --resume."
            )
        parent = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise IsobarError(f"The run directory {self.path} can't be written, since {parent} can't; choose another.")

    def write_spec(self, spec: Mapping) -> None:
        """Write spec.yaml: everything needed to run it again, and the format of the directory."""
        self._replace(layout.SPEC, _yaml({"format": FORMAT, **spec}))

    def record(self, **found) -> None:
        """Add what was `found` to record.yaml."""
        self._replace(layout.RECORD, _yaml({**Run(self.path).record, **found}))

    def status(self, state: str | None = None, **fields) -> None:
        """Merge `state` and `fields` into status.json and renew its heartbeat.

        Raises:
            IsobarError: another process leads the run, or the state can't follow the one that it is in.
        """
        self.hold()
        if state is not None:
            if state not in layout.STATES.get(self._state, layout.STATES):
                raise IsobarError(f"The run {self.path} is {self._state}; it can't become {state}.")
            self._state = self._status["state"] = state
        if state in layout.ENDS and (events := self.path / layout.EVENTS).exists():
            with sentences_for_disk_errors(self.path):
                files.sync(events)  # a run that has ended has logged all that it came to
        self._status.update(fields)
        self._status.update(pid=os.getpid(), birth=birth_of(os.getpid()), host=socket.gethostname(), heartbeat=_now())
        self._replace(layout.STATUS, json_text(self._status, indent=1))
        if state in layout.ENDS:
            self.release()  # whoever reads that it has ended may resume it

    def event(self, **fields) -> None:
        """Append one line to events.jsonl; it is flushed, so that a live page sees it at once."""
        with sentences_for_disk_errors(self.path), (self.path / layout.EVENTS).open("a", encoding="utf-8") as file:
            file.write(json_text({"time": time.time(), **fields}) + "\n")

    def snapshot(
        self,
        *,
        step: int,
        embeddings: np.ndarray,
        labels: np.ndarray,
        predictions: np.ndarray,
        measures: Mapping[str, float],
        classes: Iterable[ClassShape],
        layers: Iterable[Mapping[str, float]] = (),
        epoch: float = 0.0,
    ) -> None:
        """Write what the probe set looks like after `step` steps: embeddings (n, d), labels and predictions (n,), barcodes, measures by layer.

        The barcodes are stored, not left to the reader, so that a page needs no topology to draw them.
        """
        import numpy as np
        from safetensors.numpy import save

        tensors = {
            "embeddings": np.ascontiguousarray(embeddings, dtype=np.float32),
            "labels": np.ascontiguousarray(labels, dtype=np.int64),
            "predictions": np.ascontiguousarray(predictions, dtype=np.int64),
        }
        classes = list(classes)
        for shape in classes:
            tensors[f"bars/{shape.label}/lengths"] = np.ascontiguousarray(shape.lengths, dtype=np.float64)
            tensors[f"bars/{shape.label}/edges"] = np.ascontiguousarray(shape.edges, dtype=np.int64)
            tensors[f"bars/{shape.label}/features"] = np.ascontiguousarray(shape.features, dtype=np.uint8)
        head = {
            "format": FORMAT,
            "step": step,
            "epoch": epoch,
            "measures": dict(measures),
            "classes": [s.summary() for s in classes],
        }
        head["layers"] = [dict(measures) for measures in layers]
        self._replace(
            f"{layout.SNAPSHOTS}/{layout.snapshot_name(step)}",
            save(tensors, metadata={"isobar": json_text(head)}),
        )

    def probe(self, frame: pd.DataFrame, preview: Callable[[int], Preview | None] = lambda row: None) -> None:
        """Write probe.parquet, the probe set's examples and labels, row for row with the snapshots, and what shows each.

        `preview` is called with the rows whose file is not there yet.
        """
        there = {path.stem for path in (self.path / layout.PREVIEWS).glob("row_*.*")}
        with sentences_for_disk_errors(self.path):
            with files.whole(self.path / layout.PROBE) as temporary:
                frame.to_parquet(temporary, index=False)
            for row in range(len(frame)):
                name = layout.preview_name(row)
                if name not in there and (shown := preview(row)) is not None:
                    files.make_folder(self.path / layout.PREVIEWS)
                    self._replace(f"{layout.PREVIEWS}/{name}{shown.suffix}", shown.content)

    def report(self, report: Mapping) -> None:
        """Write report.json: every measure before, after, and the difference."""
        self._replace(layout.REPORT, json_text(report, indent=1))

    def write(self, name: str, content: str) -> None:
        """Write a file of any other name."""
        self._replace(name, content)

    def rewind(self, step: int) -> None:
        """Forget what was logged after `step`, from where a resumed run goes on."""
        path = self.path / layout.EVENTS
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        self._replace(layout.EVENTS, "".join(f"{line}\n" for line in lines if _outlasts(line, step)))
        for later in Run(self.path).steps:
            if later > step:
                files.unlink(self.path / layout.SNAPSHOTS / layout.snapshot_name(later))

    def drop_checkpoints(self, but: Path | None = None) -> list[Path]:
        """Remove all checkpoints `but` one, and return those that were removed."""
        dropped = [checkpoint for checkpoint in checkpoints.all_of(self.path) if checkpoint != but]
        for checkpoint in dropped:
            checkpoints.drop(checkpoint)
        return dropped

    @contextmanager
    def folder(self, name: str, size: int) -> Iterator[Path]:
        """Yield a path to write the folder `name` of the run, of about `size` bytes, to: it is there, whole, once the block has ended."""
        with sentences_for_disk_errors(self.path, size), files.whole(self.path / name) as temporary:
            yield temporary

    def stop_requested(self) -> bool:
        """Whether somebody asked this run to stop."""
        return (self.path / layout.STOP).exists()

    def _replace(self, name: str, content: str | bytes) -> None:
        with sentences_for_disk_errors(self.path):
            files.write(self.path / name, content)


class RunBystander(RunWriter):
    """The writer of a process that leaves the writing to another one: it heeds a stop, and writes nothing."""

    def begin(self, spec: Mapping, *, record: Mapping | None = None, resume: bool = False) -> None:
        """Leave it to the other process."""

    def hold(self) -> None:
        """Leave it to the other process."""

    def event(self, **fields) -> None:
        """Leave it to the other process."""

    def snapshot(self, **parts) -> None:
        """Leave it to the other process."""

    def probe(self, frame: pd.DataFrame, preview=None) -> None:
        """Leave it to the other process."""

    def rewind(self, step: int) -> None:
        """Leave it to the other process."""

    def drop_checkpoints(self, but: Path | None = None) -> list[Path]:
        """Leave it to the other process."""
        return []

    def _replace(self, name: str, content: str | bytes) -> None:
        pass


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove the first of `folders`, and each further one, as long as nothing is in it."""
    with suppress(OSError):  # a run was begun in it
        for folder in folders:
            folder.rmdir()


def _only_queued(path: Path) -> bool:
    """Whether nothing has run yet in the directory `path`: it is empty, or was made for a run that waits its turn."""
    if not path.is_dir():
        return False
    there = {p.relative_to(path).as_posix() for p in path.rglob("*") if not files.is_part(p.name)}
    return there <= {layout.SPEC, layout.STATUS, layout.LOG, layout.SNAPSHOTS, layout.STOP, layout.LOCK, layout.NOTE}


def _is_queued(path: Path) -> bool:
    return _state_of(path) == "queued"


def _state_of(path: Path) -> str:
    """Return the state in status.json, as the last process left it; empty where there is none."""
    try:
        return str(json.loads((path / layout.STATUS).read_bytes())["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _yaml(values: Mapping) -> str:
    return yaml.safe_dump(plain(values), sort_keys=False, allow_unicode=True)


def _outlasts(line: str, step: int) -> bool:
    """Whether a line of events is still right where a run goes on after `step`; one that can't be read is not."""
    try:
        return json.loads(line).get("step", 0) <= step
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
