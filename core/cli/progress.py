"""Bars on stderr for work that takes time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from core.logs import shown_by


@contextmanager
def told_by(console) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar, and above it what the training has to say."""
    from rich.logging import RichHandler

    handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    with shown_by(handler), progress_bar(console) as progress:
        yield progress


@contextmanager
def progress_bar(console) -> Iterator[Callable[[str, int, int], None]]:
    """Yield what shows how far each phase of the work is: called with (phase, done, in all)."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=False) as bar:
        rows: dict[str, Any] = {}

        def progress(phase: str, done: int, total: int) -> None:
            if phase not in rows:
                rows[phase] = bar.add_task(phase, total=total)
            bar.update(rows[phase], completed=done, total=total)

        yield progress


@contextmanager
def progress_on_terminal() -> Iterator[Callable[[str, int, int], None] | None]:
    """Show a progress bar on stderr, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with progress_bar(console) if console.is_terminal else nullcontext() as progress:
        yield progress


@contextmanager
def sweep_bar() -> Iterator[tuple[Callable, Callable]]:
    """Yield what tells a line above the bars, and what brings the bars up to date: one of the whole, one a running cell."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, refresh_per_second=2, speed_estimate_period=3600) as bar:
        whole = None
        rows: dict[str, Any] = {}

        def watch(standing) -> None:
            nonlocal whole
            if whole is None:  # what had finished before says nothing of the speed
                whole = bar.add_task("cells", total=standing.total, completed=standing.done)
            failed = f", {len(standing.failed)} failed" if standing.failed else ""
            bar.update(
                whole, completed=standing.done, description=f"{standing.finished}/{standing.total} cells{failed}"
            )
            for name in rows.keys() - standing.running.keys():
                bar.remove_task(rows.pop(name))
            for name, (phase, done, total) in standing.running.items():
                if name not in rows:
                    rows[name] = bar.add_task(name, total=None)
                bar.update(rows[name], description=f"  {name} {phase}", completed=done, total=total or None)

        yield lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True), watch


def time_in_all(specs: Sequence, *folders: Path) -> str:
    """Return in words how long the runs `specs` will take, judged by those in `folders`, or by the one that ships with Isobar."""
    from core.runs import Run, list_runs
    from core.studies.estimate import LOOK_BACK, in_all

    runs = [run for folder in folders for run in list_runs(folder)[:LOOK_BACK]]
    sample = Run(Path(__file__).resolve().parents[2] / "assets" / "sample")
    return in_all(specs, runs, [sample] if sample.spec else [])
