"""What a batch holds of each class, before anything is trained: whether a regularizer on each class's cloud can act at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.training.spec import RunSpec

_SELDOM = 0.5  # of the classes, in a batch


@dataclass(frozen=True)
class Expected:
    """What a batch drawn without replacement holds, on average.

    Attributes:
        texts, bars: of each class, (c,); a class with k texts in the batch has k - 1 bars, and none where it has no text.
        acting: the probability that a class has as many texts as are needed, (c,).
    """

    texts: np.ndarray
    bars: np.ndarray
    acting: np.ndarray


def expected_in_batch(counts: Sequence[int], batch: int, fewest: int) -> Expected:
    """Return what a batch of `batch` of the examples holds of each class, of which there are `counts` in all, (c,).

    How many of a class are in it is hypergeometric.
    """
    from scipy.stats import hypergeom

    counts = np.asarray(counts)
    batch = min(batch, counts.sum())
    of, mean = hypergeom(counts.sum(), counts, batch), batch * counts / counts.sum()
    return Expected(texts=mean, bars=mean - 1 + of.pmf(0), acting=of.sf(fewest - 1))


def idle_note(spec: RunSpec, labels: Sequence[int]) -> str:
    """Return a sentence where a regularizer of `spec` acts on fewer than half of the classes in a batch; else an empty one.

    Args:
        spec: the settings; regularizers see `batch_size` examples at once, and all of a step with `accumulated_cloud`.
        labels: of the training examples, (n,).
    """
    seen = spec.batch_size * (spec.accumulation if spec.accumulated_cloud else 1)
    counts = np.bincount(np.asarray(labels))
    counts = counts[counts > 0]
    for name, settings in spec.regularizers.items():
        of_class = settings.of_each_class
        found = expected_in_batch(counts if of_class else [counts.sum()], seen, settings.fewest)
        share = float(found.acting.mean())
        if share >= _SELDOM:
            continue
        if not of_class:
            return f"The regularizer {name} does nothing: it needs {settings.fewest} examples in a batch, which holds {seen}."
        does = "does nothing" if share < 5e-4 else f"acts on {_percent(share)} of the classes"
        return (
            f"In a batch of {seen} examples {len(counts)} classes have {found.texts.mean():.2g} each on average, and "
            f"{found.bars.mean():.2g} bars; the regularizer {name} needs {settings.fewest} examples of a class and so {does} in a "
            "step. A larger batch_size, or accumulation with accumulated_cloud, lets it act on more."
        )
    return ""


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
