"""The list of all regularizers, and what is found through it. Reading it, and anybody's settings, loads no torch."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError, nearest

if TYPE_CHECKING:
    from core.regularizers.base import Regularizer
    from core.regularizers.settings import RegularizerSettings

# By name, the file of each here and its class in it. Their order is that of runs, flags and forms.
REGULARIZERS = {
    "persistent-entropy": "persistent_entropy:PersistentEntropyLoss",
    "repulsion": "repulsion:RepulsionLoss",
    "total-persistence": "total_persistence:TotalPersistenceLoss",
    "koleo": "koleo:KoLeoLoss",
    "istar": "istar:IStarLoss",
    "cosine": "cosine:CosineLoss",
    "sigreg": "sigreg:SIGRegLoss",
    "variance-covariance": "variance_covariance:VarianceCovarianceLoss",
    "uniformity": "uniformity:UniformityLoss",
}


def regularizer_class(name: str) -> "type[Regularizer]":
    """Return the class of the regularizer `name`; loads torch.

    Raises:
        IsobarError: there is none of that name.
    """
    module, _, own = _home(name).partition(":")
    return getattr(import_module(f"core.regularizers.{module}"), own)


@cache
def settings_class(name: str) -> "type[RegularizerSettings]":
    """Return the class ``Settings`` in the file of the regularizer `name`.

    Torch takes seconds to load, and a form or a help text needs none of it. So of that file only this class is run, and
    the imports of the names in it.

    Raises:
        IsobarError: there is none of that name.
    """
    module = _home(name).partition(":")[0]
    path = Path(__file__).with_name(f"{module}.py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    own = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    used = {node.id for node in ast.walk(own) if isinstance(node, ast.Name)}
    imports = [
        node
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom) and used & {name.asname or name.name for name in node.names}
    ]
    found: dict = {"__name__": f"core.regularizers.{module}"}
    exec(compile(ast.Module([*imports, own], type_ignores=[]), str(path), "exec"), found)
    return found["Settings"]


def _home(name: str) -> str:
    if name not in REGULARIZERS:
        raise IsobarError(
            f"There is no regularizer {name!r}; there are: {', '.join(REGULARIZERS)}.{nearest(name, REGULARIZERS)}"
        )
    return REGULARIZERS[name]
