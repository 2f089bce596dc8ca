"""Point cloud -> barcode -> entropy -> features."""

from core.topology.barcode import Barcode, h0_barcode
from core.topology.entropy import persistent_entropy, relative_entropy
from core.topology.selection import Selection, select_features

__all__ = ["Barcode", "Selection", "h0_barcode", "persistent_entropy", "relative_entropy", "select_features"]
