"""A sentence-transformers training of your own whose space collapses, without a regularizer and with one: a picture.

python docs/examples/own_sentences.py [FOLDER [SEED [REGULARIZER ...]]]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from transformers import set_seed

from core import ProbeCallback, RegularizedLoss, load_run
from core.models import BUILT_IN
from core.tasks import load_task
from explorer.charts.spectrum import dumbbells
from explorer.charts.style import BEFORE, SPACE, vector

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "own_sentences")
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
regularizers = sys.argv[3:] or ["none", "uniformity(weight=0.2)"]
task = load_task("paraphrase", train_size=960)


def pairs(split, label, count):
    frame = split.to_pandas()
    return frame[frame["label"] == label][["text", "text_pair"]][:count].reset_index(drop=True)


# Only pairs that say the same: nothing in the task keeps other texts apart, and any two end up alike.
train = Dataset.from_pandas(pairs(task.train, 1, 480).assign(label=1.0))
# Scores as STS-B has them: the same said otherwise, the same words with roles exchanged, something else.
same, exchanged = pairs(task.validation, 1, 100), pairs(task.validation, 0, 100)
other = same.assign(text_pair=np.roll(same["text_pair"], -37))
scored = pd.concat([same.assign(score=1.0), exchanged.assign(score=0.5), other.assign(score=0.0)])
evaluator = EmbeddingSimilarityEvaluator(*(scored[name].tolist() for name in scored), name="pairs")

rows = []
for regularizer in regularizers:
    set_seed(seed)
    model = SentenceTransformer(str(BUILT_IN["minilm"].path()), device="cpu")
    before = evaluator(model)
    # The three lines.
    loss = RegularizedLoss(CosineSimilarityLoss(model), regularizer)
    name = regularizer.partition("(")[0]
    probe = ProbeCallback(list(dict.fromkeys(same["text"])), task="paraphrase", run_dir=folder / name, snapshots=2)
    trainer = SentenceTransformerTrainer(
        model=model,
        loss=loss,
        callbacks=[probe],
        args=SentenceTransformerTrainingArguments(
            str(folder / "out"), max_steps=24, per_device_train_batch_size=12, learning_rate=2e-4, logging_steps=8,
            seed=seed, save_strategy="no", report_to="none", use_cpu=True, disable_tqdm=True,
        ),
        train_dataset=train,
        evaluator=evaluator,
    )  # fmt: skip
    trainer.train()
    after, run = trainer.evaluate(), load_run(probe.run_dir)
    spaces = [run.before.measures["mean_cosine"], run.after.measures["mean_cosine"]]
    rows.append((f"cosine, {name}", *spaces))
    for kind in ("spearman", "pearson"):
        rows.append((f"{kind.title()}, {name}", before[f"pairs_{kind}_cosine"], after[f"eval_pairs_{kind}_cosine"]))

frame = pd.DataFrame(rows, columns=["name", "before", "after"])
print(frame.round(3).to_string(index=False))
chart = dumbbells(
    frame,
    value="mean cosine of all texts; correlation with the scores",
    title="Trained on pairs that say the same, and no others",
    colours={name: BEFORE if name.endswith("none") else SPACE for name in frame["name"]},
    order=[name for what in ("cosine", "Spearman", "Pearson") for name in frame["name"] if name.startswith(what)],
)
(folder / "collapse.svg").write_text(vector(chart.to_dict()), encoding="utf-8")
print(f"{folder / 'collapse.svg'}; isobar compare {folder} shows both runs")
