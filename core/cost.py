"""What a call or a process costs: seconds, CPU seconds of all its threads, and memory at the peak."""

import ctypes
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from core.errors import RunFailedError

_MIB = 2**20


class Cost(NamedTuple):
    """Wall seconds, CPU seconds (user and system) and MiB at the peak."""

    seconds: float
    cpu: float
    mib: float


def cost_of_call(call: Callable[[], object]) -> Cost:
    """Return what one call costs; its memory is the largest resident set during it less that before it."""
    resident = _resident()
    start, cpu = time.perf_counter(), time.process_time()
    call()
    # The system counts resident pages in batches, so that a small call may seem to have taken less than nothing.
    return Cost(time.perf_counter() - start, time.process_time() - cpu, max(_peak() - resident, 0) / _MIB)


def cost_of_process(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Cost:
    """Return what `command` costs, run in `folder`; processes that it starts and waits for count, but not their memory.

    Raises:
        RunFailedError: it did not end well; the last line that it said is told.
    """
    said = folder / "said.txt"
    start = time.perf_counter()
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)  # it was waited for here
    if process.returncode:
        last = (said.read_text(errors="replace").strip() or "nothing").splitlines()[-1]
        raise RunFailedError(f"{' '.join(command)} ended with {process.returncode}; it said last: {last}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * _UNIT / _MIB)


def alone(function: Callable[..., dict], *arguments) -> dict | None:
    """Return what a function returns in a process of its own, None if the system ended it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except (BrokenProcessPool, MemoryError):
            return None


_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of the peaks that the system tells


def _resident() -> int:
    """Return the resident set in bytes, and let its peak start anew, where the system can; else the peak so far."""
    if not sys.platform.startswith("linux"):
        return _peak()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)  # what earlier calls have freed goes back to the system, or this one would seem to need less
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _peak()


def _peak() -> int:
    if sys.platform.startswith("linux"):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
