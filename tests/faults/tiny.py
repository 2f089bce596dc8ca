"""A run of a second, all of whose parts have a state: dropout, schedule, a memory, random bars, I-STAR's covariance."""

import hashlib
import json
from pathlib import Path

from core import RunSpec
from core.runs import Run


def spec_in(folder: Path, **settings) -> RunSpec:
    """Return the run's settings; its model and its data are made in `folder`, if they are not there."""
    model, task = folder / "model", folder / "colours"
    if not task.exists():
        _make_model(model)
        _make_task(task)
    return RunSpec(
        model=str(model),
        task=str(task),
        regularizer="persistent-entropy(weight=2, memory=6, selection=random)+istar(weight=5)",
        batch_size=16,
        max_steps=6,
        learning_rate=5e-3,
        probe_per_class=8,
        snapshots=3,
        evaluations=2,
        log_every=2,
        device="cpu",
    ).model_copy(update=settings)


def result(run: Run) -> dict:
    """Return all that a finished run came to, to be equal to another's: weights, embeddings, report."""
    last = run.after
    return {
        "weights": _digest((run.path / "model" / "model.safetensors").read_bytes()),
        "embeddings": _digest(last.embeddings.tobytes()),
        "report": json.loads((run.path / "report.json").read_text()),
        "steps": [row["step"] for row in run.rows("step")],
        "evaluations": [(row["step"], row["metrics"]) for row in run.rows("evaluation")],
    }


def differences(found: dict, expected: dict) -> list[str]:
    """Return the names of what is not bit for bit the same."""
    return [name for name, value in expected.items() if found[name] != value]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _make_model(folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from core.models import BUILT_IN

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(**sizes, max_position_embeddings=32)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(BUILT_IN["minilm"].path()).save_pretrained(folder)


def _make_task(folder: Path) -> None:
    folder.mkdir(parents=True)
    nouns = ["stone", "river", "cloud", "field", "house", "bridge", "garden", "window"]
    places = ["near the old mill", "behind the hill", "by the road", "under the tree"]
    texts = [(f"the {c} {n} {p}", int(c == "red")) for c in ("red", "blue") for n in nouns for p in places]
    for name, rows in (("train", texts), ("validation", texts[::2])):
        lines = ["sentence,label", *(f"{text},{label}" for text, label in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
