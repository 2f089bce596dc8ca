"""A training loop of your own with a regularizer: measures before and after, and a picture.

python docs/examples/own_loop.py [FOLDER]
"""

import sys
from pathlib import Path

import pandas as pd
import torch

from core import PersistentEntropyLoss, measure
from core.models.loading import load_model
from core.tasks import load_task
from explorer.charts.spectrum import dumbbells
from explorer.charts.style import SPACE, vector

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "own_loop")
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
task, loaded = load_task("grammar", train_size=240), load_model("minilm", 2)
model, tokenizer = loaded.model, loaded.processor


def batch_of(split, rows):
    texts, labels = split.select(rows)["text"][:], split.select(rows)["label"][:]
    return tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt"), torch.tensor(labels)


@torch.no_grad()
def embeddings():
    batch, _ = batch_of(task.validation, range(80))
    return model.eval()(**batch, output_hidden_states=True).hidden_states[-1][:, 0]


before = measure(embeddings(), "main")
regularizer = PersistentEntropyLoss(weight=0.3)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
for step in range(10):
    batch, labels = batch_of(task.train, range(24 * step, 24 * (step + 1)))
    output = model.train()(**batch, labels=labels, output_hidden_states=True)
    loss = output.loss + regularizer(output.hidden_states[-1][:, 0], labels)  # (b, d) embeddings, (b,) labels
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
after = measure(embeddings(), "main")

names = [name for name in ("anisotropy_1", "anisotropy_1_centered", "mean_cosine", "isoscore") if name in before]
rows = pd.DataFrame({"name": names, "before": [before[n] for n in names], "after": [after[n] for n in names]})
chart = dumbbells(
    rows, value="share", title="Before and after ten steps", colours=dict.fromkeys(names, SPACE), order=names
)
(folder / "measures.svg").write_text(vector(chart.to_dict()), encoding="utf-8")
print(folder / "measures.svg")
