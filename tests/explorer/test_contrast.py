"""Text and marks stand out from their backgrounds: WCAG 2.1, level AA."""

import re
import tomllib

import pytest

from explorer.charts import style
from explorer.charts.tradeoff import group_colours
from tests.explorer.conftest import MAIN
from tests.explorer.test_charts import contrast

THEMES = tomllib.loads((MAIN.parents[1] / "streamlit.toml").read_text(encoding="utf-8"))["theme"]
CSS = (MAIN.parent / "frame.css").read_text(encoding="utf-8")
TEXT, MARK = 4.5, 3.0


def mixed(colour: str, background: str, share: float) -> str:
    """Return what `colour` of this opacity looks like over `background`."""
    pairs = [(int(c[i : i + 2], 16)) for i in (1, 3, 5) for c in (colour, background)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02X}" for a, b in zip(pairs[::2], pairs[1::2]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_every_background(theme):
    colours = THEMES[theme]
    sidebar = colours["sidebar"]
    grounds = [c["backgroundColor"] for c in (colours, sidebar)]
    grounds += [c["secondaryBackgroundColor"] for c in (colours, sidebar)]
    caption = float(re.search(r"stCaptionContainer.*currentColor (\d+)%", CSS)[1]) / 100
    for ground in grounds:
        assert contrast(colours["textColor"], ground) >= TEXT
        assert contrast(mixed(colours["textColor"], ground, caption), ground) >= TEXT
    for name in ("greenTextColor", "redTextColor"):
        assert contrast(colours[name], colours["backgroundColor"]) >= TEXT
        assert contrast(colours[name], sidebar["backgroundColor"]) >= TEXT
    label = float(re.search(r"role-axis-label.*fill-opacity: ([\d.]+)", CSS)[1])
    assert contrast(mixed(colours["textColor"], grounds[0], label), grounds[0]) >= TEXT


@pytest.mark.parametrize(("theme", "place"), [("light", 0), ("dark", 1)])
def test_a_button_s_words_stand_out_from_it(theme, place):
    words = re.search(r"stBaseButton-primary.*light-dark\((#\w{6}), (#\w{6})\)", CSS).groups()[place]
    assert contrast(words.upper(), THEMES[theme]["primaryColor"]) >= TEXT
    assert contrast(THEMES[theme]["primaryColor"], THEMES[theme]["backgroundColor"]) >= MARK


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK])
def test_marks_of_groups_stand_out(theme):
    names = ["baseline", *map(str, range(5))]
    assert all(contrast(colour, theme.background) >= MARK for colour in group_colours(names).values())
    assert contrast(theme.text, theme.background) >= TEXT
    assert contrast(theme.text, theme.panel) >= TEXT
