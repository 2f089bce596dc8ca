"""Many short runs through the queue, with the app open and browsers that poll: does anything grow that should not?

``python -m tests.faults.soak [--runs 200] [--browsers 4] [--directories 10000] [--out FILE]`` prints a row for every few runs:
memory of the app and of a page's scripts, threads, open files and processes, and what is left in shared memory; then how long a list of many
directories takes. It returns 1 where a run did not finish or a process was left behind.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from core.runs import list_runs, load_run
from explorer import jobs
from tests.browser.app_process import browser, running_app
from tests.faults.tiny import spec_in

_PAGES = ("run", "train", "compare", "inspect")
_WAITING = 4  # runs that are queued at a time


def main() -> int:
    """Print the tables; return 1 where something was left behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--browsers", type=int, default=4)
    parser.add_argument("--directories", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=10, help="runs between two rows")
    parser.add_argument("--out", type=Path, help="also write the tables to this file, as Markdown")
    asked = parser.parse_args()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    with tempfile.TemporaryDirectory(prefix="isobar-soak-") as folder:
        wrong = 0
        if asked.runs:
            rows = list(_told(_soak(Path(folder), asked.runs, asked.browsers, asked.every), say))
            wrong = _left(Path(folder) / "runs", asked.runs, say)
            say("")
            say(_growth(rows))
        if asked.directories:
            say("")
            _listed(Path(folder) / "many", asked.directories, say)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(wrong > 0)


def _told(rows: Iterator[dict], say) -> Iterator[dict]:
    for number, row in enumerate(rows):
        if not number:
            say("| " + " | ".join(row) + " |")
            say("|" + "---|" * len(row))
        say("| " + " | ".join(str(value) for value in row.values()) + " |")
        yield row


def _soak(folder: Path, count: int, browsers: int, every: int) -> Iterator[dict]:
    """Yield how things stand, at the beginning, after every few runs, and at the end."""
    runs = folder / "runs"
    spec = spec_in(
        folder / "tiny", regularizer="persistent-entropy", max_steps=3, snapshots=2, evaluations=1, save_model=False
    )
    with running_app(runs) as address, browser() as chromium:
        pages = [chromium.new_page() for _ in range(browsers)]
        for number, page in enumerate(pages):
            page.goto(f"{address}/{_PAGES[number % len(_PAGES)]}")
            page.get_by_test_id("stMain").wait_for()
        port = int(address.rpartition(":")[2])
        app = next(p for p in psutil.process_iter(["cmdline"]) if f"--server.port={port}" in (p.info["cmdline"] or []))
        yield _standing(0, app, pages, runs)
        started: list[Path] = []
        done, told = 0, 0
        while done < count:
            done = sum(load_run(path).state in ("finished", "failed", "stopped") for path in started)
            while len(started) < min(count, done + _WAITING):
                started.append(jobs.start(spec.model_copy(update={"seed": len(started)}), runs))
            for page in pages:  # a page whose script hangs is told by this
                page.evaluate("1")
            if done >= told + every or done == count:
                told = done
                yield _standing(done, app, pages, runs)
            time.sleep(1)
        for page in pages:
            page.close()
        time.sleep(10)  # sessions end some seconds after their sockets
        yield _standing(count, app, [], runs)


def _standing(done: int, app: psutil.Process, pages: list, runs: Path) -> dict:
    gc.collect()
    heaps = [page.evaluate("performance.memory ? performance.memory.usedJSHeapSize : 0") for page in pages]
    shared = Path("/dev/shm")
    return {
        "runs": done,
        "pages": len(pages),
        "app, MB": round(app.memory_info().rss / 1e6),
        "app, threads": app.num_threads(),
        "app, open files": app.num_fds(),
        "app, children": len(app.children(recursive=True)),
        "a page's scripts, MB": round(sum(heaps) / len(heaps) / 1e6) if heaps else "",
        "processes of runs": len(_processes_of(runs)),
        "shared memory": sum(1 for _ in shared.iterdir()) if shared.is_dir() else "",
    }


def _processes_of(runs: Path) -> list[psutil.Process]:
    """Return the processes that keep or make a run in `runs`."""
    named = [p for p in psutil.process_iter(["cmdline"]) if any(str(runs) in word for word in p.info["cmdline"] or [])]
    return [p for p in named if "app.py" not in " ".join(p.info["cmdline"]) and p.pid != psutil.Process().pid]


def _left(runs: Path, count: int, say) -> int:
    """Say what was left, and return how much of it should not be there."""
    ended = [run.state for run in list_runs(runs)]
    _, alive = psutil.wait_procs(_processes_of(runs), timeout=60)
    parts = list(runs.rglob(".*.part"))
    say("")
    say(
        f"{ended.count('finished')} of {count} runs finished; processes left: {len(alive)}; half-written files left: {len(parts)}."
    )
    return count - ended.count("finished") + len(alive) + len(parts)


def _growth(rows: list[dict]) -> str:
    """Return what grew between the first row with runs and the last with pages."""
    first, last = rows[1], rows[-2]
    names = ("app, MB", "app, threads", "app, open files", "a page's scripts, MB", "shared memory")
    told = ", ".join(f"{name}: {first[name]} to {last[name]}" for name in names)
    return f"From {first['runs']} to {last['runs']} runs: {told}; once the pages were closed {rows[-1]['app, MB']} MB, {rows[-1]['app, threads']} threads, {rows[-1]['app, open files']} open files."


def _listed(runs: Path, count: int, say) -> None:
    """Say how long lists of `count` directories take, in the package and on a page, at first and again."""
    runs.mkdir()
    for number in range(count):
        path = runs / f"2026-01-01T00-00-00_m_t_{number:06d}"
        path.mkdir()
        (path / "spec.yaml").write_text("format: 2\nmodel: m\ntask: t\nseed: 0\n")
        (path / "status.json").write_text(json.dumps({"state": "finished", "step": 1}))
    say(f"| of {count:,} directories | seconds |")
    say("|---|---|")
    say(f"| list_runs | {_seconds(lambda: list_runs(runs)):.2f} |")
    say(f"| the state of each | {_seconds(lambda: [run.state for run in list_runs(runs)]):.2f} |")
    with running_app(runs) as address, browser() as chromium:
        page = chromium.new_page()
        for which in ("first page of a new app", "the same again"):

            def opened() -> None:
                page.goto(f"{address}/compare")
                page.get_by_role("link", name="t · m").first.wait_for()

            say(f"| {which}, until the runs are listed | {_seconds(opened):.2f} |")


def _seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
