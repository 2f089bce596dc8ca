"""The long form: many faults at random moments, and a table of what came of them, as Markdown."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from core.runs import Run
from tests.faults import full_disk, kills, power
from tests.faults.tiny import result, spec_in


def main() -> int:
    """Print the tables; return 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often a run is killed")
    parser.add_argument("--power", type=int, default=30, help="at how many moments the power fails")
    parser.add_argument("--disks", type=int, default=8, help="how many disks are too small")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    torch.set_num_threads(1)  # as the runs that are killed have: sums in one order
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_in(Path(folder) / "tiny", checkpoint_minutes=1e-9)
        kills.changes_of(spec, Path(folder) / "first")  # which loads the libraries, once for all
        started = time.monotonic()
        changes = kills.changes_of(spec, Path(folder) / "whole")
        seconds = time.monotonic() - started
        whole = result(Run(Path(folder) / "whole"))
        rows = [
            *_killed(spec, Path(folder), whole, changes, asked.kills, seconds, draw),
            *_without_power(spec, Path(folder), whole, asked.power, draw),
            *_on_full_disks(spec, Path(folder), whole, asked.disks),
        ]
    print("\n| fault | moment | what was shown | how it ended | wrong |\n|---|---|---|---|---|")
    for fault, one in rows:
        print(f"| {fault} | {one.moment} | {one.shown} | {one.ended} | {one.wrong or '-'} |")
    told, wrong = Counter(fault for fault, _ in rows), Counter(fault for fault, one in rows if one.wrong)
    print("\n" + "; ".join(f"{fault}: {count - wrong[fault]} of {count} kept" for fault, count in told.items()))
    return 1 if wrong else 0


def _killed(spec, folder: Path, whole, changes, count: int, seconds: float, draw):
    """Every third by the clock, which comes within the libraries' own writing too; the others before a change of the directory."""
    for number in range(count):
        at = None if number % 3 == 2 else draw.randrange(len(changes))
        after = draw.uniform(0.1, 1.0) * seconds
        yield "killed", kills.killed(spec, folder / f"killed_{number}", whole, changes, at, after)


def _without_power(spec, folder: Path, whole, count: int, draw):
    with pytest.MonkeyPatch.context() as patch:
        disk = power.watched_run(spec, folder / "powered", patch)
        moments = draw.sample(range(len(disk.moments)), min(count, len(disk.moments)))
        for moment in sorted(moments):
            yield "no power", power.survived(disk, moment, spec, whole, folder / f"power_{moment}", patch)


def _on_full_disks(spec, folder: Path, whole, count: int):
    for number in range(count):
        with full_disk.disk_of(folder / f"disk_{number}", full_disk.MEGABYTES * (number + 1) / (count + 1)) as place:
            if place is None:
                print("No disk can be made here; full disks are left out.", file=sys.stderr)
                return
            yield "full disk", full_disk.survived(spec, place, whole)


if __name__ == "__main__":
    sys.exit(main())
