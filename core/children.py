"""How processes of Isobar start further ones."""

import os
import sys


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` in a process of its own, with this Python, and ours wherever it is started.

    ``python -m`` looks first into the folder that it is started in, and a folder of work may well have a package `core`,
    or a file `random.py`: ``-P`` leaves it out.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def keep_path_safe() -> None:
    """Let processes that libraries start for us (of pools, clusters, launchers) leave the current folder out as well."""
    os.environ["PYTHONSAFEPATH"] = "1"
