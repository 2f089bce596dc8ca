"""The precision that is asked for is used, or refused before anything is made."""

import pytest
import torch

from core import IsobarError, train
from core.models import device


def losses(run):
    return [row["task_loss"] for row in run.rows("step")]


@pytest.mark.parametrize("where", ["auto", "cpu"])
def test_fp16_is_refused_on_a_cpu(where, tiny_spec, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(IsobarError, match=r"fp16 needs a GPU, .* choose precision bf16 or fp32"):
        train(tiny_spec.model_copy(update={"precision": "fp16", "device": where}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has a GPU")
@pytest.mark.slow
def test_bf16_is_used_on_a_cpu_also_without_being_told_which_device(tiny_spec, tmp_path):
    quick = tiny_spec.model_copy(update={"max_steps": 3, "log_every": 1})
    runs = {
        name: losses(train(quick.model_copy(update=changed), tmp_path / name))
        for name, changed in {
            "fp32": {},
            "auto": {"precision": "bf16", "device": "auto"},
            "cpu": {"precision": "bf16", "device": "cpu"},
        }.items()
    }
    assert runs["auto"] == runs["cpu"] != runs["fp32"]
    assert runs["cpu"] == pytest.approx(runs["fp32"], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("capability", "precision", "told"), [("AVX2", "bf16", True), ("AVX512", "bf16", False), ("AVX2", "fp32", False)]
)
def test_a_processor_without_bf16_is_told(capability, precision, told, tiny_spec, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    run = train(tiny_spec.model_copy(update={"precision": precision, "max_steps": 2}), tmp_path / "run")
    assert any("no arithmetic for bf16" in row["text"] for row in run.rows("note")) == told


@pytest.mark.parametrize(
    ("kind", "precision", "knows", "refused"),
    [
        ("cuda", "fp16", False, False),
        ("cuda", "bf16", True, False),
        ("cuda", "bf16", False, True),
        ("cpu", "bf16", False, False),
        ("cpu", "fp32", False, False),
        ("mps", "fp16", False, False),
    ],
)
def test_what_a_device_knows_is_asked_of_it(kind, precision, knows, refused, monkeypatch):
    monkeypatch.setattr(device, "is_torch_bf16_gpu_available", lambda: knows)
    if refused:
        with pytest.raises(IsobarError, match="cuda of this machine does not know bf16"):
            device.check_precision(precision, kind)
    else:
        device.check_precision(precision, kind)
