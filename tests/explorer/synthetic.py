"""Run directories as a trainer would leave them, with made-up embeddings: quick to write, and in every state."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from core.geometry import measure, shape_by_class
from core.modalities import MODALITIES, Cut
from core.modalities.media import image_cell, sound_cell
from core.runs import RunWriter, layout
from core.training.spec import RunSpec

NAMES = ("unacceptable", "acceptable")
NASTY = (
    "<script>document.title = 'owned'</script><b>bold?</b>",
    "# heading **bold** [link](http://example.com) :smile: $x^2$ `code`",
    "שלום עולם, the text turns around",
    "🙂" * 30,
    "long " * 2000,
)


def write_run(
    runs_dir: Path,
    *,
    state: str = "finished",
    steps: int = 60,
    done: int | None = None,
    collapse: float = 0.5,
    per_class: int = 40,
    width: int = 48,
    names: tuple[str, ...] = NAMES,
    minutes_ago: int = 0,
    snapshots: int = 3,
    texts: tuple[str, ...] = (),
    score: float = 0.62,
    modality: str = "text",
    alone: str = "",
    **settings,
) -> Path:
    """Write a run and return its directory.

    Args:
        runs_dir: where.
        state: how it ended, or "running".
        steps: planned optimizer steps.  done: how many were made; all by default.
        collapse: how much of the spread is lost to one direction by the end.
        per_class, width, names: size of the probe set, and its classes.
        minutes_ago: when it began.
        snapshots: how many, start and end included.
        score: the task metric after all steps.
        texts: the first texts of the probe set.
        modality: what the probe set's examples are.
        alone: the name of a further class, of one point.
        settings: fields of RunSpec.
    """
    spec = RunSpec(**settings)
    names = (*names, alone) if alone else names
    done = steps if done is None else done
    began = datetime(2026, 5, 4, 10, 31, 7) - timedelta(minutes=minutes_ago)
    writer = RunWriter.create(
        Path(runs_dir) / spec.run_name(began),
        spec.model_dump(),
        record={
            "task": {
                "name": spec.task,
                "modality": modality,
                "label_names": list(names),
                "metrics": ["mcc", "accuracy"],
            }
        },
    )
    random = np.random.default_rng(spec.seed)
    labels = np.repeat(np.arange(len(names)), per_class)
    labels = labels[: len(labels) - per_class + 1] if alone else labels
    compared = labels if len(names) > 1 else None
    _write_probe(writer, np.array(names)[labels], labels, texts, modality)
    spread = random.gamma(2.0, 1.0, size=(len(labels), 1)) * random.normal(size=(len(labels), width))
    drift, centres = random.normal(size=(1, width)), random.normal(size=(len(names), width))
    regularized = bool(spec.regularizers)
    sides = {}
    for step in np.unique(np.linspace(0, done, snapshots).round().astype(int)):
        share = collapse * step / max(steps, 1)
        stretch = np.where(np.arange(width) == 0, 1 + 3 * share, 1.0)  # so that a class gets flatter too
        x = (1 - share) * spread * stretch + 6 * share * centres[labels] + drift
        measures, classes = measure(x, "main", compared), shape_by_class(x, labels, names=names)
        predictions = np.where(random.random(len(labels)) < 0.5 + share / 1.5, labels, (labels + 1) % len(names))
        writer.snapshot(
            step=int(step), epoch=step / steps, embeddings=x, labels=labels, predictions=predictions,
            measures=measures, classes=classes,
        )  # fmt: skip
        writer.event(kind="probe", step=int(step), epoch=step / steps, measures=measures)
        sides[int(step)] = {**measures, "classes": {c.name: c.summary() for c in classes}}
    for step in range(5, done + 1, 5):
        part = step / steps
        writer.event(
            kind="step", step=step, epoch=part, task_loss=0.69 * (1 - 0.6 * part) + 0.03 * random.normal(),
            regularizer=-4.6 - 0.4 * part if regularized else None, learning_rate=2e-4 * (1 - part),
            step_seconds=0.21 + 0.01 * random.random(), regularizer_seconds=0.004 if regularized else None, skipped=0,
            classes={
                str(k): {
                    "entropy": 2.3 + 0.1 * part, "relative_entropy": 0.955 + 0.04 * part + 0.002 * k,
                    "bars": 15, "features": 9 + int(4 * part) + k,
                }
                for k in range(len(names))
            },
        )  # fmt: skip
    scores = {
        step: {"mcc": 0.02 + (score - 0.02) * step / steps, "accuracy": 0.5 + 0.35 * step / steps} for step in (0, done)
    }
    for step, found in scores.items():
        writer.event(kind="evaluation", step=step, epoch=step / steps, metrics=found)
    if state in ("finished", "stopped"):
        before, after = {**sides[0], **scores[0]}, {**sides[max(sides)], **scores[done]}
        difference = {k: after[k] - v for k, v in before.items() if k != "classes"}
        writer.report(
            {"metric": "mcc", "label_names": list(names), "before": before, "after": after, "difference": difference}
        )
    error = "The memory was not enough; a smaller batch_size or max_length needs less." if state == "failed" else None
    writer.status(
        state, phase="training" if state == "running" else None, step=done, total_steps=steps,
        seconds_left=(steps - done) * 0.2, device=f"cpu ({os.cpu_count()} cores)", error=error,
    )  # fmt: skip
    (writer.path / "log.txt").write_text("loading\nRuntimeError: out of memory\n" if error else "loading\n")
    return writer.path


def _write_probe(writer: RunWriter, names: np.ndarray, labels: np.ndarray, texts: tuple[str, ...], modality: str):
    """Write the probe set: sentences that begin with `texts`, or small images or sounds that differ."""
    random = np.random.default_rng(0)
    told = [f"The {name} sentence number {i} of the probe set." for i, name in enumerate(names)]
    told[: len(texts)] = texts
    cells = {}
    if modality == "image":
        pixels = random.integers(0, 256, (len(labels), 6, 6, 3), dtype=np.uint8)
        cells = {i: image_cell(Image.fromarray(one), f"{names[i]}/{i}.png") for i, one in enumerate(pixels)}
    if modality == "audio":
        waves = 0.1 * random.standard_normal((len(labels), 800))
        cells = {i: sound_cell(one, 16_000, f"{names[i]}/{i}.wav") for i, one in enumerate(waves)}
    writer.probe(
        pd.DataFrame(
            {
                "text": [cells[i]["path"] if cells else told[i] for i in range(len(labels))],
                "label": labels,
                "label_name": names,
                "row": range(len(labels)),
            }
        ),
        lambda row: MODALITIES[modality].preview(cells.get(row), Cut()),
    )


def write_gallery(runs_dir: Path) -> None:
    """Write a few runs: with and without the regularizer, finished, running, failed, stopped."""
    write_run(runs_dir, minutes_ago=60, collapse=0.9, regularizer="none")
    write_run(runs_dir, minutes_ago=50, collapse=0.5)
    write_run(runs_dir, minutes_ago=40, state="failed", done=20, seed=1, task="paraphrase")
    write_run(
        runs_dir, minutes_ago=30, state="stopped", done=30, seed=2, regularizer="persistent-entropy(selection=all)"
    )


def write_inspection(
    runs_dir: Path,
    *,
    state: str = "finished",
    per_class: int = 40,
    width: int = 48,
    names: tuple[str, ...] = NAMES,
    minutes_ago: int = 0,
    texts: tuple[str, ...] = (),
    base: bool = False,
    layers: int = 7,
    error: str | None = None,
    modality: str = "text",
    **settings,
) -> Path:
    """Write an inspection as `isobar inspect --run-dir` would leave it, and return its directory.

    Args:
        runs_dir: the folder of runs.
        state: how it ended, or "running".
        per_class, width, names: size of the probe set, and its classes.
        minutes_ago: when it began.
        texts: the first texts of the probe set.
        base: whether the numbers of an untouched model stand beside it.
        layers: how many were measured.
        error: why it failed.
        modality: what the probe set's examples are.
        settings: fields of RunSpec.
    """
    spec = RunSpec(**{"regularizer": "none", **settings})
    began = datetime(2026, 5, 4, 10, 31, 7) - timedelta(minutes=minutes_ago)
    path = Path(runs_dir) / layout.INSPECTIONS / spec.run_name(began)
    metrics = ["mcc"] if len(names) > 1 else []
    record = {
        "task": {
            "name": spec.task,
            "modality": modality,
            "label_names": list(names),
            "metrics": metrics,
            "notes": ["A note on the data."],
        }
    }
    writer = RunWriter.create(path, spec.model_dump(), record=record)
    if state != "finished":
        writer.status(state, phase="embedding" if state == "running" else None, done=128, total=400, error=error)
        (path / "log.txt").write_text(f"loading\nisobar: {error}\n" if error else "loading\n")
        return path
    random = np.random.default_rng(spec.seed)
    labels = np.repeat(np.arange(len(names)), per_class)
    compared = labels if len(names) > 1 else None
    _write_probe(writer, np.array(names)[labels], labels, texts, modality)

    def side(x: np.ndarray) -> dict:
        classes = shape_by_class(x, labels, names=names)
        return {**measure(x, "main", compared), "classes": {c.name: c.summary() for c in classes}}

    gaussian = random.normal(size=(len(labels), width))
    x = gaussian * random.gamma(2.0, 1.0, size=(1, width)) + 2 * random.normal(size=(1, width))
    classes = shape_by_class(x, labels, names=names)
    depth = [measure(x + k, "main", compared) for k in range(layers)][::-1]
    writer.snapshot(
        step=0, embeddings=x, labels=labels, predictions=labels, measures=measure(x, "main", compared), classes=classes,
        layers=depth,
    )  # fmt: skip
    writer.report(
        {
            "metric": next(iter(metrics), None), "label_names": list(names), "before": side(x), "isotropic": side(gaussian),
            "base": {"model": "minilm", **side(gaussian + 1.0), "layers": depth[::-1]} if base else None,
        }
    )  # fmt: skip
    writer.write(layout.INSPECTION, json.dumps({"model": spec.model, "task": spec.task, **side(x)}))
    writer.status("finished")
    return path


def write_inspections(runs_dir: Path) -> None:
    """Write a few inspections: finished, failed, stopped, under way."""
    write_inspection(runs_dir, minutes_ago=1, base=True)
    write_inspection(runs_dir, minutes_ago=9, state="running", seed=1)
    write_inspection(runs_dir, minutes_ago=20, state="stopped", seed=2)
    error = "There is no model 'minlm': it is neither built in (minilm), nor a folder. Did you mean 'minilm'?"
    write_inspection(runs_dir, minutes_ago=30, state="failed", model="minlm", error=error)
