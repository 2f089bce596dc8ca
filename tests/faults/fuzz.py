"""The long form of test_readers: a coverage-guided fuzzer on each reader, and a table of what it found.

``python -m tests.faults.fuzz --minutes 10 [--only "table .csv" ...] [--corpus DIR]`` needs atheris, for which there is an
environment of its own (``pip install atheris``, Python 3.11 or 3.12), since the tests don't. Each reader has a process of its
own, since some faults end it, and what ended it is among the findings.
"""

import argparse
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

_MODULES = [
    "core.table_files",
    "core.yaml_text",
    "core.runs",
    "core.geometry.files",
    "core.training.spec",
    "explorer.panels.points",
]


def main() -> int:
    """Print the table; returns 1 where a fault was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each reader")
    parser.add_argument("--only", action="append", help="a reader's name; may be repeated")
    parser.add_argument(
        "--corpus", type=Path, help="where inputs are kept that led somewhere new; a temporary folder by default"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the reader of this process
    asked, rest = parser.parse_known_args()
    if asked.one:
        return _fuzz(asked.one, rest)
    from tests.faults.readers import READERS

    names = asked.only or list(READERS)
    print("| reader | inputs tried | places reached | faults |\n|---|---|---|---|")
    found = 0
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            corpus = (asked.corpus or Path(temporary)) / name.replace("/", "_").replace(" ", "_").replace(":", "")
            corpus.mkdir(parents=True, exist_ok=True)
            for number, seed in enumerate(READERS[name].seeds):
                (corpus / f"seed-{number}").write_bytes(seed)
            tried, reached, fault = _run(name, corpus, asked.minutes)
            found += fault != "-"
            print(f"| {name} | {tried} | {reached} | {fault} |", flush=True)
    return int(found > 0)


def _run(name: str, corpus: Path, minutes: float) -> tuple[str, str, str]:
    command = [sys.executable, "-m", "tests.faults.fuzz", "--one", name, f"-max_total_time={60 * minutes:.0f}"]
    command += ["-timeout=60", "-rss_limit_mb=4096", "-max_len=4096", f"-artifact_prefix={corpus}/fault-", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    lines = done.stderr.splitlines()
    tried = next((line.split()[1] for line in reversed(lines) if line.startswith("Done ")), "")
    seen = [line.split() for line in lines if " cov: " in line]
    reached = seen[-1][seen[-1].index("cov:") + 1] if seen else ""
    tried = tried or (seen[-1][0].lstrip("#") if seen else "0")
    if not done.returncode:
        return tried, reached, "-"
    raised = [after for line, after in pairwise(lines) if "Uncaught Python exception" in line]
    said = raised or [line for line in lines if "ERROR" in line or "Error" in line]
    inputs = sorted(corpus.glob("fault-*"), key=lambda path: path.stat().st_mtime)
    content = repr(inputs[-1].read_bytes()[:80]).replace("|", "\\|") if inputs else ""
    return tried, reached, f"{(said or lines or ['?'])[-1][:200].replace('|', '/')} `{content}`"


def _fuzz(name: str, options: list[str]) -> int:
    try:
        import atheris
    except ImportError:
        sys.exit(
            "atheris is not installed; pip install atheris, in an environment of its own with this Python's packages."
        )
    with atheris.instrument_imports(include=_MODULES, enable_loader_override=False):
        from tests.faults.readers import READERS

    def try_one(content: bytes) -> None:
        if error := READERS[name].fault(content):
            raise error

    atheris.Setup([sys.argv[0], *options], try_one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
