"""How far counting words gets on a task: the measure of what its sentences give away without being understood.

``python -m core.tasks.shortcuts [TASK ...]`` prints the table of the data cards.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.tasks.load import load_task

if TYPE_CHECKING:
    from datasets import Dataset

    from core.tasks.task import Task

# Words with their apostrophes, and the marks that end a sentence or part a clause.
_TOKEN = r"[\w']+|[?.,!]"


def shortcut_accuracy(task: Task, longest: int = 1) -> float:
    """Return the validation accuracy of a logistic regression on counts of runs of up to `longest` words.

    Of a pair it sees the counts of each text, their difference, and the size of that difference.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(ngram_range=(1, longest), token_pattern=_TOKEN)
    columns = ["text", "text_pair"] if task.has_pairs else ["text"]
    counter.fit(text for column in columns for text in task.train[column][:])
    classifier = LogisticRegression(max_iter=300)
    classifier.fit(_features(counter, task.train, columns), task.train["label"][:])
    return float(classifier.score(_features(counter, task.validation, columns), task.validation["label"][:]))


def _features(counter, split: Dataset, columns: list[str]):
    from scipy import sparse

    counts = [counter.transform(split[column][:]) for column in columns]
    if len(counts) == 2:
        difference = counts[0] - counts[1]
        counts += [difference, abs(difference)]
    return sparse.hstack(counts).tocsr()


def main(names: list[str]) -> None:
    """Print one line for each task: the accuracy from words, and from words and pairs of neighbouring words."""
    print("task                  words   words and bigrams")
    for name in names or ("grammar", "paraphrase"):
        task = load_task(name)
        print(f"{task.name:20s}  {shortcut_accuracy(task):.3f}   {shortcut_accuracy(task, 2):.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
