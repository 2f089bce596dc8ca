"""Takes a picture of each page in light and dark: ``python -m tests.browser.pictures OUT_DIR [--runs DIR]``."""

import argparse
import tempfile
from pathlib import Path
from urllib.parse import quote

from core.runs import layout, list_runs, load_run
from explorer.panels.data import modality
from tests.browser.app_process import browser, running_app, settle

SIZE = {"width": 1280, "height": 720}


def addresses(runs_dir: Path) -> dict[str, str]:
    """Return the address of every picture by its name."""
    by_state = {}
    for run in list_runs(runs_dir):
        by_state.setdefault(run.state, run.name)
    found = {
        "learn": "/learn",
        "learn-ring": "/learn?cloud=Ring&n=30&noise=0.04&table=true",
        "learn-lesson": "/learn?lesson=2&answer=true",
        "learn-regularizer": "/learn?lesson=5",
        "learn-points": "/learn?cloud=Your+points&own=0_0~2_1~3_3~5_3~6_1~4_0~4_4~1_3",
        "learn-draw": "/learn?cloud=Ring&n=12&noise=0.1&draw=1",
        "learn-rule": "/learn?cloud=Five+clusters&rule=1",
        "learn-projector": "/learn?lesson=3&projector=1",
        "train": "/train",
        "compare": "/compare",
        "layers": "/layers",
        "layers-centered": "/layers?points=examples&centered=true",
        "layers-new": "/layers?new=1",
        "landscape": "/landscape?of=sample-grammar",
        "landscape-noise": "/landscape?of=sample-grammar&predictor=Noise+level",
        "landscape-cola": "/landscape?of=sample-cola",
        "landscape-mrpc": "/landscape?of=sample-mrpc",
        "landscape-new": "/landscape?new=1",
        "not-found": "/run?run=nowhere",
        "sample": "/run?run=sample",
        "inspect": "/inspect",
        "inspect-not-found": "/inspect?of=nowhere",
    }
    for run in list_runs(runs_dir / layout.INSPECTIONS):
        of = f"/inspect?of={run.name}"
        found.setdefault(f"inspect-{run.state}", of)
        if run.state == "finished":
            found.setdefault("inspect-class", f"{of}&class={run.report['label_names'][-1]}")
            for view in ("Merges", "Anisotropy", "Layers", "Beside another"):
                name = f"inspect-{view.lower().replace(' ', '-')}"
                found.setdefault(name, f"{of}&view-inspection={quote(view)}")
    for state, name in by_state.items():
        found[f"run-{state}"] = f"/run?run={name}"
    shown = by_state.get("finished") or by_state.get("stopped")
    if shown:
        for view in ("Cloud", "Timeline", "Anisotropy", "Training"):
            found[f"run-{view.lower()}"] = f"/run?run={shown}&view={view}"
            found[f"sample-{view.lower()}"] = f"/run?run=sample&view={view}"
        moved = f"{modality(load_run(runs_dir / shown)).many.capitalize()} that moved"
        found["run-moved"] = f"/run?run={shown}&view={quote(moved)}"
        found["sample-moved"] = f"/run?run=sample&view={quote('Texts that moved')}"
        found["run-class"] = f"/run?run={shown}&class=acceptable"
        found["sample-class"] = "/run?run=sample&class=acceptable"
        found["run-cloud-error"] = f"/run?run={shown}&view=Cloud&colour=error&tree=1&axes={quote('1 and 3')}"
        found["run-timeline-tree"] = f"/run?run={shown}&view=Timeline&tree=1&step=20"
        found["train-ended"] = f"/train?run={shown}"
    if "running" in by_state:
        found["train-live"] = f"/train?run={by_state['running']}"
    return found


def take(out: Path, runs_dir: Path, only: list[str]) -> None:
    """Write NAME-light.png, NAME-dark.png (the window) and NAME-SCHEME-full.png (the whole page) into `out`."""
    known = addresses(runs_dir)
    if unknown := sorted(set(only) - set(known)):
        raise SystemExit(f"There is no picture {', '.join(unknown)} of these runs; there are: {', '.join(known)}.")
    out.mkdir(parents=True, exist_ok=True)
    with running_app(runs_dir) as address, browser() as chromium:
        for scheme in ("light", "dark"):
            page = chromium.new_page(viewport=SIZE, color_scheme=scheme)
            for name, path in known.items():
                if only and name not in only:
                    continue
                page.set_viewport_size(SIZE)
                page.goto(address + path)
                settle(page)
                page.screenshot(path=out / f"{name}-{scheme}.png")
                height = page.evaluate("""() => {
                    const main = document.querySelector('[data-testid="stMain"]');
                    return Math.max(720, main.scrollHeight + 10);
                }""")
                if height > SIZE["height"] + 60:
                    page.set_viewport_size({"width": SIZE["width"], "height": height})
                    settle(page)
                    page.screenshot(path=out / f"{name}-{scheme}-full.png")
            page.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", type=Path, help="run directories to show; made-up ones by default")
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures")
    options = parser.parse_args()
    if options.runs:
        take(options.out, options.runs, options.only)
        return
    from tests.explorer.synthetic import write_gallery, write_inspections

    with tempfile.TemporaryDirectory() as folder:
        write_gallery(Path(folder))
        write_inspections(Path(folder))
        take(options.out, Path(folder), options.only)


if __name__ == "__main__":
    main()
