import math

import pandas as pd
import pytest

from core.geometry import MEASURES
from core.runs.pace import duration
from explorer.panels.words import DASH, meaning, moment, number, plain, signed, without_minus_zero


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.58412, "0.584"),
        (-0.58412, "−0.584"),
        (0.0, "0.000"),
        (-0.0004, "0.000"),
        (12.3456, "12.35"),
        (75.018, "75.02"),
        (1234.5, "1234"),
        (199, "199"),
        (1234567, "1,234,567"),
        (math.nan, DASH),
        (math.inf, DASH),
        (None, DASH),
        (True, DASH),
        ("x", DASH),
    ],
)
def test_numbers_have_as_many_digits_as_make_sense(value, text):
    assert number(value) == text


def test_changes_carry_their_sign():
    assert signed(0.1, 2) == "+0.10"
    assert signed(-0.1, 2) == "−0.10"
    assert signed(None) == DASH
    assert (signed(0), signed(-0.0001), signed(0.0001), signed(0.0006)) == ("0", "0.000", "0.000", "+0.001")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.4, "4 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (None, DASH), (-1, DASH)],
)
def test_durations_read_as_one_would_say_them(seconds, text):
    assert duration(seconds) == text


def test_text_is_shown_as_it_is():
    assert plain("**bold** <b> $x$ [a](b)") == r"\*\*bold\*\* \<b\> \$x\$ \[a\]\(b\)"
    assert plain(":red[x] :smile:").replace("\u2060", "") == r":red\[x\] :smile:"
    assert ":smile:" not in plain(":smile:")
    assert plain("one\ntwo") == "one two"
    assert plain("a" * 100, 10) == "a" * 9 + "…"


def test_every_measure_says_what_it_is_and_where_it_comes_from():
    for name in MEASURES:
        about = meaning(name)
        assert about.label
        assert MEASURES[name].source in about.definition
        assert about.better in ("lower", "higher", "disputed", "neither")
        assert ("disputed" in about.definition) == (about.better == "disputed")


def test_an_unknown_metric_is_called_by_its_name():
    assert meaning("rouge").label == "rouge"


def test_a_run_s_name_tells_when_it_began():
    assert moment("2026-05-04T10-31-07_minilm_cola_prominent_s0") == "4 May 2026, 10:31"
    assert moment("my-run") == ""


def test_no_number_of_a_table_is_minus_zero():
    values = [-0.004, -0.0, 0.004, -0.0051, 0.2, math.nan, -math.inf]
    frame = pd.DataFrame({"value": values, "number": range(7), "name": ["a"] * 7})
    shown = without_minus_zero(frame, 2)
    assert [f"{value:.2f}" for value in shown["value"]] == ["0.00", "0.00", "0.00", "-0.01", "0.20", "nan", "-inf"]
    assert shown["value"][3] == -0.0051
    pd.testing.assert_frame_equal(shown.drop(columns="value"), frame.drop(columns="value"))
