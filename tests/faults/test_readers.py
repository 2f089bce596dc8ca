"""Whatever bytes a file of ours, a table or an address holds, its reader returns or says in a sentence what is wrong."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.readers import READERS

PIECES = [
    b"", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\n", b"\r", b",", b";", b"\t", b'"', b"'", b"[", b"]", b"{", b"}", b":", b"- ", b"&a ", b"*a",
    b"<<: ", b"!!python/object:x ", b"null", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"99999999999999999999", b"true", b"\\ud800",
    b"=1+1", b"2026-99-99", b"%ff", b"~", b"_", "ä\u2028\U0001f642".encode(),
]  # fmt: skip


@st.composite
def damaged(draw, seeds):
    """One of the contents with a few places overwritten, cut out, doubled or moved; or anything."""
    content = draw(st.sampled_from(seeds) | st.binary(max_size=60))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(content[start:end] * 2))
        content = content[:start] + piece + content[end:]
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_reader_returns_or_says_a_sentence(name):
    reader = READERS[name]
    assert [reader.fault(seed) for seed in reader.seeds] == [None] * len(reader.seeds)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(reader.seeds))
    def never_anything_else(content):
        if error := reader.fault(content):
            raise error

    never_anything_else()
