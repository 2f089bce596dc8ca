"""A checkpoint with its repair as a last module, in the form of sentence-transformers."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save

from core import files
from core.errors import IsobarError
from core.geometry.repair import Repair
from core.models.builtin import BUILT_IN
from core.models.sentence import MODULES

_KINDS = "sentence_transformers.models."
_POOLINGS = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "last": "pooling_mode_lasttoken"}
_LEFT_OUT = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.onnx", "onnx", "openvino", ".git*", ".cache")


def write_repaired(model: str, pooling: str | None, width: int, repair: Repair, out: Path | str) -> None:
    """Write the checkpoint `model` into the new folder `out`, whole or not at all, with `repair` behind the embedding that it was fitted on.

    Args:
        model: as :func:`folder_of` takes it. Pickles in it are left out.
        pooling: None where that embedding is the checkpoint's own, as its modules.json declares it: the repair is one module
            more. Else cls, mean or last of the last layer's states, which is declared first.
        width: of the states.
        repair: of d = `width` dimensions, or as many as the checkpoint's own embedding has.
        out: the folder.

    Raises:
        IsobarError: as :func:`folder_of`; the pooling can't be declared, or `out` is there already or can't be written.
    """
    source, out = folder_of(model, pooling or "auto"), Path(out)
    if out.exists():
        raise IsobarError(f"The folder {out} is there already; choose another.")
    if not (source / MODULES).exists() and pooling not in _POOLINGS:
        raise IsobarError(f"Pooling {pooling} can't be declared in a checkpoint; choose --pooling cls, mean or last.")
    with files.whole_output(out) as new:
        try:
            shutil.copytree(source, new, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        except shutil.Error as error:
            raise OSError(error.args[0][0][2]) from error  # the first of several
        _declare(new, pooling, width, repair)


def _declare(folder: Path, pooling: str | None, width: int, repair: Repair) -> None:
    """Add the repair to the modules of the checkpoint in `folder`, which has some unless `pooling` says what they are."""
    if pooling is None:
        modules = json.loads((folder / MODULES).read_text(encoding="utf-8"))
    else:
        modules = [
            {"idx": 0, "name": "0", "path": "", "type": f"{_KINDS}Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{_KINDS}Pooling"},
        ]
        settings = {"word_embedding_dimension": width, **{key: name == pooling for name, key in _POOLINGS.items()}}
        _write(folder / "1_Pooling" / "config.json", settings)
    number = len(modules)
    place = f"{number}_Dense"
    modules.append({"idx": number, "name": str(number), "path": place, "type": f"{_KINDS}Dense"})
    d, k = repair.matrix.shape
    _write(
        folder / place / "config.json",
        {"in_features": d, "out_features": k, "bias": True, "activation_function": "torch.nn.modules.linear.Identity"},
    )
    weight, bias = (torch.tensor(part, dtype=torch.float32).contiguous() for part in (repair.matrix.T, repair.bias))
    (folder / place / "model.safetensors").write_bytes(save({"linear.weight": weight, "linear.bias": bias}))
    _write(folder / MODULES, modules)


def folder_of(model: str, pooling: str) -> Path:
    """Return the folder of the checkpoint `model`, a built-in name or a local folder, where `pooling` of it can be repaired.

    Raises:
        IsobarError: it is no folder, or holds no transformer and declares no embedding, as adapters and runs do not; it
            declares one, and `pooling` is not auto.
    """
    source = BUILT_IN[model].path() if model in BUILT_IN else Path(model).expanduser()
    if not source.is_dir():
        raise IsobarError(f"The model {model!r} is no folder here; download it first, since its files are copied.")
    declared = (source / MODULES).exists()
    if not declared and not (source / "config.json").exists():
        raise IsobarError(
            f"The folder {source} has no config.json; a repair is put into a whole model's folder, such as the model/ of a run."
        )
    # The modules behind its own pooling are of no other, and a Dense or Normalize among them is left out where one is asked for.
    if declared and pooling != "auto":
        raise IsobarError(
            f"The model {model!r} declares its embedding in {MODULES}, behind which a repair goes, so it can't be fitted on pooling "
            f"{pooling} of the states; leave --pooling out, or take {MODULES} out of a copy of the folder, and {pooling} is declared."
        )
    return source


def _write(path: Path, content) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
