"""Many measures of one cloud at the price of one decomposition, their intervals, and what an isotropic cloud would show."""

import math
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal

import numpy as np

from core.errors import IsobarError, nearest
from core.geometry.catalogue import MAIN, MEASURES, RENAMED
from core.geometry.cloud import Cloud, Embeddings, as_cloud
from core.geometry.labels import Labels, as_classes, rows_by_class

Names = Literal["all", "main"] | Iterable[str]


def measure(x: Embeddings, measures: Names = "all", labels: Labels | None = None) -> dict[str, float]:
    """Return measures of the cloud `x` (n, d) by name, in the order asked for; what they share is computed once.

    `measures` is "all", "main" (those that cost milliseconds) or names of :data:`~core.geometry.catalogue.MEASURES`, which
    says of each its range and which end is isotropic. A measure that is undefined on this cloud (too few points, nothing
    varies) is NaN; the others are not touched by that. Some need `labels` (n,), the classes of the rows; without them
    "all" and "main" leave those out. "all" also leaves out, with a warning, what needs a package that is not installed.

    Raises:
        IsobarError: an unknown measure, or one that needs labels or a package that are not there; labels that are
            missing or not one a row; fewer than two rows, NaN or infinity, or not an (n, d) array.
    """
    asked = (measures,) if isinstance(measures, str) else tuple(measures)
    names = measure_names(asked, labels is not None)
    cloud = as_cloud(x)
    _prepare(cloud.moderate, names)
    classes = as_classes(cloud, labels) if any(MEASURES[name].of_labels for name in names) else None
    found = {name: float(MEASURES[name].compute(classes if MEASURES[name].of_labels else cloud)) for name in names}
    return found | {old: found[new] for old, new in RENAMED.items() if old in asked}


def measure_names(measures: Names = "all", labelled: bool = False) -> tuple[str, ...]:
    """Return the names that `measures` stands for: a name or names, of which "all" and "main" are several.

    Those that need labels are among them where the cloud is `labelled`. What :func:`chosen` notes is warned of.

    Raises:
        IsobarError: an unknown measure, or one that needs labels or a package that are not there.
    """
    names, notes = chosen(measures, labelled)
    for note in notes:
        warnings.warn(note, stacklevel=3)
    return names


def chosen(measures: Names = "all", labelled: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names as :func:`measure_names` does, and a sentence on each that goes by another name now or is left out.

    Raises:
        IsobarError: an unknown measure, or one that needs labels or a package that are not there.
    """
    here = [name for name, about in MEASURES.items() if labelled or not about.of_labels]
    several = {"all": here, "main": [name for name in MAIN if name in here]}
    names, notes = [], []
    for name in [measures] if isinstance(measures, str) else measures:
        if name in several:
            missing = [found for found in several[name] if not _installed(found)]
            names += [found for found in several[name] if found not in missing]
            if missing:
                notes.append(f"Left out: {', '.join(missing)}. {_install(missing[0])}")
            continue
        if name in RENAMED:
            notes.append(f"The measure {name} is called {RENAMED[name]} now; the next version forgets the old name.")
            name = RENAMED[name]
        if name not in MEASURES:
            hint = nearest(str(name), [*MEASURES, *several]) or f" The measures are {', '.join(MEASURES)}."
            raise IsobarError(f"There is no measure {name!r}.{hint}")
        if name not in here:
            raise IsobarError(f"The measure {name} compares classes and needs the label of each row; there are none.")
        if not _installed(name):
            raise IsobarError(f"The measure {name} can't be taken here. {_install(name)}")
        names.append(name)
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(notes))


def _installed(name: str) -> bool:
    package = MEASURES[name].package
    return not package or find_spec(package) is not None


def _install(name: str) -> str:
    about = MEASURES[name]
    return f'It needs the package {about.package}: pip install "isobar-explorer[{about.extra}]".'


def measure_by_class(x: Embeddings, labels: Labels, measures: Names = "main") -> dict[str, dict[str, float]]:
    """Return measures of the rows of `x` (n, d) of each class by itself, by label (as text) in their order.

    A class of one row has no shape: its measures are NaN. Measures that compare classes are left out.

    Raises:
        IsobarError: labels that are missing or not one a row; an unknown measure; NaN or infinity, or not an (n, d) array.
    """
    names = [name for name in measure_names(measures, True) if not MEASURES[name].of_labels]
    cloud = as_cloud(x)
    nothing = dict.fromkeys(names, float("nan"))
    rows = rows_by_class(labels, cloud.n)
    return {label: measure(cloud.x[some], names) if some.size > 1 else nothing for label, some in rows.items()}


Interval = tuple[float, float, float]
"""Value, low end, high end."""


def measure_interval(
    x: Embeddings,
    name: str,
    resamples: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
    labels: Labels | None = None,
) -> Interval:
    """Return measure `name` of the cloud `x` (n, d) with its interval, as :func:`measure_intervals` does of many."""
    (name,) = measure_names(name, labels is not None)
    return measure_intervals(x, name, resamples, seed, confidence, labels=labels)[name]


def measure_intervals(
    x: Embeddings,
    measures: Names = "main",
    resamples: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
    labels: Labels | None = None,
) -> dict[str, Interval]:
    """Return measures of the cloud `x` (n, d) by name, with their bootstrap confidence intervals: (value, low, high).

    The interval is that of the bootstrap distribution (scipy) about its own mean, laid around the value: a resample
    repeats points, which moves most measures as a smaller n would, and that shift is no uncertainty. It speaks of clouds
    of this n. Measures that repeats would mislead (they say so) see the distinct points of each resample. `labels` (n,) are drawn along with their rows; a resample without one of the classes is of the others. NaN for all three where the measure is undefined. It takes about `resamples` times as long as the measures: each
    resample is drawn once for all of them. `progress` is called with (resamples done, in all) and may raise to end it.

    Raises:
        IsobarError: as :func:`measure`; less than 2 resamples.
    """
    names = measure_names(measures, labels is not None)
    cloud = as_cloud(x)
    codes = as_classes(cloud, labels).labels if labels is not None else None
    values = measure(cloud, names, codes)
    drawn = _resampled([cloud], [values], codes, resamples, seed, confidence, progress)
    return {
        name: _interval(value, drawn[0].get(name), confidence, MEASURES[name].range) for name, value in values.items()
    }


def measure_differences(
    x: Embeddings,
    y: Embeddings,
    measures: Names = "main",
    resamples: int = 200,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
    labels: Labels | None = None,
) -> dict[str, Interval]:
    """Return by how much measures of `y` (n, e) exceed those of `x` (n, d), two spaces of the same n examples: (value, low, high).

    The intervals are paired: each resample takes the same examples on both sides, so that what an example does to both
    cancels. Else they are as those of :func:`measure_intervals`.

    Raises:
        IsobarError: as :func:`measure_intervals`; not as many rows in both.
    """
    names = measure_names(measures, labels is not None)
    clouds = [as_cloud(x), as_cloud(y)]
    if clouds[0].n != clouds[1].n:
        raise IsobarError(
            f"Spaces are compared by the same examples; there are {clouds[0].n} in one and {clouds[1].n} in the other."
        )
    codes = as_classes(clouds[0], labels).labels if labels is not None else None
    values = [measure(cloud, names, codes) for cloud in clouds]
    drawn = _resampled(clouds, values, codes, resamples, seed, confidence, progress)
    return {
        name: _interval(
            values[1][name] - values[0][name],
            drawn[1][name] - drawn[0][name] if name in drawn[0] and name in drawn[1] else None,
            confidence,
            (-math.inf, math.inf),
        )
        for name in names
    }


def _interval(value: float, drawn: np.ndarray | None, confidence: float, limits: tuple[float, float]) -> Interval:
    """Return `value` with the interval of the resamples `drawn`, laid around it."""
    drawn = drawn[np.isfinite(drawn)] if drawn is not None else np.empty(0)
    if drawn.size < 2:
        return value, float("nan"), float("nan")
    ends = value + np.quantile(drawn, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]) - drawn.mean()
    low, high = np.clip(ends, *limits)
    return value, float(low), float(high)


def _resampled(
    clouds: list[Cloud],
    values: list[dict[str, float]],
    codes: np.ndarray | None,
    resamples: int,
    seed: int,
    confidence: float,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, np.ndarray]]:
    """Return of each cloud its measures (resamples,) by name, over resamples of the same rows of all; those that are undefined are left out."""
    from scipy.stats import DegenerateDataWarning, bootstrap

    if resamples < 2 or not 0.0 < confidence < 1.0:
        raise IsobarError("A bootstrap interval needs at least 2 resamples and a confidence between 0 and 1.")
    # A measure that is undefined here is not asked of the resamples.
    asked = [(at, name) for at, found in enumerate(values) for name in found if np.isfinite(found[name])]
    if not asked:
        return [{} for _ in clouds]
    wholes, done = [cloud.moderate for cloud in clouds], 0

    def statistic(rows: np.ndarray) -> list[float]:
        nonlocal done
        found = dict.fromkeys(asked, float("nan"))
        for counts, some in ((True, rows), (False, np.unique(rows))):
            for at, whole in enumerate(wholes):
                names = [name for of, name in asked if of == at and (MEASURES[name].repeats == "count") == counts]
                if names and some.size > 1:
                    cloud = Cloud(whole.x[some], whole.scale)
                    measured = measure(cloud, names, None if codes is None else codes[some])
                    found |= {(at, name): value for name, value in measured.items()}
        done += 1
        if progress is not None:
            progress(done, resamples)
        return list(found.values())

    # That all resamples agree is a result, and so is a length whose square is too large, and a value that is infinite.
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        result = bootstrap(
            (np.arange(clouds[0].n),),
            statistic,
            n_resamples=resamples,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    drawn: list[dict[str, np.ndarray]] = [{} for _ in clouds]
    for (at, name), distribution in zip(asked, result.bootstrap_distribution, strict=True):
        drawn[at][name] = distribution
    return drawn


def isotropic_reference(
    n: int,
    d: int,
    measures: Names = "all",
    seed: int = 0,
    scale: float = 1.0,
    labels: Labels | None = None,
) -> dict[str, float]:
    """Return the measures of an isotropic Gaussian cloud of `n` points in `d` dimensions, `scale` the deviation of each.

    What `measure` would show if nothing were amiss: most measures depend on n and d. Some see the scale too (they
    say so); give the root mean square of the cloud's entries as `scale`. With `labels` (n,) its points are in classes of the
    same sizes, which tell nothing about them. Values are kept, so that asking again is free.

    Raises:
        IsobarError: as :func:`measure`; fewer than two points, or no dimension.
    """
    names = measure_names(measures, labels is not None)
    sizes = tuple(rows.size for rows in rows_by_class(labels, n).values()) if labels is not None else ()
    return dict(_isotropic_reference(n, d, names, seed, scale, sizes))


@lru_cache(maxsize=256)
def _isotropic_reference(
    n: int, d: int, names: tuple[str, ...], seed: int, scale: float, sizes: tuple[int, ...]
) -> dict[str, float]:
    cloud = as_cloud(np.random.default_rng(seed).standard_normal((n, d)))
    return measure(Cloud(cloud.x, scale), names, np.repeat(np.arange(len(sizes)), sizes) if sizes else None)


def _prepare(cloud: Cloud, names: tuple[str, ...]) -> None:
    """Ask for what gives most first, so that there is one decomposition of a matrix, not two."""
    needs = {need for name in names for need in MEASURES[name].needs}
    for most in ("centered_system", "system", "centered_values", "values"):
        if most in needs:
            getattr(cloud, most)
