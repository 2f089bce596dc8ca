"""How the threshold is found, step by step on the very bars that are shown."""

import numpy as np
import pandas as pd

from core.topology.walks import Walk, walks
from explorer.panels.words import length, number

_FEW = "There are fewer than four bars longer than zero, too few to tell some from the rest: **all are features.**"
_EQUAL = "All bars are equally long, so that none stands out: **all are features.**"
_MOST = 6  # walks that are told one by one


def steps_of(lengths: np.ndarray) -> pd.DataFrame:
    """Return every step of every walk over a barcode (m,), as the chart of them has it; no row where nothing is walked."""
    frames = [
        pd.DataFrame(
            {
                "walk": walk,
                "i": np.arange(1, found.stop + 1),
                "bar": found.bars[: found.stop],
                "neutral": found.neutral[1 : found.stop + 1],
                "total": found.totals[1 : found.stop + 1],
                "ratio": found.ratios,
                "stop": np.arange(1, found.stop + 1) == found.stop,
            }
        )
        for walk, found in enumerate(walks(lengths), 1)
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"walk": [], "i": []})


def told(lengths: np.ndarray) -> list[str]:
    """Return how the features among the bars (m,) are found, a paragraph of markdown for each step."""
    bars = np.sort(lengths[lengths > 0])[::-1]
    found = walks(bars)
    if not found:
        return [_FEW if len(bars) < 4 else _EQUAL]
    top, least = float(bars[0]), float(bars[-1])
    last = found[-1]
    features = last.stop + 1
    return [
        f"**1. Sort the bars.** The longest is *T* = {length(top)}, the shortest *r* = {length(least)}, and *a* = *r* / *T* = "
        f"{number(least / top)}. Between them lie {len(found[0].bars)} others, from {length(float(found[0].bars[0]))} to "
        f"{length(float(found[0].bars[-1]))}, and which of these are features is the question.",
        "**2. Walk.** For *i* = 1, 2, 3, … replace the *i* longest of the others by *i* bars of the **neutral length**: the one "
        "that keeps the entropy of what remains as high as it can be. *C* is the sum of all bars before this step over the "
        "sum after it. While the sum shrinks (*C* ≥ 1), what was replaced was longer than neutral: it stands out. The walk "
        "stops where the sum first grows, *C* < 1, and with the bar that it took in there.",
        "**3. Is that few enough?** Of *n* bars no more than *Q* = ⌈*a n* (*a* − 1 − ln *a*) / (*a* − 1)²⌉ of the others can "
        "stand out. A walk that stops beyond *Q* went too far: the bars beyond its stop are left out as noise, and the next "
        "one goes over the rest.",
        *_walked(found),
        f"**4. So the features are *T* and the {'' if last.stop == 1 else f'{last.stop} '}longest of the others:** {features} bars. "
        f"The shortest of them, {length(float(bars[features - 1]))}, is the **threshold**.",
    ]


def _walked(found: list[Walk]) -> list[str]:
    """Say of each walk where it stopped, and why it was the last or was not; of very many the first and the last ones."""
    lines = [_line(k, walk) for k, walk in enumerate(found, 1)]
    if len(lines) > _MOST:
        left = len(lines) - _MOST
        lines[_MOST - 2 : -2] = [f"- … and {left} more walks …"]
    return ["\n".join(lines)]


def _line(k: int, walk: Walk) -> str:
    i = walk.stop
    ratio = float(walk.ratios[-1])
    shown = number(ratio, 3) if number(ratio, 3) != number(1.0, 3) else number(ratio, 6)
    why = f"*C* = {shown} < 1" if walk.fell else "there is no further bar to replace"
    took = f"bar of {length(float(walk.bars[i - 1]))}, neutral {length(float(walk.neutral[i]))}"
    after = "it holds." if walk.holds else "too far: once more."
    sign = "≤" if walk.holds else ">"
    return f"- **Walk {k}**, over {len(walk.bars)} bars, stops at *i* = {i} ({took}): {why}. {i} {sign} *Q* = {walk.limit}, {after}"
