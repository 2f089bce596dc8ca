"""What a person adds to a run: a name that lists show, tags, and a text. It changes nothing that the run did."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from unicodedata import category

from core import files
from core.errors import IsobarError
from core.json_text import json_text
from core.runs import layout

LONGEST = {"name": 80, "tag": 40, "tags": 20, "text": 10_000}
"""How many characters a name, a tag and a text may have, and how many tags there may be."""


@dataclass(frozen=True)
class Note:
    """What a person says of a run.

    Attributes:
        name: what lists show beside the directory's own name; empty where nobody named it.
        tags: words to find it by, in the order they were given, none twice.
        text: any text, of several lines perhaps.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.tags or self.text)

    @classmethod
    def of(cls, name: str = "", tags: Iterable[str] = (), text: str = "") -> "Note":
        """Return a note of what somebody typed: spaces at the ends are taken off, and lines of a name or tag joined.

        Raises:
            IsobarError: something is longer than :data:`LONGEST` allows.
        """
        tags = tuple(dict.fromkeys(word for tag in tags if (word := _line(tag))))
        note = cls(_line(name), tags, _clean(text).strip())
        said = {"name": [note.name], "tag": note.tags, "text": [note.text]}
        for what, texts in said.items():
            if any(len(one) > LONGEST[what] for one in texts):
                raise IsobarError(f"The {what} of a run has at most {LONGEST[what]:,} characters; this one is longer.")
        if len(tags) > LONGEST["tags"]:
            raise IsobarError(f"A run has at most {LONGEST['tags']} tags; these are {len(tags)}.")
        return note


def read_note(run_dir: Path | str) -> Note:
    """Return the note in the directory `run_dir`; what of it is missing or can't be read is empty, as where nobody wrote one."""
    try:
        with (Path(run_dir) / layout.NOTE).open("rb") as file:
            found = json.loads(file.read(2**20))
    except (OSError, ValueError, RecursionError):
        return Note()
    if not isinstance(found, dict):
        return Note()
    name, tags, text = (found.get(part) for part in ("name", "tags", "text"))
    tags = [_cut(_line(tag), "tag") for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return Note(
        _cut(_line(name), "name") if isinstance(name, str) else "",
        tuple(dict.fromkeys(filter(None, tags)))[: LONGEST["tags"]],
        _cut(_clean(text), "text") if isinstance(text, str) else "",
    )


def write_note(run_dir: Path | str, note: Note) -> None:
    """Write `note` into the directory `run_dir`, in place of the one that is there; an empty one removes it.

    Whoever leads the run is not asked: nothing of what a note says is the run's own.

    Raises:
        IsobarError: the directory can't be written.
    """
    path = Path(run_dir) / layout.NOTE
    with files.sentences_for_disk_errors(path.parent):
        if note:
            files.write(path, json_text(asdict(note), indent=1))
        else:
            files.unlink(path)


def _line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    """Return `text` without what no letter is: controls, by which a terminal could be led, and halves of a character."""
    return "".join(c for c in text if c in "\n\t" or category(c) not in ("Cc", "Cs"))


def _cut(text: str, what: str) -> str:
    return text[: LONGEST[what]].strip()
