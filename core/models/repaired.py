"""A checkpoint with its repair as a last module, in the form of sentence-transformers."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from core.errors import IsobarError
from core.geometry.repair import Repair
from core.models.builtin import BUILT_IN
from core.models.sentence import MODULES

_KINDS = "sentence_transformers.models."
_POOLINGS = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "last": "pooling_mode_lasttoken"}
_LEFT_OUT = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.onnx", "onnx", "openvino", ".git*", ".cache")


def write_repaired(model: str, pooling: str, width: int, repair: Repair, out: Path | str) -> None:
    """Write the checkpoint `model` into the new folder `out`, with `repair` behind its embedding.

    Where it declares an embedding of sentence-transformers' the repair is one module more; else `pooling` (cls, mean or
    last) of its states (width,) is declared first. Pickles are left out.

    Raises:
        IsobarError: it is no folder, has no transformer at its root, its pooling can't be declared, or `out` is there already.
    """
    source, out = BUILT_IN[model].path() if model in BUILT_IN else Path(model).expanduser(), Path(out)
    if not source.is_dir():
        raise IsobarError(f"The model {model!r} is no folder here; download it first, since its files are copied.")
    if out.exists():
        raise IsobarError(f"The folder {out} is there already; choose another.")
    declared = source / MODULES
    if not declared.exists() and pooling not in _POOLINGS:
        raise IsobarError(f"Pooling {pooling} can't be declared in a checkpoint; choose --pooling cls, mean or last.")
    shutil.copytree(source, out, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    if declared.exists():
        modules = json.loads(declared.read_text(encoding="utf-8"))
    else:
        modules = [
            {"idx": 0, "name": "0", "path": "", "type": f"{_KINDS}Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{_KINDS}Pooling"},
        ]
        settings = {"word_embedding_dimension": width, **{key: name == pooling for name, key in _POOLINGS.items()}}
        _write(out / "1_Pooling" / "config.json", settings)
    number = len(modules)
    place = f"{number}_Dense"
    modules.append({"idx": number, "name": str(number), "path": place, "type": f"{_KINDS}Dense"})
    d, k = repair.matrix.shape
    _write(
        out / place / "config.json",
        {"in_features": d, "out_features": k, "bias": True, "activation_function": "torch.nn.modules.linear.Identity"},
    )
    weight, bias = (torch.tensor(part, dtype=torch.float32).contiguous() for part in (repair.matrix.T, repair.bias))
    save_file({"linear.weight": weight, "linear.bias": bias}, out / place / "model.safetensors")
    _write(out / MODULES, modules)


def _write(path: Path, content) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
