"""One run on several processes, as a person launches it."""

import os
import signal
import subprocess
from contextlib import nullcontext

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from core import load_run, train
from core.models import BUILT_IN
from core.runs import RunWriter
from core.training import ranks
from core.training.progress import StopSignal


@pytest.fixture(scope="module")
def sober_model(tmp_path_factory):
    """A tiny BERT without dropout, whose draws differ between processes."""
    folder = tmp_path_factory.mktemp("models") / "sober"
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(BUILT_IN["minilm"].path()).save_pretrained(folder)
    return folder


@pytest.fixture
def launch(own_core, isobar_script):
    """A function that runs `accelerate launch --no_python isobar train` with two processes on the CPU."""

    def launched(spec, run_dir, *options):
        return _launch(isobar_script, own_core, spec, run_dir, *options)

    return launched


def _launch(isobar, folder, spec, run_dir, *options):
    settings = [f"--{name.replace('_', '-')}={value}" for name, value in spec.items()]
    command = [
        isobar.with_name("accelerate"), "launch", "--multi_gpu", "--num_processes=2",
        "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0",
        "--no_python", isobar, "train", *settings, f"--run-dir={run_dir}", *options,
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.slow
def test_two_processes_train_as_one(launch, sober_model, tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"model": str(sober_model), "log_every": 1})
    alone = train(spec, tmp_path / "alone")
    done = launch(spec.model_dump(exclude_defaults=True), tmp_path / "together", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count('"before"') == 1  # one of them speaks
    together = load_run(tmp_path / "together")
    assert together.state == "finished"
    assert together.problems == []
    assert together.steps == alone.steps
    for theirs, ours in zip(together.rows("step"), alone.rows("step"), strict=True):
        assert theirs["task_loss"] == pytest.approx(ours["task_loss"], abs=1e-6)
        assert theirs["regularizer"] == pytest.approx(ours["regularizer"], abs=1e-5)
    assert together.report["after"]["accuracy"] == alone.report["after"]["accuracy"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_launcher_that_passes_ctrl_c_on_does_not_interrupt_the_checkpoint(tmp_path, monkeypatch, processes):
    monkeypatch.setattr(ranks, "count", lambda: processes)
    with StopSignal(RunWriter(tmp_path)).listening() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt) if processes == 1 else nullcontext():
            os.kill(os.getpid(), signal.SIGINT)
    assert stop.received


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused_by_all(launch, tiny_spec, tmp_path):
    spec = tiny_spec.model_copy(update={"batch_size": 15})
    done = launch(spec.model_dump(exclude_defaults=True), tmp_path / "run")
    assert done.returncode != 0
    assert "batch_size is 15, but 2 processes share it; choose a multiple of 2" in done.stderr
    assert not (tmp_path / "run").exists()
