"""Which state of the code this is, where it runs from a checkout."""

import subprocess
from contextlib import suppress
from pathlib import Path


def code_revision() -> str | None:
    """Return the git revision of the checkout that this package is in, with ``+`` if files differ from it; None elsewhere."""
    home = Path(__file__).resolve().parents[1]
    if not (home / ".git").exists():  # installed, or a part of somebody else's repository
        return None
    with suppress(OSError, subprocess.SubprocessError):
        revision = _git(home, "rev-parse", "HEAD")
        return f"{revision}+" if _git(home, "status", "--porcelain", "--untracked-files=no") else revision
    return None


def _git(home: Path, *words: str) -> str:
    command = ["git", "-C", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
