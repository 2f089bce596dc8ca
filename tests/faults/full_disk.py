"""A disk that is too small for a run: it ends with a sentence, gives back what it had half written, and goes on later."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.runs import Run, checkpoints
from tests.faults.kills import Kill
from tests.faults.tiny import differences, result

MEGABYTES = 18  # that a run with two checkpoints at a time and its model takes
_RUN = (
    "import sys, torch; torch.set_num_threads(1); from core import RunSpec, train\n"
    "train(RunSpec.from_yaml(sys.argv[1]), sys.argv[2], resume=sys.argv[3] == 'resume')"
)


@contextmanager
def disk_of(folder: Path, megabytes: float) -> Iterator[Path | None]:
    """Yield a folder on a disk of this size, or None where none can be made; that takes the right to mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def survived(spec, disk: Path, whole: dict) -> Kill:
    """Run `spec` on a disk that is too small for it, give the disk more room, and go on."""
    path, settings = disk / "run", disk.with_name(f"{disk.name}.yaml")
    settings.write_text(spec.to_yaml())
    size = os.statvfs(disk).f_blocks * os.statvfs(disk).f_frsize / 2**20
    first, wrong = _run(settings, path, "new"), []
    if first.returncode == 0:
        return Kill(f"{size:.1f} MB", "finished", "finished", ", ".join(differences(result(Run(path)), whole)))
    if "is full; free some space" not in first.stderr:
        wrong.append(f"said {first.stderr.strip().splitlines()[-1][:200]!r}")
    left = [p.name for p in path.rglob(".*.part")] if path.exists() else []
    left += [p.name for p in checkpoints.all_of(path) if not checkpoints.is_complete(p)]
    wrong += [f"left {', '.join(left)}"] if left else []
    run = Run(path)
    said = str(run.status.get("error", "")).replace(str(path), "the run")
    shown = f"{run.state}, {len(run.steps)} snapshots: {said}" if path.exists() else "nothing"
    if path.exists() and run.state != "failed":
        wrong.append(f"reads as {run.state}")
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    again = _run(settings, path, "resume" if (path / "spec.yaml").exists() else "new")
    wrong += differences(result(Run(path)), whole) if again.returncode == 0 else [again.stderr.strip()[-200:]]
    return Kill(f"{size:.1f} MB", shown, f"resumed: {Run(path).state}", ", ".join(wrong))


def _run(settings: Path, path: Path, how: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", _RUN, str(settings), str(path), how]
    return subprocess.run(command, capture_output=True, text=True, check=False)
