import json
from pathlib import Path

import numpy as np
import pytest

from core.json_text import json_text, plain


def test_json_has_no_nan_and_no_infinity_at_any_depth():
    text = json_text(
        {"a": [np.nan, 1.5, (float("inf"), {"b": -np.inf})], 3: np.array([[1.0, np.nan]]), "c": np.float32("nan")}
    )
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [None, 1.5, [None, {"b": None}]], "3": [[1.0, None]], "c": None,
    }  # fmt: skip


def test_numpys_numbers_and_paths_are_pythons():
    found = plain({"n": np.int64(3), "yes": np.bool_(True), "x": np.float32(0.5), "path": Path("a/b"), "text": "NaN"})
    assert found == {"n": 3, "yes": True, "x": 0.5, "path": "a/b", "text": "NaN"}
    assert [type(value) for value in found.values()] == [int, bool, float, str, str]


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        json_text({"a": object()})


def test_of_all_that_is_written_the_model_folders_alone_go_another_way():
    """Those are read by transformers, which writes Infinity itself."""
    core = Path(__file__).parents[1] / "core"
    ways = {
        path.relative_to(core).as_posix() for path in core.rglob("*.py") if "json.dumps(" in path.read_text("utf-8")
    }
    # A key in memory, and a search for half characters.
    assert ways == {"json_text.py", "models/convert.py", "models/repaired.py", "runs/settings.py", "table_files.py"}
