"""How pages cost more as the probe set grows, and a sweep less as processes are added.

``python -m tests.benchmarks.growing pages|sweep [--out TABLE]``; `isobar bench growth` has training and inspection.
"""

import argparse
import math
import os
import tempfile
from pathlib import Path

import yaml

from core.children import python_module
from core.cost import alone, cost_of_process
from core.tables import markdown
from core.threads import cores
from explorer.benchmark import FIRST, LATER, SENT, pages, write_run

PER_CLASS = (400, 2_000, 10_000)
CELLS = {
    "base": {
        "task": "grammar",
        "max_steps": 80,
        "snapshots": 2,
        "evaluations": 1,
        "save_model": False,
        "device": "cpu",
    },
    "grid": {"seed": [0, 1, 2, 3]},
    "baselines": False,
}


def of_pages() -> list[dict]:
    """Return one row for each page: CPU seconds of its first view and of a later one, and MB, from the smallest probe set to the largest."""
    costs = [alone(_pages, per_class) for per_class in PER_CLASS]
    times = PER_CLASS[-1] / PER_CLASS[-2]
    rows = []
    for page in costs[0]:
        row = {"page": page}
        for name, short in ((FIRST, "first view, CPU s"), (LATER, "later, CPU s"), (SENT, "MB")):
            row |= {f"{short}, {2 * n:,}": cost[page][name] for n, cost in zip(PER_CLASS, costs, strict=True)}
        row["growth"] = math.log(costs[-1][page][FIRST] / costs[-2][page][FIRST]) / math.log(times)
        rows.append(row)
    return rows


def _pages(per_class: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        name = write_run(Path(folder), snapshots=5, per_class=per_class).name
        write_run(Path(folder), snapshots=2, per_class=per_class, regularizer="none")
        os.environ["ISOBAR_RUNS"] = folder
        return dict(pages(name))


def of_sweep() -> list[dict]:
    """Return one row for each number of processes: wall and CPU seconds of four runs, and how much faster than one after the other."""
    rows = []
    for processes in range(1, cores() + 1):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "sweep.yaml"
            file.write_text(yaml.safe_dump(CELLS))
            command = python_module("core.cli", "sweep", str(file), "--processes", str(processes), "--runs", "runs")
            cost = cost_of_process(command, {}, Path(folder))
        rows.append({"processes": processes, "s": cost.seconds, "CPU s": cost.cpu})
    return [{**row, "faster": rows[0]["s"] / row["s"]} for row in rows]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("pages", "sweep"))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    table = markdown({"pages": of_pages, "sweep": of_sweep}[asked.what]())
    print(table)
    if asked.out:
        made = f"Made by `python -m tests.benchmarks.growing {asked.what}` on {cores()} cores.\n\n"
        asked.out.write_text(made + table, encoding="utf-8")


if __name__ == "__main__":
    main()
