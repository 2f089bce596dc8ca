"""Where the cells of a sweep run: processes of this machine, or a Ray cluster; both are the standard library's executors."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import chdir, suppress
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path

from core import interrupts
from core.errors import IsobarError
from core.logs import turn_over
from core.threads import cores

_CODE = Path(__file__).resolve().parents[2]
BACKENDS = ("local", "ray")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def workers(backend: str, processes: int, address: str, runs_dir: Path) -> Executor:
    """Return the executor that a person asked for.

    Args:
        backend: local or ray.
        processes: cells at a time on one machine; its cores are divided among them.
        address: of the Ray cluster: ``auto`` finds one that runs, ``local`` starts one on this machine.
        runs_dir: the log of this machine's processes goes there.

    Raises:
        IsobarError: there is no such backend, Ray is not installed, or its cluster can't be reached.
    """
    if backend not in BACKENDS:
        raise IsobarError(f"There is no backend {backend!r}; there are: {', '.join(BACKENDS)}.")
    if backend == "ray":
        return RayWorkers(address, processes)
    return LocalWorkers(processes, runs_dir / "sweep.log")


class LocalWorkers(ThreadPoolExecutor):
    """Processes of this machine, each driven by a thread: one that is killed costs the cell it was at, and no other.

    Args:
        processes: how many.  log: the file that takes what they print.
    """

    def __init__(self, processes: int, log: Path):
        super().__init__(processes)
        turn_over(log)
        self._begin = (_threads_each(processes), log.absolute())
        self._own = threading.local()
        self._all: list[ProcessPoolExecutor] = []

    def submit(self, call: Callable, /, *arguments) -> Future:
        """Run ``call(*arguments)`` in the next process that is free."""
        return super().submit(self._in_process, call, arguments)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes once they are done; with `cancel_futures`, begin nothing more."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        for pool in self._all:
            pool.shutdown(wait)

    def interrupt(self) -> None:
        """Ask what is under way to end: a run that trains keeps a checkpoint, and one that still loads has nothing to keep."""
        for child in active_children():
            child.terminate()

    def _in_process(self, call: Callable, arguments: tuple):
        if (
            getattr(self._own, "pool", None) is None
        ):  # spawned: a fork would copy torch's and numba's threads half alive
            self._own.pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=self._begin)
            self._all.append(self._own.pool)
        try:
            return self._own.pool.submit(_interruptible, call, arguments).result()
        except BrokenExecutor:
            self._own.pool = None
            raise


class RayWorkers(Executor):
    """The machines of a Ray cluster; the folder of runs must be on a disk that all of them see.

    Args:
        address: ``auto`` finds a cluster that runs, ``local`` starts one on this machine, else its address.
        processes: cells at a time on a machine with as many cores as this one.

    Raises:
        IsobarError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self, address: str, processes: int):
        try:
            import ray
        except ImportError as error:
            raise IsobarError('The backend ray needs the package ray: pip install "isobar-explorer[ray]".') from error
        self._ray, self._refs = ray, []
        os.environ.setdefault(
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
        )  # a cell that asks for no GPU keeps what it sees
        own = (
            {"num_cpus": processes * _threads_each(processes), "include_dashboard": False} if address == "local" else {}
        )
        try:
            with chdir(_CODE):  # Ray looks for modules first in the folder that it is started from
                ray.init(address=address, log_to_driver=False, logging_level="error", **own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise IsobarError(
                f"No Ray cluster answers at address {address!r}; `ray start --head` starts one, and --address local uses this machine alone."
            ) from error
        threads = _threads_each(processes)
        self._remote = ray.remote(_in_folder).options(
            num_cpus=threads,
            num_gpus=1 if ray.cluster_resources().get("GPU") else 0,
            max_retries=0,  # a cell that fails is told; the sweep run again resumes it
            runtime_env={"env_vars": {**dict.fromkeys(_THREADS, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}},
        )

    def submit(self, call: Callable, /, *arguments) -> Future:
        """Run ``call(*arguments)`` where the cluster has room."""
        self._refs.append(self._remote.remote(os.getcwd(), call, *arguments))
        return self._refs[-1].future()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster once all is done; with `cancel_futures`, begin nothing more."""
        if not self._ray.is_initialized():
            return
        if cancel_futures:
            for ref in self._refs:
                self._ray.cancel(ref)
        if wait:
            if self._refs:
                self._ray.wait(self._refs, num_returns=len(self._refs))
            self._ray.shutdown()


def _in_folder(folder: str, call: Callable, *arguments):
    """Return ``call(*arguments)``, run in `folder`: the data of a task may be named by a path from there."""
    if os.path.isdir(folder):
        os.chdir(folder)
    return call(*arguments)


def _interruptible(call: Callable, arguments: tuple):
    """Return ``call(*arguments)``; where SIGTERM ends it, that is no Ctrl-C of whoever waits for it."""
    try:
        return call(*arguments)
    except KeyboardInterrupt:
        raise InterruptedError("it was asked to stop") from None


def _threads_each(processes: int) -> int:
    available = cores()
    with suppress(KeyError, ValueError):
        available = min(available, max(1, int(os.environ["OMP_NUM_THREADS"])) * processes)
    return max(1, available // processes)


def _begin(threads: int, log: Path) -> None:
    """Prepare a process for cells: its share of the cores, and its output in a file, not between the lines of progress."""
    for name in _THREADS:
        os.environ[name] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Ctrl-C, and the end of a terminal, reach every process of it; whoever drives them asks each cell to stop, or is gone,
    # and either leaves a checkpoint.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupts.interrupt)  # until a run listens for it
    with suppress(OSError), open(log, "a", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        sys.stdout.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Stop the cell when the process that drives it is gone: nobody would begin the next one, or tell of this one."""
    parent_process().join()
    while True:  # once for the cell, and once for whoever waits for another
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
