"""What this installation can do and what it lacks: `isobar doctor`."""

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from core.chromium import chromium_install, find_chromium
from core.errors import IsobarError
from core.hub import hub_reachable
from core.logs import log_path
from core.models import BUILT_IN

EXTRAS = {
    "lora": ("peft",),
    "ray": ("ray",),
    "published": ("faiss-cpu",),
    "sentence": ("sentence-transformers",),
    "hdf5": ("h5py",),
    "umap": ("umap-learn",),
    "atlas": ("embedding-atlas",),
    "bench": ("IsoScore", "ripser", "giotto-ph", "torch-topological"),
    "test": ("pytest", "playwright"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: its name.
        state: "ok"; "absent", which some command would like to have; or "wrong", without which nothing works.
        says: what was found, or what would mend it.
    """

    what: str
    state: Literal["ok", "absent", "wrong"]
    says: str


def examine(runs_dir: Path | str) -> list[Finding]:
    """Return the findings of this installation, with `runs_dir` as the folder of runs; nothing is written."""
    import torch

    found = [
        Finding("Python", "ok", platform.python_version()),
        Finding("isobar", "ok", version("isobar-explorer")),
        Finding("torch", "ok", f"{torch.__version__}, {_device(torch)}"),
        _checked("built-in model", lambda: str(BUILT_IN["minilm"].path())),
        _runs(Path(runs_dir)),
    ]
    found.append(Finding("log", "ok", str(log_path())))
    reachable = hub_reachable()
    says = (
        "reachable"
        if reachable
        else "can't be reached: only built-in and local models and tasks, and what was loaded before"
    )
    found.append(Finding("model hub", "ok" if reachable else "absent", says))
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if not _installed(package)]
        says = (
            f'without {", ".join(missing)}; pip install "isobar-explorer[{extra}]"' if missing else ", ".join(packages)
        )
        found.append(Finding(f"extra [{extra}]", "absent" if missing else "ok", says))
    chromium = find_chromium()
    says = chromium or f"browser tests are skipped; {chromium_install()}"
    found.append(Finding("chromium", "ok" if chromium else "absent", says))
    return found


def _device(torch) -> str:
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "mps" if torch.backends.mps.is_available() else f"cpu ({os.cpu_count()} cores)"


def _checked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", look())
    except IsobarError as error:
        return Finding(what, "wrong", str(error))


def _runs(folder: Path) -> Finding:
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "folder of runs", "wrong", f"{folder} can't be written, since {there} can't; name another with --runs"
        )
    return Finding("folder of runs", "ok", f"{folder}, {shutil.disk_usage(there).free / 1e9:.0f} GB free")


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
