"""What a training step costs with padding and without, in float32 and bfloat16, side by side: `isobar bench training`."""

import statistics
import time
from collections.abc import Sequence

import torch
from transformers import set_seed

from core.modalities import Cut
from core.models.loading import load_model
from core.models.packing import pack_texts, telling_rows
from core.tasks import load_task

PAIRS = 7
_BATCHES = 6  # a turn; all ways take their turns on the same ones
_BATCH_SIZE = 32
_MAX_LENGTH = 128
_WAYS = tuple((packed, bfloat16) for bfloat16 in (False, True) for packed in (False, True))


def run(tasks: Sequence[str] = ("grammar", "paraphrase"), pairs: int = PAIRS, batches: int = _BATCHES) -> list[dict]:
    """Return one row for each task and precision: a step's milliseconds padded and padding-free, and their ratios.

    A step is what transformers' Trainer does in one: forward and backward of the built-in model at batch 32, gradients
    clipped, fused AdamW. Times are medians over the turns, ratios medians of the ratios within a turn, in which each way
    takes the same batches; "x" is against padded in the same precision, "x float32" against padded in float32. Where bfloat16
    takes longer than float32, as on processors without it, a single step is all that is told of it.

    Args:
        tasks: as `isobar train --task` takes them.
        pairs: turns, after one to warm up.
        batches: steps a turn.
    """
    return [row for task in tasks for row in _rows(task, pairs, batches)]


def _rows(name: str, pairs: int, count: int) -> list[dict]:
    set_seed(0)
    task = load_task(name)
    loaded = load_model("minilm", task.num_labels)
    model, collate = loaded.model.train(), loaded.collator()
    data = loaded.encode(task.train, Cut(tokens=_MAX_LENGTH)).data.shuffle(seed=0)
    chosen = data.select(range(min(len(data), count * _BATCH_SIZE))).to_list()
    batches = [collate(chosen[i : i + _BATCH_SIZE]) for i in range(0, len(chosen), _BATCH_SIZE)]
    lengths = [len(row["input_ids"]) for row in chosen]
    telling = collate([chosen[i] for i in telling_rows(lengths)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step(way: tuple[bool, bool], some: list[dict]) -> float:
        packed, bfloat16 = way
        hooks = pack_texts(model, telling)[0] if packed else None
        try:
            return _seconds(model, optimizer, some, bfloat16) / len(some)
        finally:
            if hooks is not None:
                hooks.remove()

    trial = {way: step(way, batches[:1]) for way in _WAYS}
    slow = trial[False, True] > trial[False, False]
    seconds = {way: [trial[way]] if slow and way[1] else [] for way in _WAYS}
    for turn in range(pairs + 1):
        for way in _WAYS:
            if not (slow and way[1]):
                taken = step(way, batches)
                if turn:
                    seconds[way].append(taken)

    computed = sum(batch["input_ids"].numel() for batch in batches)
    rows = []
    for bfloat16 in (False, True):
        padded, packed, slowest = seconds[False, bfloat16], seconds[True, bfloat16], seconds[False, False]
        rows.append(
            {
                "task": task.name,
                "padding %": 100 * (1 - sum(lengths) / computed),
                "precision": "bfloat16" if bfloat16 else "float32",
                "padded ms": 1e3 * statistics.median(padded),
                "padding-free ms": 1e3 * statistics.median(packed),
                "turns": len(packed),
                "x": statistics.median(a / b for a, b in zip(padded, packed)),
                "x float32": statistics.median(a / b for a, b in zip(slowest, packed)),
            }
        )
    return rows


def _seconds(model, optimizer, batches: list[dict], bfloat16: bool) -> float:
    started = time.perf_counter()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = model(**batch, output_hidden_states=True).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - started
