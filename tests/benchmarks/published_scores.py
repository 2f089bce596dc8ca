"""How the level of the noise alone ranks the scores in Marbut's own tables (docs/studies.md).

git clone https://github.com/amarbut/manifolds && git -C manifolds checkout 7cec378
python -m tests.benchmarks.published_scores manifolds
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

TABLES = {
    "perturbed BERT-small": ("bert_small_metrics.csv", "new_average"),
    "perturbed RoBERTa": ("roberta_model_metrics.csv", "average"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkout of amarbut/manifolds at 7cec378")
    folder = parser.parse_args().folder / "results" / "metric files"
    for name, (file, score) in TABLES.items():
        table = pd.read_csv(folder / file).dropna(subset=["alpha", score])
        ranks = spearmanr(table["alpha"], table[score]).statistic
        print(f"{name}: {len(table)} rows, Spearman of noise and mean GLUE score {ranks:+.3f}")


if __name__ == "__main__":
    main()
