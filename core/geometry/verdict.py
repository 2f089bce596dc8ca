"""What the measures of a space amount to, in a sentence."""

from collections.abc import Mapping

from core.geometry.catalogue import MEASURES

_TOLD = ("mean_cosine", "anisotropy_1")


def pooling_sentence(measures: Mapping, other: Mapping) -> str:
    """Return what the main measures would be by the `other` pooling, beside those found; empty where there is none."""
    told = [name for name in _TOLD if isinstance(other.get(name), float) and isinstance(measures.get(name), float)]
    if not told:
        return ""
    said = [f"{MEASURES[name].label.lower()} {other[name]:.3f}, here {measures[name]:.3f}" for name in told]
    return f"Pooled by {other['pooling']} instead: {'; '.join(said)}."
