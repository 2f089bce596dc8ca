"""Which browser of the Chromium family this machine has: the browser tests and `isobar bench app` drive it."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

_COMMANDS = (
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-browser",
    "microsoft-edge",
    "msedge",
)
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium, Chrome or Edge: from the PATH, from its usual place, or playwright's own; else None."""
    on_path = (shutil.which(command) for command in _COMMANDS)
    found = next((path for path in on_path if path and _starts(path)), None)
    return found or next((place for place in _PLACES if os.path.isfile(place)), None) or _of_playwright()


def chromium_install() -> str:
    """Return the command that installs Chromium or Chrome on this system."""
    sudo = "sudo " if hasattr(os, "geteuid") and os.geteuid() else ""
    if shutil.which("apt-get") and not _is_ubuntu():
        return f"{sudo}apt-get install chromium"
    if shutil.which("dnf"):
        return f"{sudo}dnf install chromium"
    if shutil.which("brew"):
        return "brew install --cask google-chrome"
    return "python -m playwright install --with-deps chromium"


def _starts(path: str) -> bool:
    """Whether the command is a browser: Ubuntu's chromium-browser may be a script that says where to find one."""
    if os.name == "nt":
        return True  # there --version opens a window
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _of_playwright() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _is_ubuntu() -> bool:
    """Whether apt-get would install a wrapper of a snap, which containers can't run."""
    try:
        return platform.freedesktop_os_release()["ID"] == "ubuntu"
    except (OSError, KeyError):
        return False
