"""What a power failure leaves of a folder, for each moment at which something was flushed: the worst that may be."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core import list_runs, processes, train
from core.runs import Run
from tests.faults.kills import Kill
from tests.faults.tiny import differences, result


@dataclass
class Disk:
    """Keeps what was flushed of the folder `root`: of a file its content as it was then, of a folder the names in it.

    A file that was named, but not flushed, is empty after a failure; one whose folder was not flushed is not there.

    Attributes:
        moments: after each flush, what was flushed, and the state of the disk.
    """

    root: Path
    moments: list[tuple[str, dict, dict]] = field(repr=False, default_factory=list)
    _contents: dict[int, bytes] = field(repr=False, default_factory=dict)
    _names: dict[int, dict[str, int]] = field(repr=False, default_factory=dict)
    _open: list[int] = field(repr=False, default_factory=list)  # so that no number of a file is given out again

    @contextmanager
    def watched(self, monkeypatch) -> Iterator["Disk"]:
        """Watch the flushes meanwhile."""
        self._names[self.root.stat().st_ino] = {}
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", self._fsync)
            try:
                yield self
            finally:
                for opened in self._open:
                    os.close(opened)

    def restored(self, moment: int, target: Path) -> Path:
        """Make `target` what the folder would be, had the power failed after `moment`."""
        _, contents, names = self.moments[moment]

        def fill(folder: Path, number: int) -> None:
            folder.mkdir()
            for name, inside in names.get(number, {}).items():
                if inside < 0:
                    fill(folder / name, abs(inside))
                else:
                    (folder / name).write_bytes(contents.get(inside, b""))

        fill(target, self.root.stat().st_ino)
        return target

    def _fsync(self, opened: int, real=os.fsync) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{opened}"))
        real(opened)
        if path != self.root and self.root not in path.parents:
            return
        number, self_open = os.fstat(opened).st_ino, os.dup(opened)
        self._open.append(self_open)
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            # Folders by numbers below zero: one that was not flushed itself is there, and empty.
            self._names[number] = {
                entry.name: -entry.inode() if entry.is_dir() else entry.inode() for entry in os.scandir(path)
            }
        else:
            self._contents[number] = path.read_bytes()
        self.moments.append((str(path.relative_to(self.root)), dict(self._contents), dict(self._names)))


def watched_run(spec, runs: Path, monkeypatch) -> Disk:
    """Run `spec` in the new folder `runs`, and return what its disk was at each moment."""
    runs.mkdir()
    with (disk := Disk(runs)).watched(monkeypatch):
        train(spec, runs / "run")
    return disk


def survived(disk: Disk, moment: int, spec, whole: dict, target: Path, monkeypatch) -> Kill:
    """Look at what a failure after `moment` leaves, which is put into the folder `target`, and go on with it."""
    path = disk.restored(moment, target) / "run"
    name = f"after flush {moment + 1} of {len(disk.moments)}, {disk.moments[moment][0]}"
    with monkeypatch.context() as patch:
        patch.setattr(processes, "_start_of_machine", lambda: "another start")  # the power came back
        shown, wrong, state = "nothing yet", [], ""
        for run in list_runs(target):
            state = run.state
            shown = f"{state}, {len(run.steps)} snapshots, {len(run.events)} events, {len(run.problems)} problems"
            wrong += [f"reads as {state}"] if state == "running" else []
        if state == "finished":
            return Kill(name, shown, state, ", ".join(differences(result(Run(path)), whole)))
        came = came.name if (came := Run(path).checkpoint) else "the beginning"
        run = train(spec, path, resume=(path / "spec.yaml").exists())
        return Kill(
            name, shown, f"resumed from {came}: {run.state}", ", ".join([*wrong, *differences(result(run), whole)])
        )
