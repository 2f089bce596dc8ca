"""The one family of errors that are meant for the person who caused them."""

from difflib import get_close_matches


class IsobarError(Exception):
    """A request that can't be met; its message is one sentence: what was wrong, where, and what would be right."""


class RunFailedError(IsobarError):
    """A run that was begun and failed underway."""


class ElsewhereError(IsobarError):
    """A run that another process has in its hands."""


def nearest(word: str, known) -> str:
    """Return ``" Did you mean 'x'?"`` for the known words that resemble `word`, or an empty string."""
    close = get_close_matches(word.lower(), {str(k).lower(): k for k in known}, n=2, cutoff=0.5)
    by_lower = {str(k).lower(): str(k) for k in known}
    return f" Did you mean {' or '.join(repr(by_lower[c]) for c in close)}?" if close else ""
