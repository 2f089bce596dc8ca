"""What embedding many texts takes, as an inspection does it, beside sentence-transformers: `isobar bench embedding`."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

import numpy as np
from datasets import Dataset

from core.cost import alone, cost_of_call
from core.errors import RunFailedError
from core.modalities import Cut
from core.models import BUILT_IN
from core.models.embedding import encode
from core.models.loading import load_model
from core.tasks import load_task

SIZES = (1_000, 5_000, 20_000)
PAIRS = 5
_PAIRS_TO = 1_000  # texts; both sides take larger sizes once, in turn
_MODEL = "minilm"
_MAX_LENGTH = 128


def run(
    tasks: Sequence[str] = ("grammar",), sizes: Sequence[int] = SIZES, pairs: int = PAIRS, pairs_to: int = _PAIRS_TO
) -> list[dict]:
    """Return one row for each task and number of texts: seconds, MiB at the peak, and the peer's seconds over ours.

    Both tokenize the same texts and embed them with the same weights, in float32, on this machine's processor; the peer by
    its own batch size. Up to `pairs_to` texts the two take turns, and the ratio is the median of `pairs` turns' ratios.
    Each size and each side's memory is a process of its own, after a few texts to warm up.

    Args:
        tasks: as `isobar train --task` takes them: texts are made of a task's words, as frequent as there, and are as long as its.
        sizes: numbers of texts.
        pairs: turns.
        pairs_to: texts up to which there is more than one turn.

    Raises:
        RunFailedError: the system ended the process that both sides take turns in, for want of memory.
    """
    return [_row(task, count, pairs if count <= pairs_to else 1) for task in tasks for count in sizes]


def made_texts(task: str, count: int, seed: int = 0) -> list[str]:
    """Return texts of words drawn one by one with the frequencies that they have in `task`, each as long as one of its texts."""
    texts, draw = [text.split() for text in load_task(task).train["text"]], np.random.default_rng(seed)
    words, lengths = np.array([word for text in texts for word in text]), [max(len(text), 1) for text in texts]
    return [" ".join(draw.choice(words, length)) for length in draw.choice(lengths, count)]


def _row(task: str, count: int, pairs: int) -> dict:
    memory = {f"{side} MiB": _if_there(side, partial(_memory_alone, side, task, count)) for side in _SIDES}
    figures = alone(_in_turn, task, count, pairs)
    if figures is None:
        raise RunFailedError(f"The system ended the process that embedded {count:,} texts: its memory was too small.")
    return {"task": load_task(task).name, **figures, **memory}


def _in_turn(task: str, count: int, pairs: int) -> dict:
    texts, sides = made_texts(task, count), {side: _if_there(side, make) for side, make in _SIDES.items()}
    seconds = {side: [] for side, embed in sides.items() if callable(embed)}
    for side in seconds:
        sides[side](texts[:64])
    for turn in range(pairs):
        for side in list(seconds)[:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            sides[side](texts)
            seconds[side].append(time.perf_counter() - start)
    row = {"texts": count, "turns": pairs}
    row |= {
        f"{side} s": statistics.median(seconds[side]) if side in seconds else embed for side, embed in sides.items()
    }
    ours, *peers = seconds.values()
    return {**row, "peer / isobar": statistics.median(b / a for a, b in zip(ours, *peers)) if peers else None}


def _memory_alone(side: str, task: str, count: int) -> float | str:
    found = alone(_memory, side, task, count)
    return "out of memory" if found is None else found["MiB"]


def _memory(side: str, task: str, count: int) -> dict:
    texts, embed = made_texts(task, count), _SIDES[side]()
    embed(texts[:64])
    return {"MiB": cost_of_call(lambda: embed(texts)).mib}


def _if_there(side: str, found: Callable):
    return "absent" if side == _PEER and find_spec("sentence_transformers") is None else found()


def _ours() -> Callable[[list[str]], object]:
    loaded = load_model(_MODEL, 2)
    collate = loaded.collator()

    def embed(texts: list[str]) -> object:
        rows = loaded.encode(Dataset.from_dict({"text": texts, "label": [0] * len(texts)}), Cut(tokens=_MAX_LENGTH))
        return encode(loaded.model, collate, rows, pooling="mean")

    return embed


def _peers() -> Callable[[list[str]], object]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(BUILT_IN[_MODEL].path()), device="cpu")
    model.max_seq_length = _MAX_LENGTH
    return lambda texts: model.encode(texts, show_progress_bar=False)


_PEER = "sentence-transformers"
_SIDES: dict[str, Callable[[], Callable]] = {"isobar": _ours, _PEER: _peers}
