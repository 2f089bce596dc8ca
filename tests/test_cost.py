"""What a call and a process are said to cost."""

import sys

import numpy as np
import pytest

from core.cost import alone, cost_of_call, cost_of_process
from core.errors import RunFailedError


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets the peak start anew")
def test_the_memory_is_that_of_the_call():
    def takes_64_mib():
        np.ones(64 * 2**20 // 8).sum()

    cost_of_call(lambda: np.ones(256 * 2**20 // 8).sum())  # an earlier peak is not this one's
    _, _, mib = cost_of_call(takes_64_mib)
    assert 56 < mib < 96
    _, _, mib = cost_of_call(lambda: None)
    assert 0 <= mib < 8


@pytest.mark.slow
def test_a_process_is_measured_from_its_start_to_its_end(tmp_path):
    code = "import os, time; time.sleep(0.3); held = bytearray(200 * 2**20); open(os.environ['MADE'], 'w')"
    seconds, cpu, mib = cost_of_process([sys.executable, "-c", code], {"MADE": "made.txt"}, tmp_path)
    assert (tmp_path / "made.txt").exists()
    assert seconds > 0.3
    assert 0 < cpu < seconds
    assert mib > 200


def test_a_process_that_fails_says_why(tmp_path):
    with pytest.raises(RunFailedError, match="ended with 3; it said last: no such thing"):
        cost_of_process([sys.executable, "-c", "print('hello\\nno such thing'); raise SystemExit(3)"], {}, tmp_path)


@pytest.mark.slow
def test_what_the_system_ends_has_no_figures():
    assert alone(dict, [("a", 1)]) == {"a": 1}
    assert alone(_ended) is None


def _ended():
    import os

    os._exit(9)
