"""Runs by the dozen: every combination of some settings, each beside its baseline, resumable."""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import files
from core.errors import ElsewhereError, IsobarError, nearest
from core.regularizers.chosen import NONE
from core.runs import Run, migrations
from core.runs.settings import OF_BOOKKEEPING, flat, former_method, regularizers, setting
from core.studies.compare import Difference, Estimate, Group, beside_baselines, group_runs
from core.studies.workers import LocalWorkers
from core.training.spec import RunSpec, is_of_regularizers, is_setting, overlaid, read_yaml, slug

_LOOK_SECONDS = 0.5
ELSEWHERE = "Another process is at it."


class HasCells(Protocol):
    """What a sweep, or another study of many runs, is to those that run it."""

    def cells(self) -> list[RunSpec]:
        """Return one spec a run, none twice."""


class Sweep(BaseModel):
    """A sweep: `base` holds for every cell; the cells are the product of the values in `grid`, and of the sets in `cells`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: dict = Field(default_factory=dict, description="Settings of every cell.")
    grid: dict[str, list] = Field(default_factory=dict, description="Values that are combined, by setting.")
    named: dict[str, dict] = Field(
        default_factory=dict, alias="cells", description="Sets of settings, by name, that are combined with the grid."
    )
    baselines: bool = Field(True, description="Also run each cell without the regularizer, once a seed.")

    @classmethod
    def from_yaml(cls, path: Path | str) -> "Sweep":
        """Return the sweep in a YAML file.

        Raises:
            IsobarError: the file is missing or no YAML, a key is unknown, a value wrong, or a value stands twice.
        """
        values = read_yaml(path, "sweep file", "base, grid, cells and baselines")
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in values:
            if is_setting(key):
                raise IsobarError(f"{key} in the sweep file {path} is a setting; it should stand under base or grid.")
            if key not in known:
                raise IsobarError(f"The sweep file {path} has an unknown key {key!r}.{nearest(str(key), known)}")
        return cls.parse({key: value for key, value in values.items() if value is not None}, str(path))

    @classmethod
    def parse(cls, values: dict, where: str = "the sweep") -> "Sweep":
        """Return the sweep with these `values`, its cells checked.

        Raises:
            IsobarError: a value is wrong, or stands twice.
        """
        for key in ("base", "grid", "cells"):
            if not isinstance(values.get(key, {}), dict):
                raise IsobarError(f"{key} in {where} should hold settings, as 'name: value' lines.")
        for key, given in values.get("grid", {}).items():
            if not isinstance(given, list) or not given:
                raise IsobarError(f"grid.{key} in {where} should be a list of values, such as [0, 1, 2].")
            meant = [_meant(key, value, f"the settings in {where}") for value in given]
            if len(set(meant)) < len(meant):
                raise IsobarError(f"grid.{key} in {where} holds a value twice: {given}.")
        if "cells" in values:
            cells = {n: {"regularizer": v} if isinstance(v, str) else v for n, v in values["cells"].items()}
            values = {**values, "cells": cells}
        for name, given in values.get("cells", {}).items():
            if not isinstance(name, str):
                raise IsobarError(
                    f"cells.{name} in {where} should have a text as its name, such as '{name}' in quotes."
                )
            if not isinstance(given, dict):
                raise IsobarError(
                    f"cells.{name} in {where} should hold settings, as 'name: value' lines ({{}} holds none), or the "
                    "regularizer as a text."
                )
            if both := [key for key in given if key in values.get("grid", {})]:
                raise IsobarError(
                    f"{both[0]} stands in grid and in cells.{name} of {where}; one of them would not count."
                )
        try:
            sweep = cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise IsobarError(
                f"{'.'.join(map(str, first['loc']))} in {where} is {first['input']!r}, but should be "
                f"{first['msg'].removeprefix('Input should be ')}."
            ) from error
        sweep.cells(where=f"the settings in {where}")
        names: dict[tuple, str] = {}
        for name, specs in sweep.by_name().items():
            if (other := names.setdefault(setting(specs[0].model_dump()), name)) != name:
                raise IsobarError(f"cells.{other} and cells.{name} in {where} are the same settings; one is enough.")
        return sweep

    def cells(self, where: str = "the sweep") -> list[RunSpec]:
        """Return one spec a run, each baseline before the first that needs it, none twice."""
        return list(dict.fromkeys(spec for _, specs in self._sets(where) for spec in specs))

    def by_name(self) -> dict[str, list[RunSpec]]:
        """Return the specs of each named set of settings without their baselines; all under "" where no sets are named."""
        found: dict[str, list[RunSpec]] = {}
        for name, specs in self._sets("the sweep"):
            found.setdefault(name, []).append(specs[-1])
        return found

    def group_name(self, group: Group) -> str:
        """Return the name of the set of settings that the runs of `group` are cells of: "none" of baselines, else the group's own if of none."""
        names = {cell: name for name, specs in self.by_name().items() for spec in specs for cell in _cell_names(spec)}
        if group.method == "none":
            return "none"
        return next((names[run] for run in group.runs.values() if run in names), group.name)

    def _sets(self, where: str) -> Iterator[tuple[str, tuple[RunSpec, ...]]]:
        """Yield the name of each set and its cell, after the cell's baseline if it has one, for each point of the grid."""
        for values in itertools.product(*self.grid.values()):
            for name, settings in (self.named or {"": {}}).items():
                spec = RunSpec.parse(overlaid(self.base, settings, dict(zip(self.grid, values))), where=where)
                baseline = spec.baseline()
                if not spec.regularizers:
                    yield str(name), (baseline,)
                else:
                    yield str(name), (baseline, spec) if self.baselines else (spec,)


def _meant(key: str, value: object, where: str) -> object:
    """Return what `value` comes to as the setting `key`; that of a regularizer, in a run of that one."""
    if key in migrations.FLAT_NAMES:
        RunSpec.parse({key: value, "regularizer": migrations.dotted(key).partition(".")[0]}, where)
        key = migrations.dotted(key)
    name, dot, setting = key.partition(".") if is_of_regularizers(key) else (key, "", "")
    if dot:
        return getattr(RunSpec.parse({key: value, "regularizer": name}, where).regularizers[name], setting)
    return getattr(RunSpec.parse({key: value}, where), key)


def cell_dir(runs_dir: Path | str, spec: RunSpec) -> Path:
    """Return the run directory of a cell; equal specs share one, so that a sweep finds what it did before."""
    places = [Path(runs_dir) / name for name in _cell_names(spec)]
    return next((place for place in places if place.is_dir()), places[0])


def _cell_names(spec: RunSpec) -> list[str]:
    """Return what the directory of a cell is called, and what it was called before values had the names that they have now.

    Only what differs from the defaults counts: a setting that a later version adds leaves the cells where they are. And
    settings of regularizers go by their flat names of before, so that cells that were recorded with these are found.
    """
    chosen = spec.model_dump(exclude_defaults=True, exclude={"regularizers"})
    if (names := "+".join(spec.regularizers) or NONE) != "+".join(RunSpec.model_fields["regularizers"].default):
        chosen["regularizer"] = names
    for name, settings in spec.regularizers.items():
        own = settings.model_dump(exclude_defaults=True)
        chosen.update({migrations.flat(name, key): value for key, value in own.items()})
    digest = hashlib.sha256(yaml.safe_dump(chosen).encode()).hexdigest()[:8]
    methods = dict.fromkeys([spec.method, former_method(spec.model_dump())])
    return [f"{slug(spec.model)}_{slug(spec.task)}_{method}_s{spec.seed}_{digest}" for method in methods]


def unfinished(sweep: HasCells, runs_dir: Path | str) -> list[RunSpec]:
    """Return the cells that are yet to run, or to be gone on with."""
    return [spec for spec in sweep.cells() if not _finished(cell_dir(runs_dir, spec), spec)]


def check_cells(specs: Iterable[RunSpec]) -> None:
    """Load each task, and each model of the Hub, once.

    Raises:
        IsobarError: one of them is not there, or the Hub can't be reached; better known before than told cell by cell.
    """
    from core.models import BUILT_IN
    from core.models.loading import load_model
    from core.tasks import load_task

    tried, models = {}, set()
    for spec in specs:
        columns = {name: getattr(spec, name) for name in ("text_column", "text_pair_column", "label_column")}
        data = (spec.task, *columns.values())
        if data not in tried:
            tried[data] = load_task(spec.task, **columns).modality
        models.add((spec.model, tried[data]))
    for name, modality in models:
        if name not in BUILT_IN and not Path(name).expanduser().is_dir():
            load_model(name, 2, modality)


@dataclass
class Standing:
    """How far a sweep has come: cells in all, finished, failed, and what runs now, as (phase, done, in all) by name."""

    total: int
    finished: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    running: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    @property
    def done(self) -> float:
        """Cells that are done with, those that run by their share."""
        shares = (done / total for phase, done, total in self.running.values() if phase == "training" and total)
        return self.finished + len(self.failed) + sum(shares)


def run_sweep(
    sweep: HasCells,
    runs_dir: Path | str,
    workers: Executor | None,
    *,
    tell: Callable[[str], None] = print,
    watch: Callable[[Standing], None] = lambda standing: None,
    work: Callable[..., str | None] | None = None,
    more: tuple = (),
) -> list[Run]:
    """Run every cell that has not finished, and return those that have.

    A cell that was cut short is resumed from its checkpoint; one that fails, or whose process is killed, is told and
    left behind; one that another process is at is waited for, and gone on with should that not finish it. On Ctrl-C the cells under way are asked to stop, and end with a checkpoint, before it is passed on.

    Args:
        sweep: what to run.
        runs_dir: where the cells' run directories are.
        workers: runs `run_cell`; see :mod:`core.studies.workers`. None will do where all have finished.
        tell: called with a line whenever a cell ends.
        watch: called twice a second.
        work: what a cell is; :func:`run_cell` if not given. It is called with its settings, its directory and `more`.
        more: what all cells are called with.

    Raises:
        IsobarError: the folder of runs can't be made.
    """
    paths = {cell_dir(runs_dir, spec): spec for spec in sweep.cells()}
    standing = Standing(len(paths))
    try:
        files.make_folder(Path(runs_dir))
    except OSError as error:
        raise IsobarError(f"The folder of runs {runs_dir} can't be made: {error.strerror}.") from error
    todo = [path for path, spec in paths.items() if not _finished(path, spec)]
    standing.finished = len(paths) - len(todo)
    cells = {
        workers.submit(work or run_cell, paths[path].model_dump(), str(path.absolute()), *more): path for path in todo
    }
    waiting: set[Future] = set(cells)
    elsewhere: list[Path] = []
    try:
        while waiting or elsewhere:
            if waiting:
                ended, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
            else:
                time.sleep(_LOOK_SECONDS)
                ended = set()
            for future in ended:
                if _is_elsewhere(future):
                    tell(f"{cells[future].name}: another process is at it; waiting for that.")
                    elsewhere.append(cells[future])
                else:
                    _settle(future, cells[future], paths[cells[future]], standing, tell)
            for path in [path for path in elsewhere if not _is_under_way(path)]:
                elsewhere.remove(path)
                again = workers.submit(work or run_cell, paths[path].model_dump(), str(path.absolute()), *more)
                cells[again] = path
                waiting.add(again)
            standing.running = _under_way([cells[future] for future in waiting])
            watch(standing)
    except KeyboardInterrupt:
        tell("Stopping; the cells under way keep a checkpoint, and the same sweep goes on from there.")
        workers.shutdown(wait=False, cancel_futures=True)
        while waiting := {future for future in waiting if not future.done()}:
            if isinstance(workers, LocalWorkers):
                workers.interrupt()
            wait(waiting, _LOOK_SECONDS)
            for future in waiting:  # again and again: a run that begins forgets the requests of before
                if cells[future].is_dir():
                    with suppress(IsobarError):  # it may be gone
                        Run(cells[future]).request_stop()
        raise
    return [Run(path) for path, spec in paths.items() if _finished(path, spec)]


def run_cell(settings: dict, path: str) -> str | None:
    """Run, or resume, the cell of these settings in the directory `path`; return a sentence if it did not finish."""
    from core.training.fit import train

    there = Run(Path(path))
    begun = (there.path / "spec.yaml").exists()
    if begun and there.state == "finished":
        if other := _other_settings(there, RunSpec(**settings)):
            return (
                f"Its directory holds a run with another {other[0]}, made when the default was another; move it away."
            )
        return None
    if begun and _is_under_way(there.path):
        return ELSEWHERE
    try:
        state = train(RunSpec(**settings), path, resume=begun).state
    except ElsewhereError:  # which began it, or went on with it, while this process was loading
        return ELSEWHERE
    except Exception as error:  # whatever it is, it is this cell's alone
        return str(error) if isinstance(error, IsobarError) else f"{type(error).__name__}: {error}"
    return None if state == "finished" else f"It was {state}."


def _is_under_way(path: Path) -> bool:
    return Run(path).state in ("running", "queued")


def _is_elsewhere(future: Future) -> bool:
    return not future.cancelled() and future.exception() is None and future.result() == ELSEWHERE


def _settle(future: Future, path: Path, spec: RunSpec, standing: Standing, tell: Callable[[str], None]) -> None:
    """Count the cell in `path`, which has ended, and tell how."""
    try:
        sentence = future.result()
    except (BrokenExecutor, CancelledError):
        sentence = "Its process was killed, perhaps for want of memory."
    except Exception as error:  # a cluster has its own words for the same
        sentence = f"Its process ended: {type(error).__name__}, {' '.join(str(error).split())[:200]}"
    if sentence is None and not _finished(path, spec):
        sentence = f"It ran, but its directory is not in {path.parent}: all machines must see the folder of runs."
    if sentence is None:
        standing.finished += 1
    else:
        standing.failed[path.name] = sentence
    count = standing.finished + len(standing.failed)
    tell(f"[{count}/{standing.total}] {path.name}: {'finished' if sentence is None else f'failed: {sentence}'}")


def _finished(path: Path, spec: RunSpec) -> bool:
    run = Run(path)
    return (path / "status.json").exists() and run.state == "finished" and not _other_settings(run, spec)


def _other_settings(run: Run, spec: RunSpec) -> list[str]:
    """Return the settings of `run` that count and are not those of `spec`: a directory's name holds no defaults."""
    kept = {name: value for name, value in flat(run.spec).items() if name not in OF_BOOKKEEPING}
    if kept.get("pooling") == "cls" and "pooling" not in run.record:
        kept["pooling"] = RunSpec.model_fields["pooling"].default  # recorded when cls was the default
    found = [name for name, value in flat(spec.model_dump()).items() if name in kept and kept[name] != value]
    return found if list(regularizers(run.spec)) == list(spec.regularizers) else ["regularizer", *found]


def _under_way(paths: list[Path]) -> dict[str, tuple[str, int, int]]:
    found = {}
    for run in (Run(path) for path in paths if (path / "status.json").exists()):
        if run.state == "running":
            status = run.status
            found[run.name] = (str(status.get("phase")), int(status.get("step", 0)), int(status.get("total_steps", 0)))
    return found


def summary(runs: list[Run]) -> list[dict]:
    """Return one row for each setting, averaged over seeds, with a column for whatever varies among them.

    Changes are from the baseline, paired by seed, with their intervals.
    """
    groups, notes = group_runs(runs, RunSpec.defaults())
    rows = []
    for group in beside_baselines(groups, notes):
        changes = group.differences
        told = {key.replace("_", " "): _cell(key, value) for key, value in group.settings.items() if key != "task"}
        rows.append(
            {
                "task": slug(group.task),
                "regularizer": group.method,
                **told,
                "steps": group.steps,
                "seeds": len(group.runs),
                "scored by": group.metric,
                "score": _mean(group.means.get(group.metric)),
                "change of score": _told(changes.get(group.metric)),
                "within classes": _mean(group.means.get("anisotropy_1_within")),
                "change within classes": _told(changes.get("anisotropy_1_within")),
                "share between": _mean(group.means.get("between_share")),
                "NC1": _mean(group.means.get("nc1")),
                "centered": _mean(group.means.get("anisotropy_1_centered")),
                "change of centered": _told(changes.get("anisotropy_1_centered")),
                "anisotropy_1": _mean(group.means.get("anisotropy_1")),
                "IsoScore": _mean(group.means.get("isoscore")),
            }
        )
    return rows


def _cell(key: str, value) -> object:
    """Return a setting as a table shows it: nothing where it says nothing, a number without needless digits."""
    if value is None:
        return ""
    return slug(value) if key == "model" else f"{value:g}" if isinstance(value, float) else value


def _mean(estimate: Estimate | None) -> float | None:
    return estimate.mean if estimate else None


def _told(change: Difference | None) -> str:
    return "" if change is None else str(change)
