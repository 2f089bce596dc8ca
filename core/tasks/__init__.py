"""Labelled data: built-in tasks, local files and the Hugging Face Hub, all as one `Task`."""

from core.tasks.load import BUILT_IN, ENDLESS, check_columns, load_task, load_texts, modality_of_task
from core.tasks.metrics import score
from core.tasks.sampling import probe_set
from core.tasks.task import Task

__all__ = [
    "BUILT_IN", "ENDLESS", "Task", "check_columns", "load_task", "load_texts", "modality_of_task", "probe_set", "score",
]  # fmt: skip
