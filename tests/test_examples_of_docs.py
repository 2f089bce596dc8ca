"""The scripts in docs/examples run from a folder of somebody's own, and each ends in a picture."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "docs" / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_ends_in_a_picture(script, tmp_path):
    done = subprocess.run([sys.executable, str(script), "made"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (picture,) = (tmp_path / "made").glob("*.svg")
    assert picture.read_text().startswith("<svg")
    assert str(picture.relative_to(tmp_path)) in done.stdout


def test_there_are_examples():
    assert {path.stem for path in EXAMPLES} == {"own_loop", "own_sentences", "own_trainer"}
