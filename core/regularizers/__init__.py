"""Terms added to a task's loss: (embeddings, labels) -> Tensor."""

from core.regularizers.base import Regularizer
from core.regularizers.cosine import CosineLoss
from core.regularizers.istar import IStarLoss
from core.regularizers.persistent_entropy import PersistentEntropyLoss

__all__ = ["CosineLoss", "IStarLoss", "PersistentEntropyLoss", "Regularizer"]
