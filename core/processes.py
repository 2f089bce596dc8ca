"""Whether a process that was seen before still lives: its number alone doesn't say, since numbers are given out again."""

import os
from functools import cache
from pathlib import Path


def birth_of(pid: object) -> str | None:
    """Return what tells the process `pid` from others that have its number before it or after it; None where none lives.

    A process that has ended and that nobody has asked for its end does not live.
    """
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 2**31:
        return None
    if not os.path.exists("/proc/self/stat"):
        return _birth_by_clock(pid)
    # Not by the clock, which may be set meanwhile: ticks since the machine was started, and which start that was.
    try:
        state, *others = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if state in (b"Z", b"X") else f"{int(others[18])} {_start_of_machine()}"
    except (OSError, ValueError, IndexError):
        return None


def lives(pid: object, birth: object = None) -> bool:
    """Whether the process `pid` lives, and is the one whose :func:`birth_of` was `birth`, where that is known."""
    found = birth_of(pid)
    return found is not None and (not birth or found == birth)


@cache
def _start_of_machine() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _birth_by_clock(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return ""
