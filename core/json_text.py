"""JSON as it is written everywhere: for any reader of JSON, which has no NaN and no infinity."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def json_text(value: object, indent: int | None = None) -> str:
    """Return `value` as JSON, as :func:`plain` has it."""
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: NumPy's numbers as Python's, tuples as lists, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
