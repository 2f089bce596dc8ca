"""How names and numbers read on the page: the same words, digits and arrows everywhere."""

import math
import re
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from core.geometry import MEASURES

DASH = "–"
STATES = {
    "queued": ("gray", "○", "waiting"),
    "running": ("blue", "◐", "running"),
    "finished": ("green", "●", "finished"),
    "failed": ("red", "✕", "failed"),
    "stopped": ("orange", "■", "stopped"),
}
"""Of each state of a run: its colour, its dot (of a shape of its own, for those who see no colours), and its word."""

FIVE = (
    "of an isotropic Gaussian cloud in hundreds of dimensions the rule keeps five bars: of 32 points nearly always, of 64 to "
    "1,000 always. So near isotropy the regularizer acts on about five bars of each class, and a larger batch brings no more."
)
"""What the rule for features does near isotropy: half a sentence."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&^=\"'])")
_LONGEST_LABEL = 60


@dataclass(frozen=True)
class Meaning:
    """What a number on a card is called, means, and which way it is better ("higher", "lower", "disputed" or "neither")."""

    label: str
    definition: str
    better: str


_METRICS = {
    "mcc": Meaning("MCC", "Matthews' correlation of predicted and true classes: 1 is perfect, 0 is chance.", "higher"),
    "accuracy": Meaning("Accuracy", "The share of the validation set that is classified correctly.", "higher"),
    "loss": Meaning("Evaluation loss", "The mean loss over the evaluation set.", "lower"),
    "f1": Meaning("F1", "Harmonic mean of precision and recall (of class 1 if there are two classes).", "higher"),
}
_OF_NOISE = " Which way is better is disputed: of classes that have collapsed to points the bars are those of noise."
_ENTROPIES = {
    "relative_entropy": Meaning(
        "Entropy of features",
        "Persistent entropy of the features as a share of its maximum, mean over the classes; 1 when they are equally "
        f"long. The regularizer raises it. Atienza et al., 2019 (arXiv:1701.07857).{_OF_NOISE}",
        "disputed",
    ),
    "relative_entropy_all": Meaning(
        "Entropy of all bars",
        "Persistent entropy of all bars as a share of its maximum, mean over the classes; 1 when all bars are equally "
        f"long. Atienza et al., 2019 (arXiv:1701.07857).{_OF_NOISE}",
        "disputed",
    ),
}


def meaning(name: str) -> Meaning:
    """Return label, definition and better direction of a measure, task metric or entropy."""
    if name in MEASURES:
        measure = MEASURES[name]
        limits = f"Isotropic: {measure.isotropic}; degenerate: {measure.degenerate}."
        dispute = f" Which way is better is disputed: {measure.doubt}." if measure.better == "disputed" else ""
        return Meaning(measure.label, f"{measure.definition} {limits} {measure.source}.{dispute}", measure.better)
    return {**_METRICS, **_ENTROPIES}.get(
        name, Meaning(name, "A metric of the task, of which Isobar knows no more than its name.", "neither")
    )


def plain(text: object, longest: int = _LONGEST_LABEL) -> str:
    """Return `text` so that markdown shows it as it is: one line, cut to `longest` characters, nothing interpreted."""
    line = " ".join(str(text).split())
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    # After a colon an invisible word joiner keeps ":name:" from turning into an icon or emoji.
    return _MARKDOWN.sub(r"\\\1", line).replace(":", ":\u2060")


def without_minus_zero(frame: pd.DataFrame, digits: int) -> pd.DataFrame:
    """Return `frame` with 0 for each number that a table of so many `digits` would show as -0.000."""
    floats = frame.select_dtypes("float")
    return frame.assign(**floats.mask(floats.abs() < 0.5 * 10.0**-digits, 0.0))


def number(value: object, digits: int = 3) -> str:
    """Return `value` with `digits` decimals (fewer where it is large), or a dash where there is none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return DASH
    if isinstance(value, int):
        return f"{value:,}"
    decimals = max(0, digits - max(0, int(math.log10(abs(value))) if abs(value) >= 1 else 0))
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")  # no −0.000


def length(value: float) -> str:
    """Return a length to four significant digits, since it has the unit of the space, or a dash where there is none."""
    return f"{value:.4g}" if math.isfinite(value) else DASH


def signed(value: object, digits: int = 3) -> str:
    """Return `value` with its sign, which 0 has none of, or a dash where there is none."""
    text = number(value, digits)
    return f"+{text}" if text[0].isdigit() and text.strip("0.,") else text


def moment(run_name: str) -> str:
    """Return when a run was made, as its directory's name says, or an empty string."""
    try:
        return datetime.strptime(run_name[:19], "%Y-%m-%dT%H-%M-%S").strftime("%-d %B %Y, %H:%M")
    except ValueError:
        return ""


def day(began: str) -> str:
    """Return the day and time of ``2026-11-28T00-12`` or ``2026-11-28T00:12`` in as few letters as lists have room for."""
    try:
        when = datetime.strptime(began[:16].replace("T", " ").replace(":", "-"), "%Y-%m-%d %H-%M")
    except ValueError:
        return ""
    return when.strftime("%-d %b, %H:%M" if when.year == datetime.now().year else "%-d %b %Y")
