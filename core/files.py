"""The one way in which files are written: whole or not at all, also where the process is killed or the power fails."""

import errno
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from core.errors import IsobarError

_PART = ".part"
_LEAST_BYTES = 2**20


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or a folder to; it takes the place of `path` once the block has ended.

    When this returns, the new content is on the disk, under its name. Where the block fails, nothing is left of it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}{_PART}")
    try:
        yield temporary
        sync(temporary)
        if path.is_dir() and temporary.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except BaseException:
        remove(temporary)
        raise
    _flush(path.parent)


def write(path: Path, content: str | bytes) -> None:
    """Write `content` to `path`, as :func:`whole` does."""
    with whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_output(path: Path, size: int = _LEAST_BYTES) -> Iterator[Path]:
    """Yield a path to write the file or folder `path`, which a person has named, to, as :func:`whole` does.

    Of a link what it leads to is written, and an existing file keeps its mode. What is no file, such as a pipe, is yielded itself; where
    `path` is what this process's own output goes to, what was written is put there behind what was printed. Where a library has
    words of its own for a full disk, the disk is asked for `size` bytes.

    Raises:
        IsobarError: the disk is full, or `path` can't be written for another reason.
    """
    try:
        if (stream := _own_output(path)) is not None:
            with tempfile.TemporaryDirectory() as folder:
                yield (temporary := Path(folder) / path.name)
                for text in (sys.stdout, sys.stderr):
                    text.flush()
                with os.fdopen(os.dup(stream), "wb") as file:
                    file.write(temporary.read_bytes())
            return
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        path = path.resolve()
        if not path.parent.is_dir():
            raise IsobarError(f"{path} can't be written: there is no folder {path.parent}.")
        mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else None
        if mode is not None and not os.access(path, os.W_OK):
            raise IsobarError(f"{path} can't be written: it may only be read.")
        said = partial(sentences_for_disk_errors, path.parent, what="folder", instead="choose another place")
        # A disk that is asked is asked twice: while what was written fills it, and, of a library that has taken that away, after.
        with said(size), whole(path) as temporary, said():
            yield temporary
            if mode is not None:
                temporary.chmod(mode)
    except OSError as error:
        raise IsobarError(f"{path} can't be written: {error.strerror or error}.") from error


def _own_output(path: Path) -> int | None:
    """Return the number of this process's output that goes to `path`, such as /dev/stdout, or None.

    The file that it goes to must not be replaced, nor opened a second time: both would lose what is printed.
    """
    for stream in (1, 2):
        with suppress(OSError):
            if path.exists() and os.path.samestat(path.stat(), os.fstat(stream)):
                return stream
    return None


def make_folder(path: Path) -> None:
    """Make the folder `path` and those that it lies in, so that they outlast a power failure.

    Nobody but their owner can look into them: texts, labels and weights may be anything. Where a group writes into the folder
    that they lie in, that group can, as far as the umask leaves it.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(_mode_in(path.parent), exist_ok=True)
    _flush(path.parent)


def new_folder(folder: Path, name: str) -> Path:
    """Make a folder called `name` in `folder`, or `name` and a number where that is taken, and return it.

    Of several who ask at once each has its own. Who may look into it is as of :func:`make_folder`.
    """
    path, count = folder / name, 2
    while True:
        try:
            path.mkdir(_mode_in(folder))
            break
        except FileExistsError:
            path, count = folder / f"{name}-{count}", count + 1
    try:
        _flush(folder)
    except BaseException:
        path.rmdir()
        raise
    return path


def move(path: Path, to: Path) -> None:
    """Give the file or folder `path` the name `to`, on the same disk; a folder that is empty gives way to one."""
    path.replace(to)
    _flush(to.parent)
    _flush(path.parent)


def sync(path: Path) -> None:
    """Return once the file `path`, or the folder with all that is in it, is on the disk."""
    if path.is_dir() and not path.is_symlink():
        for inside in path.iterdir():
            sync(inside)
    _flush(path)


def sync_entry(path: Path) -> None:
    """Return once the folder that holds `path` has that name on the disk."""
    _flush(path.parent)


def unlink(path: Path) -> None:
    """Remove the file `path`, if it is there; when this returns, it will not come back."""
    with suppress(FileNotFoundError):
        path.unlink()
        _flush(path.parent)


def remove(path: Path) -> None:
    """Remove the file or folder `path` as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def remove_parts(folder: Path) -> None:
    """Remove from `folder`, and the folders in it, what processes that were killed had begun to write."""
    for part in folder.rglob(f".*{_PART}"):
        remove(part)


def is_part(name: str) -> bool:
    """Whether a file or folder called `name` was begun to be written, and is not whole."""
    return name.startswith(".") and name.endswith(_PART)


@contextmanager
def sentences_for_disk_errors(
    path: Path,
    size: int = _LEAST_BYTES,
    *,
    what: str = "run directory",
    instead: str = "choose another place with --runs",
) -> Iterator[None]:
    """Raise an IsobarError where the block fails since the disk that holds the folder `path` takes nothing.

    Libraries tell of that in words of their own; then the disk is asked, for `size` bytes. `what` the folder is called and
    what to do `instead` are the sentence's.
    """
    try:
        yield
    except IsobarError:
        raise
    except Exception as error:
        cause = error if isinstance(error, OSError) and error.errno else _refusal(path, size)
        if cause is not None and (said := _sentence(cause, path, what, instead)):
            raise IsobarError(said) from error
        raise


def full_or_closed(path: Path) -> str:
    """Return in a few words why nothing can be written into the folder `path` now, or an empty string; nothing is written."""
    try:
        free = shutil.disk_usage(path).free
    except OSError:
        return ""
    if free < _LEAST_BYTES:
        return "its disk is full"
    return "" if os.access(path, os.W_OK) else "it can't be written"


def _mode_in(folder: Path) -> int:
    mode = folder.stat().st_mode
    is_shared = mode & stat.S_IWGRP and not mode & stat.S_IWOTH  # which everybody's /tmp is not
    return 0o770 if is_shared else 0o700


def _sentence(error: OSError, path: Path, what: str, instead: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk that holds {path} is full; free some space or {instead}."
    if error.errno == errno.ENOENT:
        return f"The {what} {path} is gone; it was moved or deleted while it was being written."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return f"The {what} {path} can't be written ({error.strerror}); {instead}."
    return ""


def _refusal(folder: Path, size: int) -> OSError | None:
    """Return the error with which a file of `size` bytes can't be written into `folder`, or None where it can."""
    trial = folder / f".trial.{os.getpid()}{_PART}"
    try:
        with trial.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.write(bytes(size))
    except OSError as error:
        return error
    finally:
        remove(trial)
    return None


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system on which there is nothing to wait for
            raise
    finally:
        os.close(opened)
