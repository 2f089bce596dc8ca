"""Runs without padding beside runs with it, paired by seed: ``python -m tests.benchmarks.padding SWEEP FOLDER [--out TABLE]``.

SWEEP is a sweep file that varies `padding_free` and the seed, as assets/sweeps/padding.yaml does; FOLDER holds its runs.
"""

import argparse
from pathlib import Path

from core.geometry.catalogue import MAIN
from core.runs import load_run
from core.studies.compare import group_runs, paired
from core.studies.sweep import Sweep, cell_dir
from core.tables import markdown


def rows(sweep: Sweep, folder: Path) -> list[dict]:
    """Return one row for the score and each main measure: both means over the seeds, and the paired difference."""
    groups, _ = group_runs([load_run(cell_dir(folder, spec)) for spec in sweep.cells()])
    sides = {group.spec["padding_free"]: group for group in groups}
    if len(groups) != 2 or len(sides) != 2:
        raise SystemExit(f"The sweep must vary padding_free and the seed alone; it has {len(groups)} settings.")
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
    parser.add_argument("sweep", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    table = markdown(rows(Sweep.from_yaml(asked.sweep), asked.folder))
    print(table)
    if asked.out:
        asked.out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
