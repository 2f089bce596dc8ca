"""Runs by the dozen: every combination of some settings, each beside its baseline, resumable."""

import hashlib
import itertools
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from core.errors import IsobarError, nearest
from core.runs import Run, load_run
from core.runs.settings import OF_REGULARIZER
from core.training.spec import RunSpec, read_yaml, slug


class Sweep(BaseModel):
    """A sweep: `base` holds for every cell, `grid` lists the values whose product the cells are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: dict = Field(default_factory=dict, description="Settings of every cell.")
    grid: dict[str, list] = Field(default_factory=dict, description="Values that are combined, by setting.")
    baselines: bool = Field(True, description="Also run each cell without the regularizer.")

    @classmethod
    def from_yaml(cls, path: Path | str) -> "Sweep":
        """Return the sweep in a YAML file.

        Raises:
            IsobarError: the file is missing or no YAML, a key is unknown, a value wrong, or a seed stands twice.
        """
        values = read_yaml(path, "sweep file", "base, grid and baselines")
        for key in values:
            if key not in cls.model_fields:
                raise IsobarError(
                    f"The sweep file {path} has an unknown key {key!r}.{nearest(str(key), cls.model_fields)}"
                )
        for key, given in (values.get("grid") or {}).items():
            if not isinstance(given, list) or not given:
                raise IsobarError(f"grid.{key} in {path} should be a list of values, such as [0, 1, 2].")
            if len(set(map(repr, given))) < len(given):
                raise IsobarError(f"grid.{key} in {path} holds a value twice: {given}.")
        sweep = cls(**{key: value for key, value in values.items() if value is not None})
        sweep.cells(where=f"the settings in {path}")
        return sweep

    def cells(self, where: str = "the sweep") -> list[RunSpec]:
        """Return one spec a run, baselines first within their group, none twice."""
        specs: dict[str, RunSpec] = {}
        for values in itertools.product(*self.grid.values()):
            spec = RunSpec.parse({**self.base, **dict(zip(self.grid, values))}, where=where)
            for one in (plain(spec), spec) if self.baselines else (spec,):
                specs.setdefault(one.to_yaml(), one)
        return list(specs.values())


def plain(spec: RunSpec) -> RunSpec:
    """Return the baseline of `spec`, with the regularizer's own settings at their defaults: one for all its rivals."""
    defaults = {name: RunSpec.model_fields[name].default for name in OF_REGULARIZER if name in RunSpec.model_fields}
    return spec.baseline().model_copy(update=defaults)


def cell_dir(runs_dir: Path | str, spec: RunSpec) -> Path:
    """Return the run directory of a cell; equal specs share one, so that a sweep finds what it did before.

    Only what differs from the defaults counts: a setting that a later version adds leaves the cells where they are.
    """
    chosen = yaml.safe_dump(spec.model_dump(exclude_defaults=True))
    digest = hashlib.sha256(chosen.encode()).hexdigest()[:8]
    return Path(runs_dir) / f"{slug(spec.model)}_{slug(spec.task)}_{spec.method}_s{spec.seed}_{digest}"


def run_sweep(sweep: Sweep, runs_dir: Path | str, tell: Callable[[str], None] = print) -> list[Run]:
    """Run every cell that has not finished, one after the other, and return those that have.

    A cell that was cut short is resumed from its checkpoint; one that fails is told and left behind.
    """
    from core.training.trainer import train

    cells = sweep.cells()
    finished = []
    for number, spec in enumerate(cells, 1):
        path = cell_dir(runs_dir, spec)
        there = load_run(path) if (path / "spec.yaml").exists() else None
        if there is None or there.state != "finished":
            tell(f"[{number}/{len(cells)}] {path.name}")
            try:
                there = train(spec, path, resume=there is not None)
            except IsobarError as error:
                tell(f"    failed: {error}")
                continue
            if there.state == "stopped":
                raise KeyboardInterrupt
        finished.append(there)
    return finished


def summary(runs: list[Run]) -> list[dict]:
    """Return one row for each setting of the regularizer, averaged over seeds, beside the baseline of the same seeds."""
    groups: dict[tuple, list[Run]] = {}
    for run in runs:
        groups.setdefault(_setting(run.spec), []).append(run)
    rows = []
    for group in groups.values():
        first = group[0]
        metric = first.report["metric"]
        rows.append(
            {
                "task": slug(first.spec["task"]),
                "regularizer": "none" if first.spec["regularizer"] == "none" else first.spec["selection"],
                "weight": first.spec["weight"] if first.spec["regularizer"] != "none" else "",
                "learning rate": f"{first.spec['learning_rate']:g}",
                "steps": int(first.status.get("total_steps", 0)),
                "seeds": len(group),
                "metric": metric,
                "score": _mean(run.report["after"].get(metric) for run in group),
                "anisotropy_1": _mean(run.report["after"]["anisotropy_1"] for run in group),
                "centered": _mean(run.report["after"]["anisotropy_1_centered"] for run in group),
                "within classes": _mean(_within(run.report["after"]) for run in group),
                "IsoScore": _mean(run.report["after"]["isoscore"] for run in group),
            }
        )
    return sorted(rows, key=lambda r: (r["task"], r["learning rate"], r["steps"], r["regularizer"] != "none"))


def _setting(spec: Mapping) -> tuple:
    return tuple((key, str(value)) for key, value in spec.items() if key not in ("seed", "record"))


def _within(side: Mapping) -> float:
    """Return the mean over classes of the centered anisotropy within a class."""
    return statistics.fmean(shape["measures"]["anisotropy_1_centered"] for shape in side["classes"].values())


def _mean(values) -> float:
    return statistics.fmean(v for v in values if v is not None)
