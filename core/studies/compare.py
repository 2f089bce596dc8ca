"""Runs beside each other: means over seeds, differences paired by seed with the baseline, and a sentence of verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from math import isfinite, sqrt
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import ClassVar

from core.errors import IsobarError
from core.json_text import plain
from core.runs.reader import Run, load_run
from core.runs.settings import OUTSIDE, experiment, flat, method, setting, varying, words
from core.runs.shapes import is_whole

CONFIDENCE = 0.95
_DRAWS = 9999  # resamples and, above 13 seeds, sign flips; up to there all 2^n of these are counted
_PLACE = ("model", "task")
FEWEST_SEEDS = 5  # below, no values bring the sign-flip test under 0.1, and the interval is but their span
_CHANCE = 0.1
_HEADLINE = "anisotropy_1_within"
_FIRST = (_HEADLINE, "between_share", "nc1", "anisotropy_1_centered", "anisotropy_1")
# As on a card, within a sentence.
_CALLED = {
    "anisotropy_1_within": "anisotropy within classes",
    "anisotropy_1_centered": "anisotropy 1, centered",
    "anisotropy_1": "anisotropy 1",
    "effective_rank": "effective rank",
    "between_share": "the share between classes",
    "nc1": "NC1",
    "mcc": "MCC",
    "f1": "F1",
}


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: of `values`.
        low, high: its 95 % interval (see :func:`bootstrap_interval`); None for one seed.
        seeds, values: one of each a run, in order of the seeds.
    """

    mean: float
    low: float | None
    high: float | None
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    _form: ClassVar[str] = ".3f"

    def __str__(self) -> str:
        """Return the mean and its interval, if it has one."""
        if self.low is None:
            return f"{self.mean:{self._form}}"
        return f"{self.mean:{self._form}} [{self.low:{self._form}}, {self.high:{self._form}}]"

    @classmethod
    def of(cls, by_seed: Mapping[int, float]) -> "Estimate":
        """Return the estimate from one value a seed."""
        seeds = tuple(sorted(by_seed))
        values = tuple(by_seed[seed] for seed in seeds)
        return cls(fmean(values), *bootstrap_interval(values), seeds, values)


@dataclass(frozen=True)
class Difference(Estimate):
    """A mean of differences between two runs of the same seed.

    Attributes:
        p: of the sign-flip test, two-sided; None for one seed. With n seeds it can't be less than 2 / 2^n.
    """

    p: float | None = None
    _form: ClassVar[str] = "+.3f"

    @classmethod
    def of(cls, by_seed: Mapping[int, float]) -> "Difference":
        """Return the difference from one value a seed."""
        mean = Estimate.of(by_seed)
        return cls(**vars(mean), p=sign_flip_p(mean.values))

    @property
    def direction(self) -> int:
        """-1 or 1 where the difference is told from chance; 0 where it can't be.

        That takes at least 5 seeds, an interval that leaves out 0, and a sign-flip p below 0.1, which of 5 seeds all
        must have the same sign for. The interval alone is not enough: of few values, skewed ones above all, it leaves
        out 0 without any effect more often than in 5 of 100 cases. The test does so in at most its p of those where
        either sign is as likely.
        """
        if len(self.seeds) < FEWEST_SEEDS or self.low <= 0 <= self.high or self.p >= _CHANCE:
            return 0
        return 1 if self.low > 0 else -1


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes:
        name: the regularizer, and the settings in which it differs from the other groups.
        method: a word for the regularizer; "none" is a baseline.
        settings: what varies among the groups, as it is here.  spec: all settings but the seed.
        steps: the planned optimizer steps; None where unknown.
        model, task: as the spec names them.  metric: the task's headline metric.
        runs: the run directories' names, by seed.  data: the fingerprints of their data, by seed; None where unknown.
        means: of every measure and task metric after training, by name.
        baseline: the name of the group without regularizer; None where there is none, or this is one.
        differences: from the baseline's run of the same seed, by name; empty without one.
        verdict: one sentence, and a second where the regularizer could hardly act.
        idle: that sentence.
    """

    name: str
    method: str
    settings: dict
    spec: dict = field(repr=False)
    steps: int | None
    model: str
    task: str
    metric: str
    runs: dict[int, str]
    data: dict[int, str | None]
    means: dict[str, Estimate]
    baseline: str | None = None
    differences: dict[str, Difference] = field(default_factory=dict)
    verdict: str = ""
    idle: str = ""

    @property
    def called(self) -> str:
        """What it is called where people read: what its regularizers act on, in words, and what varies."""
        return words(self.spec) + self.name.removeprefix(self.method)


@dataclass(frozen=True)
class Comparison:
    """The groups, each task's and model's together and baselines first, and a sentence for all that was left out."""

    groups: tuple[Group, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict:
        """Return all of it as JSON knows it."""
        return plain(asdict(self))

    def rows(self) -> list[dict]:
        """Return one row for each group and measure, all with the same keys."""
        rows = []
        for group in self.groups:
            about = {"model": group.model, "task": group.task, "group": group.name, **group.settings}
            for name, mean in group.means.items():
                change = group.differences.get(name)
                rows.append(
                    {
                        **about,
                        "measure": name,
                        "seeds": len(mean.seeds),
                        "mean": mean.mean,
                        "low": mean.low,
                        "high": mean.high,
                        "baseline": group.baseline,
                        "pairs": len(change.seeds) if change else 0,
                        "difference": change.mean if change else None,
                        "difference low": change.low if change else None,
                        "difference high": change.high if change else None,
                        "p": change.p if change else None,
                    }
                )
        return rows


def compare(runs: Iterable[Run | Path | str], defaults: Mapping = MappingProxyType({})) -> Comparison:
    """Return the groups of `runs` that differ in nothing but the seed, each beside its baseline.

    A baseline is the run without regularizer in which all other settings, the seed and the data (by fingerprint) are
    the same. What can't be compared is left out, and named in the notes.

    Args:
        runs: run directories, or their readers.
        defaults: values of settings that a run's spec does not hold, since a later version brought them.

    Raises:
        IsobarError: none of the runs is finished; or they are of different tasks, and none has its baseline here.
    """
    groups, notes = group_runs(runs, defaults)
    compared = beside_baselines(groups, notes)
    tasks = sorted({group.task for group in groups})
    if len(tasks) > 1 and not any(group.differences for group in compared):
        raise IsobarError(
            f"These runs can't be compared: they are of different tasks ({', '.join(tasks)}), and none has its baseline "
            "among them."
        )
    return Comparison(tuple(compared), tuple(notes))


def beside_baselines(groups: list[Group], notes: list[str]) -> list[Group]:
    """Return each of `groups` with its differences from its baseline among them; `notes` takes what is left out of these."""
    baselines = {experiment(group.spec): group for group in groups if group.method == "none"}
    return [_beside(group, baselines, notes) for group in groups]


def group_runs(
    runs: Iterable[Run | Path | str], defaults: Mapping = MappingProxyType({})
) -> tuple[list[Group], list[str]]:
    """Return the groups of finished runs that differ in nothing but the seed, and a sentence for each run left out.

    The groups of a task and model stand together, baselines first, then the methods as they were given, each in the
    order of the settings that vary.

    Raises:
        IsobarError: none of the runs is finished.
    """
    read = [_Member.of(run if isinstance(run, Run) else load_run(run), defaults) for run in runs]
    notes = [member for member in read if isinstance(member, str)]
    sets: dict[tuple, list[_Member]] = {}
    for member in read:
        if isinstance(member, _Member):
            sets.setdefault(setting(member.spec), []).append(member)
    if not sets:
        raise IsobarError(" ".join(["There is no finished run to compare.", *notes[:3]]))
    names = _names([same[0].spec for same in sets.values()])
    groups = [_group(same, *name, notes) for same, name in zip(sets.values(), names)]
    methods = list(dict.fromkeys(group.method for group in groups))

    def place(group: Group) -> tuple:
        values = [
            (isinstance(v, str), 0 if v is None or isinstance(v, str) else v, str(v)) for v in group.settings.values()
        ]
        return group.task, group.model, group.method != "none", methods.index(group.method), values

    return sorted(groups, key=place), notes


def paired(group: Group, other: Group) -> dict[str, Difference]:
    """Return by how much each measure of `group` is above that of `other`, seed by seed on the same data."""
    seeds = [seed for seed in group.runs if seed in other.runs and _same_data(group, other, seed)]
    found = {}
    for name in group.means:
        if name in other.means:
            ours, theirs = (dict(zip(side.means[name].seeds, side.means[name].values)) for side in (group, other))
            by_seed = {seed: ours[seed] - theirs[seed] for seed in seeds if seed in ours and seed in theirs}
            if by_seed:
                found[name] = Difference.of(by_seed)
    return found


@lru_cache(maxsize=4096)
def bootstrap_interval(values: tuple[float, ...]) -> tuple[float | None, float | None]:
    """Return the 95 % bootstrap interval of the mean of `values`; two None for a single one.

    Percentiles of the resampled means, wider than the usual ones: of few values these are too narrow, by sqrt(n/(n-1))
    in spread and by the normal's instead of Student's tails, and the level makes up for most of both (Hesterberg, "What
    teachers should know about the bootstrap", 2015: the expanded percentile interval). Up to 4 values it spans them
    all; of 5 it is still narrower than Student's on average, since no resampled mean lies outside them.
    """
    n = len(values)
    if n < 2:
        return None, None
    if len(set(values)) == 1:
        return values[0], values[0]
    import numpy as np
    from scipy import stats

    tail = stats.norm.cdf(-sqrt(n / (n - 1)) * stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
    ends = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=1 - 2 * tail,
        method="percentile",
        n_resamples=_DRAWS,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(ends.low), float(ends.high)


@lru_cache(maxsize=4096)
def sign_flip_p(differences: tuple[float, ...]) -> float | None:
    """Return how often random signs make the mean of `differences` as large, either way; None for a single one.

    All 2^n signs are tried up to 13 values, 9,999 seeded draws beyond. The least it can be is 2 / 2^n.
    """
    if len(differences) < 2:
        return None
    import numpy as np
    from scipy import stats

    test = stats.permutation_test(
        (np.asarray(differences),),
        np.mean,
        permutation_type="samples",
        n_resamples=_DRAWS,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def called(name: str) -> str:
    """Return what a measure or task metric is called in a sentence."""
    return _CALLED.get(name, name)


def sentence(changes: Mapping[str, Difference], names: Iterable[str]) -> str:
    """Return in one sentence how the measures `names` changed."""
    there = [name for name in dict.fromkeys(names) if name in changes]
    if not there:
        return "The runs and their baselines share no measure."
    counts = [len(changes[name].seeds) for name in there]
    count = max(counts)
    said = "; ".join(
        f"{called(name)} {_change(changes[name])}" + (f" (of {_seeds(own)})" if own < count else "")
        for name, own in zip(there, counts)
    )
    if count == 1:
        return f"One seed: {said}; one seed can't tell that from chance."
    return f"Over {count} seeds, {said}" + ("." if count >= FEWEST_SEEDS else f"; {count} seeds are too few to tell.")


def _change(change: Difference) -> str:
    if change.low is None:
        return f"changed by {change.mean:.3f}"
    if change.low == change.high == 0:
        return "stayed the same"
    mean, low, high = change.mean, change.low, change.high
    if change.direction < 0:
        mean, low, high = -mean, -high, -low
    way = {-1: "fell", 0: "changed", 1: "rose"}[change.direction]
    digits = ".3f" if max(abs(low), abs(high)) >= 0.0005 else ".1e"  # two digits of what three decimals would show as 0
    doubt = ""
    if change.direction == 0 and len(change.seeds) >= FEWEST_SEEDS and not low <= 0 <= high:
        doubt = f", which the sign-flip test (p {change.p:.3f}) can't tell from chance"
    return f"{way} by {mean:{digits}} [{low:{digits}}, {high:{digits}}]{doubt}"


@dataclass(frozen=True)
class _Member:
    """A finished run that can be compared, and its numbers after training."""

    name: str
    started: str
    steps: int | None
    spec: dict
    metric: str
    fingerprint: str | None
    idle: str
    after: dict[str, float]

    @classmethod
    def of(cls, run: Run, defaults: Mapping) -> "_Member | str":
        """Return the member, or a sentence that says why the run is none."""
        if run.state != "finished":
            why = f": {run.status['error']}" if run.status.get("error") else "."
            return f"{run.name} is left out, since it is {run.state} and not finished{why}"
        if not run.spec:
            return run.refused or f"{run.name} is left out, since its settings can't be read."
        side = run.report.get("after")
        if not isinstance(side, dict):
            return f"{run.name} is left out, since its report is missing or can't be read."
        spec = dict(run.spec) if run.spec.get(OUTSIDE) else {**defaults, **run.spec}
        if pooling := run.record.get("pooling"):  # what auto came to
            spec["pooling"] = pooling
        if not is_whole(seed := run.settings.get("seed", 0)):
            return f"{run.name} is left out, since its seed is {str(seed)[:40]} and no whole number."
        # Of another kind than settings are; with the default in its place it would pass for another run.
        if odd := [name for name in run.settings.keys() - run.spec.keys() if run.settings[name] is not None]:
            return f"{run.name} is left out, since {', '.join(sorted(map(str, odd)))} in its settings can't be read."
        status, metric = run.status, str(run.report.get("metric", ""))
        fingerprint = (run.record.get("task") or {}).get("fingerprint")
        began, steps = str(status.get("started", "")), status.get("total_steps")
        idle = str(run.record.get("idle") or "")
        return cls(run.name, began, steps, spec, metric, fingerprint, idle, _numbers(side))

    @property
    def seed(self) -> int:
        return int(self.spec.get("seed", 0))


def _numbers(side: Mapping) -> dict[str, float]:
    """Return the measures and task metrics of one side of a report that are numbers."""
    return {k: float(v) for k, v in side.items() if isinstance(v, int | float) and isfinite(v)}


def _group(same: list[_Member], name: str, settings: dict, notes: list[str]) -> Group:
    by_seed: dict[int, _Member] = {}
    for member in sorted(same, key=lambda m: (m.seed, m.started, m.name)):
        if member.seed in by_seed:
            old = by_seed[member.seed].name
            notes.append(f"{old} is left out, since {member.name} is a later run of the same settings and seed.")
        by_seed[member.seed] = member
    first = next(iter(by_seed.values()))
    measures = dict.fromkeys(name for member in by_seed.values() for name in member.after)
    leading = (first.metric, *_FIRST)
    order = sorted(measures, key=lambda key: leading.index(key) if key in leading else len(leading))
    return Group(
        name=name,
        method=method(first.spec),
        settings=settings,
        spec={k: v for k, v in first.spec.items() if k != "seed"},
        steps=first.steps,
        model=str(first.spec.get("model", "")),
        task=str(first.spec.get("task", "")),
        metric=first.metric,
        runs={seed: member.name for seed, member in by_seed.items()},
        data={seed: member.fingerprint for seed, member in by_seed.items()},
        idle=next((member.idle for member in by_seed.values() if member.idle), ""),
        means={
            key: Estimate.of({seed: m.after[key] for seed, m in by_seed.items() if key in m.after}) for key in order
        },
    )


def _beside(group: Group, baselines: Mapping[tuple, Group], notes: list[str]) -> Group:
    """Return `group` with its differences from the baseline of its experiment, and its verdict."""
    about = (_HEADLINE, group.metric)
    if group.method == "none":
        values = "; ".join(f"{called(k)} {group.means[k]}" for k in about if k in group.means)
        return replace(group, verdict=f"The baseline, {_seeds(len(group.runs))}: {values}.")
    key = experiment(group.spec)
    if key not in baselines:
        return replace(group, verdict=f"There is no baseline to compare it with: {_nearest(dict(key), baselines)}.")
    baseline = baselines[key]
    for seed, run in group.runs.items():
        if seed not in baseline.runs:
            notes.append(f"{run} is left out of the differences: there is no baseline of seed {seed}.")
        elif not _same_data(group, baseline, seed):
            notes.append(
                f"{run} is left out of the differences: its baseline {baseline.runs[seed]} was trained and probed on "
                "other data (the fingerprints differ)."
            )
    changes = paired(group, baseline)
    verdict = (
        sentence(changes, about) if changes else "No run has a baseline of its own seed and data to compare it with."
    )
    verdict = f"{verdict} {group.idle}" if group.idle else verdict
    return replace(group, baseline=baseline.name, differences=changes, verdict=verdict)


def _nearest(ours: dict, baselines: Mapping[tuple, Group]) -> str:
    """Return in what the baseline that is most alike differs from the experiment `ours`."""
    apart = [
        (
            baseline.name,
            [f"{k} {theirs.get(k)}, not {ours.get(k)}" for k in {**ours, **theirs} if ours.get(k) != theirs.get(k)],
        )
        for theirs, baseline in ((dict(key), baseline) for key, baseline in baselines.items())
    ]
    if not apart:
        return "none of the finished runs is without regularizer"
    name, words = min(apart, key=lambda pair: len(pair[1]))
    return f"the nearest, {name}, has {'; '.join(words)}"


def _same_data(group: Group, other: Group, seed: int) -> bool:
    ours, theirs = group.data[seed], other.data[seed]
    return ours is None or theirs is None or ours == theirs


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _names(specs: list[Mapping]) -> list[tuple[str, dict]]:
    """Return for each group its name and the values of what varies among all of them.

    In the name stands what varies among the groups of the same method, model and task: the weight of a lone rival says
    nothing.
    """
    everywhere, flats = varying(specs), [flat(spec) for spec in specs]
    names = []
    for spec in specs:
        alike = [other for other in specs if method(other) == method(spec)]
        here = [other for other in alike if all(other.get(k) == spec.get(k) for k in _PLACE)]
        names.append((method(spec), [k for k in varying(alike) if k in _PLACE] + varying(here)))
    named = list(zip(flats, names))
    short = [", ".join([word, *(_word(k, spec) for k in told)]) for spec, (word, told) in named]
    if len(set(short)) < len(short):  # two folders of the same name
        short = [", ".join([word, *(f"{k} {spec.get(k)}" for k in told)]) for spec, (word, told) in named]
    return [(name, {k: spec.get(k) for k in everywhere}) for name, spec in zip(short, flats)]


def _word(key: str, spec: Mapping) -> str:
    """Return a setting as the name of a group says it; of a lone regularizer, without its name."""
    if key in _PLACE:
        return str(spec.get(key)).rstrip("/").rsplit("/", 1)[-1]
    alone = len({name.partition(".")[0] for name in spec if "." in name}) == 1
    return f"{key.rpartition('.')[2] if alone else key} {spec.get(key)}"
