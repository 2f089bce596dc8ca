"""Runs without padding beside runs with it, paired by seed: ``python -m tests.benchmarks.padding FOLDER [--out TABLE]``.

FOLDER is one of runs, as `isobar sweep assets/sweeps/padding.yaml --runs FOLDER` leaves them.
"""

import argparse
from pathlib import Path

from core.geometry.catalogue import MAIN
from core.runs import list_runs
from core.studies.compare import group_runs, paired
from core.tables import markdown


def rows(folder: Path) -> list[dict]:
    """Return one row for the score and each main measure: both means over the seeds, and the paired difference."""
    groups, _ = group_runs(list_runs(folder))
    sides = {group.spec["padding_free"]: group for group in groups}
    if len(groups) != 2 or len(sides) != 2:
        raise SystemExit(f"{folder} must hold runs of two settings, with padding and without; it holds {len(groups)}.")
    padded, packed = sides[False], sides[True]
    changes = paired(packed, padded)
    return [
        {
            "task": packed.task,
            "measure": name,
            "seeds": len(changes[name].seeds),
            "with padding": padded.means[name].mean,
            "without": packed.means[name].mean,
            "difference": str(changes[name]),
            "p": changes[name].p,
        }
        for name in (packed.metric, *MAIN)
        if name in changes
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    table = markdown(rows(asked.folder))
    print(table)
    if asked.out:
        asked.out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
