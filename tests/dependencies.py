"""Licences of what is installed with Isobar and of its built-in weights, and known vulnerabilities.

``python -m tests.dependencies [--out FILE] [--audit]``: a table of all that the declared dependencies bring here, with their
licences. ``--audit`` asks pip-audit, where it is installed, which asks PyPI; without a network that is said.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_FREE = re.compile(
    r"(?i)\b(mit|mit-cmu|bsd|bsd-\d-clause|0bsd|apache|apache-2\.0|isc|psf|psf-2\.0|python software foundation|hpnd|unlicense|"
    r"cc0-1\.0|zlib|boost|bsl-1\.0|public domain|historical permission notice)\b"
)
_BOUND = re.compile(r"(?i)\b(a?gpl|lgpl|mpl|epl|gnu|mozilla|eclipse)")
_TEXTS = {"the mit license": "MIT", "apache license": "Apache-2.0", "redistribution and use in source": "BSD"}


def installed(extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Return what pyproject.toml declares, with what that needs, as far as it is installed, by name."""
    project = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    waiting = [(one.name, frozenset(one.extras)) for one in map(Requirement, lines)]
    found: dict[str, Distribution] = {}
    seen = set()
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        try:
            found[_key(asked[0])] = one = distribution(asked[0])
        except PackageNotFoundError:
            continue  # of an extra, or for another machine
        for line in one.requires or []:
            requirement = Requirement(line)
            environments = [{"extra": extra} for extra in (asked[1] or {""})]
            if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return dict(sorted(found.items()))


def licence(one: Distribution) -> str:
    """Return the licence that a package names: by its expression, its classifiers, its field, or the text that it ships."""
    about = one.metadata
    if said := about.get("License-Expression"):
        return said
    classifiers = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    named = [name for name in classifiers if name != "OSI Approved"]
    if named:
        return ", ".join(named)
    field = " ".join((about.get("License") or "").split())
    if 0 < len(field) <= 60:
        return field
    for file in one.files or []:
        if re.match(r"(?i)licen[sc]e|copying", file.name):
            text = " ".join(Path(str(file.locate())).read_text("utf-8", "replace").split())[:2_000].lower()
            return next((name for start, name in _TEXTS.items() if start in text), f"see {file.name}")
    return next((name for start, name in _TEXTS.items() if start in field.lower()), "not named")


def verdict(said: str) -> str:
    """Return whether a licence leaves users free, binds what is made of the package itself, or has to be read."""
    if _BOUND.search(said):
        return "its own changes stay open"
    return "free" if _FREE.search(said) else "to be read"


def weights() -> Iterator[dict]:
    """Yield the licences of the weights and data that come with Isobar."""
    from core.models import BUILT_IN
    from core.models.builtin import BuiltIn

    for name, model in BUILT_IN.items():
        if isinstance(model, BuiltIn):  # others are random, and made here
            card = next(iter(sorted(model.path().rglob("README.md"))), None)
            said = re.search(r"(?m)^license:\s*(\S+)", card.read_text("utf-8", "replace")) if card else None
            found = said[1] if said else "not named"
            yield {"package": f"weights {name}", "version": "", "licence": found, "means": verdict(found)}


def rows(extras: frozenset[str] = frozenset()) -> list[dict]:
    """Return a row for each package and each weights: what it is licensed under and what that means."""
    found = []
    for one in installed(extras=extras).values():
        said = licence(one)
        found.append({"package": one.metadata["Name"], "version": one.version, "licence": said, "means": verdict(said)})
    return [*found, *weights()]


def audit() -> tuple[str, int]:
    """Return in a sentence which known vulnerabilities pip-audit finds in what is installed, and how many; -1 where it can't ask."""
    wanted = "".join(f"{one.metadata['Name']}=={one.version.partition('+')[0]}\n" for one in installed().values())
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--no-deps", "--disable-pip", "-r", "/dev/stdin"]
    done = subprocess.run(command, input=wanted, capture_output=True, text=True, check=False)
    if "No module named pip_audit" in done.stderr:
        return "Vulnerabilities were not asked for: pip-audit is not installed (pip install pip-audit).", -1
    try:
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"Vulnerabilities could not be asked for, perhaps for want of a network: {last}", -1
    asked = [one for one in told if "skip_reason" not in one]  # the others are unknown where it asked
    bad = [(one["name"], one["version"], hole["id"]) for one in asked for hole in one.get("vulns", [])]
    unknown = sorted(one["name"] for one in told if "skip_reason" in one)
    left = f" Not known where pip-audit asked, so not audited: {', '.join(unknown)}." if unknown else ""
    if not asked:
        return (
            f"Vulnerabilities could not be asked for: none of {len(told)} packages is known where pip-audit asked.",
            -1,
        )
    if not bad:
        return f"No known vulnerability in {len(asked)} packages.{left}", 0
    holes = "; ".join(f"{name} {version}: {what}" for name, version, what in bad)
    return f"Known vulnerabilities: {holes}.{left}", len(bad)


_HEADING = """# What is installed with Isobar, and under which licence

Made by `python -m tests.dependencies --out docs/dependencies.md` with the versions of `constraints.txt`: all that the declared dependencies bring, without extras, and the weights that come with it. The tasks `grammar`,
`paraphrase`, `digits` and `tones` are made by Isobar itself (MIT), but for the digits, which are scikit-learn's (BSD). GUDHI's licence says which of its parts are under which; Rips complexes and persistence, which are what is used here, are MIT.
`--audit` asks pip-audit for known vulnerabilities, where that is installed and there is a network.
"""


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Print the table, or write it; returns 1 where a vulnerability is known."""
    from core import tables

    parser = argparse.ArgumentParser(prog="python -m tests.dependencies", description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the table to this file, as Markdown")
    parser.add_argument("--audit", action="store_true", help="ask pip-audit for known vulnerabilities")
    parser.add_argument("--extra", action="append", default=[], help="with what this extra brings; may be repeated")
    options = parser.parse_args()
    found = rows(frozenset(options.extra))
    sentence, holes = audit() if options.audit else ("Vulnerabilities were not asked for (--audit).", -1)
    if options.out:
        options.out.write_text(f"{_HEADING}\n{tables.markdown(found)}\n{sentence}\n", encoding="utf-8")
    tables.print_rows(found)
    print(sentence)
    return int(holes > 0)


if __name__ == "__main__":
    sys.exit(main())
