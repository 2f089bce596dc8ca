"""Point cloud -> barcode -> entropy -> features.

Names are resolved on first use: `prim` and `features` compute on NumPy arrays and must not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_HOME = {
    "Barcode": "core.topology.barcode",
    "h0_barcode": "core.topology.barcode",
    "hk_barcode": "core.topology.homology",
    "persistent_entropy": "core.topology.entropy",
    "relative_entropy": "core.topology.entropy",
    "Selection": "core.topology.selection",
    "select": "core.topology.selection",
    "select_features": "core.topology.selection",
    "feature_mask": "core.topology.features",
    "minimum_spanning_tree": "core.topology.host_tree",
}
__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from core.topology.barcode import Barcode, h0_barcode
    from core.topology.entropy import persistent_entropy, relative_entropy
    from core.topology.features import feature_mask
    from core.topology.homology import hk_barcode
    from core.topology.host_tree import minimum_spanning_tree
    from core.topology.selection import Selection, select, select_features


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'core.topology' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
