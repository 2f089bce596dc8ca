"""Rows that repeat another, exactly or nearly: what is done about them, in a sentence."""

from collections.abc import Iterable

import numpy as np

from core.geometry.catalogue import MEASURES
from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.neighbours import sampled_rows, two_nearest

NEAR = 1e-5
"""A row this near to another, beside how far apart neighbours are, is a copy of it but for rounding."""

SAMPLE = 500
"""Rows of a cloud of more than 4,000 whose nearest is looked up, among all."""


def repeat_notes(x: Embeddings, measures: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence on the rows of `x` (n, d) that are equal, and one on those that nearly are.

    They are on what they do to those of the `measures` (names) that leave repeats out; none where there are no such.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.
    """
    names = [name for name in measures if MEASURES[name].repeats == "left out"]
    if not names:
        return ()
    cloud, notes = as_cloud(x).moderate, []
    distinct, are = cloud.distinct, "is" if len(names) == 1 else "are"
    repeats = cloud.n - distinct.n
    if repeats:
        notes.append(
            f"Of the {cloud.n:,} rows {repeats:,} {'repeats' if repeats == 1 else 'repeat'} another; {_and(names)} {are} of the "
            f"{distinct.n:,} that differ."
        )
    if distinct.n > 2:
        rows = sampled_rows(distinct.n)
        nearest, second = two_nearest(distinct, rows if len(rows) == distinct.n else rows[:SAMPLE])
        usual = np.quantile(second, 0.9)  # so far up that copies of most points don't make it their own distance
        near = int((nearest < NEAR * usual).sum())
        if near:
            notes.append(
                f"{near:,} of {len(nearest):,} rows {'looked at ' * (len(nearest) < distinct.n)}{'is' if near == 1 else 'are'} a copy of another but for rounding (nearer than "
                f"{NEAR:.0e} of what neighbours usually are); they count as points, which misleads {_and(names)}."
            )
    return tuple(notes)


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
