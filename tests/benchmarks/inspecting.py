"""Where the seconds of `isobar inspect` go: ``python -m tests.benchmarks.inspecting [--out TABLE] [MODEL [TASK]]``.

Parts are timed by the wall in this one process, from its start; what is in none of them is "the rest".
"""

import argparse
import time
from functools import wraps
from pathlib import Path

import psutil

# Of core.training.inspection, in the order in which they are called.
PARTS = {
    "load_model": "reading the weights",
    "examples_of": "reading the task",
    "make_probe": "drawing the examples, tokenizing, the trial of padding",
    "encode": "the model's forward passes, with the sums over every layer",
    "measure": "measures of the space, of every layer and of the other pooling",
    "shape_by_class": "barcodes of the classes",
    "isotropic_reference": "the Gaussian cloud beside it",
}


def main() -> None:
    """Inspect, and print the table."""
    started = psutil.Process().create_time()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="minilm")
    parser.add_argument("task", nargs="?", default="grammar")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()

    from core.training import inspection, probe

    seconds = {"the interpreter, and importing": time.time() - started, **dict.fromkeys(PARTS.values(), 0.0)}
    inside = []

    def timed(name, real):
        @wraps(real)
        def call(*args, **kwargs):
            begun = time.perf_counter()
            inside.append(0.0)
            try:
                return real(*args, **kwargs)
            finally:
                whole = time.perf_counter() - begun
                seconds[PARTS[name]] += whole - inside.pop()  # what is in one part is in no other
                if inside:
                    inside[-1] += whole

        return call

    for module in (inspection, probe, probe.LayerStreams):
        for name in PARTS:
            if hasattr(module, name):
                setattr(module, name, timed(name, getattr(module, name)))
    inspection.inspect_checkpoint(asked.model, asked.task)
    whole = time.time() - started
    seconds["the rest"] = whole - sum(seconds.values())

    from core.tables import markdown

    rows = [{"part": part, "s": taken, "%": 100 * taken / whole} for part, taken in seconds.items()]
    table = markdown([*rows, {"part": "whole", "s": whole, "%": 100.0}])
    print(table)
    if asked.out:
        asked.out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
