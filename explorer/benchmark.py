"""What a page costs the server, how much it sends, and how long it takes from the app's start to the first chart.

`isobar bench app` prints it beside what was promised: the figures in the headings.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pandas as pd

from core.children import python_module
from core.chromium import find_chromium
from core.geometry import measure, shape_by_class
from core.runs import RunWriter, layout
from core.training.spec import RunSpec

FIRST, LATER = "first view, CPU s (≤ 0.7)", "later, CPU s (≤ 0.3)"
SENT, START = "to the browser, MB (≤ 1)", "start to first chart, s (≤ 4)"
BARE = "start of Streamlit alone, with one chart"
_BUDGETS = {FIRST: 0.7, LATER: 0.3, SENT: 1.0, START: 4.0}
_EXPLORER = Path(__file__).resolve().parent
_MAIN = _EXPLORER / "frame" / "main.py"
_STEPS = 1000
_TIMES = 3
_WAIT = 60  # seconds until what is awaited is given up


def main(arguments: list[str]) -> int:
    """Measure, and print the rows as JSON; returns the exit code."""
    print(json.dumps(rows()))
    return 0


def rows() -> list[dict]:
    """Return one row for each page of a made-up run of 5 snapshots, and of one of 500; and for the start, of the app and of Streamlit alone."""
    found = []
    for snapshots in (5, 500):
        with tempfile.TemporaryDirectory() as folder:
            name = write_run(Path(folder), snapshots=snapshots).name
            write_run(Path(folder), snapshots=2, regularizer="none")
            os.environ["ISOBAR_RUNS"] = folder
            about = f"2 × 400 of width 384, {snapshots} snapshots"
            found += [{"run": about, "page": page, **costs} for page, costs in pages(name)]
            if snapshots == 5:
                for what, command in {"start of the app": _app(Path(folder)), BARE: _bare(Path(folder))}.items():
                    found.append({"run": about, "page": what, START: start_to_first_chart(command)})
    return [_row({"run": row["run"], "page": row["page"]}, row) for row in found]


def _row(about: dict, costs: dict) -> dict:
    measured = {name: costs.get(name) for name in _BUDGETS}
    kept = [value <= _BUDGETS[name] for name, value in measured.items() if value is not None]
    return {**about, **measured, "within": "–" if not kept else "yes" if all(kept) else "no"}


def pages(run: str) -> Iterator[tuple[str, dict]]:
    """Yield each page, and each view of the page of `run`, with what it costs; the caches are empty at each first view.

    Seconds are of the processor, so that what else the machine does counts as little as it can.
    """
    import streamlit as st

    _opened("train", run)  # what all pages import is of the app's start
    for file in sorted((_EXPLORER / "pages").glob("[a-z]*.py")):
        options = _options(_opened(file.stem, run), "view") if file.stem == "run" else []
        classes = [{"class": "second"}] if file.stem == "run" else []
        for query in [{}, *classes, *({"view": view} for view in options[1:])]:
            st.cache_data.clear()
            st.cache_resource.clear()
            began = time.process_time()
            app = _opened(file.stem, run, **query)
            first = time.process_time() - began
            later = []
            for _ in range(_TIMES):
                began = time.process_time()
                app.run()
                later.append(time.process_time() - began)
            if app.exception or any("can't be shown" in error.value for error in app.error):
                raise RuntimeError(f"The page {file.stem} {query} failed: {[*app.exception, *app.error]}")
            yield " ".join([file.stem, *query.values()]), {FIRST: first, LATER: min(later), SENT: _sent(app) / 1e6}


def _opened(page: str, run: str, **query: str):
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(_MAIN), default_timeout=_WAIT)
    for name, value in {"page": page, **({"run": run} if page == "run" else {}), **query}.items():
        app.query_params[name] = value
    return app.run()


def _options(app, key: str) -> list[str]:
    return next((list(control.options) for control in app.get("button_group") if control.key == key), [])


def _sent(app) -> int:
    """Return how many bytes the elements of a page are."""
    return sum(node.proto.ByteSize() for node in app._tree if hasattr(getattr(node, "proto", None), "ByteSize"))


def _app(runs: Path) -> list[str]:
    return python_module("core.cli", "app", "--runs", str(runs), "--no-browser", "--port")


def _bare(folder: Path) -> list[str]:
    """Return what starts a page of Streamlit's with one chart of three bars, and nothing of ours."""
    chart = {"data": {"values": [{"x": k} for k in range(3)]}, "mark": "bar", "encoding": {"x": {"field": "x"}}}
    script = folder / "bare.py"
    script.write_text(f"import streamlit\n\nstreamlit.vega_lite_chart({chart})\n", encoding="utf-8")
    quiet = ("--server.headless=true", "--browser.gatherUsageStats=false")
    return python_module("streamlit", "run", str(script), *quiet, "--server.port")


def start_to_first_chart(command: list[str]) -> float | None:
    """Return the seconds from the start of `command`, whose last word is a port's option, until a browser shows the first chart; None without Chromium."""
    chromium = find_chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("Start to first chart: not measured, since there is no Chromium or no playwright here.", file=sys.stderr)
        return None
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [*command, str(port)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu"])
        page = browser.new_page()
        began = time.perf_counter()
        app = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            _until_it_answers(f"http://localhost:{port}/_stcore/health", app)
            page.goto(f"http://localhost:{port}")
            page.locator('[data-testid="stVegaLiteChart"] .marks').first.wait_for(timeout=1000 * _WAIT)
            return time.perf_counter() - began
        finally:
            browser.close()
            os.killpg(app.pid, 15)
            app.wait(10)


def _until_it_answers(address: str, app: subprocess.Popen) -> None:
    deadline = time.monotonic() + _WAIT
    while time.monotonic() < deadline and app.poll() is None:
        try:
            urlopen(address, timeout=1)
            return
        except (URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError("The app did not start.")


def write_run(folder: Path, *, snapshots: int, per_class: int = 400, width: int = 384, **settings) -> Path:
    """Write a finished run of two classes with made-up embeddings; beyond five, snapshots repeat earlier ones."""
    spec = RunSpec(**settings)
    names = ["first", "second"]
    record = {"task": {"name": spec.task, "label_names": names, "metrics": ["mcc"]}}
    writer = RunWriter.named(spec.run_name(), folder)
    writer.begin(spec.model_dump(), record=record)
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], per_class)
    texts = [f"The sentence number {i} of the probe set, as long as such sentences are." for i in range(len(labels))]
    writer.probe(pd.DataFrame({"text": texts, "label": labels, "label_name": np.array(names)[labels]}))
    cloud, centres = random.normal(size=(len(labels), width)), random.normal(size=(2, width))
    steps = np.linspace(0, _STEPS, snapshots).round().astype(int)
    distinct, sides = steps[np.linspace(0, snapshots - 1, min(snapshots, 5)).astype(int)], []
    for step in distinct:
        x = cloud + 4 * step / _STEPS * centres[labels]
        measures, classes = measure(x, "main", labels), shape_by_class(x, labels, names=names)
        writer.snapshot(
            step=int(step), epoch=step / _STEPS, embeddings=x, labels=labels, predictions=labels,
            measures=measures, classes=classes,
        )  # fmt: skip
        sides.append({**measures, "mcc": step / _STEPS, "classes": {c.name: c.summary() for c in classes}})
    for step in sorted(set(steps) - set(distinct)):
        folder = writer.path / layout.SNAPSHOTS
        os.link(folder / layout.snapshot_name(distinct[distinct < step][-1]), folder / layout.snapshot_name(step))
    for step in range(5, _STEPS + 1, 5):
        of_class = {"entropy": 2.3, "relative_entropy": 0.95, "bars": 15, "features": 9}
        writer.event(
            kind="step", step=step, epoch=step / _STEPS, task_loss=0.7, regularizer=-4.6, step_seconds=0.2,
            regularizer_seconds=0.004, classes={"0": of_class, "1": of_class},
        )  # fmt: skip
    before, after = sides[0], sides[-1]
    difference = {key: after[key] - value for key, value in before.items() if key != "classes"}
    writer.report({"metric": "mcc", "label_names": names, "before": before, "after": after, "difference": difference})
    writer.status("finished", step=_STEPS, total_steps=_STEPS, device="cpu")
    return writer.path
