"""Where the seconds of `isobar inspect` go: ``python -m tests.benchmarks.inspecting [--out TABLE] [MODEL [TASK]]``.

Parts are timed by the wall in this one process, from its start; what is in none of them is "the rest".
"""

import argparse
import os
import time
from functools import wraps
from importlib import import_module
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

# What is imported first, so that it is told apart from what comes after it.
IMPORTS = {
    "the interpreter": (),
    "importing torch": ("torch",),
    "importing transformers' model classes": ("transformers.modeling_utils", "transformers.models.bert.modeling_bert"),
    "importing datasets, with pandas and Arrow": ("datasets",),
    "importing all else, Isobar among it": ("core.training.inspection",),
}


def main() -> None:
    """Inspect, and print the table."""
    started = psutil.Process().create_time()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="minilm")
    parser.add_argument("task", nargs="?", default="grammar")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()

    seconds, last = {}, started
    for part, names in IMPORTS.items():
        for name in names:
            import_module(name)
        seconds[part], last = time.time() - last, time.time()
    seconds |= dict.fromkeys(PARTS.values(), 0.0)
    from core.training import inspection, probe

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
        made = f"Made by `python -m tests.benchmarks.inspecting` on {os.cpu_count()} cores.\n\n"
        asked.out.write_text(made + table, encoding="utf-8")


if __name__ == "__main__":
    main()
