"""How a change of a model's weights is spelled; :mod:`core.models.perturbed` makes it."""

import re
from dataclasses import dataclass

from core.errors import IsobarError, nearest

_SPELLED = re.compile(r"\s*([a-z-]+)\s*(?:\(\s*([0-9.eE+-]+)\s*\))?\s*")


@dataclass(frozen=True)
class Kind:
    """A way to change weights.

    Attributes:
        amount: what the number in parentheses is, with its least and greatest value; None where there is none.
        about: what it does, in half a sentence.
    """

    amount: tuple[str, float, float] | None
    about: str


KINDS = {
    "noise": Kind(
        ("share", 0, 1),
        "w becomes (1 - share) w + share N(0, 1), on every weight of the layers, norms' too, and on no bias (Marbut et al., arXiv:2406.12159)",
    ),
    "relative-noise": Kind(
        ("share", 0, 1), "the same, with the noise as large as each tensor's own standard deviation about its mean"
    ),
    "shuffled": Kind(("share", 0, 1), "that share of each such tensor's numbers change places within it"),
    "last-layers": Kind(("layers", 1, 1000), "the last so many layers are as transformers initializes them"),
    "untrained": Kind(None, "all weights are as transformers initializes them"),
}
"""The ways there are; which numbers are drawn, a seed decides."""


@dataclass(frozen=True)
class Change:
    """One of :data:`KINDS`, with its amount."""

    kind: str
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Change | None":
        """Return what ``noise(0.1)``, ``last-layers(2)`` or ``untrained`` says, or None for an empty text.

        Raises:
            IsobarError: there is no such kind, its number is missing or out of range, or it takes none.
        """
        if not text.strip():
            return None
        found = _SPELLED.fullmatch(text)
        name, given = found.groups() if found else (text.partition("(")[0].strip(), None)
        if name not in KINDS:
            raise IsobarError(
                f"There is no change of weights {name!r}; it would be {', '.join(KINDS)}.{nearest(name, KINDS)}"
            )
        amount = KINDS[name].amount
        if amount is None:
            if given is not None or not found:
                raise IsobarError(f"The change of weights {name} takes no number, but stands as {text.strip()!r}.")
            return cls(name)
        what, least, most = amount
        try:
            value = float(given)
        except (TypeError, ValueError):
            value = float("nan")
        if not least <= value <= most or (least == 1 and value != int(value)):
            raise IsobarError(
                f"The change of weights {text.strip()!r} needs {what}, from {least:g} to {most:g}, in parentheses: such as {name}({most if what == 'share' else least:g})."
            )
        return cls(name, value)

    def __str__(self) -> str:
        return self.kind if KINDS[self.kind].amount is None else f"{self.kind}({self.amount:g})"
