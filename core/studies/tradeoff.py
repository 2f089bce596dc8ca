"""What flatness costs: each method's score where it has flattened the space as much as the others, from a sweep of weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from core.errors import IsobarError
from core.runs import Run
from core.studies.compare import Difference, Estimate, Group, called, compare
from core.studies.sweep import Sweep, cell_dir
from core.training.spec import RunSpec

AXIS = "anisotropy_1_within"
SHARES = (0.8, 0.6, 0.4)  # of the baseline's anisotropy


@dataclass(frozen=True)
class Curve:
    """One method at several weights, the baseline (weight 0) first.

    Attributes:
        name: the cells' names without their last word, the weight.
        points: (weight's word, anisotropy, score), means over seeds.
        by_seed: of each seed, (anisotropy, score) in the order of the points.
    """

    name: str
    points: tuple[tuple[str, Estimate, Estimate], ...]
    by_seed: Mapping[int, tuple[tuple[float, float], ...]]

    def score_at(self, seed: int, share: float) -> float | None:
        """Return the score where the anisotropy of `seed` first falls to `share` of its baseline's.

        Between two weights it is taken from the straight line; None where no weight flattens the space that much.
        """
        path = self.by_seed[seed]
        target = share * path[0][0]
        for (x0, y0), (x1, y1) in pairwise(path):
            if x0 > target >= x1:
                return y0 + (y1 - y0) * (x0 - target) / (x0 - x1)
        return None


def curves(sweep: Sweep, runs_dir: Path | str) -> tuple[str, list[Curve]]:
    """Return the score's name and a curve for each method of `sweep`, whose cells are called "METHOD WEIGHT".

    Weights count in the order of the file. Cells that have not finished are left out, a method of which none has, and seeds of which a number isn't defined.

    Raises:
        IsobarError: no baseline and no cell has finished, or the sweep is of several tasks or models.
    """
    paths = [path for spec in sweep.cells() if (path := cell_dir(runs_dir, spec)).is_dir()]
    found = compare(map(Run, paths), RunSpec.defaults())
    groups = {sweep.group_name(group): group for group in found.groups}
    plain = [group for group in found.groups if group.method == "none"]
    if len(plain) != 1:
        raise IsobarError(f"A trade-off is told from one baseline; there are {len(plain)} among these runs.")
    metric = plain[0].metric
    cells: dict[str, list[tuple[str, Group]]] = {}
    for name in sweep.by_name():
        method, _, weight = name.rpartition(" ")
        if (group := groups.get(name)) is not None:
            cells.setdefault(method or name, []).append((weight, group))
    found_curves = []
    for method, members in cells.items():
        # A cell, or a seed, of which one of the two isn't defined is no point.
        line = [("0", plain[0]), *members]
        line = [(weight, group) for weight, group in line if {AXIS, metric} <= group.means.keys()]
        if len(line) < 2 or line[0][1] is not plain[0]:
            continue
        values = [[dict(zip(group.means[key].seeds, group.means[key].values)) for key in (AXIS, metric)] for _, group in line]  # fmt: skip
        seeds = set.intersection(*(x.keys() & y.keys() for x, y in values))
        by_seed = {seed: tuple((x[seed], y[seed]) for x, y in values) for seed in sorted(seeds)}
        points = tuple((weight, group.means[AXIS], group.means[metric]) for weight, group in line)
        found_curves.append(Curve(method, points, by_seed))
    if not found_curves:
        raise IsobarError("No cell of the sweep has finished beside its baseline.")
    return metric, found_curves


def tradeoff_rows(metric: str, found: list[Curve], against: str = "") -> list[dict]:
    """Return one row for each method and share of the baseline's anisotropy: its score there, and that less the score of `against`.

    Args:
        metric: the score's name.
        found: the curves.
        against: a curve's name; the first one's if empty.

    Differences are paired by seed, of the seeds in which both methods flatten the space that much.
    """
    other = next((curve for curve in found if curve.name == against), found[0])
    rows = []
    for share in SHARES:
        for curve in found:
            scores = {s: y for s in curve.by_seed if (y := curve.score_at(s, share)) is not None}
            theirs = {s: y for s in other.by_seed if (y := other.score_at(s, share)) is not None}
            both = {s: scores[s] - theirs[s] for s in scores if s in theirs}
            apart = Difference.of(both) if both and curve is not other else None
            rows.append(
                {
                    f"{called(AXIS)}, share of the baseline's": f"{share:.0%}",
                    "method": curve.name,
                    "seeds": f"{len(scores)} of {len(curve.by_seed)}",
                    metric: str(Estimate.of(scores)) if scores else "not reached",
                    f"less {other.name}'s": str(apart) if apart else "",
                    "p": f"{apart.p:.3g}" if apart and apart.p is not None else "",
                }
            )
    return rows
