"""Barcodes beside their peers, as a table: `python -m tests.benchmarks.topology`; the same as `isobar bench topology`."""

from core.tables import print_rows
from core.topology.benchmark import run

if __name__ == "__main__":
    print_rows(run())
