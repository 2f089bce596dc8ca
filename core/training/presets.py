"""Settings to start from, by name: the method as the paper's text has it, and as its authors' code does it."""

from pathlib import Path

from core.errors import IsobarError, nearest
from core.training.spec import RunSpec, read_yaml


def presets() -> dict[str, Path]:
    """Return the files of the presets that come with Isobar, by name; each says at its top where its values are from."""
    folder = Path(__file__).parents[2] / "assets" / "presets"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def preset_settings(name: str) -> dict:
    """Return the settings that the preset `name` makes, and no others.

    Raises:
        IsobarError: there is no such preset.
    """
    known = presets()
    if name not in known:
        raise IsobarError(f"There is no preset {name!r}; there are: {', '.join(known)}.{nearest(name, known)}")
    settings = read_yaml(known[name], "preset", "settings")
    RunSpec.parse(settings, f"the preset {name}")
    return settings


def about(path: Path) -> str:
    """Return what the comment at the top of a preset's file says."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
