"""Tasks from the Hugging Face Hub, through `datasets.load_dataset`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import IsobarError, nearest
from core.hub import hub_reachable
from core.tasks.columns import Columns, Split, build_task

if TYPE_CHECKING:
    from core.tasks.task import Task

GLUE = ("cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli")
_GLUE_REPO = "nyu-mll/glue"
_VALIDATION_SPLITS = ("validation", "valid", "val", "dev", "validation_matched", "test")


def load_hub_task(name: str, slug: str, columns: Columns, seed: int, built_in: tuple[str, ...]) -> Task:
    """Return the task `name`: ``glue/TASK``, or ``owner/name`` with an optional ``:config``.

    Data that an earlier call has downloaded is used again when the Hub can't be reached.

    Raises:
        IsobarError: the Hub can't be reached, or has no such data set, or it is no classification task.
    """
    repo, _, config = name.partition(":")
    if repo.startswith("glue/"):
        glue = repo.removeprefix("glue/")
        if glue == "stsb":
            raise IsobarError("glue/stsb has similarity scores for labels, not classes; choose a classification task.")
        if glue not in GLUE:
            raise IsobarError(
                f"GLUE has no classification task {glue!r}; it has {', '.join(GLUE)}.{nearest(glue, GLUE)}"
            )
        repo, config = _GLUE_REPO, glue
    splits = _download(name, repo, config or None, built_in)
    train_name = "train" if "train" in splits else next(iter(splits))
    validation_name = next((s for s in _VALIDATION_SPLITS if s in splits and s != train_name), None)
    train = _split(name, train_name, splits[train_name])
    validation = None if validation_name is None else _split(name, validation_name, splits[validation_name])
    notes = []
    if validation is not None and _is_unlabelled(splits[validation_name]):
        notes.append(f"Split {validation_name!r} of {name} has no labels and was ignored.")
        validation = None
    return build_task(
        slug,
        train,
        validation,
        columns,
        source=f"Hugging Face Hub, {repo}{':' + config if config else ''}",
        notes=tuple(notes),
        class_names=_class_names(splits[train_name]),
        seed=seed,
    )


def _download(name: str, repo: str, config: str | None, built_in: tuple[str, ...]):
    import datasets
    from datasets.exceptions import DatasetNotFoundError

    online = hub_reachable()
    unreachable = (
        f"{name} is neither a local file or folder nor in the cache of data sets, and the Hugging Face Hub can't be "
        f"reached; the built-in tasks ({', '.join(built_in)}) and local files need no network."
    )
    try:
        with _offline(not online):
            found = datasets.load_dataset(repo, config)
    except DatasetNotFoundError as error:
        # Offline, this is how a data set that isn't in the cache is reported.
        if not online:
            raise IsobarError(unreachable) from error
        raise IsobarError(
            f"The Hugging Face Hub has no data set {repo!r} that is open to you, nor is {name!r} a local file or "
            "folder; check the name, or log in with `hf auth login` if it is a gated one."
        ) from error
    except (ConnectionError, TimeoutError) as error:
        raise IsobarError(unreachable) from error
    except Exception as error:
        if _is_network(error):
            raise IsobarError(unreachable) from error
        message = " ".join(str(error).split()) or type(error).__name__
        raise IsobarError(f"Data set {name} can't be loaded from the Hub: {message[:300].rstrip('.')}.") from error
    if not isinstance(found, dict) or not found:
        raise IsobarError(f"Data set {name} has no splits that can be read.")
    return found


@contextmanager
def _offline(wanted: bool):
    """Let `datasets` and `huggingface_hub` look only into their caches, as their HF_HUB_OFFLINE does."""
    import datasets.config
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if wanted:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def _is_network(error: BaseException | None) -> bool:
    while error is not None:
        # The Hub's client has changed its HTTP library more than once; each has exceptions of its own for this.
        of_client = type(error).__module__.startswith(("httpx", "httpcore", "requests", "urllib3"))
        if isinstance(error, (ConnectionError, TimeoutError)) or of_client:
            return True
        error = error.__cause__ or error.__context__
    return False


def _split(name: str, split: str, data) -> Split:
    # As Arrow, which decodes nothing: images and sounds stay their files' bytes.
    return Split(data.with_format("arrow")[:], f"split {split!r} of {name}")


def _class_names(data) -> dict[str, tuple[str, ...]]:
    from datasets import ClassLabel

    return {name: tuple(kind.names) for name, kind in data.features.items() if isinstance(kind, ClassLabel)}


def _is_unlabelled(data) -> bool:
    """Whether all labels are -1 or missing, the Hub's way to keep a test split's labels secret."""
    import pyarrow.compute as pc

    for name in _class_names(data):
        values = pc.drop_null(data.data.table.column(name))
        if len(values) == 0 or pc.max(values).as_py() == -1:
            return True
    return False
