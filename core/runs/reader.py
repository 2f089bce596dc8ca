"""Reads run directories as they are: any file may be missing or cut short, and what is there is shown."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core import yaml_text
from core.errors import IsobarError, nearest
from core.file_version import FileVersion, file_version
from core.files import full_or_closed
from core.processes import lives
from core.runs import checkpoints, layout, migrations, shapes
from core.runs.notes import Note, read_note

if TYPE_CHECKING:  # a process that waits its turn looks at states alone: it loads none of these
    import numpy as np
    import pandas as pd

    from core.geometry import ClassShape

_STALE_SECONDS = 60.0  # a run on another machine is taken for dead after this long without a heartbeat


@dataclass(frozen=True)
class Snapshot:
    """The probe set's embeddings after some step, with the barcode of each class.

    Attributes:
        step, epoch: when it was taken.
        embeddings: (n, d) float32.  labels, predictions: (n,) int64; a prediction of -1 means none was made.
        measures: the whole space's measures, as `measure()` names them, and the task metrics.
        classes: one :class:`~core.geometry.ClassShape` a class; their edges are rows of `embeddings`.
        layers: the main measures of every layer's embeddings, the input embeddings' first; empty in older runs.
        version: of the file that it was read from. What is computed of a snapshot is kept under this.
    """

    step: int
    epoch: float
    embeddings: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    measures: dict[str, float]
    classes: list[ClassShape]
    layers: list[dict[str, float]] = field(default_factory=list)
    version: FileVersion = ("", 0, 0)


@dataclass(frozen=True)
class Run:
    """The reading end of one run directory; each property reads its file once, when it is first asked for.

    A file that is missing or cut short reads as empty (``{}``, no rows, None) and is named in :attr:`problems`.
    """

    path: Path

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name

    @cached_property
    def spec(self) -> dict:
        """The RunSpec's fields as spec.yaml holds them, in the form of this version; empty where that is a later version's."""
        return {} if self.refused else self._fitted_spec[0]

    @property
    def settings(self) -> dict:
        """What spec.yaml holds as it stands there, whatever it is the spec of: of a study it is a study's."""
        return {} if self.refused else migrations.settings_now(self._spec)

    @cached_property
    def _fitted_spec(self) -> tuple[dict, list[str]]:
        return shapes.fitting(self.settings, shapes.SPEC)

    @cached_property
    def record(self) -> dict:
        """record.yaml: versions, machine, model and data, as they were found."""
        found = self._mapping(layout.RECORD, yaml_text.parsed) or _as_mapping(self._spec.get("record"))
        return shapes.fitting(found, shapes.RECORD)[0]

    @property
    def refused(self) -> str:
        """The sentence that says that a later version wrote the directory, or an empty string."""
        return migrations.refusal(self._spec, f"The run {self.path}")

    @cached_property
    def _spec(self) -> dict:
        return self._mapping(layout.SPEC, yaml_text.parsed)

    @cached_property
    def status(self) -> dict:
        """status.json, with a run whose process is gone turned into ``failed``."""
        status = self._status()
        if status["state"] in ("queued", "running") and not _alive(status):
            status = self._status()  # the process may have said its last word, and ended, between the two looks
        if status["state"] in ("queued", "running") and not _alive(status):
            why = full_or_closed(self.path) or "killed, or out of memory"
            status = {**status, "state": "failed", "error": f"The run's process ended without a word ({why})."}
        return status

    def _status(self) -> dict:
        status, _ = shapes.fitting(self._mapping(layout.STATUS, json.loads), shapes.STATUS)
        if status.get("state") not in layout.STATES:
            return {**status, "state": "failed", "error": status.get("error") or "The run's status can't be read."}
        return status

    @property
    def state(self) -> str:
        """queued, running, finished, failed or stopped."""
        return self.status["state"]

    @cached_property
    def report(self) -> dict:
        """report.json: ``before``, ``after``, ``difference``; empty while the run has not ended.

        Measures that the run's version did not know are those of its snapshots.
        """
        from core.runs.recall import with_report_between

        report, _ = self._fitted_report
        return with_report_between(report, {"before": self._first, "after": self._last})

    @cached_property
    def _fitted_report(self) -> tuple[dict, list[str]]:
        return shapes.fitting(self._mapping(layout.REPORT, json.loads), shapes.REPORT)

    @property
    def _rows(self) -> list[dict]:
        return self._events[0]

    @cached_property
    def _events(self) -> tuple[list[dict], int]:
        """The lines of events.jsonl that can be read, and the number of the others."""
        rows, others = [], 0
        lines = (self._bytes(layout.EVENTS) or b"").splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                others += number < len(lines)  # the last line is that of a run that died while writing it
                continue
            if shapes.is_event(row):
                rows.append(row)
            else:
                others += 1
        return rows, others

    def rows(self, kind: str) -> list[dict]:
        """Return the lines of events.jsonl of one kind: step, probe, evaluation or note."""
        return [row for row in self._rows if row.get("kind") == kind]

    @cached_property
    def events(self) -> pd.DataFrame:
        """events.jsonl, one row a line; nested names joined by ``/``, as in ``classes/0/entropy``."""
        import pandas as pd

        return pd.json_normalize(self._rows, sep="/") if self._rows else pd.DataFrame()

    @cached_property
    def probe(self) -> pd.DataFrame:
        """probe.parquet: ``text`` (the name of an image or a sound), ``text_pair`` where there are two, ``label``, ``label_name``; no rows where it can't be read."""
        import pandas as pd

        try:
            return pd.read_parquet(self.path / layout.PROBE)
        except Exception:  # Arrow has an error for each thing that it can't do
            return pd.DataFrame()

    def preview(self, row: int) -> Path | None:
        """Return the PNG or wav file that shows row `row` of :attr:`probe`, or None: a text shows itself."""
        return self._previews.get(layout.preview_name(row))

    @cached_property
    def _previews(self) -> dict[str, Path]:
        return {path.stem: path for path in (self.path / layout.PREVIEWS).glob("row_*.*")}

    @cached_property
    def steps(self) -> list[int]:
        """The steps of which there is a snapshot, in order; nothing is read but the folder."""
        names = (p.name for p in (self.path / layout.SNAPSHOTS).glob("step_*.safetensors"))
        steps = (name[5:-12] for name in names)
        return sorted(int(step) for step in steps if step.isascii() and step.isdigit() and len(step) < 16)

    def snapshot(self, step: int) -> Snapshot | None:
        """Return the snapshot of `step`, or None where there is none that can be read."""
        from safetensors import SafetensorError, safe_open

        from core.geometry import ClassShape
        from core.runs.recall import with_measures_between

        path = self.path / layout.SNAPSHOTS / layout.snapshot_name(step)
        version = file_version(path)  # before it is read: were it written anew meanwhile, it would be read again
        try:
            with safe_open(path, framework="numpy") as file:
                head = json.loads((file.metadata() or {})["isobar"])
                if migrations.refusal(head, path.name):
                    return None
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
            return Snapshot(
                step=head["step"],
                epoch=head["epoch"],
                embeddings=tensors["embeddings"],
                labels=tensors["labels"],
                predictions=tensors["predictions"],
                measures=with_measures_between(head["measures"], tensors["embeddings"], tensors["labels"]),
                classes=[
                    ClassShape.from_summary(
                        row,
                        lengths=tensors[f"bars/{row['label']}/lengths"],
                        edges=tensors[f"bars/{row['label']}/edges"],
                        features=tensors[f"bars/{row['label']}/features"].astype(bool),
                    )
                    for row in head["classes"]
                ],
                layers=head.get("layers", []),
                version=version,
            )
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
            return None

    @cached_property
    def before(self) -> Snapshot | None:
        """The first snapshot (step 0), or None."""
        return self._first()

    @cached_property
    def after(self) -> Snapshot | None:
        """The last snapshot that can be read and is not the first, or None."""
        return self._last()

    def _first(self) -> Snapshot | None:
        return self.snapshot(self.steps[0]) if self.steps and self.steps[0] == 0 else None

    def _last(self) -> Snapshot | None:
        for step in reversed(self.steps):
            if step > 0 and (found := self.snapshot(step)) is not None:
                return found
        return None

    @property
    def checkpoint(self) -> Path | None:
        """The newest checkpoint folder that is whole, from which the run can be resumed, or None."""
        return checkpoints.newest(self.path)

    @cached_property
    def note(self) -> Note:
        """note.json: the name, tags and text that a person gave the run; empty where nobody did."""
        return read_note(self.path)

    @cached_property
    def problems(self) -> list[str]:
        """What a finished directory should hold and this one does not, a sentence each."""
        expected = {layout.SPEC: bool(self.spec), layout.STATUS: bool(self._mapping(layout.STATUS, json.loads))}
        expected[layout.PROBE] = len(self.probe) > 0
        if self.state == "finished":
            expected[layout.REPORT] = bool(self._mapping(layout.REPORT, json.loads))
            expected[layout.EVENTS] = len(self.events) > 0
        found = [self.refused] if self.refused else []
        expected[layout.SPEC] |= bool(found)
        found += [f"{name} is missing or can't be read." for name, there in expected.items() if not there]
        for name, (_, wrong) in ((layout.SPEC, self._fitted_spec), (layout.REPORT, self._fitted_report)):
            found += [f"{name} has a {entry!r} of a wrong kind, which is left out." for entry in wrong]
        if lines := self._events[1]:
            found.append(f"{lines} line{'s' if lines > 1 else ''} of {layout.EVENTS} can't be read.")
        unreadable = [step for step in self.steps if not self._is_whole(step)]
        return found + [f"The snapshot of step {step} can't be read." for step in unreadable]

    def _is_whole(self, step: int) -> bool:
        """Whether the snapshot of `step` is there to its end; its head is read, and no embedding."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path / layout.SNAPSHOTS / layout.snapshot_name(step), framework="numpy") as file:
                return bool(json.loads((file.metadata() or {})["isobar"])) and "embeddings" in file.keys()  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError):
            return False

    def request_stop(self) -> None:
        """Ask the run to end; it does so within a training step, leaving a usable directory.

        Raises:
            IsobarError: the directory is gone, or can't be written.
        """
        try:
            (self.path / layout.STOP).touch()
        except OSError as error:
            raise IsobarError(f"The run {self.path} can't be asked to stop: {error.strerror}.") from error

    def log(self, characters: int = 20_000) -> str:
        """Return the end of the run's log."""
        return (self._bytes(layout.LOG) or b"")[-characters:].decode("utf-8", errors="replace")

    def _bytes(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def _mapping(self, name: str, parse) -> dict:
        content = self._bytes(name)
        if not content:
            return {}
        try:
            value = parse(content)
        except (ValueError, TypeError, RecursionError, OverflowError):
            return {}
        return value if isinstance(value, dict) else {}


def load_run(path: Path | str) -> Run:
    """Return the run in directory `path`.

    Raises:
        IsobarError: there is no such directory, it holds no run, or one of a later version's format.
    """
    run = run_in(path)
    if run.refused:
        raise IsobarError(run.refused)
    return run


def run_in(path: Path | str) -> Run:
    """Return the run in directory `path`, whatever its format: what it is called and how it stands can be told of any.

    Raises:
        IsobarError: there is no such directory, or it holds no run.
    """
    path = Path(path)
    if not path.is_dir():
        siblings = [p.name for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
        raise IsobarError(f"There is no run directory {path}.{nearest(path.name, siblings)}")
    if not _is_run(path):
        raise IsobarError(f"The directory {path} holds no run: it has neither {layout.SPEC} nor {layout.STATUS}.")
    return Run(path)


def list_runs(runs_dir: Path | str = "runs") -> list[Run]:
    """Return the runs in `runs_dir`, newest first; an absent directory holds none."""
    if not os.path.isdir(runs_dir):
        return []
    # Strings, not paths: of ten thousand runs the app asks every two seconds.
    with os.scandir(runs_dir) as entries:
        names = sorted((entry.name for entry in entries if _is_run(entry.path)), reverse=True)
    return [Run(Path(runs_dir, name)) for name in names]


def find_run(name: str, runs_dir: Path | str = "runs") -> Run:
    """Return the run that `name` names: one in `runs_dir`, or a run directory.

    Raises:
        IsobarError: there is none.
    """
    for path in (Path(runs_dir, name), Path(name)):
        if name and _is_run(path):
            return Run(Path(os.path.abspath(path)))
    siblings = [run.name for run in list_runs(runs_dir)]
    raise IsobarError(
        f"There is no run {name!r} in {runs_dir}, and no run directory of that name.{nearest(name, siblings)}"
    )


def find_runs(names: Iterable[str], runs_dir: Path | str = "runs") -> list[Run]:
    """Return the runs that `names` name: each a run in `runs_dir`, a run directory, or a folder of runs; none twice.

    Raises:
        IsobarError: there is no such run, or the folder holds none.
    """
    found: dict[Path, Run] = {}
    for name in names:
        inside, path = Path(runs_dir) / name, Path(name)
        here = [p for p in (inside, path) if p.is_dir()]
        run = next((p for p in here if _is_run(p)), None)
        folder = next((runs for p in here if (runs := list_runs(p))), [])
        if run is None and not folder:
            if here:
                raise IsobarError(f"The directory {here[0]} holds no run.")
            siblings = [p.name for p in Path(runs_dir).iterdir() if p.is_dir()] if Path(runs_dir).is_dir() else []
            raise IsobarError(
                f"There is no run {name!r} in {runs_dir}, and no directory of that name.{nearest(name, siblings)}"
            )
        for one in [Run(run)] if run is not None else folder[::-1]:
            found.setdefault(one.path.resolve(), one)
    return list(found.values())


def _is_run(path: Path | str) -> bool:
    return any(os.path.exists(os.path.join(path, name)) for name in (layout.SPEC, layout.STATUS))


def _as_mapping(value) -> dict:
    return value if isinstance(value, dict) else {}


def _alive(status: dict) -> bool:
    """Whether the process that wrote `status` is still at work."""
    if status.get("host") == socket.gethostname():
        return lives(status.get("pid"), status.get("birth"))
    try:
        age = (datetime.now(UTC) - datetime.fromisoformat(status["heartbeat"])).total_seconds()
    except (KeyError, ValueError, TypeError):
        return False
    return abs(age) < _STALE_SECONDS  # from far ahead comes what was written before a clock was set back
