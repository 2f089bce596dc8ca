"""CPU and wall seconds of the tests, by folder, file and test: ``python -m tests.benchmarks.suite [arguments of pytest]``.

CPU seconds are user and system time of pytest and of the processes that it started and waited for. On a shared machine they
swing less than wall time, where each process has one thread; where wall time is far above them, the test waits. A fixture's
seconds are those of the test that asked for it first.
"""

import os
import resource
import subprocess
import sys
import time
from collections import Counter

import pytest

PROPERTY = "cpu_seconds"
BEGAN = pytest.StashKey[float]()


def cpu_seconds() -> float:
    """Return the user and system seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Note what had been used when the test began."""
    item.config.stash[BEGAN] = cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Give the report of each phase its CPU seconds."""
    report = yield
    now = cpu_seconds()
    report.user_properties.append((PROPERTY, now - item.config.stash[BEGAN]))
    item.config.stash[BEGAN] = now
    return report


def pytest_terminal_summary(terminalreporter):
    """Print the table."""
    cpu = {"folder": Counter(), "file": Counter(), "test": Counter()}
    wall = Counter()
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, seconds in getattr(report, "user_properties", [])[-1:]:
                if name == PROPERTY:
                    file = report.nodeid.partition("::")[0]
                    names = {"folder": file.rpartition("/")[0], "file": file, "test": report.nodeid}
                    for title, name in names.items():
                        cpu[title][name] += seconds
                        wall[title, name] += report.duration
    for title, rows in (("folder", None), ("file", 40), ("test", 60)):
        print(f"\n| {title} | CPU s | wall s |\n| --- | --- | --- |")
        for name, seconds in cpu[title].most_common(rows):
            print(f"| {name} | {seconds:.1f} | {wall[title, name]:.1f} |")


def main() -> None:
    """Run pytest in a process of its own and print what it took as a whole."""
    began = time.monotonic()
    code = subprocess.call([sys.executable, "-m", "pytest", "-p", "tests.benchmarks.suite", *sys.argv[1:]])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nCPU {used.ru_utime + used.ru_stime:.1f} s, wall {time.monotonic() - began:.1f} s")
    sys.exit(code)


if __name__ == "__main__":
    main()
