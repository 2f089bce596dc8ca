"""How many cores there are, and how many threads OpenBLAS takes, NumPy's and SciPy's."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_users = 0
_limit = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold OpenBLAS to one thread; it is set back when the last of the threads that asked for it is done.

    An eigendecomposition lets its threads meet once a column. Beside another busy process (a training, while the app
    measures) each meeting waits for the scheduler, and 20 ms become 3 s; on idle cores the second thread saves a third.
    Work that is split among threads already, a tile of a matrix product for each, has no use for more either.
    """
    global _users, _limit
    with _lock:
        if _users == 0:
            with _from_any_thread():
                _limit = _openblas().limit(limits=1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                with _from_any_thread():
                    _limit.restore_original_limits()
                _limit = None


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blas_threads() -> int:
    """Return how many threads OpenBLAS takes where nothing holds it to one: all cores, or as OMP_NUM_THREADS says.

    1 where NumPy stands on another library, which then shares its work out by itself.
    """
    with _lock:
        if _limit is not None:
            return _limit.get_original_num_threads()["blas"] or 1
        return max((library["num_threads"] for library in _openblas().info()), default=1)


@contextmanager
def _from_any_thread() -> Iterator[None]:
    """Let this thread set the limit, and afterwards any other.

    Since its version 3.8 threadpoolctl silently heeds none but the first thread that sets one. Here a lock keeps them
    apart, and the last to be done need not be the first that came.
    """
    forget = [getattr(library, "clear_controlling_thread", None) for library in _openblas().lib_controllers]
    for call in filter(None, forget):
        call(force=True)
    try:
        yield
    finally:
        for call in filter(None, forget):
            call(force=True)


@cache
def _openblas():
    import scipy.linalg  # noqa: F401  (it brings an OpenBLAS of its own, which is found only where it is loaded)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")
