"""From a RunSpec to a run directory."""

from importlib import import_module
from typing import TYPE_CHECKING

from core.training.spec import RunSpec

if TYPE_CHECKING:
    from core.training.any_trainer import regularized
    from core.training.fit import train
    from core.training.inspection import inspect_checkpoint, measure_layers
    from core.training.outside import ProbeCallback
    from core.training.regularized_loss import RegularizedLoss

__all__ = [
    "ProbeCallback",
    "RegularizedLoss",
    "RunSpec",
    "inspect_checkpoint",
    "measure_layers",
    "regularized",
    "train",
]

# torch and transformers are loaded only when a run starts: the command line and the app read specs without them.
_HOME = {
    "train": "core.training.fit",
    "inspect_checkpoint": "core.training.inspection",
    "measure_layers": "core.training.inspection",
    "regularized": "core.training.any_trainer",
    "ProbeCallback": "core.training.outside",
    "RegularizedLoss": "core.training.regularized_loss",
}


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'core.training' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
