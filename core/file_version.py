"""What tells a file from the one that stood under its name before."""

import os
from pathlib import Path

FileVersion = tuple[str, int, int]
"""Path, time of the last change in ns, size in bytes."""


def file_version(path: Path | str) -> FileVersion:
    """Return what identifies a file's contents without reading them; time and size are 0 where it can't be looked at.

    Whatever is kept of a file is kept under this: most files here may be written anew, as snapshots are by a resumed run.
    """
    try:
        found = os.stat(path)
    except OSError:
        return (str(path), 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size)
