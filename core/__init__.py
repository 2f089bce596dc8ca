"""Isobar's public API.

Names are resolved on first use, so that importing `core` costs nothing: torch and transformers are loaded only by
those who compute with them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from core.regularizers.registry import REGULARIZERS

_HOME = {
    "Barcode": "core.topology",
    "h0_barcode": "core.topology",
    "hk_barcode": "core.topology",
    "persistent_entropy": "core.topology",
    "select_features": "core.topology",
    "Selection": "core.topology",
    "measure": "core.geometry",
    "compare_spaces": "core.geometry",
    "anisotropy": "core.geometry",
    "isoscore": "core.geometry",
    "mean_cosine": "core.geometry",
    **{home.partition(":")[2]: "core.regularizers" for home in REGULARIZERS.values()},
    "RunSpec": "core.training",
    "train": "core.training",
    "inspect_checkpoint": "core.training",
    "measure_layers": "core.training",
    "regularized": "core.training",
    "RegularizedLoss": "core.training",
    "ProbeCallback": "core.training",
    "load_run": "core.runs",
    "list_runs": "core.runs",
    "compare": "core.studies.compare",
    "IsobarError": "core.errors",
}
__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from core.errors import IsobarError
    from core.geometry import anisotropy, compare_spaces, isoscore, mean_cosine, measure
    from core.regularizers import CosineLoss, IStarLoss, KoLeoLoss, PersistentEntropyLoss, TotalPersistenceLoss
    from core.runs import list_runs, load_run
    from core.studies.compare import compare
    from core.topology import Barcode, Selection, h0_barcode, hk_barcode, persistent_entropy, select_features
    from core.training import (
        ProbeCallback,
        RegularizedLoss,
        RunSpec,
        inspect_checkpoint,
        measure_layers,
        regularized,
        train,
    )


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
