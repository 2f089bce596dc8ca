"""Barcodes beside their peers, as a table: `python -m tests.benchmarks.topology`; the rows of `isobar bench topology`."""

from core.tables import markdown
from core.topology.benchmark import run

if __name__ == "__main__":
    print(markdown(run()))
