"""Which metrics a task is scored by, and the scores."""

from collections.abc import Sequence

from core.errors import IsobarError, nearest

# The benchmarks' own choices; the first is the headline.
_BY_NAME = {
    "cola": ("mcc", "accuracy"),
    "grammar": ("mcc", "accuracy"),
    "mrpc": ("accuracy", "f1"),
    "qqp": ("accuracy", "f1"),
    "paraphrase": ("accuracy", "f1"),
    **dict.fromkeys(("sst2", "mnli", "qnli", "rte", "wnli", "digits", "tones"), ("accuracy",)),
}
KNOWN = ("accuracy", "f1", "mcc")


def metric_names(slug: str) -> tuple[str, ...]:
    """Return the metrics of the task called `slug`, the headline first.

    A name with ``cola``, ``mrpc`` or another known benchmark among its dash-separated words gets that benchmark's
    metrics (so a folder named ``cola`` is scored by MCC); every other task gets accuracy and F1.
    """
    for word in slug.split("-"):
        if word in _BY_NAME:
            return _BY_NAME[word]
    return ("accuracy", "f1")


def score(
    metrics: Sequence[str], labels: Sequence[int], predictions: Sequence[int], positive: int = 1
) -> dict[str, float]:
    """Return each of `metrics` for class indices `labels` (n,) and `predictions` (n,), by scikit-learn.

    ``mcc`` is Matthews' correlation coefficient (0 where either side is constant). ``f1`` is that of the
    class `positive`, 0 or 1, where no other classes than 0 and 1 occur, otherwise the unweighted mean over the classes.

    Raises:
        IsobarError: a metric is unknown, there are no examples, or the lengths differ.
    """
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    unknown = [name for name in metrics if name not in KNOWN]
    if unknown:
        raise IsobarError(f"Unknown metric {unknown[0]!r}; known are {', '.join(KNOWN)}.{nearest(unknown[0], KNOWN)}")
    labels, predictions = [int(x) for x in labels], [int(x) for x in predictions]
    if not labels or len(labels) != len(predictions):
        raise IsobarError(
            f"Scores need as many predictions as labels, at least one; got {len(predictions)} and {len(labels)}."
        )
    binary = set(labels) | set(predictions) <= {0, 1}
    compute = {
        "accuracy": lambda: accuracy_score(labels, predictions),
        "f1": lambda: f1_score(
            labels, predictions, average="binary" if binary else "macro", pos_label=positive, zero_division=0
        ),
        "mcc": lambda: matthews_corrcoef(labels, predictions),
    }
    return {name: float(compute[name]()) for name in metrics}
