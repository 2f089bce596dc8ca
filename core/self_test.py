"""A run of seconds that is stopped, resumed and compared with one that was not: does this installation do what it should?"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from core.doctor import Finding
from core.runs import Run

_STEPS, _STOPPED_AT = 6, 3


def self_test(tell: Callable[[str], None] = lambda line: None) -> Iterator[Finding]:
    """Yield a finding for each step, the last of which is the first that went wrong; `tell` is called before each."""
    with tempfile.TemporaryDirectory(prefix="isobar-") as folder:
        steps = _Steps(Path(folder))
        for name in ("train", "stop", "resume", "compare"):
            tell(f"Self-test: {name} ...")
            try:
                yield Finding(f"self-test: {name}", "ok", getattr(steps, name)())
            except Exception as error:  # whatever it is, it is what is looked for
                said = " ".join(str(error).split())[:300]
                yield Finding(f"self-test: {name}", "wrong", f"{type(error).__name__}: {said}")
                return


class _Steps:
    def __init__(self, folder: Path):
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.folder = folder

    def train(self) -> str:
        from core.tiny import tiny_checkpoint, tiny_task
        from core.training.spec import RunSpec

        self.spec = RunSpec(
            model=str(tiny_checkpoint("bert", self.folder / "model")),
            task=str(tiny_task(self.folder / "task")),
            batch_size=8,
            max_steps=_STEPS,
            probe_per_class=8,
            snapshots=2,
            evaluations=1,
            device="cpu",
        )
        self.whole = self._run("whole")
        _check(self.whole.state == "finished", f"the run is {self.whole.state}")
        _check(not self.whole.problems, " ".join(self.whole.problems))
        return f"{_STEPS} steps of a tiny random model, with a barcode and an entropy at each"

    def stop(self) -> str:
        run = self._run("stopped", stop=True)
        _check(run.state == "stopped", f"the run is {run.state}, though it was asked to stop")
        _check(run.checkpoint is not None, "the run that was stopped left no whole checkpoint")
        return f"at step {run.status['step']}, with a checkpoint"

    def resume(self) -> str:
        self.resumed = self._run("stopped", resume=True)
        _check(self.resumed.state == "finished", f"the run is {self.resumed.state}")
        return f"to step {self.resumed.steps[-1]}"

    def compare(self) -> str:
        from safetensors.numpy import load_file

        one, other = (load_file(run.path / "model" / "model.safetensors") for run in (self.whole, self.resumed))
        differ = [name for name in one if not np.array_equal(one[name], other[name])]
        _check(
            not differ, f"{len(differ)} of {len(one)} tensors of weights are not those of the run that was not stopped"
        )
        same = np.array_equal(self.whole.after.embeddings, self.resumed.after.embeddings)
        _check(same, "the embeddings are not those of the run that was not stopped")
        return f"all {len(one)} tensors of weights, and all embeddings, are bit for bit those of the run that was not stopped"

    def _run(self, name: str, *, stop: bool = False, resume: bool = False) -> Run:
        from core.training.fit import train

        path = self.folder / name

        def progress(phase: str, done: int, total: int) -> None:
            if stop and phase == "training" and done == _STOPPED_AT:
                Run(path).request_stop()

        return train(self.spec, path, resume=resume, progress=progress)


def _check(right: bool, otherwise: str) -> None:
    if not right:
        raise AssertionError(otherwise)
