"""The page Compare, several browsers, the keyboard, and how well things can be read."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.app_process import settle
from tests.browser.test_app import charts, newest
from tests.explorer.test_charts import contrast
from tests.explorer.test_contrast import TEXT, mixed

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_runs_are_picked_in_the_table_and_the_link_opens_the_same_elsewhere(app, gallery, visit):
    page = visit(f"{app}/compare")
    expect(page.get_by_text("anisotropy within classes changed by")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/compare\?runs="))
    expect(charts(page)).to_have_count(5)
    before = page.url
    page.locator('[data-testid="stDataFrame"]').first.click(position={"x": 16, "y": 52})  # the first row's box
    expect(page.get_by_text("Left out: 1")).to_be_visible()
    stopped = newest(gallery, state="stopped")
    expect(page).to_have_url(re.compile(stopped))
    expect(page.get_by_text("anisotropy within classes changed by")).to_be_visible()
    # Another person's browser, while the first stays open.
    other = visit(before)
    expect(charts(other)).to_have_count(5)
    expect(other.get_by_text("Left out")).to_have_count(0)
    expect(page.get_by_text("Left out: 1")).to_be_visible()
    page.reload()
    settle(page)
    expect(page.get_by_text("Left out: 1")).to_be_visible()


def test_a_bar_of_one_of_two_runs_shows_its_texts(app, visit):
    page = visit(f"{app}/compare")
    figure = page.locator(".st-key-figure-pair-1")
    figure.locator("g.mark-rect path").nth(1).click()
    expect(page.get_by_text("Bar 2", exact=True)).to_be_visible()
    expect(page.locator('[data-testid="stText"]')).to_have_text([re.compile("sentence number")] * 2)


def test_everything_is_reached_by_the_keyboard(app, gallery, visit):
    page = visit(f"{app}/run?run={newest(gallery)}&view=Anisotropy")
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("""() => {
                const e = document.activeElement;
                return (e.getAttribute('aria-label') || e.placeholder || e.innerText || e.tagName).trim();
            }""")
        )
    said = "\n".join(reached)
    for name in ("Compare", "Filter runs", "Settings", "Export", "Anisotropy", "Download as PNG", "Fullscreen", "Save"):
        assert name in said, said
    assert sum(one.startswith("Save") for one in reached) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_charts_can_be_read(app, gallery, visit, scheme):
    page = visit(f"{app}/run?run={newest(gallery)}&view=Anisotropy", color_scheme=scheme)
    found = page.evaluate("""() => {
        const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const ground = parts(getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor);
        return [...document.querySelectorAll('.stVegaLiteChart svg text')].filter(t => t.textContent).map(t => {
            const style = getComputedStyle(t), fill = parts(style.fill);
            return [t.textContent, fill.slice(0, 3), (fill[3] ?? 1) * style.fillOpacity * style.opacity, ground.slice(0, 3)];
        });
    }""")
    assert len(found) > 20
    for text, fill, opacity, ground in found:
        fill, ground = ("#" + "".join(f"{round(part):02X}" for part in colour) for colour in (fill, ground))
        assert contrast(mixed(fill, ground, opacity), ground) >= TEXT, text
