"""Names of directories that are made beside each other."""

from datetime import datetime
from pathlib import Path


def new_directory(folder: Path, called: str) -> Path:
    """Return a directory in `folder` that is not there yet."""
    name = f"{datetime.now():%Y-%m-%dT%H-%M-%S}_{called}"
    path, count = folder / name, 2
    while path.exists():
        path, count = path.with_name(f"{name}-{count}"), count + 1
    return path
