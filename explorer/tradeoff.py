"""The picture of `isobar tradeoff`: its curves as SVG."""

import argparse
from pathlib import Path

import pandas as pd

from core.files import whole_output
from core.studies.compare import called
from core.studies.sweep import Sweep
from core.studies.tradeoff import AXIS, curves
from explorer.charts import curves as charts
from explorer.charts.style import vector


def main(arguments: list[str]) -> int:
    """Write the picture of a sweep's curves."""
    parser = argparse.ArgumentParser(prog="isobar tradeoff")
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    metric, found = curves(Sweep.from_yaml(given.file), given.runs)
    with whole_output(given.out) as file:
        file.write_text(picture(metric, found), encoding="utf-8")
    return 0


def picture(metric: str, found: list) -> str:
    """Return the curves as SVG."""
    points = pd.DataFrame(
        [
            {
                "method": curve.name, "order": k, "weight": weight, "x": x.mean, "y": y.mean,
                "low_x": x.low, "high_x": x.high, "low_y": y.low, "high_y": y.high,
            }
            for curve in found
            for k, (weight, x, y) in enumerate(curve.points)
        ]
    )  # fmt: skip
    title = "What flatness costs: means over seeds, 95 % intervals, weights"
    chart = charts.curves(points, x=called(AXIS), y=called(metric), title=title)
    return vector(chart.to_dict())
