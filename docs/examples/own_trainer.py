"""A Trainer of your own with a regularizer, watched by Isobar: a run directory comes out of it, and a picture.

python docs/examples/own_trainer.py [FOLDER]
"""

import sys
from pathlib import Path

from transformers import DataCollatorWithPadding, Trainer, TrainingArguments, set_seed

from core import ProbeCallback, load_run, regularized
from core.models.loading import load_model
from core.tasks import load_task
from explorer.charts.barcode import barcode, bars
from explorer.charts.style import SPACE, vector

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "own_trainer")
set_seed(0)
task, loaded = load_task("grammar", train_size=240), load_model("minilm", 2)


def tokens(batch):
    return {**loaded.processor(batch["text"], truncation=True, max_length=64), "labels": batch["label"]}


class MyTrainer(Trainer):
    """Whatever you have made of transformers' Trainer; it stays as it is."""


# The three lines.
probe = ProbeCallback(task.validation["text"][:80], task.validation["label"][:80], run_dir=folder / "run", snapshots=2)
trainer = regularized(MyTrainer)(
    regularizer="persistent-entropy(weight=0.3)",
    callbacks=[probe],
    model=loaded.model,
    args=TrainingArguments(str(folder / "out"), max_steps=10, per_device_train_batch_size=24, report_to="none"),
    train_dataset=task.train.map(tokens, batched=True, remove_columns=task.train.column_names),
    data_collator=DataCollatorWithPadding(loaded.processor),
    processing_class=loaded.processor,
)
trainer.train()

after = load_run(probe.run_dir).after
shape = after.classes[0]
chart = barcode(
    bars(shape),
    title=f"Bars of {shape.name} after {after.step} steps",
    longest=shape.lengths.max(),
    most=len(shape.lengths),
    threshold=shape.threshold,
    colour=SPACE,
)
(folder / "barcode.svg").write_text(vector(chart.to_dict()), encoding="utf-8")
print(f"{folder / 'barcode.svg'}; isobar report {probe.run_dir} writes all of it")
