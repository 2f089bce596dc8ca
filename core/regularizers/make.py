"""From a run's settings to its regularizers."""

from core.regularizers.base import Regularizer
from core.regularizers.cosine import CosineLoss
from core.regularizers.istar import IStarLoss
from core.regularizers.koleo import KoLeoLoss
from core.regularizers.persistent_entropy import PersistentEntropyLoss
from core.regularizers.settings import SETTINGS
from core.regularizers.total_persistence import TotalPersistenceLoss


def make_regularizer(name: str, settings) -> Regularizer:
    """Return the regularizer `name` with `settings`, an object that has the fields of its class in `SETTINGS`."""
    if name == "persistent-entropy":
        return PersistentEntropyLoss(**{field: getattr(settings, field) for field in SETTINGS[name].model_fields})
    makers = {
        "repulsion": lambda: TotalPersistenceLoss(settings.repulsion_weight, "noise"),
        "total-persistence": lambda: TotalPersistenceLoss(settings.persistence_weight),
        "koleo": lambda: KoLeoLoss(settings.koleo_weight, settings.koleo_scope),
        "istar": lambda: IStarLoss(settings.istar_weight, settings.istar_zeta),
        "cosine": lambda: CosineLoss(settings.cosine_weight),
    }
    return makers[name]()
