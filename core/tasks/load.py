"""One name in, one `Task` out: built-in, local or from the Hub."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError, nearest

if TYPE_CHECKING:
    from core.tasks.columns import Columns, Split
    from core.tasks.task import Task

BUILT_IN = {"grammar": "text", "paraphrase": "text", "digits": "image", "tones": "audio"}
"""The built-in tasks, and the modality of each one's examples."""
ENDLESS = ("grammar", "paraphrase", "tones")
"""The tasks that are made of as many training examples as are asked for."""
NO_LABELS = "none"  # in place of a label column's name


def check_columns(
    task: str, text_column: str | None = None, text_pair_column: str | None = None, label_column: str | None = None
) -> None:
    """Raise an IsobarError where a column is named of a task that has columns of its own."""
    given = {"text": text_column, "second text": text_pair_column, "label": label_column}
    named = next((role for role, column in given.items() if column is not None), None)
    if task in BUILT_IN and named is not None:
        raise IsobarError(f"The built-in task {task!r} has columns of its own; leave out the {named} column.")


def load_task(
    name: str,
    *,
    seed: int = 0,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    label_column: str | None = None,
    train_size: int | None = None,
) -> Task:
    """Return the task called `name`.

    In this order, `name` is a built-in task (`BUILT_IN`); a local folder with a train and a validation file, laid out as on
    the Hub or saved by `datasets` (``folder:config`` where its README.md has several), or with a folder of images or sounds
    per class; one local file of :data:`core.table_files.SUFFIXES`; ``glue/TASK``; or a data set
    ``owner/name[:config]`` of the Hugging Face Hub. Where there is no validation split, a stratified fifth becomes it.
    Columns that are not named are guessed, and the task's notes say so: a column of bytes, of files' names or of both is
    one of images or sounds. Up to 5 % of rows with an empty text, or with an image or a sound that doesn't decode, are
    dropped with a note; more are an error. `seed` decides what the built-in tasks generate, and every split and sample
    made here. `train_size` keeps a stratified sample of the training split.

    Raises:
        IsobarError: the name is unknown, the Hub can't be reached, or the data can't be used; the message says where
            and what would be right.
    """
    from core.tasks.columns import Columns

    name = str(name)
    if train_size is not None and train_size < 1:
        raise IsobarError(f"A training split of {train_size} examples can't be trained on; ask for at least 2.")
    check_columns(name, text_column, text_pair_column, label_column)
    if name in BUILT_IN:
        return _resize(_built_in(name, seed, train_size), train_size, seed)
    columns = Columns(text_column, text_pair_column, label_column)
    return _resize(_load(name, columns, seed), train_size, seed)


def load_texts(
    name: str,
    *,
    seed: int = 0,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    label_column: str | None = None,
) -> Task:
    """Return the task called `name` to be looked at: as :func:`load_task` does, but local data need no labels.

    Nothing is set apart: where there is no validation split, all rows are it, and there is no training split.
    Its examples are one cloud, the validation split of a task with the one class "all texts" (or images, or sounds), no
    training split and no metric, where `label_column` is 'none', where no column was named and none holds classes, in a
    .txt file, which holds a text a line, and in a folder with images or sounds side by side. The task's notes say so.

    Raises:
        IsobarError: as :func:`load_task`; a label column that was named doesn't hold classes.
    """
    from core.table_files import LINES, read_lines, read_table
    from core.tasks.columns import Columns, NoLabelsError, Split, one_cloud
    from core.tasks.files import tables_of
    from core.tasks.folders import FILES, all_files, has_classes, has_media

    path = None if str(name) in BUILT_IN else _path(str(name))
    if path is not None and path.is_dir() and tables_of(path) is None and has_media(path):
        named = text_column or text_pair_column or label_column not in (None, NO_LABELS)
        if not named and (label_column == NO_LABELS or not has_classes(path)):
            note = f"{path} is read without labels: all that is in it is one cloud."
            return one_cloud(_slug(path.resolve().name), all_files(path), FILES, f"folder {path.resolve()}", (note,))
    if path is None:
        return load_task(
            name, seed=seed, text_column=text_column, text_pair_column=text_pair_column, label_column=label_column
        )
    if not path.is_file():
        return _load(str(name), Columns(text_column, text_pair_column, label_column), None)
    plain = path.suffix.lower() == LINES
    split = Split(read_lines(path) if plain else read_table(path), str(path), path.parent)
    columns = Columns(
        text_column or ("text" if plain else None),
        text_pair_column,
        None if label_column == NO_LABELS else label_column,
    )
    note = f"{path} is read without labels: all that is in it is one cloud."
    if label_column != NO_LABELS and not (plain and label_column is None):
        try:
            return _of_file(path, split, columns, None)
        except NoLabelsError as error:
            if label_column is not None:
                raise
            note = f"{error} So all examples are one cloud."
    return one_cloud(_slug(path.stem), split, columns, source=f"file {path.resolve()}", notes=(note,))


def modality_of_task(name: str, text_column: str | None = None, text_pair_column: str | None = None) -> str | None:
    """Return the modality of the examples of the task called `name`, without loading more than a table.

    None where nothing on this machine says so: :func:`load_task` says what is wrong.
    """
    from core.table_files import LINES, read_table
    from core.tasks.columns import Columns, Split, resolve_text_columns
    from core.tasks.files import tables_of
    from core.tasks.folders import modality_in

    if name in BUILT_IN:
        return BUILT_IN[name]
    try:
        path, config = _folder(name)
        tables = tables_of(path, config) if path.is_dir() else None
        if tables is None and path.is_dir():
            return modality_in(path)
        if tables is None and (not path.is_file() or path.suffix.lower() == LINES):
            return "text" if path.is_file() else None
        split = Split(
            *(tables.read(tables.train) if tables else (read_table(path), str(path))), path if tables else path.parent
        )
        return resolve_text_columns(split, Columns(text_column, text_pair_column))[0].modality
    except IsobarError:
        return None


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:  # "~nobody/data"
        raise IsobarError(f"There is no file or folder {name}.") from error


def _folder(name: str) -> tuple[Path, str]:
    """Return the path that `name` says and, where it is a folder's followed by ``:config``, the config."""
    path = _path(name)
    home, _, config = name.rpartition(":")
    return (_path(home), config) if home and not path.exists() and _path(home).is_dir() else (path, "")


def _of_file(path: Path, split: Split, columns: Columns, seed: int | None) -> Task:
    from core.tasks.columns import build_task

    return build_task(_slug(path.stem), split, None, columns, source=f"file {path.resolve()}", seed=seed)


def _built_in(name: str, seed: int, train_size: int | None) -> Task:
    module = import_module(f"core.tasks.{name}")
    return module.make_task(seed, max(train_size or 0, module.TRAIN_SIZE))


def _load(name: str, columns: Columns, seed: int | None) -> Task:
    from core.table_files import SUFFIXES, read_table
    from core.tasks.columns import Columns, Split, build_task
    from core.tasks.files import no_splits, tables_of
    from core.tasks.folders import FILES, folder_splits, has_media
    from core.tasks.hub import GLUE, load_hub_task

    path, config = _folder(name)
    tables = tables_of(path, config) if path.is_dir() else None
    if tables is None and path.is_dir() and has_media(path):
        if columns != Columns():
            raise IsobarError(
                f"Folder {path} has no columns to name: its files are the examples, its folders the classes."
            )
        train, validation, notes = folder_splits(path)
        return build_task(
            _slug(path.resolve().name), train, validation, FILES, f"folder {path.resolve()}", notes, seed=seed
        )
    if path.is_dir():
        if tables is None:
            raise no_splits(path)
        # The table of a folder or file is named by its path as given: that is what the person who reads the message
        # has typed.
        splits = {name: Split(*tables.read(name), path) for name in (tables.train, tables.validation) if name}
        tested = tables.validation is not None and tables.validation.lower() == "test"
        return build_task(
            _slug(path.resolve().name),
            splits[tables.train],
            splits.get(tables.validation),
            columns,
            source=f"folder {path.resolve()}{':' + config if config else ''}",
            notes=(f"{splits[tables.validation].where} stands in for a validation file.",) if tested else (),
            seed=seed,
        )
    if path.is_file():
        return _of_file(path, Split(read_table(path), str(path), path.parent), columns, seed)
    if path.suffix.lower() in SUFFIXES or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise IsobarError(f"There is no file or folder {name}.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w.-]+)?", name):
        return load_hub_task(name, _slug(name), columns, seed, BUILT_IN)
    known = (*BUILT_IN, *(f"glue/{task}" for task in GLUE))
    raise IsobarError(
        f"Unknown task {name!r}; it would be {', '.join(BUILT_IN)}, a local file or folder, glue/TASK, or a data set "
        f"owner/name of the Hugging Face Hub.{nearest(name, known)}"
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "data"


def _resize(task: Task, train_size: int | None, seed: int) -> Task:
    if train_size is None or train_size == len(task.train):
        return task
    import numpy as np

    from core.tasks.sampling import stratified_rows, take_rows
    from core.tasks.task import fingerprint

    if train_size > len(task.train):
        note = f"{train_size} training examples were asked for; all {len(task.train)} there are were taken."
        return replace(task, notes=(*task.notes, note))
    if train_size < task.num_labels:
        raise IsobarError(
            f"A training split of {train_size} can't hold all {task.num_labels} classes of task {task.name!r}; ask "
            f"for at least {task.num_labels}."
        )
    rows = stratified_rows(np.asarray(task.train["label"][:]), train_size, seed)
    train = take_rows(task.train, rows)
    return replace(
        task,
        train=train,
        fingerprint=fingerprint(train, task.validation, task.label_names),
        notes=(*task.notes, f"A stratified sample of {train_size} of {len(task.train)} training examples was taken."),
    )
