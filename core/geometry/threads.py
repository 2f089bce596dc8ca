"""Keeps eigendecompositions on one thread."""

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
    """
    global _users, _limit
    with _lock:
        if _users == 0:
            _limit = _openblas().limit(limits=1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.restore_original_limits()
                _limit = None


@cache
def _openblas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")
