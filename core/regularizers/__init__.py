"""Terms added to a task's loss: (embeddings, labels) -> Tensor.

Names are resolved on first use: what can be set of the regularizers is read by those who need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from core.regularizers.registry import REGULARIZERS

_HOME = {"Regularizer": "base", **{home.partition(":")[2]: home.partition(":")[0] for home in REGULARIZERS.values()}}
__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from core.regularizers.base import Regularizer
    from core.regularizers.cosine import CosineLoss
    from core.regularizers.istar import IStarLoss
    from core.regularizers.koleo import KoLeoLoss
    from core.regularizers.persistent_entropy import PersistentEntropyLoss
    from core.regularizers.total_persistence import TotalPersistenceLoss


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'core.regularizers' has no attribute {name!r}")
    return getattr(import_module(f"core.regularizers.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
