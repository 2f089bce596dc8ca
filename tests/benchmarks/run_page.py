"""Server time and bytes of each view of a run: ``python -m tests.benchmarks.run_page [--snapshots N]``.

A made-up run of 400 embeddings of width 384 a snapshot is shown by Streamlit's own AppTest. Seconds are CPU seconds of the process. "First" is the first time
that this view is drawn, with nothing of it kept yet; "later" the best of three times after that. Bytes are those of the
charts and tables that go to the browser.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.explorer.conftest import MAIN
from tests.explorer.synthetic import write_run

VIEWS = ("Barcodes", "Cloud", "Timeline", "Anisotropy", "Texts that moved", "Training")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshots", type=int, default=5)
    options = parser.parse_args()
    from streamlit.testing.v1 import AppTest

    with tempfile.TemporaryDirectory() as folder:
        steps = max(options.snapshots, 60)
        path = write_run(Path(folder), per_class=200, width=384, steps=steps, snapshots=options.snapshots)
        os.environ["ISOBAR_RUNS"] = folder
        warm = AppTest.from_file(str(MAIN), default_timeout=120)
        warm.query_params["page"] = "train"
        warm.run()  # what is loaded once, whatever the page
        print(f"{options.snapshots} snapshots\n| view | first, s | later, s | kB |\n| --- | --- | --- | --- |")
        for view in VIEWS:
            app = AppTest.from_file(str(MAIN), default_timeout=120)
            app.query_params.update({"page": "run", "run": path.name, "view": view})
            took = []
            for _ in range(4):
                began = time.process_time()
                app.run()
                took.append(time.process_time() - began)
            assert not app.exception
            size = sum(e.proto.ByteSize() for kind in ("vega_lite_chart", "arrow_data_frame") for e in app.get(kind))
            print(f"| {view} | {took[0]:.2f} | {min(took[1:]):.2f} | {size / 1e3:.0f} |", flush=True)


if __name__ == "__main__":
    main()
