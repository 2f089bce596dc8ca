"""Tasks from the Hugging Face Hub, through `datasets.load_dataset`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import IsobarError, nearest
from core.hub import hub_reachable
from core.tasks.columns import Columns, Split, build_task
from core.tasks.files import validation_of

if TYPE_CHECKING:
    import pyarrow as pa

    from core.tasks.task import Task

GLUE = ("cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli")
_GLUE_REPO = "nyu-mll/glue"


def load_hub_task(name: str, slug: str, columns: Columns, seed: int | None, built_in: tuple[str, ...]) -> Task:
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
    validation_name = validation_of(splits, train_name)
    train = _split(name, train_name, splits[train_name])
    validation = None if validation_name is None else _split(name, validation_name, splits[validation_name])
    return build_task(
        slug,
        train,
        validation,
        columns,
        source=f"Hugging Face Hub, {repo}{':' + config if config else ''}",
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
    return Split(as_table(data), f"split {split!r} of {name}")


def as_table(data) -> pa.Table:
    """Return a `datasets.Dataset` as Arrow, which decodes nothing: images and sounds stay their files' bytes.

    The schema says the names of the classes, as in the files that `datasets` writes.
    """
    return data.with_format("arrow")[:].replace_schema_metadata(data.features.arrow_schema.metadata)
